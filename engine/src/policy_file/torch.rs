//! `torch.save`: a pickle that describes tensors, and raw little-endian storages beside it.

mod dictionary;
mod element;
mod file;
mod global;
mod legacy;
mod state_dict;
mod storages;
mod view;
mod zipped;

pub(super) use self::dictionary::{entries, views};
pub(super) use self::element::Element;
use self::file::TorchFile;
pub(super) use self::file::unexpected;
pub(super) use self::global::{Global, TensorGlobal};
pub(super) use self::state_dict::StateDict;
pub(super) use self::view::View;
use super::error::Error;
use super::pickle::{self, Document};

/// Whether `torch.save` wrote these bytes, before 1.6 or as a zip that is no Stable-Baselines3
/// save.
pub(super) fn is_torch(bytes: &[u8]) -> bool {
    legacy::is_legacy(bytes) || zipped::is_zipped(bytes)
}

/// Opens a file of either format; `name` is what errors call it.
pub(super) fn open(name: &'static str, bytes: Vec<u8>) -> Result<TorchFile, Error> {
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

/// Reads the description of all tensors in `policy.pth`.
pub(super) fn open_state_dict(bytes: Vec<u8>) -> Result<StateDict, Error> {
    let file = open("policy.pth", bytes)?;
    let document: Document<'_, Global> = pickle::read(file.name, &file.pickle)?;
    let views = views(file.name, &document, document.root())?;
    Ok(StateDict::new(file.storages, views))
}
