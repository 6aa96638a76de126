//! A file of `torch.save`, taken apart.

use super::storages::Storages;
use crate::policy_file::error::Error;

/// A file that `torch.save` wrote, its pickle not yet read.
pub(in crate::policy_file) struct TorchFile {
    pub(in crate::policy_file) name: &'static str,
    pub(in crate::policy_file) pickle: Vec<u8>,
    pub(in crate::policy_file) storages: Storages,
}

pub(in crate::policy_file) fn unexpected(file: &'static str, reason: &str) -> Error {
    Error::Unexpected {
        file,
        expected: "a policy's tensors",
        reason: reason.to_owned(),
    }
}
