//! Where the numbers of tensors lie.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use crate::policy_file::archive::Archive;
use crate::policy_file::error::Error;

/// The raw bytes of a file's storages, by name.
pub(in crate::policy_file) enum Storages {
    /// Entries of an archive: `{root}data/{name}`.
    Zipped {
        archive: Archive<Vec<u8>>,
        root: String,
    },
    /// Parts of a file from before 1.6.
    Legacy {
        bytes: Vec<u8>,
        parts: BTreeMap<String, Range<usize>>,
    },
}

impl Storages {
    /// A storage's bytes, or `None` where there is no such storage.
    pub(super) fn read(&mut self, name: &str) -> Result<Option<Cow<'_, [u8]>>, Error> {
        match self {
            Self::Zipped { archive, root } => {
                let content = archive.entry(&format!("{root}data/{name}"))?;
                Ok(content.map(Cow::Owned))
            }
            Self::Legacy { bytes, parts } => Ok(parts
                .get(name)
                .map(|part| Cow::Borrowed(&bytes[part.clone()]))),
        }
    }
}
