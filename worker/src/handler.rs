//! What a delivery leads to. The handler knows no queue: it returns an outcome.

use std::sync::Arc;
use std::time::Duration;

use tars_engine::regression::Thresholds;
use tars_shared::job::FailureKind;
use tars_shared::queue::{DeadMessage, Delivery, RetryTier};
use tars_shared::services::Services;
use tars_shared::store::{Claim, ClaimTerms, Ending, Failed, Holding, Lease};
use tars_shared::submission::{Submission, VERSIONS};
use uuid::Uuid;

use crate::attempt::{Attempt, Interrupted};
use crate::config::Config;
use crate::keeper::{Keeper, Stop};
use crate::outcome::Outcome;
use crate::patience::{Unanswered, answer, until_answered};
use crate::room::{Place, Room};
use crate::shutdown::Shutdown;
use crate::verdict;

/// A holder that has given no sign of life for so long, of those that come every quarter of a
/// second, is gone. It is watched instead of believing the broker, which also delivers again when
/// only a connection was lost.
const SILENCE: Duration = Duration::from_millis(700);

/// How long a job that must run alone keeps the other slots of its worker from taking new ones.
const SOLITUDE: Duration = Duration::from_secs(30);

/// Handles deliveries, one at a time per slot.
#[derive(Debug)]
pub(crate) struct Handler {
    services: Services,
    config: Config,
    name: String,
    thresholds: Thresholds,
    keeper: Arc<Keeper>,
    room: Room,
    shutdown: Shutdown,
}

impl Handler {
    pub(crate) fn new(
        services: Services,
        config: &Config,
        thresholds: Thresholds,
        keeper: Arc<Keeper>,
        shutdown: Shutdown,
    ) -> Self {
        let (name, room) = (config.name(), Room::new(config.slots()));
        Self {
            services,
            name,
            config: config.clone(),
            thresholds,
            keeper,
            room,
            shutdown,
        }
    }

    /// Handles a delivery. Whatever it says is committed before it returns.
    pub(crate) async fn handle(&self, delivery: &Delivery) -> Outcome {
        let submission = &delivery.submission;
        let handled = if VERSIONS.contains(&submission.version) {
            self.claim_and_run(delivery).await
        } else {
            self.leave_to_a_newer_worker(submission).await
        };
        match handled {
            Ok(outcome) => outcome,
            Err(Unanswered::Shutdown) => Outcome::HandBack,
            Err(Unanswered::Corrupt(error)) => {
                self.bury(
                    delivery,
                    format!("the store cannot take or read this job: {error}"),
                )
                .await
            }
        }
    }

    /// Makes sure of the row: dispatchers publish it again, until a worker comes that understands
    /// it.
    async fn leave_to_a_newer_worker(
        &self,
        submission: &Submission,
    ) -> Result<Outcome, Unanswered> {
        tracing::error!(job.id = %submission.job_id, version = submission.version, "unknown message version");
        let jobs = &self.services.store.jobs;
        until_answered(&self.shutdown.drain, || {
            jobs.insert(std::slice::from_ref(submission))
        })
        .await?;
        Ok(Outcome::Done)
    }

    /// Keeps a message that is of no use to any worker where operators find it.
    async fn bury(&self, delivery: &Delivery, reason: String) -> Outcome {
        tracing::error!(job.id = %delivery.submission.job_id, message.id = %delivery.message_id, reason, "buried");
        let message = DeadMessage {
            message_id: delivery.message_id,
            body: serde_json::to_vec(&delivery.submission)
                .unwrap_or_default()
                .into(),
            submission: Err(reason),
            reason: "refused".to_owned(),
        };
        let letters = &self.services.store.dead_letters;
        let max_attempts = self.config.max_attempts;
        match until_answered(&self.shutdown.drain, || {
            letters.bury(&message, max_attempts)
        })
        .await
        {
            Ok(()) | Err(Unanswered::Corrupt(_)) => Outcome::Dead,
            Err(Unanswered::Shutdown) => Outcome::HandBack,
        }
    }

    async fn claim_and_run(&self, delivery: &Delivery) -> Result<Outcome, Unanswered> {
        let submission = &delivery.submission;
        let job_id = submission.job_id;
        let leases = &self.services.store.leases;
        let claim_id = self.services.clock.new_id();
        let mut place = self.wait(self.room.any()).await?;
        let mut silent = None;
        loop {
            let terms = self.terms(delivery, claim_id, &place, silent);
            match until_answered(&self.shutdown.drain, || leases.claim(submission, &terms)).await? {
                Claim::Ended(status) => {
                    tracing::info!(job.id = %job_id, %status, "nothing left to do");
                    return Ok(Outcome::Done);
                }
                Claim::Exhausted => {
                    tracing::warn!(job.id = %job_id, "failed: its attempts are spent");
                    self.services
                        .metrics
                        .failures
                        .with_label_values(&[FailureKind::WorkerLost.as_str()])
                        .inc();
                    return Ok(Outcome::Dead);
                }
                Claim::Stranger => {
                    return Ok(self
                        .bury(delivery, format!("the key of job {job_id} was used before"))
                        .await);
                }
                // Whoever held this very message may be gone, or may only have lost the connection
                // to the broker; and whoever is late may only have missed the store.
                Claim::Held { holding, expired }
                    if silent.is_none()
                        && (expired || holding.message_id == delivery.message_id) =>
                {
                    silent = Some(holding);
                    self.wait(tokio::time::sleep(SILENCE)).await?;
                }
                Claim::Held { .. } => {
                    tracing::info!(job.id = %job_id, "another worker has the job");
                    return Ok(Outcome::Done);
                }
                Claim::Suspect => {
                    drop(place);
                    tracing::info!(job.id = %job_id, "waiting to run this job alone");
                    match self
                        .wait(tokio::time::timeout(SOLITUDE, self.room.alone()))
                        .await?
                    {
                        Ok(alone) => place = alone,
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
                    let kept = self.keeper.keep(lease);
                    #[cfg(feature = "faults")]
                    crate::faults::reach(crate::faults::Point::Claimed);
                    let shutdown = &self.shutdown.now;
                    let attempted = Attempt {
                        services: &self.services,
                        submission,
                        kept: &kept,
                        shutdown,
                    };
                    return match attempted.run(finished, self.thresholds).await {
                        Ok(ending) => self.finish(lease, &ending).await,
                        Err(interrupted) => self.interrupted(lease, attempt, interrupted).await,
                    };
                }
            }
        }
    }

    fn terms(
        &self,
        delivery: &Delivery,
        claim_id: Uuid,
        place: &Place,
        silent: Option<Holding>,
    ) -> ClaimTerms<'_> {
        ClaimTerms {
            worker: &self.name,
            claim_id,
            message_id: delivery.message_id,
            silent,
            alone: place.is_alone(),
            term: self.config.lease_term(),
            max_attempts: self.config.max_attempts,
        }
    }

