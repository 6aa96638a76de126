//! Jobs, as workers hold them.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tars_engine::regression::Regression;
use uuid::Uuid;

use super::error::Error;
use crate::job::{EnvironmentResult, Failure, FailureKind, Status};
use crate::submission::Submission;

/// Jobs, as workers hold them. A lease is fenced: what an outdated holder writes changes nothing.
///
/// Claims and ends come in batches, and a batch means the same as its items one by one. Each has
/// its own answer; the outer error leaves open what was carried out, and the same call may be
/// repeated.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Takes the jobs of deliveries. Records a submission first where it is not known yet.
    async fn claim(&self, claims: &[ClaimRequest]) -> Result<Vec<Result<Claim, Error>>, Error>;

    /// Renews all leases of a worker at once, notes progress, and tells how each lease stands.
    async fn renew(&self, term: Duration, heartbeats: &[Heartbeat]) -> Result<Vec<Renewal>, Error>;

    /// Keeps the result of one environment. False: the lease is lost, nothing is written.
    async fn record_result(
        &self,
        lease: Lease,
        position: usize,
        result: &EnvironmentResult,
    ) -> Result<bool, Error>;

    /// Ends jobs, and keeps the results of each that are not kept yet: all or nothing of a job.
    /// False: the lease is lost, nothing is written.
    async fn finish(&self, finishes: &[Finish]) -> Result<Vec<Result<bool, Error>>, Error>;

    /// Notes a failed attempt and queues the job again, not before `not_before`. False: the lease
    /// is lost.
    async fn retry_later(
        &self,
        lease: Lease,
        failure: &Failed,
        not_before: DateTime<Utc>,
    ) -> Result<bool, Error>;

    /// Hands the job back unharmed: queued again, the attempt not charged. False: the lease is
    /// lost.
    async fn release(&self, lease: Lease) -> Result<bool, Error>;

    /// A batch of one claim.
    async fn claim_one(&self, submission: &Submission, terms: ClaimTerms) -> Result<Claim, Error> {
        let submission = Arc::new(submission.clone());
        only(self.claim(&[ClaimRequest { submission, terms }]).await?)
    }

    /// A batch of one end.
    async fn finish_one(&self, finish: Finish) -> Result<bool, Error> {
        only(self.finish(&[finish]).await?)
    }
}

/// The answer to a batch of one.
fn only<T>(mut answers: Vec<Result<T, Error>>) -> Result<T, Error> {
    let none = || Error::Corrupt("the store answered nothing".to_owned());
    answers.pop().unwrap_or_else(|| Err(none()))
}

/// A claim of one job.
#[derive(Debug, Clone)]
pub struct ClaimRequest {
    /// What was delivered.
    pub submission: Arc<Submission>,
    /// How it may be claimed.
    pub terms: ClaimTerms,
}

/// How a job may be claimed.
#[derive(Debug, Clone)]
pub struct ClaimTerms {
    /// Who claims it.
    pub worker: Cow<'static, str>,
    /// Which claim this is: one that is repeated because its answer got lost gives the same lease
    /// again.
    pub claim_id: Uuid,
    /// The message that was delivered.
    pub message_id: Uuid,
    /// A lease that the claimer has observed for longer than a heartbeat takes: it expires at once
    /// if it has not been renewed since.
    pub observed_lease: Option<ObservedLease>,
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
    /// Another worker holds a lease. Even an expired one gives way only to a claimer that has
    /// watched it: while the store was away, no holder could renew.
    LeasedByOther {
        /// The lease.
        observed: ObservedLease,
        /// Whether it should have been renewed by now.
        expired: bool,
    },
    /// The message's job was accepted with another request, under the same key: this message is
    /// nobody's.
    KeyConflict,
    /// A worker that ran this job beside others vanished: it is granted only to one who runs it
    /// alone, so that the others are safe and the next loss is this job's own.
    MustRunAlone,
}

/// A lease, as others see it. It changes with every renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObservedLease {
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
pub enum Renewal {
    /// Renewed.
    Renewed,
    /// Renewed, but the job's owner wants it to end.
    CancelRequested,
    /// Another worker has the job, or it has ended.
    Lost,
}

/// The end of one job.
#[derive(Debug, Clone, PartialEq)]
pub struct Finish {
    /// The proof that the job is the worker's.
    pub lease: Lease,
    /// Results that are not kept yet, with their places in the request.
    pub results: Vec<(usize, EnvironmentResult)>,
    /// How it ends.
    pub ending: Ending,
}

impl Finish {
    /// The end of a job whose results are kept already.
    pub fn of(lease: Lease, ending: Ending) -> Self {
        Self {
            lease,
            results: Vec::new(),
            ending,
        }
    }
}

/// How a job ends.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// Every environment has a result; here is the comparison of each with its baseline, where
    /// there is one.
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
    pub fn at(&self, attempt: u32, at: DateTime<Utc>, worker: &str) -> Failure {
        Failure {
            attempt,
            at,
            kind: self.kind,
            reason: self.reason.clone(),
            worker: Some(worker.to_owned()),
        }
    }
}
