//! Why a policy file was refused, in words that say what was found and what to do.

/// Why a policy file was refused. Every variant is the file's fault: reading it again gives the
/// same answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No algorithm has this name.
    #[error("unknown algorithm {0}: use DQN, A2C, PPO or DDPG")]
    UnknownAlgorithm(String),
    /// No format has this name.
    #[error("unknown policy format {0}: use sb3-zip, safetensors or mlp-json")]
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
    /// A zip archive lacks an entry that every Stable-Baselines3 save has.
    #[error("this zip has no {0}: is it a Stable-Baselines3 save?")]
    MissingEntry(&'static str),
    /// `policy.pth` is no zip, as PyTorch wrote it before 1.6.
    #[error(
        "policy.pth is in the torch format from before PyTorch 1.6: load the model with Stable-Baselines3 1.0 or later \
         and save it again"
    )]
    LegacyTorch,
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
    /// The network is not a plain multilayer perceptron of one of the four algorithms.
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
    #[error("the request says {given}, but {found}")]
    AlgorithmMismatch {
        /// What the request says.
        given: super::Algorithm,
        /// What the file holds.
        found: &'static str,
    },
    /// Observation statistics that cannot be used.
    #[error("the observation normalisation is not usable: {0}")]
    Normalizer(String),
}

/// Text from a file, made safe for a message: quoted, escaped and short.
pub(super) fn quote(text: &str) -> String {
    const LONGEST: usize = 80;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
