//! What a delivery leads to. The handler knows no queue: it returns an outcome.

use std::sync::Arc;
use std::time::Duration;

use tars_engine::regression::Thresholds;
use tars_shared::job::FailureKind;
use tars_shared::queue::{Delivery, RetryTier};
use tars_shared::services::Services;
use tars_shared::store::{Claim, ClaimTerms, Ending, Failed, Holding, Lease};
use tars_shared::submission::VERSION;

use crate::attempt::{Attempt, Interrupted};
use crate::config::Config;
use crate::keeper::{Keeper, Stop};
use crate::outcome::Outcome;
use crate::patience::{Unanswered, answer, until_answered};
use crate::room::{Place, Room};
use crate::shutdown::Shutdown;
use crate::verdict;

/// A holder that has given no sign of life for so long, of those that come every quarter of a second, is gone. It is
/// watched instead of believing the broker, which also delivers again when only a connection was lost.
const SILENCE: Duration = Duration::from_millis(700);

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
        Self { services, name, config: config.clone(), thresholds, keeper, room, shutdown }
    }

    /// Handles a delivery. Whatever it says is committed before it returns.
    pub(crate) async fn handle(&self, delivery: &Delivery) -> Outcome {
        let submission = &delivery.submission;
        if submission.version != VERSION {
            // A newer worker understands it; until one comes, it must not go round and round.
            tracing::error!(job.id = %submission.job_id, version = submission.version, "unknown message version");
            return Outcome::Retry(RetryTier::TenMinutes);
        }
        self.claim_and_run(delivery).await.unwrap_or_else(|unanswered| match unanswered {
            Unanswered::Shutdown => Outcome::HandBack,
            Unanswered::Corrupt(error) => {
                tracing::error!(job.id = %submission.job_id, %error, "the job's row cannot be read");
                Outcome::Retry(RetryTier::TenMinutes)
            }
        })
    }

    async fn claim_and_run(&self, delivery: &Delivery) -> Result<Outcome, Unanswered> {
        let submission = &delivery.submission;
        let leases = &self.services.store.leases;
        let mut place = self.room.any().await;
        let mut silent = None;
        loop {
            let terms = self.terms(delivery, &place, silent);
            match until_answered(&self.shutdown.drain, || leases.claim(submission, &terms)).await? {
                Claim::Ended(status) => {
                    tracing::info!(job.id = %submission.job_id, %status, "nothing left to do");
                    return Ok(Outcome::Done);
                }
                // Whoever held this very message may be gone, or may only have lost the connection to the broker.
                Claim::Held(holding) if holding.message_id == delivery.message_id && silent.is_none() => {
                    silent = Some(holding);
                    self.wait(tokio::time::sleep(SILENCE)).await?;
                }
                Claim::Held(_) => {
                    tracing::info!(job.id = %submission.job_id, "another worker has the job");
                    return Ok(Outcome::Done);
                }
                Claim::Suspect => {
                    drop(place);
                    tracing::info!(job.id = %submission.job_id, "waiting to run this job alone");
                    place = self.wait(self.room.alone()).await?;
                }
                Claim::Granted { lease, attempt, finished } => {
                    self.services.metrics.attempts.inc();
                    let kept = self.keeper.keep(lease);
                    #[cfg(feature = "faults")]
                    crate::faults::reach(crate::faults::Point::Claimed);
                    let shutdown = &self.shutdown.now;
                    let attempted = Attempt { services: &self.services, submission, kept: &kept, shutdown };
                    return match attempted.run(finished, self.thresholds).await {
                        Ok(ending) => self.finish(lease, &ending).await,
                        Err(interrupted) => self.interrupted(lease, attempt, interrupted).await,
                    };
                }
            }
        }
    }

    fn terms(&self, delivery: &Delivery, place: &Place, silent: Option<Holding>) -> ClaimTerms<'_> {
        ClaimTerms {
            worker: &self.name,
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
            thing = something => Ok(thing),
            () = self.shutdown.drain.cancelled() => Err(Unanswered::Shutdown),
        }
    }

    async fn interrupted(&self, lease: Lease, attempt: u32, why: Interrupted) -> Result<Outcome, Unanswered> {
        match why {
            Interrupted::Unanswered(Unanswered::Corrupt(error)) => {
                let failed = Failed { kind: FailureKind::Evaluation, reason: error.to_string() };
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
                let failed = Failed { kind: FailureKind::Timeout, reason: reason.to_owned() };
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

    async fn retry(&self, lease: Lease, attempt: u32, failed: &Failed) -> Result<Outcome, Unanswered> {
        let tier = RetryTier::after_attempt(attempt);
        let not_before = self.services.clock.now() + tier.delay();
        self.count(failed);
        tracing::warn!(job.id = %lease.job_id, attempt, reason = failed.reason, "attempt failed");
        let leases = &self.services.store.leases;
        let record = || leases.retry_later(lease, failed, not_before);
        let queued = until_answered(&self.shutdown.now, record).await?;
        Ok(if queued { Outcome::Retry(tier) } else { Outcome::Done })
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
        self.services.metrics.failures.with_label_values(&[failed.kind.as_str()]).inc();
    }
}
