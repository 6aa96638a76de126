//! What a pickle describes: an arena of nodes that refer to each other by index.
//!
//! So shared and even cyclic references cost nothing, nothing recurses, and memory is linear in the
//! number of opcodes, which is bounded.

/// The names that one kind of pickle may refer to.
pub(in crate::policy_file) trait AllowedGlobal: Copy + PartialEq {
    /// The global of this module and name, if the kind of file may contain it.
    fn named(module: &str, name: &str) -> Option<Self>;
}

/// A node's index in its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::policy_file) struct Id(pub(super) usize);

/// One value of a document.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::policy_file) enum Node<'a, G> {
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
pub(in crate::policy_file) struct Object<G> {
    pub(in crate::policy_file) callable: G,
    pub(in crate::policy_file) arguments: Id,
    /// What BUILD would set its attributes to.
    pub(in crate::policy_file) state: Option<Id>,
    /// What SETITEMS would store in it.
    pub(in crate::policy_file) items: Vec<(Id, Id)>,
}

/// A whole pickle.
#[derive(Debug)]
pub(in crate::policy_file) struct Document<'a, G> {
    pub(super) nodes: Vec<Node<'a, G>>,
    pub(super) root: Id,
}

impl<'a, G: AllowedGlobal> Document<'a, G> {
    /// Every value, in the order in which they were made.
    pub(in crate::policy_file) fn nodes(&self) -> impl Iterator<Item = &Node<'a, G>> {
        self.nodes.iter()
    }

    pub(in crate::policy_file) fn root(&self) -> &Node<'a, G> {
        self.node(self.root)
    }

    pub(in crate::policy_file) fn node(&self, id: Id) -> &Node<'a, G> {
        &self.nodes[id.0]
    }

    pub(in crate::policy_file) fn text(&self, id: Id) -> Option<&'a str> {
        match self.node(id) {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    /// An integer that counts or indexes something.
    pub(in crate::policy_file) fn size(&self, id: Id) -> Option<usize> {
        match self.node(id) {
            Node::Int(value) => usize::try_from(*value).ok(),
            _ => None,
        }
    }

    pub(in crate::policy_file) fn tuple(&self, id: Id) -> Option<&[Id]> {
        match self.node(id) {
            Node::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// A tuple of sizes, such as a shape.
    pub(in crate::policy_file) fn sizes(&self, id: Id) -> Option<Vec<usize>> {
        self.tuple(id)?
            .iter()
            .map(|&item| self.size(item))
            .collect()
    }

    pub(in crate::policy_file) fn object(&self, id: Id) -> Option<&Object<G>> {
        match self.node(id) {
            Node::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The attribute `name` that an object's state gives it.
    pub(in crate::policy_file) fn attribute(&self, object: &Object<G>, name: &str) -> Option<Id> {
        let Node::Dict(entries) = self.node(object.state?) else {
            return None;
        };
        self.value(entries, name)
    }

    /// The value of the key `name` in a dictionary's entries; where it is there twice, the last
    /// counts, as in Python.
    pub(in crate::policy_file) fn value(&self, entries: &[(Id, Id)], name: &str) -> Option<Id> {
        let mut entries = entries.iter().rev();
        let entry = entries.find(|&&(key, _)| self.text(key) == Some(name));
        entry.map(|&(_, value)| value)
    }
}
