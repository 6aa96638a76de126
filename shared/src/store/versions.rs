//! How far a schema is from what this program knows.

use sqlx::migrate::Migrator;

/// The version of a schema before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    /// What there is, 0 where there is no schema.
    pub applied: i64,
    /// What this program knows.
    pub newest: i64,
}

/// The newest version of a schema that this program knows.
pub(super) fn newest(migrations: &Migrator) -> i64 {
    migrations
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or_default()
}
