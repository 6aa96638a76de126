//! The names that describe tensors in a pickle.

use super::element::Element;
use crate::policy_file::pickle::AllowedGlobal;

/// The only names in a state dict's pickle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::policy_file) enum Global {
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
pub(in crate::policy_file) trait TensorGlobal: AllowedGlobal {
    /// The name as one of a state dict's.
    fn tensor(self) -> Option<Global>;
}

impl TensorGlobal for Global {
    fn tensor(self) -> Option<Global> {
        Some(self)
    }
}
