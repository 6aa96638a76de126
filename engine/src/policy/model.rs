//! A policy, whatever file it came from.

use super::activation::Activation;
use super::dense::Dense;
use super::head::Head;
use super::normalizer::Normalizer;
use super::spaces::Spaces;

/// A policy as it was read from a file, not yet fitted to an environment.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Layers from input to output; the activation is applied between them, not after the last.
    pub layers: Vec<Dense>,
    /// The activation between the layers.
    pub activation: Activation,
    /// What the outputs mean.
    pub head: Head,
    /// Applied to every observation first.
    pub normalizer: Option<Normalizer>,
    /// The spaces that it was trained in, where its file declares them.
    pub spaces: Spaces,
}
