//! What a delivery leads to. The handler knows no queue: it returns an outcome.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use tars_engine::regression::Thresholds;
use tars_shared::job::{EnvironmentResult, FailureKind};
use tars_shared::queue::{DeadMessage, Delivery, RetryTier};
use tars_shared::services::Services;
use tars_shared::store::{
    Batcher, Claim, ClaimRequest, ClaimTerms, Ending, Error, Failed, Finish, Lease, Leases,
    ObservedLease, Store,
};
use tars_shared::submission::{Submission, VERSIONS};
use uuid::Uuid;

use crate::attempt::Attempt;
use crate::attempt_error::AttemptError;
use crate::baselines::Baselines;
use crate::config::Config;
use crate::cores::Cores;
use crate::isolation::{Isolation, Permit};
use crate::lease_renewer::LeaseRenewer;
use crate::outcome::Outcome;
use crate::pauses::Pauses;
use crate::policies::Policies;
use crate::retrying::retrying;
use crate::reuse::Reuse;
use crate::shutdown::Shutdown;
use crate::stop::Stop;
use crate::verdict;

/// A holder that renewed nothing for so long, of the heartbeats that come every quarter of a
/// second, is gone. Its lease is observed instead of believing the broker, which also delivers
/// again when only a connection was lost.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_millis(700);

/// How long a job that must run alone keeps the other slots of its worker from taking new ones.
const ISOLATION_TIMEOUT: Duration = Duration::from_secs(30);

/// Handles deliveries, many at once.
#[derive(Debug)]
pub(crate) struct Handler {
    /// The store until the worker is to take nothing new: for what precedes an attempt.
    claims: Store,
    /// Everything until the worker stops: for attempts and their ends.
    services: Services,
    config: Config,
    name: String,
    thresholds: Thresholds,
    renewer: Arc<LeaseRenewer>,
    policies: Policies,
    baselines: Baselines,
    reuse: Reuse,
    cores: Arc<Cores>,
    isolation: Isolation,
    pauses: Arc<Pauses>,
    shutdown: Shutdown,
    claiming: Batcher<ClaimRequest, Claim>,
    finishing: Batcher<Finish, bool>,
}

impl Handler {
    pub(crate) fn new(
        services: Services,
        config: &Config,
        thresholds: Thresholds,
        renewer: Arc<LeaseRenewer>,
        cores: Arc<Cores>,
        shutdown: Shutdown,
    ) -> Self {
        let claims = retrying(&services.store, &shutdown.drain);
        let unrepeated = services.store.clone();
        let services = Services {
            store: retrying(&services.store, &shutdown.now),
            ..services
        };
        Self {
            claiming: claiming(claims.leases.clone()),
            finishing: finishing(services.store.leases.clone()),
            baselines: Baselines::new(&services.store),
            pauses: Arc::new(Pauses::new(&claims)),
            reuse: Reuse::new(&unrepeated),
            cores,
            claims,
            services,
            config: config.clone(),
            name: config.name(),
            thresholds,
            renewer,
            policies: Policies::new(config.policy_cache_bytes()),
            isolation: Isolation::new(config.slots()),
            shutdown,
        }
    }

    /// From now on so many jobs may be in hand at one time.
    pub(crate) fn run_beside(&self, jobs: usize) {
        self.isolation.run_beside(jobs);
    }

    /// What is paused.
    pub(crate) fn pauses(&self) -> Arc<Pauses> {
        self.pauses.clone()
    }

    /// Handles a delivery. Whatever it says is committed before it returns.
    pub(crate) async fn handle(&self, delivery: &Delivery) -> Outcome {
        let submission = &delivery.submission;
        let handled = if VERSIONS.contains(&submission.version) {
            self.set_aside_or_run(delivery).await
        } else {
            self.leave_to_a_newer_worker(submission).await
        };
        match handled {
            Ok(outcome) => outcome,
            Err(Error::Unavailable(_)) => Outcome::Requeue,
            Err(error @ Error::Corrupt(_)) => {
                self.dead_letter(
                    delivery,
                    format!("the store cannot take or read this job: {error}"),
                )
                .await
            }
        }
    }

    /// Makes sure of the row: dispatchers publish it again, until a worker comes that understands
    /// it.
    async fn leave_to_a_newer_worker(&self, submission: &Submission) -> Result<Outcome, Error> {
        tracing::error!(job.id = %submission.job_id, version = submission.version, "unknown message version");
        self.claims
            .jobs
            .insert(std::slice::from_ref(submission))
            .await?;
        Ok(Outcome::Done)
    }

