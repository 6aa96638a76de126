//! Why the store gave no answer, and what a driver's errors mean to callers.

use sqlx::error::DatabaseError;
use sqlx::migrate::MigrateError;

/// Why the store gave no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// It cannot be reached or is too slow; the same call may work later.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// What it holds cannot be understood; the same call will fail again.
    #[error("the store holds something unreadable: {0}")]
    Corrupt(String),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::Decode(_)
            | sqlx::Error::ColumnNotFound(_) => Self::Corrupt(error.to_string()),
            sqlx::Error::Database(ref fault) if is_data_exception(fault.as_ref()) => {
                Self::Corrupt(error.to_string())
            }
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

/// Class 22 of the SQL standard: the values themselves are refused, so the same call would fail for
/// ever.
fn is_data_exception(fault: &dyn DatabaseError) -> bool {
    fault
        .code()
        .is_some_and(|code| code.len() == 5 && code.starts_with("22"))
}

impl From<MigrateError> for Error {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) => error.into(),
            other => Self::Corrupt(other.to_string()),
        }
    }
}
