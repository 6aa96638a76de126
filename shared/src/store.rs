//! The port for everything that must survive a crash. Traits are split by aggregate; absent is `Ok(None)`.
//!
//! An answer that never came may still have been carried out: callers repeat calls, so every write is either
//! idempotent or guarded by a lease's epoch.

mod driver_error;
pub mod migration;
pub mod postgres;
pub mod sqlite;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tars_engine::policy_file::Algorithm;
use tars_engine::regression::Regression;
use uuid::Uuid;

use crate::artifact::Digest;
use crate::baseline::{Baseline, NewBaseline};
use crate::dead_letter::{DeadLetter, DeadLetterFilter};
use crate::job::{EnvironmentResult, Failure, FailureKind, Job, Ledger, Status};
use crate::queue::DeadMessage;
use crate::submission::Submission;

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

/// The newest version of a schema that this program knows.
fn newest(migrations: &sqlx::migrate::Migrator) -> i64 {
    migrations.iter().map(|migration| migration.version).max().unwrap_or_default()
}

/// The aggregates of one store.
#[derive(Clone)]
pub struct Store {
    /// Jobs, as clients see them.
    pub jobs: Arc<dyn Jobs>,
    /// Jobs, as workers hold them.
    pub leases: Arc<dyn Leases>,
    /// Jobs, as the dispatcher finds them.
    pub dispatches: Arc<dyn Dispatches>,
    /// Baselines.
    pub baselines: Arc<dyn Baselines>,
    /// Artifacts.
    pub artifacts: Arc<dyn Artifacts>,
    /// Dead letters.
    pub dead_letters: Arc<dyn DeadLetters>,
    /// The hosts it runs on.
    pub hosts: Arc<dyn Hosts>,
}

impl Store {
    /// One adapter behind all its ports.
    pub(crate) fn of<S>(store: Arc<S>) -> Self
    where
        S: Jobs + Leases + Dispatches + Baselines + Artifacts + DeadLetters + Hosts + 'static,
    {
        Self {
            jobs: store.clone(),
            leases: store.clone(),
            dispatches: store.clone(),
            baselines: store.clone(),
            artifacts: store.clone(),
            dead_letters: store.clone(),
            hosts: store,
        }
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

/// Jobs, as clients see them.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// Records submissions, all or none. One whose id is known already changes nothing and says so; one whose id is known
    /// with another request spoils them all.
    async fn insert(&self, submissions: &[Submission]) -> Result<Vec<Inserted>, Error>;

    /// The job.
    async fn find(&self, id: Uuid) -> Result<Option<Job>, Error>;

    /// The request of a job, to submit it again.
    async fn submission(&self, id: Uuid) -> Result<Option<Submission>, Error>;

    /// The finished environments of a job, in the order of its request. Their comparisons come with the job's end.
    async fn results(&self, id: Uuid) -> Result<Vec<EnvironmentResult>, Error>;

    /// Jobs from the newest to the oldest.
    async fn list(&self, filter: &JobFilter, limit: u32) -> Result<Vec<Job>, Error>;

    /// Ends a queued job, asks a running one to end.
    async fn cancel(&self, id: Uuid) -> Result<Option<Cancellation>, Error>;

    /// How many jobs are in each status.
    async fn ledger(&self) -> Result<Ledger, Error>;
}

/// What became of one submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// It is recorded.
    New,
    /// Its id was known already, with the same request.
    Known,
    /// Its id was known already, with another request: nothing of this call is recorded.
    Conflict,
}

/// Which jobs to list. The default lists all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Only jobs in this status.
    pub status: Option<Status>,
    /// Only jobs of this algorithm.
    pub agent_type: Option<Algorithm>,
    /// Only jobs that name this environment.
    pub environment: Option<String>,
    /// Only jobs with this label and value.
    pub label: Option<(String, String)>,
    /// Only jobs older than this place in the listing: the submission time and id of the last job seen.
    pub before: Option<(DateTime<Utc>, Uuid)>,
}

/// What a cancellation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancellation {
    /// The job is cancelled.
    Cancelled,
    /// Its worker has been asked to stop.
    Requested,
    /// It had ended already, as this.
    Ended(Status),
}

