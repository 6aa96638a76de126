//! A state dict whose tensors lie in the storages of a file.

use std::collections::BTreeMap;

use super::storages::Storages;
use super::view::View;
use crate::policy_file::error::Error;
use crate::policy_file::tensor_source::TensorSource;
use crate::quote::quote;

/// A saved state dict.
pub(in crate::policy_file) struct StateDict {
    storages: Storages,
    views: BTreeMap<String, View>,
}

impl StateDict {
    pub(in crate::policy_file) fn new(storages: Storages, views: BTreeMap<String, View>) -> Self {
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
