//! Readers of policy files. They execute nothing and stay within fixed bounds, whatever the bytes
//! are.
//!
//! | format | what it is |
//! |---|---|
//! | `sb3-zip` | Stable-Baselines3's `model.save()`, also in a folder of a zip or in a zip inside |
//! | `torch` | `torch.save`: `policy.save()`, a state dict, CleanRL's `.cleanrl_model` |
//! | `safetensors` | the state dict of a policy |
//! | `mlp-json` | our own small JSON, described [below](#mlp-json) |
//!
//! What a file says about itself is read, and what it does not say is asked for (see [`Given`]),
//! never guessed. What cannot be evaluated exactly (a CNN, a recurrent network, a policy class of
//! somebody's own, several actions at a time) is refused by name instead of being approximated.
//!
//! # mlp-json
//!
#![doc = include_str!("policy_file/mlp_json.md")]
//!
//! [`Head`]: crate::policy::Head

mod activation_source;
mod algorithm;
pub(crate) mod archive;
mod contents;
mod declared;
mod detect;
mod error;
mod format;
mod given;
mod limits;
mod mlp_json;
mod network;
mod numpy;
mod pickle;
mod python_json;
mod safetensors;
mod sb3_data;
mod sb3_zip;
mod state_dict;
mod summary;
mod tensor_source;
mod torch;
mod torch_file;
mod vec_normalize;

pub use activation_source::ActivationSource;
pub use algorithm::Algorithm;
pub use contents::PolicyFile;
pub use detect::detect;
pub use error::Error;
pub use format::Format;
pub use given::Given;
pub use limits::MAX_FILE_BYTES;
pub use summary::{ObservationsAre, Summary};

use crate::policy::Normalizer;

/// Reads a policy. What is given beside the file is held against what the file says.
///
/// The policy's layers chain, have at least one input and output each, and all its numbers are
/// finite.
pub fn read(format: Format, given: &Given, bytes: &[u8]) -> Result<PolicyFile, Error> {
    expect_size("the policy file", bytes)?;
    match format {
        Format::Sb3Zip => sb3_zip::read(bytes, *given),
        Format::Torch => torch_file::read(bytes, *given),
        Format::Safetensors => safetensors::read(bytes, *given),
        Format::MlpJson => mlp_json::read(bytes, *given),
    }
}

/// Reads what SB3's `VecNormalize.save()` wrote: the statistics of observations, or `None` where
/// the file says that observations are not normalised (`norm_obs=False`). Attach them with
/// [`PolicyFile::normalized_by`].
pub fn read_vec_normalize(bytes: &[u8]) -> Result<Option<Normalizer>, Error> {
    expect_size("the VecNormalize file", bytes)?;
    vec_normalize::read(bytes)
}

fn expect_size(what: &str, bytes: &[u8]) -> Result<(), Error> {
    if bytes.len() <= MAX_FILE_BYTES {
        return Ok(());
    }
    Err(Error::TooLarge {
        what: what.to_owned(),
        limit: MAX_FILE_BYTES as u64,
        unit: "bytes",
    })
}
