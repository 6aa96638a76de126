//! Numbered lines of bounded length, from a file or from standard input.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::Path;

use anyhow::Context as _;

/// Far more than any action takes: an input without newlines must not fill the memory.
const MAX_LINE_BYTES: u64 = 64 * 1024;

/// The lines of an input that are not blank.
pub(super) struct Lines {
    input: BufReader<Box<dyn Read>>,
    /// The file's name, for messages; standard input needs none.
    name: Option<String>,
    at_rest: bool,
    number: u64,
}

impl Lines {
    /// Opens a file, or standard input for `-`.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let (input, name, at_rest): (Box<dyn Read>, _, _) = if path == Path::new("-") {
            (Box::new(io::stdin()), None, false)
        } else {
            let name = path.display().to_string();
            let file = File::open(path).with_context(|| format!("cannot open {name}"))?;
            let at_rest = file.metadata().is_ok_and(|metadata| metadata.is_file());
            (Box::new(file), Some(name), at_rest)
        };
        Ok(Self {
            input: BufReader::new(input),
            name,
            at_rest,
            number: 0,
        })
    }

    /// Whether reading on never waits for another process.
    pub(super) fn at_rest(&self) -> bool {
        self.at_rest
    }

    /// The next line that is not blank.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<Vec<u8>>> {
        loop {
            self.number += 1;
            let mut line = Vec::new();
            let read = (&mut self.input)
                .take(MAX_LINE_BYTES + 1)
                .read_until(b'\n', &mut line);
            let read = read.with_context(|| format!("cannot read {}", self.place()))?;
            if read as u64 > MAX_LINE_BYTES {
                return Err(self.error(&format!("longer than {MAX_LINE_BYTES} bytes")));
            }
            if read == 0 || !line.trim_ascii().is_empty() {
                return Ok((read > 0).then_some(line));
            }
        }
    }

    /// Where the first line stands that was not read, if there is one.
    ///
    /// A pipe is not read on: its writer may be waiting for us to end.
    pub(super) fn leftover(&mut self) -> anyhow::Result<Option<String>> {
        let known = self.at_rest || self.input.buffer().contains(&b'\n');
        Ok((known && self.next()?.is_some()).then(|| self.place()))
    }

    /// What is wrong with the line that was read last.
    pub(super) fn error(&self, reason: &str) -> anyhow::Error {
        anyhow::anyhow!("{}: {reason}", self.place())
    }

    fn place(&self) -> String {
        match &self.name {
            Some(name) => format!("{name}: line {}", self.number),
            None => format!("line {}", self.number),
        }
    }
}