/// Jobs, as workers hold them. A lease is fenced: what an outdated holder writes changes nothing.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Takes the job of a delivery. Records the submission first where it is not known yet.
    async fn claim(&self, submission: &Submission, terms: &ClaimTerms<'_>) -> Result<Claim, Error>;

    /// Renews all leases of a worker at once, notes progress, and tells how each lease stands.
    async fn renew(&self, term: Duration, heartbeats: &[Heartbeat]) -> Result<Vec<Standing>, Error>;

    /// Keeps the result of one environment. False: the lease is lost, nothing is written.
    async fn record_result(&self, lease: Lease, position: usize, result: &EnvironmentResult) -> Result<bool, Error>;

    /// Ends the job. False: the lease is lost, nothing is written.
    async fn finish(&self, lease: Lease, ending: &Ending) -> Result<bool, Error>;

    /// Notes a failed attempt and queues the job again, not before `not_before`. False: the lease is lost.
    async fn retry_later(&self, lease: Lease, failure: &Failed, not_before: DateTime<Utc>) -> Result<bool, Error>;

    /// Hands the job back unharmed: queued again, the attempt not charged. False: the lease is lost.
    async fn hand_back(&self, lease: Lease) -> Result<bool, Error>;
}

/// How a job may be claimed.
#[derive(Debug, Clone, Copy)]
pub struct ClaimTerms<'a> {
    /// Who claims it.
    pub worker: &'a str,
    /// Which claim this is: one that is repeated because its answer got lost gives the same lease again.
    pub claim_id: Uuid,
    /// The message that was delivered.
    pub message_id: Uuid,
    /// A lease that the claimer has watched and found silent: it is void if it still stands as it was.
    pub silent: Option<Holding>,
    /// Whether no other job runs in the claimer's process for as long as this one does.
    pub alone: bool,
    /// How long the lease lasts without renewal.
    pub term: Duration,
    /// Attempts after which a job fails.
    pub max_attempts: u32,
}

/// What a claim gave.
#[derive(Debug, Clone, PartialEq)]
pub enum Claim {
    /// The job is the worker's until the lease expires.
    Granted {
        /// The proof of it.
        lease: Lease,
        /// Which attempt this is, from 1.
        attempt: u32,
        /// Results of former attempts, with their places in the request.
        finished: Vec<(usize, EnvironmentResult)>,
    },
    /// The job has ended before.
    Ended(Status),
    /// The job has just failed: its attempts are spent.
    Exhausted,
    /// Another worker holds a lease. Even an expired one gives way only to a claimer that has watched it: while the store
    /// was away, no holder could renew.
    Held {
        /// The lease.
        holding: Holding,
        /// Whether it should have been renewed by now.
        expired: bool,
    },
    /// The message's job was accepted with another request, under the same key: this message is nobody's.
    Stranger,
    /// A worker that ran this job beside others vanished: it is granted only to one who runs it alone, so that the
    /// others are safe and the next loss is this job's own.
    Suspect,
}

/// A lease, as others see it. It changes with every renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holding {
    /// The holder's epoch.
    pub epoch: u32,
    /// The message that its holder took.
    pub message_id: Uuid,
    /// When it expires, unless it is renewed.
    pub expires_at: DateTime<Utc>,
}

/// The right to write a job's results, as long as no later claim was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The job.
    pub job_id: Uuid,
    /// Grows with every claim of the job.
    pub epoch: u32,
}

/// A sign of life of one leased job.
#[derive(Debug, Clone, Copy)]
pub struct Heartbeat {
    /// The lease to renew.
    pub lease: Lease,
    /// Episodes finished so far.
    pub episodes_done: u32,
}

/// How a lease stands after its renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Renewed.
    Held,
    /// Renewed, but the job's owner wants it to end.
    CancelRequested,
    /// Another worker has the job, or it has ended.
    Lost,
}

/// How a job ends.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// Every environment has a result; here is the comparison of each with its baseline, where there is one.
    Completed(Vec<Option<Comparison>>),
    /// It will not run again.
    Failed(Failed),
    /// Its owner took it back.
    Cancelled,
}

/// The comparison of one environment's result with a baseline.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The baseline.
    pub baseline_id: Uuid,
    /// What it says; `None` where only the baseline's name was asked for.
    pub regression: Option<Regression>,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// What sort of failure it was.
    pub kind: FailureKind,
    /// What a person can act on.
    pub reason: String,
}

impl Failed {
    /// The record of this failure.
    pub fn at(&self, attempt: u32, at: DateTime<Utc>) -> Failure {
        Failure { attempt, at, kind: self.kind, reason: self.reason.clone() }
    }
}

/// Jobs, as the dispatcher finds them.
#[async_trait]
pub trait Dispatches: Send + Sync {
    /// Queued submissions that no message stands for: never dispatched for `grace`, or due for a retry. The most urgent
    /// first, the oldest first within a priority.
    async fn due(&self, grace: Duration, limit: u32) -> Result<Vec<Submission>, Error>;

