//! A value that was given and cannot be used.

/// A value from outside that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {message}")]
pub struct InvalidValue {
    /// The field or option.
    pub field: &'static str,
    /// What is wrong with it, to be read behind the field's name.
    pub message: String,
}
