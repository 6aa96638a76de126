//! PyTorch's zip format: `data.pkl` describes tensors, raw little-endian storages lie beside it.

use std::collections::BTreeMap;

use super::Error;
use super::archive::Archive;
use super::error::quote;
use super::pickle::{AllowedGlobal, Document, Id, Node, Object};
use super::state_dict::TensorSource;

const FILE: &str = "data.pkl of policy.pth";

/// The only names in a state dict's pickle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Global {
    OrderedDict,
    RebuildTensor,
    /// A storage class, with the name of its elements' type.
    Storage(&'static str),
}

const FLOAT: Global = Global::Storage("float32");

impl AllowedGlobal for Global {
    fn named(module: &str, name: &str) -> Option<Self> {
        match (module, name) {
            ("collections", "OrderedDict") => Some(Self::OrderedDict),
            ("torch._utils", "_rebuild_tensor_v2") => Some(Self::RebuildTensor),
            ("torch", "FloatStorage") => Some(FLOAT),
            // Not usable, but a tensor of another type deserves a better message than an unknown
            // name.
            ("torch", "DoubleStorage") => Some(Self::Storage("float64")),
            ("torch", "HalfStorage") => Some(Self::Storage("float16")),
            ("torch", "BFloat16Storage") => Some(Self::Storage("bfloat16")),
            ("torch", "LongStorage") => Some(Self::Storage("int64")),
            ("torch", "IntStorage") => Some(Self::Storage("int32")),
            ("torch", "BoolStorage") => Some(Self::Storage("bool")),
            _ => None,
        }
    }
}

/// A tensor as the pickle describes it: a view into a storage.
#[derive(Debug)]
struct View {
    element: &'static str,
    /// The storage's name, and how many elements it must have.
    storage: String,
    storage_elements: usize,
    offset: usize,
    shape: Vec<usize>,
    strides: Vec<usize>,
}

/// A saved state dict.
pub(super) struct StateDict {
    archive: Archive<Vec<u8>>,
    /// What stands before every entry's name: `archive/`, or the name of the file that was once
    /// saved.
    root: String,
    views: BTreeMap<String, View>,
}

impl StateDict {
    /// Reads the description of all tensors in `policy.pth`.
    pub(super) fn open(bytes: Vec<u8>) -> Result<Self, Error> {
        if !bytes.starts_with(b"PK") {
            return Err(match bytes.first() {
                Some(0x80) => Error::LegacyTorch,
                _ => unexpected("policy.pth is neither a zip archive nor a pickle"),
            });
        }
        let mut archive = Archive::open("policy.pth", bytes)?;
        let root = only_root(&archive)?;
        if let Some(order) = archive.entry(&format!("{root}byteorder"))?
            && order != b"little"
        {
            return Err(unexpected(
                "its numbers are not in little-endian byte order",
            ));
        }
        let pickle = archive
            .entry(&format!("{root}data.pkl"))?
            .ok_or_else(|| unexpected("policy.pth has no data.pkl"))?;
        let views = views(&Document::read(FILE, &pickle)?)?;
        Ok(Self {
            archive,
            root,
            views,
        })
    }
}

/// The folder of the one `data.pkl`. With two of them, two readers could disagree about which one
/// counts.
fn only_root(archive: &Archive<Vec<u8>>) -> Result<String, Error> {
    let mut roots = archive
        .names()
        .filter_map(|name| name.strip_suffix("data.pkl"))
        .filter(|root| root.ends_with('/'));
    match (roots.next(), roots.next()) {
        (Some(root), None) => Ok(root.to_owned()),
        (Some(_), Some(_)) => Err(unexpected("policy.pth has more than one data.pkl")),
        (None, _) => Err(unexpected("policy.pth has no data.pkl")),
    }
}

impl TensorSource for StateDict {
    fn tensors(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.views
            .iter()
            .map(|(name, view)| (name.as_str(), &view.shape[..]))
    }

    fn values(&mut self, name: &str) -> Result<Vec<f32>, Error> {
        let refused = |reason: String| Error::Tensor {
            name: quote(name),
            reason,
        };
        let view = self
            .views
            .get(name)
            .ok_or_else(|| refused("is missing".to_owned()))?;
        if view.element != "float32" {
            return Err(refused(format!(
                "is {}: only float32 is accepted",
                view.element
            )));
        }
        let range = view.contiguous_range().map_err(refused)?;
        let entry = format!("{}data/{}", self.root, view.storage);
        let storage = self.archive.entry(&entry)?.ok_or_else(|| {
            refused(format!(
                "refers to the storage {}, which is missing",
                quote(&entry)
            ))
        })?;
        if Some(storage.len()) != view.storage_elements.checked_mul(size_of::<f32>()) {
            return Err(refused(format!(
                "refers to a storage of {} float32 values that has {} bytes",
                view.storage_elements,
                storage.len()
            )));
        }
        let (values, _) = storage.as_chunks();
        Ok(values[range]
            .iter()
            .map(|&bytes| f32::from_le_bytes(bytes))
            .collect())
    }
}

impl View {
    /// Where the tensor lies in its storage, if its values lie there row by row without gaps.
    fn contiguous_range(&self) -> Result<std::ops::Range<usize>, String> {
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

fn views(document: &Document<'_, Global>) -> Result<BTreeMap<String, View>, Error> {
    let (Node::Dict(entries)
    | Node::Object(Object {
        callable: Global::OrderedDict,
        items: entries,
        ..
    })) = document.root()
    else {
        return Err(unexpected("it is no dictionary"));
    };
    let mut views = BTreeMap::new();
    for &(key, value) in entries {
        let name = document
            .text(key)
            .ok_or_else(|| unexpected("a tensor's name is no text"))?;
        let view = view(document, value).ok_or_else(|| Error::Tensor {
            name: quote(name),
            reason: "is no tensor as torch.save writes it".to_owned(),
        })?;
        if views.insert(name.to_owned(), view).is_some() {
            return Err(Error::Tensor {
                name: quote(name),
                reason: "occurs twice".to_owned(),
            });
        }
    }
    Ok(views)
}

/// `_rebuild_tensor_v2(('storage', class, key, location, elements), offset, shape, strides, …)`.
fn view(document: &Document<'_, Global>, id: Id) -> Option<View> {
    let tensor = document.object(id)?;
    if tensor.callable != Global::RebuildTensor {
        return None;
    }
    let &[storage, offset, shape, strides, ..] = document.tuple(tensor.arguments)? else {
        return None;
    };
    let &Node::Persistent(storage) = document.node(storage) else {
        return None;
    };
    let &[tag, class, key, _location, elements] = document.tuple(storage)? else {
        return None;
    };
    let (Some("storage"), &Node::Global(Global::Storage(element))) =
        (document.text(tag), document.node(class))
    else {
        return None;
    };
    let (shape, strides) = (document.sizes(shape)?, document.sizes(strides)?);
    if shape.len() != strides.len() {
        return None;
    }
    Some(View {
        element,
        storage: document.text(key)?.to_owned(),
        storage_elements: document.size(elements)?,
        offset: document.size(offset)?,
        shape,
        strides,
    })
}

fn unexpected(reason: &str) -> Error {
    Error::Unexpected {
        file: FILE,
        expected: "a policy's tensors",
        reason: reason.to_owned(),
    }
}
