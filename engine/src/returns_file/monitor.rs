//! Stable-Baselines3's `monitor.csv`: a line of JSON behind `#`, a line of names, a line per
//! episode.

use serde::Deserialize;

use crate::policy_file::Error;
use crate::quote::quote;

const FILE: &str = "monitor.csv";

/// The returns of all episodes that a `Monitor` saw.
#[derive(Debug, Clone, PartialEq)]
pub struct Monitor {
    /// Gymnasium's id of the environment, where the file names one.
    pub environment: Option<String>,
    /// In the order of the episodes' end; at least one.
    pub returns: Vec<f64>,
}

#[derive(Deserialize)]
struct Header {
    env_id: Option<String>,
}

impl Monitor {
    /// Whether the bytes begin as such a file does.
    pub fn is_one(bytes: &[u8]) -> bool {
        bytes.starts_with(b"#{")
    }

    /// Reads a whole file. A last line that was cut off while it was written is left out.
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        let wrong = |reason: String| Error::Unexpected {
            file: FILE,
            expected: "episodes",
            reason,
        };
        let text = str::from_utf8(bytes).map_err(|_| wrong("it is no text".to_owned()))?;
        let complete = text.rfind('\n').map_or("", |end| &text[..end]);
        let mut lines = complete.lines().enumerate();
        let mut line = || lines.next().map(|(_, line)| line);
        let header = line().and_then(|line| line.strip_prefix('#'));
        let header = header.ok_or_else(|| wrong("it does not begin with #{…}".to_owned()))?;
        let header: Header = serde_json::from_str(header).map_err(|error| Error::Json {
            file: FILE,
            reason: error.to_string(),
        })?;
        let names = line().unwrap_or_default();
        let column = names.split(',').position(|name| name == "r");
        let column =
            column.ok_or_else(|| wrong(format!("its columns are {}, without r", quote(names))))?;
        let returns: Result<Vec<f64>, Error> = lines
            .filter(|(_, line)| !line.is_empty())
            .map(|(number, line)| {
                let value = line
                    .split(',')
                    .nth(column)
                    .and_then(|value| value.parse().ok());
                value.ok_or_else(|| {
                    wrong(format!(
                        "line {} has no return: {}",
                        number + 1,
                        quote(line)
                    ))
                })
            })
            .collect();
        let returns = returns?;
        if returns.is_empty() {
            return Err(wrong("it has no episodes".to_owned()));
        }
        Ok(Self {
            environment: header.env_id.filter(|id| !id.is_empty() && id != "None"),
            returns,
        })
    }
}
