//! How a Postgres is set up.

/// How a Postgres is set up.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// Sync each commit to the disk, as in production. Without it a suite that only needs a
    /// database is faster. A SIGKILL loses nothing either way, because the kernel keeps what was
    /// written; a power cut would.
    pub fsync: bool,
    /// Further settings, such as `("max_connections", "20")`.
    pub settings: Vec<(String, String)>,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            fsync: true,
            settings: vec![],
        }
    }
}
