//! `tars prune`: removes what has been kept for long enough.

use std::process::ExitCode;

use chrono::TimeDelta;
use tars_shared::store::Pruned;

use crate::commands::accounts::{Database, say};

/// Of one kind in one statement.
const BATCH: u32 = 500;

/// Remove jobs that ended long ago, with all that belongs to them, directly in the database
///
/// Dead letters go with their jobs; messages that were no job's, and artifacts that no job has named
/// since, go too. Baselines and the audit log stay. Workers do the same by themselves if they are told
/// for how long to keep jobs.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "An Idempotency-Key of a job that is gone makes a new job. `tars_eval_jobs` counts on what is gone."
)]
pub(crate) struct Prune {
    #[command(flatten)]
    database: Database,
    /// Remove what ended more than so many days ago
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36500))]
    older_than: u32,
}

impl Prune {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let days = TimeDelta::days(self.older_than.into());
        self.database.run(async |accounts| {
            let before = accounts.clock.now() - days;
            let mut pruned = Pruned::default();
            loop {
                let batch = accounts.store.retention.prune(before, BATCH).await?;
                pruned += batch;
                if !batch.is_full(BATCH) {
                    break;
                }
                eprintln!("{} jobs so far", pruned.jobs);
            }
            let Pruned {
                jobs,
                dead_letters,
                replays,
                artifacts,
            } = pruned;
            say(&format!(
                "Removed {jobs} jobs, {dead_letters} messages among the dead letters, {replays} replays and {artifacts} artifacts."
            ))
        })
    }
}
