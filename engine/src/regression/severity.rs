//! How bad a regression is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How bad a detected regression is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// No regression was detected.
    None,
    /// Detected, but small.
    Low,
    /// Reward drop > 5 %, failure rate up by > 10 points, or variance > 2×.
    Medium,
    /// Reward drop > 10 %, failure rate up by > 15 points, or variance > 3×.
    High,
    /// Reward drop > 20 %, failure rate up by > 25 points, or variance > 5×.
    Critical,
}

impl Severity {
    /// The name that it is serialised with.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}