    /// Submissions whose lease has expired, in the same order. Just after the store was away that says nothing: no holder
    /// could renew.
    async fn expired(&self, limit: u32) -> Result<Vec<Submission>, Error>;

    /// Submissions that were dispatched and are still queued after `patience`: in a backlog, or lost with their queue. In
    /// the same order.
    async fn overdue(&self, patience: Duration, limit: u32) -> Result<Vec<Submission>, Error>;

    /// How long the oldest of the jobs that are due has been waiting for its message.
    async fn lag(&self) -> Result<Duration, Error>;

    /// Notes that messages stand for these jobs, as far as they are queued.
    async fn mark_dispatched(&self, jobs: &[Uuid]) -> Result<(), Error>;

    /// Takes these jobs from holders whose leases have expired, notes their attempts as failed, and that messages stand for
    /// them.
    async fn void_expired(&self, jobs: &[Uuid]) -> Result<(), Error>;

    /// For a queue that forgets everything when its process ends: no message stands for any job, no worker holds any.
    /// Gives the number of unfinished jobs.
    async fn orphan_all(&self) -> Result<u64, Error>;
}

/// Baselines.
#[async_trait]
pub trait Baselines: Send + Sync {
    /// Adds a baseline at the rank of its mean reward. The same source job and environment gives the same baseline:
    /// then nothing changes and `false` stands beside it.
    async fn insert(&self, baseline: &NewBaseline) -> Result<(Baseline, bool), Error>;

    /// Baselines by agent type, environment and rank.
    async fn list(&self, filter: &BaselineFilter, limit: u32) -> Result<Vec<Baseline>, Error>;

    /// The best baseline of an agent type and environment that existed at `as_of`.
    async fn best(
        &self,
        agent_type: Algorithm,
        environment: &str,
        as_of: DateTime<Utc>,
    ) -> Result<Option<Baseline>, Error>;
}

/// Which baselines to list. The default lists all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BaselineFilter {
    /// Only those of this algorithm.
    pub agent_type: Option<Algorithm>,
    /// Only those of this environment.
    pub environment: Option<String>,
    /// Only ranks up to this one.
    pub max_rank: Option<u32>,
    /// Only those after this place in the listing: agent type, environment and rank of the last one seen.
    pub after: Option<(Algorithm, String, u32)>,
}

/// Artifacts.
#[async_trait]
pub trait Artifacts: Send + Sync {
    /// Stores bytes under their hash. False: they were there already.
    async fn put(&self, digest: Digest, bytes: &[u8]) -> Result<bool, Error>;

    /// The bytes.
    async fn find(&self, digest: Digest) -> Result<Option<Vec<u8>>, Error>;

    /// Whether the bytes are there.
    async fn contains(&self, digest: Digest) -> Result<bool, Error>;
}

/// Dead letters: jobs that failed for good, and messages that the queue gave up on.
#[async_trait]
pub trait DeadLetters: Send + Sync {
    /// Records a message that the queue gave up on. A queued job that it stood for is charged an attempt and waits for a
    /// new message, or fails if that was the last one; a job that has ended or is in a worker's hands is left alone. A
    /// message that is no job's is kept. Burying twice changes nothing.
    async fn bury(&self, message: &DeadMessage, max_attempts: u32) -> Result<(), Error>;

    /// The dead letter.
    async fn find(&self, id: Uuid) -> Result<Option<DeadLetter>, Error>;

    /// Dead letters from the newest to the oldest.
    async fn list(&self, filter: &DeadLetterFilter, limit: u32) -> Result<Vec<DeadLetter>, Error>;
}

/// The hosts that a store runs on, as health checks and operators see them.
#[async_trait]
pub trait Hosts: Send + Sync {
    /// Asks every host now. The one that takes writes comes first.
    async fn inspect(&self) -> Vec<Host>;

    /// Whether a host takes writes, as far as is known without asking: callers need not wait for one that is away.
    fn is_writable(&self) -> bool;

    /// Whether answers come from a replica, which may lag behind.
    fn reads_from_replica(&self) -> bool;
}

/// One host of a store.
#[derive(Debug, Clone, PartialEq)]
pub struct Host {
    /// Its address, without credentials.
    pub name: String,
    /// What it is to the store, or why it does not answer.
    pub role: Result<Role, String>,
    /// How long it took to say so.
    pub latency: Duration,
    /// Connections in use and idle ones.
    pub connections: (u32, u32),
}

/// What a host is to its store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It takes writes.
    Primary,
    /// It follows a primary and answers reads.
    Replica,
}