    /// Waits for something before a job begins; a worker that is to end does not begin any.
    async fn wait<T>(&self, something: impl Future<Output = T>) -> Result<T, Unanswered> {
        tokio::select! {
            biased;
            () = self.shutdown.drain.cancelled() => Err(Unanswered::Shutdown),
            thing = something => Ok(thing),
        }
    }

    async fn interrupted(
        &self,
        lease: Lease,
        attempt: u32,
        why: Interrupted,
    ) -> Result<Outcome, Unanswered> {
        match why {
            Interrupted::Unanswered(Unanswered::Corrupt(error)) => {
                tracing::error!(job.id = %lease.job_id, %error, "the store holds something unreadable");
                let reason =
                    "the store holds something unreadable for this job: the worker's log says what"
                        .to_owned();
                let failed = Failed {
                    kind: FailureKind::Evaluation,
                    reason,
                };
                self.finish(lease, &Ending::Failed(failed)).await
            }
            Interrupted::Unanswered(Unanswered::Shutdown) => Err(Unanswered::Shutdown),
            Interrupted::Permanent(failed) => self.finish(lease, &Ending::Failed(failed)).await,
            Interrupted::Transient(failed) if attempt >= self.config.max_attempts => {
                self.finish(lease, &Ending::Failed(failed)).await
            }
            Interrupted::Transient(failed) => self.retry(lease, attempt, &failed).await,
            Interrupted::Stopped(Stop::Cancelled) => self.finish(lease, &Ending::Cancelled).await,
            Interrupted::Stopped(Stop::LeaseLost) => Ok(Outcome::Done),
            Interrupted::Stopped(Stop::Timeout) => {
                let reason = "an environment took longer than timeout_seconds: raise it, or run fewer episodes";
                let failed = Failed {
                    kind: FailureKind::Timeout,
                    reason: reason.to_owned(),
                };
                self.finish(lease, &Ending::Failed(failed)).await
            }
            Interrupted::Stopped(Stop::Shutdown) => {
                // Should the store be away, the lease expires by itself.
                if let Err(error) = answer(self.services.store.leases.hand_back(lease)).await {
                    tracing::warn!(job.id = %lease.job_id, %error, "left to the lease's expiry");
                }
                Ok(Outcome::HandBack)
            }
        }
    }

    async fn retry(
        &self,
        lease: Lease,
        attempt: u32,
        failed: &Failed,
    ) -> Result<Outcome, Unanswered> {
        let tier = RetryTier::after_attempt(attempt);
        let not_before = self.services.clock.now() + tier.delay();
        self.count(failed);
        tracing::warn!(job.id = %lease.job_id, attempt, reason = failed.reason, "attempt failed");
        let leases = &self.services.store.leases;
        let record = || leases.retry_later(lease, failed, not_before);
        let queued = until_answered(&self.shutdown.now, record).await?;
        Ok(if queued {
            Outcome::Retry(tier)
        } else {
            Outcome::Done
        })
    }

    async fn finish(&self, lease: Lease, ending: &Ending) -> Result<Outcome, Unanswered> {
        let leases = &self.services.store.leases;
        if !until_answered(&self.shutdown.now, || leases.finish(lease, ending)).await? {
            tracing::info!(job.id = %lease.job_id, "another worker owns the job now: dropping this result");
            return Ok(Outcome::Done);
        }
        match ending {
            Ending::Completed(comparisons) => {
                verdict::count(&self.services.metrics, comparisons);
                tracing::info!(job.id = %lease.job_id, "completed");
            }
            Ending::Cancelled => tracing::info!(job.id = %lease.job_id, "cancelled"),
            Ending::Failed(failed) => {
                self.count(failed);
                tracing::warn!(job.id = %lease.job_id, reason = failed.reason, "failed");
                return Ok(Outcome::Dead);
            }
        }
        Ok(Outcome::Done)
    }

    fn count(&self, failed: &Failed) {
        self.services
            .metrics
            .failures
            .with_label_values(&[failed.kind.as_str()])
            .inc();
    }
}
