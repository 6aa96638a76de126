//! What a store promises, aggregate by aggregate. Every check gets an empty store.

mod artifacts;
mod baselines;
mod jobs;
mod leases;

use std::sync::Arc;

use crate::clock::Manual;
use crate::store::Store;

pub use artifacts::artifacts_keep_bytes_under_their_hash;
pub use baselines::{
    baselines_are_listed_in_pages, baselines_keep_their_ranks_without_holes, promoting_twice_gives_the_same_baseline,
    the_best_baseline_is_the_best_of_its_time,
};
pub use jobs::{
    cancelling_ends_queued_jobs_and_asks_running_ones, inserting_twice_changes_nothing, jobs_are_found_and_listed,
    one_conflict_spoils_the_batch, the_ledger_counts_every_job_once,
};
pub use leases::{
    a_claim_by_message_alone_records_the_job, a_failed_attempt_is_queued_again_and_remembered,
    a_lost_lease_writes_nothing, a_restarted_queue_finds_every_unfinished_job, a_terminal_job_never_changes,
    attempts_are_spent_and_then_the_job_fails, finished_environments_survive_their_attempt, handing_back_is_free,
    only_one_of_many_claims_is_granted, the_dispatcher_finds_what_no_message_stands_for,
    the_dispatcher_takes_urgent_jobs_first,
};

/// An empty store and the clock that it goes by.
#[derive(Debug, Clone)]
pub struct Fixture {
    /// The store.
    pub store: Store,
    /// Its clock.
    pub clock: Arc<Manual>,
}
