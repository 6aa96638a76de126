//! What is stored beside a result or a baseline.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::limits;

/// A hyperparameter's value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "must be a number or a text")]
pub enum Hyperparameter {
    /// A number.
    Number(serde_json::Number),
    /// A text.
    Text(
        #[schemars(length(max = limits::VALUE_CHARACTERS), regex(pattern = limits::NO_NUL))] String,
    ),
}
