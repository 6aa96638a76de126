//! How often who may ask what. Each limit is an option and an environment variable; `off` lifts it.

use tars_shared::limiter::Rate;

#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Rate limits (as 30/min, 5/s, 1000/h, or off)")]
pub struct Limits {
    /// What needs no account, and requests that are turned away: per address
    #[arg(long = "rate-public", env = "EVAL_RATE_PUBLIC", default_value_t = Rate::per_minute(30), value_name = "RATE")]
    pub public: Rate,
    /// Probes and metrics: per address
    #[arg(long = "rate-probes", env = "EVAL_RATE_PROBES", default_value_t = Rate::per_minute(600), value_name = "RATE")]
    pub probes: Rate,
    /// Logging in and managing accounts: per user, before that per address
    #[arg(long = "rate-auth", env = "EVAL_RATE_AUTH", default_value_t = Rate::per_minute(10), value_name = "RATE")]
    pub auth: Rate,
    /// Attempts to log in: per account and address; four times as many per account
    #[arg(long = "rate-login", env = "EVAL_RATE_LOGIN", default_value_t = Rate::per_minute(5), value_name = "RATE")]
    pub login: Rate,
    /// Service tokens that have to be looked up, good or not: per address
    #[arg(long = "rate-lookups", env = "EVAL_RATE_LOOKUPS", default_value_t = Rate::per_minute(300), value_name = "RATE")]
    pub lookups: Rate,
    /// Submitting and changing: per user
    #[arg(long = "rate-writes", env = "EVAL_RATE_WRITES", default_value_t = Rate::per_minute(10), value_name = "RATE")]
    pub writes: Rate,
    /// Reading: per user
    #[arg(long = "rate-reads", env = "EVAL_RATE_READS", default_value_t = Rate::per_minute(600), value_name = "RATE")]
    pub reads: Rate,
    /// Everything a service token does, unless it has a limit of its own: per token
    #[arg(long = "rate-tokens", env = "EVAL_RATE_TOKENS", default_value_t = Rate::per_minute(600), value_name = "RATE")]
    pub tokens: Rate,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            public: Rate::per_minute(30),
            probes: Rate::per_minute(600),
            auth: Rate::per_minute(10),
            login: Rate::per_minute(5),
            lookups: Rate::per_minute(300),
            writes: Rate::per_minute(10),
            reads: Rate::per_minute(600),
            tokens: Rate::per_minute(600),
        }
    }
}
