//! What is wrong with one value of a request.

use schemars::JsonSchema;
use serde::Serialize;

use super::excerpt::excerpt;

/// A value that a client must change, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error, JsonSchema)]
#[error("{field}: {message}")]
pub struct FieldError {
    /// The path of the value, such as `environments[0]`.
    pub field: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl FieldError {
    /// An error of one field. Of a field's name that a client made up, only the beginning is kept.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: excerpt(&field.into()),
            message: message.into(),
        }
    }
}
