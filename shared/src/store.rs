//! The port for everything that must survive a crash. Traits are split by aggregate; absent is
//! `Ok(None)`.
//!
//! An answer that never came may still have been carried out: callers repeat calls, so every write
//! is either idempotent or guarded by a lease's epoch.

mod accounts;
pub mod backend;
mod batcher;
mod cancellations;
mod dead_letters;
mod error;
mod halving;
mod job_filter;
mod leases;
pub mod migration;
mod pauses;
pub mod postgres;
mod replays;
mod retention;
mod reuse;
pub mod sqlite;
mod submitters;
mod versions;
mod waits;
mod webhooks;
mod workers;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tars_engine::policy_file::Algorithm;
use uuid::Uuid;

pub use self::accounts::{
    Audit, CleanedUp, Refreshed, ServiceTokens, SessionStanding, Sessions, SigningKeys, UserChange,
    UserChanged, Users,
};
pub use self::batcher::Batcher;
pub use self::cancellations::{Cancellations, Cancelled};
pub use self::dead_letters::{
    Candidates, DeadLetters, DeadMessages, DiscardedChunk, Discarding, LetterPosition,
};
pub use self::error::Error;
pub use self::job_filter::JobFilter;
pub use self::leases::{
    Claim, ClaimRequest, ClaimTerms, Comparison, Ending, Failed, Finish, Heartbeat, Lease, Leases,
    ObservedLease, Renewal,
};
pub use self::pauses::{Aside, Hold, Paused, Pauses};
pub use self::replays::{Begun, ReplayChange, ReplayChanged, Replays, Step};
pub use self::retention::{Pruned, Retention};
pub use self::reuse::{Answer, ReusableResult, ReusableResults};
pub use self::submitters::Submitters;
pub use self::versions::Versions;
pub use self::waits::{Ahead, Waits};
pub use self::webhooks::Webhooks;
pub use self::workers::{Demand, Work, Worker, WorkerFilter, WorkerReport, Workers};

use crate::account::Actor;
use crate::artifact::Digest;
use crate::baseline::{Baseline, NewBaseline};
use crate::job::{EnvironmentResult, Job, Ledger, Status};
use crate::line::Lane;
use crate::request::Priority;
use crate::submission::Submission;

/// The aggregates of one store.
#[derive(Clone)]
pub struct Store {
    /// Jobs, as clients see them.
    pub jobs: Arc<dyn Jobs>,
    /// Many jobs taken back at once.
    pub cancellations: Arc<dyn Cancellations>,
    /// Jobs, as workers hold them.
    pub leases: Arc<dyn Leases>,
    /// Jobs, as the dispatcher finds them.
    pub dispatches: Arc<dyn Dispatches>,
    /// Baselines.
    pub baselines: Arc<dyn Baselines>,
    /// Artifacts.
    pub artifacts: Arc<dyn Artifacts>,
    /// Results that answer the same question again.
    pub reusable_results: Arc<dyn ReusableResults>,
    /// What the queue gave up on.
    pub dead_messages: Arc<dyn DeadMessages>,
    /// Dead letters.
    pub dead_letters: Arc<dyn DeadLetters>,
    /// Replays of dead letters.
    pub replays: Arc<dyn Replays>,
    /// Users.
    pub users: Arc<dyn Users>,
    /// Sessions of users.
    pub sessions: Arc<dyn Sessions>,
    /// Service tokens.
    pub service_tokens: Arc<dyn ServiceTokens>,
    /// Keys that sign tokens.
    pub signing_keys: Arc<dyn SigningKeys>,
    /// The audit log.
    pub audit: Arc<dyn Audit>,
    /// Workers, as they say of themselves.
    pub workers: Arc<dyn Workers>,
    /// Webhooks on their way.
    pub webhooks: Arc<dyn Webhooks>,
    /// What is not begun for a while.
    pub pauses: Arc<dyn Pauses>,
    /// How long jobs wait.
    pub waits: Arc<dyn Waits>,
    /// Those who submit jobs.
    pub submitters: Arc<dyn Submitters>,
    /// What is kept for a while.
    pub retention: Arc<dyn Retention>,
    /// The hosts it runs on.
    pub hosts: Arc<dyn Hosts>,
}

