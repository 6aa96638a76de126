//! Reads files that are not larger than they should be.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};

/// The file's bytes, if there are at most `limit`.
pub(crate) fn read(path: &Path, limit: usize) -> anyhow::Result<Vec<u8>> {
    let name = path.display();
    let file = File::open(path).with_context(|| format!("cannot open {name}"))?;
    let mut bytes = Vec::new();
    let one_too_many = limit as u64 + 1;
    file.take(one_too_many)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read {name}"))?;
    if bytes.len() > limit {
        bail!("{name} is larger than {} MiB", limit >> 20);
    }
    Ok(bytes)
}