    /// Keeps a message that is of no use to any worker where operators find it.
    async fn dead_letter(&self, delivery: &Delivery, reason: String) -> Outcome {
        tracing::error!(job.id = %delivery.submission.job_id, message.id = %delivery.message_id, reason, "dead-lettered");
        let message = DeadMessage {
            message_id: delivery.message_id,
            body: serde_json::to_vec(&delivery.submission)
                .unwrap_or_default()
                .into(),
            submission: Err(reason),
            reason: "refused".to_owned(),
        };
        let letters = &self.claims.dead_messages;
        match letters
            .dead_letter(&message, self.config.max_attempts)
            .await
        {
            Ok(()) | Err(Error::Corrupt(_)) => Outcome::Dead,
            Err(Error::Unavailable(_)) => Outcome::Requeue,
        }
    }

    /// A job that is paused is set aside without a claim, so that it costs no attempt.
    async fn set_aside_or_run(&self, delivery: &Delivery) -> Result<Outcome, Error> {
        let submission = &delivery.submission;
        let covering = self
            .unless_draining(self.pauses.covering(submission))
            .await?;
        match self.pauses.set_aside(submission, &covering).await? {
            Some(outcome) => Ok(outcome),
            None => self.claim_and_run(delivery).await,
        }
    }

    async fn claim_and_run(&self, delivery: &Delivery) -> Result<Outcome, Error> {
        let submission = &delivery.submission;
        let job_id = submission.job_id;
        let claim_id = self.services.clock.new_id();
        let mut permit = self.unless_draining(self.isolation.shared()).await?;
        let mut observed_lease = None;
        loop {
            let terms = self.terms(delivery, claim_id, &permit, observed_lease);
            let request = ClaimRequest {
                submission: submission.clone(),
                terms,
            };
            match self.claiming.submit(request).await? {
                Claim::Ended(status) => {
                    tracing::info!(job.id = %job_id, %status, "nothing left to do");
                    return Ok(Outcome::Done);
                }
                Claim::Exhausted => {
                    tracing::warn!(job.id = %job_id, "failed: its attempts are spent");
                    self.count(FailureKind::WorkerLost);
                    return Ok(Outcome::Dead);
                }
                Claim::KeyConflict => {
                    let reason = format!("the key of job {job_id} was used before");
                    return Ok(self.dead_letter(delivery, reason).await);
                }
                // Whoever held this very message may be gone, or may only have lost the connection
                // to the broker; and whoever is late may only have missed the store.
                Claim::LeasedByOther { observed, expired }
                    if observed_lease.is_none()
                        && (expired || observed.message_id == delivery.message_id) =>
                {
                    observed_lease = Some(observed);
                    self.unless_draining(tokio::time::sleep(HEARTBEAT_TIMEOUT))
                        .await?;
                }
                Claim::LeasedByOther { .. } => {
                    tracing::info!(job.id = %job_id, "another worker has the job");
                    return Ok(Outcome::Done);
                }
                Claim::MustRunAlone => {
                    drop(permit);
                    tracing::info!(job.id = %job_id, "waiting to run this job alone");
                    let alone = tokio::time::timeout(ISOLATION_TIMEOUT, self.isolation.alone());
                    match self.unless_draining(alone).await? {
                        Ok(alone) => permit = alone,
                        // The others here take long: perhaps another worker is less busy by then.
                        Err(_) => return Ok(Outcome::Retry(RetryTier::FiveSeconds)),
                    }
                }
                Claim::Granted {
                    lease,
                    attempt,
                    finished,
                } => {
                    self.services.metrics.attempts.inc();
                    let guard = self.renewer.guard(lease);
                    #[cfg(feature = "faults")]
                    crate::faults::reach(crate::faults::Point::Claimed);
                    let mut attempted = Attempt {
                        services: &self.services,
                        policies: &self.policies,
                        baselines: &self.baselines,
                        reuse: &self.reuse,
                        cores: &self.cores,
                        submission,
                        guard: &guard,
                        shutdown: &self.shutdown,
                        began: Instant::now(),
                        unkept: Vec::new(),
                    };
                    let ended = attempted.run(finished, self.thresholds).await;
                    let unkept = attempted.unkept;
                    return match ended {
                        Ok(ending) => self.finish(lease, unkept, ending).await,
                        Err(error) => self.end_attempt(lease, attempt, unkept, error).await,
                    };
                }
            }
        }
    }

