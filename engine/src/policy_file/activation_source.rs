//! Where the name of the activation function comes from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who says which function stands between the layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActivationSource {
    /// The file.
    File,
    /// The request or the command line.
    Given,
    /// The default of the Stable-Baselines3 class that the file names.
    LibraryDefault,
    /// Nobody has to: there is only one layer.
    NotNeeded,
}
