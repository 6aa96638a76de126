//! PyTorch's format before 1.6: five pickles one after another, then the storages.
//!
//! They are a magic number, the version of the format, facts about the machine, the object itself,
//! and the names of the storages in the order in which they follow. Each storage is the number of
//! its elements (i64) and their bytes, little-endian.

use std::collections::BTreeMap;

use super::element::Element;
use super::file::{TorchFile, unexpected};
use super::global::Global;
use super::storages::Storages;
use crate::policy_file::error::Error;
use crate::policy_file::limits::MAX_STORAGES;
use crate::policy_file::pickle::{self, AllowedGlobal, Document, Node};
use crate::quote::quote;

/// `pickle.dumps(0x1950a86a20f9469cfc6c, 2)`.
const MAGIC: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
/// `pickle.dumps(1001, 2)`.
const VERSION: &[u8] = b"\x80\x02M\xe9\x03.";

pub(super) fn is_legacy(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// A pickle that names nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Nothing {}

impl AllowedGlobal for Nothing {
    fn named(_: &str, _: &str) -> Option<Self> {
        None
    }
}

/// Any name, when a pickle is read only to find its end and the sizes of its storages.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Any {
    Storage(Element),
    Other,
}

impl AllowedGlobal for Any {
    /// Nothing is looked up or called; whoever reads the pickle for its content refuses by name.
    fn named(module: &str, name: &str) -> Option<Self> {
        Some(match Global::named(module, name) {
            Some(Global::Storage(element)) => Self::Storage(element),
            _ => Self::Other,
        })
    }
}

/// Finds the object's pickle and cuts the storages out.
pub(super) fn open(name: &'static str, bytes: Vec<u8>) -> Result<TorchFile, Error> {
    let Some(rest) = bytes
        .strip_prefix(MAGIC)
        .and_then(|rest| rest.strip_prefix(VERSION))
    else {
        return Err(unexpected(name, "its version is not 1001"));
    };
    let (machine, rest) = pickle::read_first::<Nothing>(name, rest)?;
    expect_little_endian(name, &machine)?;
    let (object, after) = pickle::read_first::<Any>(name, rest)?;
    let pickle = rest[..rest.len() - after.len()].to_vec();
    let sizes = sizes(&object);
    let (names, mut rest) = pickle::read_first::<Nothing>(name, after)?;
    let Node::List(names_of_storages) = names.root() else {
        return Err(unexpected(name, "it has no list of its storages"));
    };
    if names_of_storages.len() > MAX_STORAGES {
        return Err(Error::TooLarge {
            what: name.to_owned(),
            limit: MAX_STORAGES as u64,
            unit: "storages",
        });
    }
    let mut parts = BTreeMap::new();
    for &id in names_of_storages {
        let storage = names
            .text(id)
            .ok_or_else(|| unexpected(name, "the name of a storage is no text"))?;
        let damaged = |reason: &str| Error::Tensor {
            name: quote(storage),
            reason: format!("is a storage {reason}"),
        };
        let size = sizes
            .get(storage)
            .ok_or_else(|| damaged("of unknown type"))?;
        let (count, behind) = rest
            .split_first_chunk()
            .ok_or_else(|| damaged("without a length"))?;
        let length = usize::try_from(i64::from_le_bytes(*count))
            .ok()
            .and_then(|count| count.checked_mul(*size))
            .filter(|&length| length <= behind.len())
            .ok_or_else(|| damaged("that is longer than the file"))?;
        let start = bytes.len() - behind.len();
        if parts
            .insert(storage.to_owned(), start..start + length)
            .is_some()
        {
            return Err(damaged("that occurs twice"));
        }
        rest = &behind[length..];
    }
    Ok(TorchFile {
        name,
        pickle,
        storages: Storages::Legacy { bytes, parts },
    })
}

fn expect_little_endian(name: &'static str, machine: &Document<'_, Nothing>) -> Result<(), Error> {
    let Node::Dict(facts) = machine.root() else {
        return Err(unexpected(name, "it does not say what machine wrote it"));
    };
    let little = machine.value(facts, "little_endian");
    match little.map(|id| machine.node(id)) {
        Some(Node::Bool(true)) => Ok(()),
        _ => Err(unexpected(
            name,
            "its numbers are not in little-endian byte order",
        )),
    }
}

/// Bytes per element of every storage that the pickle refers to.
fn sizes(object: &Document<'_, Any>) -> BTreeMap<String, usize> {
    let storage = |id| {
        let &[_tag, class, key, ..] = object.tuple(id)? else {
            return None;
        };
        let &Node::Global(Any::Storage(element)) = object.node(class) else {
            return None;
        };
        Some((object.text(key)?.to_owned(), element.size()))
    };
    let references = object.nodes().filter_map(|node| match node {
        Node::Persistent(id) => storage(*id),
        _ => None,
    });
    references.collect()
}
