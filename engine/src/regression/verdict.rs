//! The three verdicts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the comparison allows to be said. At level α, `regression` is false for at most α of all
/// jobs without a change, and `pass` for at most α of all environments that lost the margin or
/// more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// A loss of the margin or more is ruled out, and no other check objects.
    Pass,
    /// The agent is worse, and a loss of the margin or more is not ruled out.
    Regression,
    /// There is too little evidence either way, or the reward passes and another check objects.
    Inconclusive,
}

impl Verdict {
    /// The name that it is serialised with.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Regression => "regression",
            Self::Inconclusive => "inconclusive",
        }
    }
}
