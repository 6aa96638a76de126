//! Where the tensors of a state dict come from.

use super::error::Error;

/// A state dict. Its tensors' values are read only when they are needed.
pub(super) trait TensorSource {
    /// Every tensor's name and shape.
    fn tensors(&self) -> impl Iterator<Item = (&str, &[usize])>;

    /// The values of a tensor of [`TensorSource::tensors`], row by row.
    fn values(&mut self, name: &str) -> Result<Vec<f32>, Error>;
}
