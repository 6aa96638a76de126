//! Zip archives, read within fixed bounds.

use std::io::{Cursor, Read};

use zip::ZipArchive;
use zip::read::{ArchiveOffset, Config};
use zip::result::ZipError;

use super::error::Error;
use super::limits::{MAX_ENTRIES, MAX_UNPACKED_BYTES};
use crate::quote::quote;

/// A zip archive in memory.
pub(crate) struct Archive<B> {
    name: &'static str,
    zip: ZipArchive<Cursor<B>>,
    /// How many bytes may still be unpacked.
    budget: u64,
}

impl<B: AsRef<[u8]>> Archive<B> {
    /// Opens an archive; `name` is what errors call it.
    pub(crate) fn open(name: &'static str, bytes: B) -> Result<Self, Error> {
        if entries_at_most(bytes.as_ref()) > MAX_ENTRIES {
            return Err(Error::TooLarge {
                what: format!("the table of contents of {name}"),
                limit: MAX_ENTRIES as u64,
                unit: "entries",
            });
        }
        // Nothing may stand before the archive: two readers could then disagree about what is in
        // it.
        let config = Config {
            archive_offset: ArchiveOffset::Known(0),
        };
        let zip = ZipArchive::with_config(config, Cursor::new(bytes))
            .map_err(|error| failure(name, &error))?;
        if zip.has_duplicate_names() {
            return Err(Error::Archive {
                archive: name,
                reason: "two of its entries have the same name".to_owned(),
            });
        }
        Ok(Self {
            name,
            zip,
            budget: MAX_UNPACKED_BYTES,
        })
    }

    /// The names of all entries that are UTF-8.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.zip
            .file_names_raw()
            .filter_map(|name| str::from_utf8(name).ok())
    }

    /// The content of an entry, or `None` where there is no such entry. All entries together may
    /// unpack to [`MAX_UNPACKED_BYTES`].
    pub(crate) fn entry(&mut self, entry: &str) -> Result<Option<Vec<u8>>, Error> {
        let too_large = Error::TooLarge {
            what: format!(
                "the content of {} up to its entry {}",
                self.name,
                quote(entry)
            ),
            limit: MAX_UNPACKED_BYTES,
            unit: "bytes",
        };
        let file = match self.zip.by_name(entry) {
            Ok(file) => file,
            Err(ZipError::FileNotFound) => return Ok(None),
            Err(error) => return Err(failure(self.name, &error)),
        };
        if file.size() > self.budget {
            return Err(too_large);
        }
        // The declared size is only a claim, so the stream is bounded as well.
        let mut content = Vec::new();
        file.take(self.budget + 1)
            .read_to_end(&mut content)
            .map_err(|error| Error::Archive {
                archive: self.name,
                reason: format!("the entry {} is damaged: {error}", quote(entry)),
            })?;
        self.budget = self
            .budget
            .checked_sub(content.len() as u64)
            .ok_or(too_large)?;
        Ok(Some(content))
    }
}

/// An upper bound of the number of entries: the signatures of their headers, counted before any
/// memory is spent on the table itself. The entries of archives that are stored inside this one
/// count too.
fn entries_at_most(bytes: &[u8]) -> usize {
    const CENTRAL_HEADER: &[u8] = b"PK\x01\x02";
    bytes
        .windows(CENTRAL_HEADER.len())
        .filter(|window| *window == CENTRAL_HEADER)
        .count()
}

fn failure(archive: &'static str, error: &ZipError) -> Error {
    Error::Archive {
        archive,
        reason: error.to_string(),
    }
}
