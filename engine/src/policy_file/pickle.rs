//! A pickle reader that builds a passive document and executes nothing.
//!
//! Pickle is a small stack machine whose dangerous part is that it names Python callables and calls
//! them. Here a name is looked up in an allow-list (an enum, one per kind of file) and a call only
//! records its callable and arguments; what it would have meant is for the reader of the document
//! to say.
//!
//! The document is an arena of nodes that refer to each other by index. So shared and even cyclic
//! references cost nothing, nothing recurses, and memory is linear in the number of opcodes, which
//! is bounded.

mod fault;
mod input;
mod machine;

use fault::Fault;

use super::Error;
use super::limits::MAX_PICKLE_BYTES;

/// The names that one kind of pickle may refer to.
pub(super) trait AllowedGlobal: Copy + PartialEq {
    /// The global of this module and name, if the kind of file may contain it.
    fn named(module: &str, name: &str) -> Option<Self>;
}

/// A node's place in its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Id(usize);

/// One value of a document.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node<'a, G> {
    None,
    Bool(bool),
    Int(i64),
    /// An integer of more than 64 bits, which only the state of a random generator has.
    LongInt,
    Float(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Global(G),
    /// A persistent id: a reference to something outside the pickle.
    Persistent(Id),
    Object(Object<G>),
}

/// A call that was recorded, not made.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Object<G> {
    pub(super) callable: G,
    pub(super) arguments: Id,
    /// What BUILD would set its attributes to.
    pub(super) state: Option<Id>,
    /// What SETITEMS would store in it.
    pub(super) items: Vec<(Id, Id)>,
}

/// A whole pickle.
#[derive(Debug)]
pub(super) struct Document<'a, G> {
    nodes: Vec<Node<'a, G>>,
    root: Id,
}

impl<'a, G: AllowedGlobal> Document<'a, G> {
    /// Reads a pickle of protocol 2 to 5, which must be all of `bytes`. `file` names it in errors.
    pub(super) fn read(file: &'static str, bytes: &'a [u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_PICKLE_BYTES {
            return Err(too_large(file));
        }
        let (document, rest) = Self::read_first(file, bytes)?;
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

    /// Reads the pickle that `bytes` begin with, and returns what stands behind it.
    pub(super) fn read_first(
        file: &'static str,
        bytes: &'a [u8],
    ) -> Result<(Self, &'a [u8]), Error> {
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

    /// Every value, in the order in which they were made.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &Node<'a, G>> {
        self.nodes.iter()
    }

    pub(super) fn root(&self) -> &Node<'a, G> {
        self.node(self.root)
    }

    pub(super) fn node(&self, id: Id) -> &Node<'a, G> {
        &self.nodes[id.0]
    }

    pub(super) fn text(&self, id: Id) -> Option<&'a str> {
        match self.node(id) {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    /// An integer that counts or indexes something.
    pub(super) fn size(&self, id: Id) -> Option<usize> {
        match self.node(id) {
            Node::Int(value) => usize::try_from(*value).ok(),
            _ => None,
        }
    }

    pub(super) fn tuple(&self, id: Id) -> Option<&[Id]> {
        match self.node(id) {
            Node::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// A tuple of sizes, such as a shape.
    pub(super) fn sizes(&self, id: Id) -> Option<Vec<usize>> {
        self.tuple(id)?
            .iter()
            .map(|&item| self.size(item))
            .collect()
    }

    pub(super) fn object(&self, id: Id) -> Option<&Object<G>> {
        match self.node(id) {
            Node::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The attribute `name` that an object's state gives it; where it is given twice, the last
    /// counts, as in Python.
    pub(super) fn attribute(&self, object: &Object<G>, name: &str) -> Option<Id> {
        let Node::Dict(entries) = self.node(object.state?) else {
            return None;
        };
        let (_, value) = entries
            .iter()
            .rev()
            .find(|&&(key, _)| self.text(key) == Some(name))?;
        Some(*value)
    }
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
