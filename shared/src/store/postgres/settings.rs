//! Which hosts there are, and what each may be asked for.

/// Where the databases are and how they are used.
#[derive(Clone)]
pub struct Settings {
    /// The hosts' URLs. Each host says itself whether it is the primary; the order does not matter.
    pub urls: Vec<String>,
    /// Connections that each host may take.
    pub connections: u32,
    /// Whether leases go by the database's clock, so that workers with wrong clocks agree. Tests
    /// bring their own time.
    pub follow_database_clock: bool,
}

/// Without the URLs: they hold passwords.
impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").finish_non_exhaustive()
    }
}
