//! A pickle reader that builds a passive document and executes nothing.
//!
//! Pickle is a small stack machine whose dangerous part is that it names Python callables and calls
//! them. Here a name is looked up in an allow-list (an enum, one per kind of file) and a call only
//! records its callable and arguments; what it would have meant is for the reader of the document
//! to say.

mod document;
mod fault;
mod input;
mod machine;

pub(super) use self::document::{AllowedGlobal, Document, Id, Node, Object};
use self::fault::Fault;
use super::error::Error;
use super::limits::MAX_PICKLE_BYTES;

/// Reads a pickle of protocol 2 to 5, which must be all of `bytes`. `file` names it in errors.
pub(super) fn read<'a, G: AllowedGlobal>(
    file: &'static str,
    bytes: &'a [u8],
) -> Result<Document<'a, G>, Error> {
    if bytes.len() > MAX_PICKLE_BYTES {
        return Err(too_large(file));
    }
    let (document, rest) = read_first(file, bytes)?;
    if rest.is_empty() {
        Ok(document)
    } else {
        Err(refused(
            file,
            bytes.len() - rest.len(),
            &Fault::TrailingBytes,
        ))
    }
}

/// Reads the pickle that `bytes` begin with, and returns what follows it.
pub(super) fn read_first<'a, G: AllowedGlobal>(
    file: &'static str,
    bytes: &'a [u8],
) -> Result<(Document<'a, G>, &'a [u8]), Error> {
    let bounded = &bytes[..bytes.len().min(MAX_PICKLE_BYTES)];
    let (document, length) = machine::run(bounded).map_err(|(offset, fault)| {
        if matches!(fault, Fault::Truncated) && bounded.len() < bytes.len() {
            too_large(file)
        } else {
            refused(file, offset, &fault)
        }
    })?;
    Ok((document, &bytes[length..]))
}

fn too_large(file: &'static str) -> Error {
    Error::TooLarge {
        what: file.to_owned(),
        limit: MAX_PICKLE_BYTES as u64,
        unit: "bytes",
    }
}

fn refused(file: &'static str, offset: usize, fault: &Fault) -> Error {
    Error::Pickle {
        file,
        offset,
        reason: fault.to_string(),
    }
}