impl Store {
    /// One adapter behind all its ports.
    pub(crate) fn of<S>(store: Arc<S>) -> Self
    where
        S: Jobs + Leases + Dispatches + Baselines + Artifacts + DeadMessages,
        S: DeadLetters + Replays + Webhooks + Workers + Retention + Submitters + ReusableResults,
        S: Pauses + Waits + Cancellations,
        S: Users + Sessions + ServiceTokens + SigningKeys + Audit + Hosts + 'static,
    {
        Self {
            jobs: store.clone(),
            cancellations: store.clone(),
            leases: store.clone(),
            dispatches: store.clone(),
            baselines: store.clone(),
            artifacts: store.clone(),
            reusable_results: store.clone(),
            dead_messages: store.clone(),
            dead_letters: store.clone(),
            replays: store.clone(),
            users: store.clone(),
            sessions: store.clone(),
            service_tokens: store.clone(),
            signing_keys: store.clone(),
            audit: store.clone(),
            workers: store.clone(),
            webhooks: store.clone(),
            pauses: store.clone(),
            waits: store.clone(),
            submitters: store.clone(),
            retention: store.clone(),
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
    /// Records submissions, all or none, as jobs that messages stand for: whoever records them is
    /// about to publish them. One whose id is known already changes nothing and says so;
    /// one whose id is known with another request spoils them all.
    async fn insert(&self, submissions: &[Submission]) -> Result<Vec<Inserted>, Error>;

    /// Records submissions, each for itself, in as few transactions as possible: a conflict, or one
    /// that the store cannot take, changes nothing for the others. The outer error leaves open which
    /// are recorded; the same call may be repeated.
    async fn insert_all(
        &self,
        submissions: &[Submission],
    ) -> Result<Vec<Result<Inserted, Error>>, Error>;

    /// The job.
    async fn find(&self, id: Uuid) -> Result<Option<Job>, Error>;

    /// Those of many jobs that there are, each once and as [`find`](Jobs::find) has it, in any order.
    async fn find_many(&self, ids: &[Uuid]) -> Result<Vec<Job>, Error>;

    /// The request of a job, to submit it again.
    async fn submission(&self, id: Uuid) -> Result<Option<Submission>, Error>;

    /// The finished environments of a job, in the order of its request. Their comparisons come with
    /// the job's end.
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
    /// Its id was known already, with another request: it is not recorded, and nothing of an [`insert`](Jobs::insert).
    Conflict,
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

/// Jobs, as the dispatcher finds them.
#[async_trait]
pub trait Dispatches: Send + Sync {
    /// Queued submissions that no message stands for: not published, or due for a retry, for
    /// `grace`. The most urgent first, the oldest first within a priority. For as long as
    /// `reservation` nobody else is given them.
    async fn take_due(
        &self,
        grace: Duration,
        reservation: Duration,
        limit: u32,
    ) -> Result<Vec<Submission>, Error>;

    /// Notes that no message stands for these jobs, as far as they are queued: they could not be
    /// published.
    async fn mark_unpublished(&self, jobs: &[Uuid]) -> Result<(), Error>;

    /// Submissions whose lease has expired, in the same order. Just after the store was away that
    /// says nothing: no holder could renew.
    async fn expired(&self, limit: u32) -> Result<Vec<Submission>, Error>;

    /// Submissions in these lanes of a priority that are still queued though they were dispatched,
    /// and due, before a moment. The oldest first.
    async fn overdue(
        &self,
        priority: Priority,
        lanes: &[Lane],
        before: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Submission>, Error>;

    /// How long the oldest queued job of a priority has been waiting since its submission. Jobs that
    /// wait for the moment of a retry, or are set aside, are left out.
    async fn oldest_queued(&self, priority: Priority) -> Result<Duration, Error>;

    /// How long the oldest of the jobs that are due has been waiting for its message.
    async fn lag(&self) -> Result<Duration, Error>;

    /// Notes that messages stand for these jobs, as far as they are queued.
    async fn mark_dispatched(&self, jobs: &[Uuid]) -> Result<(), Error>;

    /// Takes these jobs from holders whose leases have expired, notes their attempts as failed, and
    /// that messages stand for them.
    async fn expire_leases(&self, jobs: &[Uuid]) -> Result<(), Error>;

    /// For a queue that forgets everything when its process ends: no message stands for any job, no
    /// worker holds any. Gives the number of unfinished jobs; those that are set aside stay so, and
    /// are not counted.
    async fn orphan_all(&self) -> Result<u64, Error>;
}

/// Baselines.
#[async_trait]
pub trait Baselines: Send + Sync {
    /// Adds a baseline at the rank of its mean reward. The same source job and environment gives
    /// the same baseline: then nothing changes and `false` stands beside it.
    async fn insert(&self, baseline: &NewBaseline, by: &Actor) -> Result<(Baseline, bool), Error>;

    /// Baselines by agent type, environment and rank.
    async fn list(&self, filter: &BaselineFilter, limit: u32) -> Result<Vec<Baseline>, Error>;

    /// Which baseline was the best for each question. Its content never changes.
    async fn best(&self, questions: &[BestBaseline]) -> Result<Vec<Option<Uuid>>, Error>;

    /// The baseline.
    async fn find(&self, id: Uuid) -> Result<Option<Baseline>, Error>;
}

/// Asks for the best baseline of an agent type and environment that existed at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BestBaseline {
    /// The algorithm.
    pub agent_type: Algorithm,
    /// Gymnasium's id.
    pub environment: String,
    /// The moment.
    pub as_of: DateTime<Utc>,
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
    /// Only those after this place in the listing: agent type, environment and rank of the last one
    /// seen.
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

/// The hosts that a store runs on, as health checks and operators see them.
#[async_trait]
pub trait Hosts: Send + Sync {
    /// Asks every host now. The one that takes writes comes first.
    async fn inspect(&self) -> Vec<Host>;

    /// Whether a host takes writes, as far as is known without asking: callers need not wait for
    /// one that is away.
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
