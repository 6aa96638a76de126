//! Why a policy file was refused, in words that say what was found and what to do.

use super::algorithm::Algorithm;
use crate::policy::Activation;

/// Why a policy file was refused. Every variant is the file's fault: reading it again gives the
/// same answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No algorithm has this name.
    #[error("{name} is none of {}", Algorithm::names(&Algorithm::ALL))]
    UnknownAlgorithm {
        /// The name, quoted.
        name: String,
    },
    /// No format has this name.
    #[error("unknown policy format {0}: use sb3-zip, torch, safetensors or mlp-json")]
    UnknownFormat(String),
    /// A file, or a part of one, is over a fixed limit.
    #[error("{what} exceeds the limit of {limit} {unit}")]
    TooLarge {
        /// What is too large.
        what: String,
        /// The limit.
        limit: u64,
        /// What the limit counts.
        unit: &'static str,
    },
    /// A zip archive cannot be read.
    #[error("{archive} is not a readable zip archive: {reason}")]
    Archive {
        /// The policy file itself, or an archive inside it.
        archive: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The bytes are of no format that policies are kept in.
    #[error(
        "this is no policy file, but {0}; read are Stable-Baselines3 saves, files of torch.save, \
         safetensors and mlp-json"
    )]
    NoPolicy(String),
    /// A zip archive lacks an entry that every Stable-Baselines3 save has.
    #[error(
        "this zip has no {entry}: is it a Stable-Baselines3 save? It has {}",
        if .found.is_empty() { "no entries" } else { .found }
    )]
    MissingEntry {
        /// What is missing.
        entry: &'static str,
        /// What is there.
        found: String,
    },
    /// A zip archive with more than one save in it.
    #[error("this zip has {count} saves, {first} and {second} among them: take one of them out")]
    SeveralSaves {
        /// How many.
        count: usize,
        /// The first, by name.
        first: String,
        /// The second.
        second: String,
    },
    /// A pickle holds something that the restricted reader does not accept. Nothing of it was
    /// executed.
    #[error("{file} was refused at byte {offset}: {reason}")]
    Pickle {
        /// Which pickle.
        file: &'static str,
        /// Where in it.
        offset: usize,
        /// What was found there.
        reason: String,
    },
    /// A pickle was read, but it does not describe what it should.
    #[error("{file} does not describe {expected}: {reason}")]
    Unexpected {
        /// Which pickle.
        file: &'static str,
        /// What it should describe.
        expected: &'static str,
        /// What it has instead.
        reason: String,
    },
    /// JSON that does not parse or has the wrong shape.
    #[error("{file} is not valid: {reason}")]
    Json {
        /// Which JSON.
        file: &'static str,
        /// What the parser says, with line and column.
        reason: String,
    },
    /// A safetensors file whose header is wrong.
    #[error("the file is not valid safetensors: {0}")]
    Safetensors(String),
    /// A tensor that cannot be used.
    #[error("tensor {name} {reason}")]
    Tensor {
        /// Its name in the state dict.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The policy's class is somebody's own.
    #[error(
        "the policy is of the class {name}, which is not Stable-Baselines3's, so its forward pass \
         is not known: if it computes what the standard policy does from these tensors, give \
         --trust-architecture (agent_state.trust_architecture), and --activation if the class \
         chooses it"
    )]
    ForeignClass {
        /// The class, quoted.
        name: String,
    },
    /// The activation function is somebody's own, or torch's with parameters.
    #[error(
        "the activation function is {name}, and only those of torch.nn with their default \
         parameters are known: if it computes the same as one of them, give that one as \
         --activation (agent_state.activation)"
    )]
    ForeignActivation {
        /// The class, quoted.
        name: String,
    },
    /// The file says another activation function than is said beside it.
    #[error("the file says that the activation is {said}, not {given}")]
    ActivationMismatch {
        /// What the file says.
        said: Activation,
        /// What is said beside it.
        given: Activation,
    },
    /// Something that decides about the actions is said nowhere.
    #[error("{what}: {advice}")]
    Unsaid {
        /// What is missing.
        what: &'static str,
        /// What to say or do.
        advice: &'static str,
    },
    /// The network is not a plain multilayer perceptron of one of the known algorithms.
    #[error("{found}: {advice}")]
    Unsupported {
        /// What was found.
        found: String,
        /// What to do instead.
        advice: &'static str,
    },
    /// The layers do not form a network.
    #[error("the network is not usable: {0}")]
    Network(String),
    /// The file holds another algorithm's policy than the request says.
    #[error("the request says {given}, but the file holds a policy of {found}")]
    AlgorithmMismatch {
        /// What the request says.
        given: Algorithm,
        /// The algorithms that the file can be of.
        found: String,
    },
    /// Observation statistics that cannot be used.
    #[error("the observation normalisation is not usable: {0}")]
    Normalizer(String),
}
