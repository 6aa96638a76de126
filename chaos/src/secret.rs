//! Passwords of private servers.

/// A password that nobody can guess, of letters and digits only, so that it needs no escaping
/// anywhere.
pub(crate) fn secret() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}
