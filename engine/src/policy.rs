//! Policies: a multilayer perceptron, what its outputs mean, and the normalisation of its inputs.

mod activation;
mod actor;
mod choice;
mod dense;
mod fit;
mod head;
mod model;
mod network;
mod noise;
mod normalizer;
mod preparation;
mod rescale;
mod spaces;

pub use self::activation::{Activation, UnknownActivation};
pub use self::actor::{Actor, NotANumber};
pub use self::dense::Dense;
pub use self::fit::Misfit;
pub use self::head::Head;
pub use self::model::Policy;
pub use self::noise::Noise;
pub use self::normalizer::Normalizer;
pub use self::spaces::{DifferingObservations, Spaces};