    fn terms(
        &self,
        delivery: &Delivery,
        claim_id: Uuid,
        permit: &Permit,
        observed_lease: Option<ObservedLease>,
    ) -> ClaimTerms {
        ClaimTerms {
            worker: self.name.clone().into(),
            claim_id,
            message_id: delivery.message_id,
            observed_lease,
            alone: permit.is_alone(),
            term: self.config.lease_term(),
            max_attempts: self.config.max_attempts,
        }
    }

    /// Waits for something before a job begins; a worker that drains does not begin any.
    async fn unless_draining<T>(&self, awaited: impl Future<Output = T>) -> Result<T, Error> {
        tokio::select! {
            biased;
            () = self.shutdown.drain.cancelled() => {
                Err(Error::Unavailable("this worker takes no more jobs".to_owned()))
            }
            value = awaited => Ok(value),
        }
    }

    /// Records an attempt that ended without a result.
    async fn end_attempt(
        &self,
        lease: Lease,
        attempt: u32,
        unkept: Vec<(usize, EnvironmentResult)>,
        error: AttemptError,
    ) -> Result<Outcome, Error> {
        match error {
            AttemptError::Transient(failed) if attempt < self.config.max_attempts => {
                self.retry(lease, attempt, &failed).await
            }
            AttemptError::Permanent(failed) | AttemptError::Transient(failed) => {
                self.finish(lease, unkept, Ending::Failed(failed)).await
            }
            AttemptError::Stopped(Stop::Cancelled) => {
                self.finish(lease, unkept, Ending::Cancelled).await
            }
            AttemptError::Stopped(Stop::LeaseLost) => Ok(Outcome::Done),
            AttemptError::Stopped(Stop::Timeout) => {
                let failed = Failed {
                    kind: FailureKind::Timeout,
                    reason: "an environment took longer than timeout_seconds: raise it, or run fewer episodes"
                        .to_owned(),
                };
                self.finish(lease, unkept, Ending::Failed(failed)).await
            }
            AttemptError::Stopped(Stop::Shutdown | Stop::NotBegun) => {
                // Should the store be away, the lease expires by itself.
                if let Err(error) = self.services.store.leases.release(lease).await {
                    tracing::warn!(job.id = %lease.job_id, %error, "left to the lease's expiry");
                }
                Ok(Outcome::Requeue)
            }
        }
    }

    async fn retry(&self, lease: Lease, attempt: u32, failed: &Failed) -> Result<Outcome, Error> {
        let tier = RetryTier::after_attempt(attempt);
        let not_before = self.services.clock.now() + tier.delay();
        self.count(failed.kind);
        tracing::warn!(job.id = %lease.job_id, attempt, reason = failed.reason, "attempt failed");
        let leases = &self.services.store.leases;
        let queued = leases.retry_later(lease, failed, not_before).await?;
        Ok(if queued {
            Outcome::Retry(tier)
        } else {
            Outcome::Done
        })
    }

    async fn finish(
        &self,
        lease: Lease,
        results: Vec<(usize, EnvironmentResult)>,
        ending: Ending,
    ) -> Result<Outcome, Error> {
        let finish = Finish {
            lease,
            results,
            ending: ending.clone(),
        };
        if !self.finishing.submit(finish).await? {
            tracing::info!(job.id = %lease.job_id, "another worker owns the job now: dropping this result");
            return Ok(Outcome::Done);
        }
        match ending {
            Ending::Completed(comparisons) => {
                verdict::count(&self.services.metrics, &comparisons);
                tracing::info!(job.id = %lease.job_id, "completed");
            }
            Ending::Cancelled => tracing::info!(job.id = %lease.job_id, "cancelled"),
            Ending::Failed(failed) => {
                self.count(failed.kind);
                tracing::warn!(job.id = %lease.job_id, reason = failed.reason, "failed");
                return Ok(Outcome::Dead);
            }
        }
        Ok(Outcome::Done)
    }

    fn count(&self, kind: FailureKind) {
        self.services
            .metrics
            .failures
            .with_label_values(&[kind.as_str()])
            .inc();
    }
}

/// The claims of all jobs at hand, in batches.
fn claiming(leases: Arc<dyn Leases>) -> Batcher<ClaimRequest, Claim> {
    Batcher::sparing(move |claims: Vec<ClaimRequest>| {
        let leases = leases.clone();
        async move { leases.claim(&claims).await }.boxed()
    })
}

/// Their ends.
fn finishing(leases: Arc<dyn Leases>) -> Batcher<Finish, bool> {
    Batcher::sparing(move |finishes: Vec<Finish>| {
        let leases = leases.clone();
        async move { leases.finish(&finishes).await }.boxed()
    })
}
