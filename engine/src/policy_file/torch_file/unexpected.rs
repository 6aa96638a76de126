//! The file in errors.

use crate::policy_file::error::Error;
use crate::policy_file::torch;

/// How errors name the file.
pub(super) const FILE: &str = "the policy file";

/// The file does not hold what it should.
pub(super) fn unexpected(reason: &str) -> Error {
    torch::unexpected(FILE, reason)
}
