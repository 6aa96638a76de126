//! A tensor as a pickle describes it.

use super::element::Element;
use super::global::{Global, TensorGlobal};
use crate::policy_file::pickle::{Document, Id, Node};

/// A view into a storage.
#[derive(Debug)]
pub(in crate::policy_file) struct View {
    pub(super) element: Element,
    /// The storage's name, and how many elements it must have.
    pub(super) storage: String,
    pub(super) storage_elements: usize,
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

impl View {
    /// `_rebuild_tensor_v2(('storage', class, key, location, elements), offset, shape, strides,
    /// …)`.
    pub(super) fn of<G: TensorGlobal>(document: &Document<'_, G>, id: Id) -> Option<Self> {
        let tensor = document.object(id)?;
        if tensor.callable.tensor() != Some(Global::RebuildTensor) {
            return None;
        }
        let &[storage, offset, shape, strides, ..] = document.tuple(tensor.arguments)? else {
            return None;
        };
        let &Node::Persistent(storage) = document.node(storage) else {
            return None;
        };
        let (tag, class, key, elements) = match *document.tuple(storage)? {
            [tag, class, key, _location, elements] => (tag, class, key, elements),
            // Before 1.6 a storage could be a view of another, which no release since 0.4 writes.
            [tag, class, key, _location, elements, parent]
                if document.node(parent) == &Node::None =>
            {
                (tag, class, key, elements)
            }
            _ => return None,
        };
        let &Node::Global(class) = document.node(class) else {
            return None;
        };
        let (Some("storage"), Some(Global::Storage(element))) =
            (document.text(tag), class.tensor())
        else {
            return None;
        };
        let (shape, strides) = (document.sizes(shape)?, document.sizes(strides)?);
        if shape.len() != strides.len() {
            return None;
        }
        Some(Self {
            element,
            storage: document.text(key)?.to_owned(),
            storage_elements: document.size(elements)?,
            offset: document.size(offset)?,
            shape,
            strides,
        })
    }

    /// The range of the tensor in its storage, if its values are there row by row without gaps.
    pub(super) fn contiguous_range(&self) -> Result<std::ops::Range<usize>, String> {
        let mut elements: usize = 1;
        for (&length, &stride) in self.shape.iter().zip(&self.strides).rev() {
            // The stride of a dimension of length 1 is never used, and PyTorch leaves anything
            // there.
            if length != 1 && stride != elements {
                return Err(format!(
                    "has the shape {:?} with strides {:?}: save it contiguously",
                    self.shape, self.strides
                ));
            }
            elements = elements.checked_mul(length).ok_or_else(|| {
                format!("has the shape {:?}, more than memory can hold", self.shape)
            })?;
        }
        match self.offset.checked_add(elements) {
            Some(end) if end <= self.storage_elements => Ok(self.offset..end),
            _ => Err(format!(
                "has {elements} values from {} on, but its storage has {}",
                self.offset, self.storage_elements
            )),
        }
    }
}
