//! `torch.save`: a pickle that describes tensors, and raw little-endian storages beside it.

mod element;
mod legacy;
mod storages;
mod view;
mod zipped;

use std::collections::BTreeMap;

pub(super) use self::element::Element;
pub(super) use self::storages::Storages;
pub(super) use self::view::View;
use super::Error;
use super::error::quote;
use super::pickle::{AllowedGlobal, Document, Id, Node, Object};
use super::state_dict::TensorSource;

/// The only names in a state dict's pickle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Global {
    OrderedDict,
    RebuildTensor,
    /// A storage class.
    Storage(Element),
}

impl AllowedGlobal for Global {
    fn named(module: &str, name: &str) -> Option<Self> {
        match (module, name) {
            ("collections", "OrderedDict") => Some(Self::OrderedDict),
            ("torch._utils", "_rebuild_tensor_v2") => Some(Self::RebuildTensor),
            ("torch", _) => Element::of_storage_class(name).map(Self::Storage),
            _ => None,
        }
    }
}

/// The names that describe tensors, among the names that one kind of file may refer to.
pub(super) trait TensorGlobal: AllowedGlobal {
    /// The name as one of a state dict's.
    fn tensor(self) -> Option<Global>;
}

impl TensorGlobal for Global {
    fn tensor(self) -> Option<Global> {
        Some(self)
    }
}

/// A file that `torch.save` wrote, its pickle not yet read.
pub(super) struct TorchFile {
    pub(super) name: &'static str,
    pub(super) pickle: Vec<u8>,
    pub(super) storages: Storages,
}

impl TorchFile {
    /// Opens a file of either format; `name` stands for it in errors.
    pub(super) fn open(name: &'static str, bytes: Vec<u8>) -> Result<Self, Error> {
        if bytes.starts_with(b"PK") {
            return zipped::open(name, bytes);
        }
        if legacy::is_legacy(&bytes) {
            return legacy::open(name, bytes);
        }
        Err(unexpected(
            name,
            "it is neither a zip archive nor a pickle of torch.save",
        ))
    }
}

/// Whether `torch.save` wrote these bytes, before 1.6 or as a zip that is no Stable-Baselines3 save.
pub(super) fn is_torch(bytes: &[u8]) -> bool {
    legacy::is_legacy(bytes) || zipped::is_zipped(bytes)
}

/// A saved state dict.
pub(super) struct StateDict {
    storages: Storages,
    views: BTreeMap<String, View>,
}

impl StateDict {
    /// Reads the description of all tensors in `policy.pth`.
    pub(super) fn open(bytes: Vec<u8>) -> Result<Self, Error> {
        let file = TorchFile::open("policy.pth", bytes)?;
        let document: Document<'_, Global> = Document::read(file.name, &file.pickle)?;
        let views = views(file.name, &document, document.root())?;
        Ok(Self {
            storages: file.storages,
            views,
        })
    }

    /// A state dict whose tensors were found in a larger document.
    pub(super) fn new(storages: Storages, views: BTreeMap<String, View>) -> Self {
        Self { storages, views }
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
        let range = view.contiguous_range().map_err(refused)?;
        let storage = self.storages.read(&view.storage)?;
        let Some(storage) = storage else {
            let storage = quote(&view.storage);
            return Err(refused(format!(
                "refers to the storage {storage}, which is missing"
            )));
        };
        view.element
            .decode(&storage, view.storage_elements, range)
            .map_err(refused)
    }
}

/// The tensors of a dictionary.
pub(super) fn views<G: TensorGlobal>(
    file: &'static str,
    document: &Document<'_, G>,
    dictionary: &Node<'_, G>,
) -> Result<BTreeMap<String, View>, Error> {
    let entries = entries(dictionary).ok_or_else(|| unexpected(file, "it is no dictionary"))?;
    let mut views = BTreeMap::new();
    for &(key, value) in entries {
        let name = document
            .text(key)
            .ok_or_else(|| unexpected(file, "a tensor's name is no text"))?;
        let view = View::of(document, value).ok_or_else(|| Error::Tensor {
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

/// The entries of a dictionary, ordered or not.
pub(super) fn entries<'d, G: TensorGlobal>(node: &'d Node<'_, G>) -> Option<&'d [(Id, Id)]> {
    match node {
        Node::Dict(entries) => Some(entries),
        Node::Object(Object {
            callable, items, ..
        }) if callable.tensor() == Some(Global::OrderedDict) => Some(items),
        _ => None,
    }
}

pub(super) fn unexpected(file: &'static str, reason: &str) -> Error {
    Error::Unexpected {
        file,
        expected: "a policy's tensors",
        reason: reason.to_owned(),
    }
}
