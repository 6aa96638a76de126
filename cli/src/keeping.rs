//! How long what has ended is kept, and how often it is replayed: options of every process that serves or works.

use tars_shared::dead_letter::Keeping;

#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct KeepingOptions {
    /// Days after which workers remove jobs that have ended, with all that belongs to them, and
    /// artifacts that no job has named since; the API says when [default: never]
    #[arg(long, env = "EVAL_RETENTION_DAYS", value_name = "DAYS",
          value_parser = clap::value_parser!(u32).range(1..=36500))]
    retention_days: Option<u32>,
    /// Replays that may lead to a dead letter before it is not replayed any more
    #[arg(long, env = "EVAL_MAX_REPLAYS", default_value_t = Keeping::default().max_replays, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    max_replays: u32,
}

impl KeepingOptions {
    pub(crate) fn keeping(self) -> Keeping {
        Keeping {
            retention_days: self.retention_days,
            max_replays: self.max_replays,
        }
    }
}
