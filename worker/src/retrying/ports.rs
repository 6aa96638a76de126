//! Every port that is repeated, method by method.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tars_shared::account::Actor;
use tars_shared::artifact::Digest;
use tars_shared::baseline::{Baseline, NewBaseline};
use tars_shared::job::{EnvironmentResult, Job, Ledger};
use tars_shared::pause::{NewPause, Pause};
use tars_shared::queue::DeadMessage;
use tars_shared::store::{
    Artifacts, Aside, BaselineFilter, Baselines, BestBaseline, Cancellation, Claim, ClaimRequest,
    DeadMessages, Error, Failed, Finish, Heartbeat, Hold, Inserted, JobFilter, Jobs, Lease, Leases,
    Paused, Pauses, Renewal,
};
use tars_shared::submission::Submission;
use uuid::Uuid;

use super::Retrying;

#[async_trait]
impl<S: Jobs + ?Sized> Jobs for Retrying<S> {
    async fn insert(&self, submissions: &[Submission]) -> Result<Vec<Inserted>, Error> {
        self.retry(|| self.port.insert(submissions)).await
    }

    async fn insert_all(
        &self,
        submissions: &[Submission],
    ) -> Result<Vec<Result<Inserted, Error>>, Error> {
        self.retry(|| self.port.insert_all(submissions)).await
    }

    async fn find(&self, id: Uuid) -> Result<Option<Job>, Error> {
        self.retry(|| self.port.find(id)).await
    }

    async fn find_many(&self, ids: &[Uuid]) -> Result<Vec<Job>, Error> {
        self.retry(|| self.port.find_many(ids)).await
    }

    async fn submission(&self, id: Uuid) -> Result<Option<Submission>, Error> {
        self.retry(|| self.port.submission(id)).await
    }

    async fn results(&self, id: Uuid) -> Result<Vec<EnvironmentResult>, Error> {
        self.retry(|| self.port.results(id)).await
    }

    async fn list(&self, filter: &JobFilter, limit: u32) -> Result<Vec<Job>, Error> {
        self.retry(|| self.port.list(filter, limit)).await
    }

    async fn cancel(&self, id: Uuid) -> Result<Option<Cancellation>, Error> {
        self.retry(|| self.port.cancel(id)).await
    }

    async fn ledger(&self) -> Result<Ledger, Error> {
        self.retry(|| self.port.ledger()).await
    }
}

#[async_trait]
impl<S: Leases + ?Sized> Leases for Retrying<S> {
    async fn claim(&self, claims: &[ClaimRequest]) -> Result<Vec<Result<Claim, Error>>, Error> {
        self.retry(|| self.port.claim(claims)).await
    }

    async fn renew(&self, term: Duration, heartbeats: &[Heartbeat]) -> Result<Vec<Renewal>, Error> {
        self.retry(|| self.port.renew(term, heartbeats)).await
    }

    async fn record_result(
        &self,
        lease: Lease,
        position: usize,
        result: &EnvironmentResult,
    ) -> Result<bool, Error> {
        self.retry(|| self.port.record_result(lease, position, result))
            .await
    }

    async fn finish(&self, finishes: &[Finish]) -> Result<Vec<Result<bool, Error>>, Error> {
        self.retry(|| self.port.finish(finishes)).await
    }

    async fn retry_later(
        &self,
        lease: Lease,
        failure: &Failed,
        not_before: DateTime<Utc>,
    ) -> Result<bool, Error> {
        self.retry(|| self.port.retry_later(lease, failure, not_before))
            .await
    }

    async fn release(&self, lease: Lease) -> Result<bool, Error> {
        self.retry(|| self.port.release(lease)).await
    }
}

#[async_trait]
impl<S: Baselines + ?Sized> Baselines for Retrying<S> {
    async fn insert(&self, baseline: &NewBaseline, by: &Actor) -> Result<(Baseline, bool), Error> {
        self.retry(|| self.port.insert(baseline, by)).await
    }

    async fn list(&self, filter: &BaselineFilter, limit: u32) -> Result<Vec<Baseline>, Error> {
        self.retry(|| self.port.list(filter, limit)).await
    }

    async fn best(&self, questions: &[BestBaseline]) -> Result<Vec<Option<Uuid>>, Error> {
        self.retry(|| self.port.best(questions)).await
    }

    async fn find(&self, id: Uuid) -> Result<Option<Baseline>, Error> {
        self.retry(|| self.port.find(id)).await
    }
}

#[async_trait]
impl<S: Artifacts + ?Sized> Artifacts for Retrying<S> {
    async fn put(&self, digest: Digest, bytes: &[u8]) -> Result<bool, Error> {
        self.retry(|| self.port.put(digest, bytes)).await
    }

    async fn find(&self, digest: Digest) -> Result<Option<Vec<u8>>, Error> {
        self.retry(|| self.port.find(digest)).await
    }

    async fn contains(&self, digest: Digest) -> Result<bool, Error> {
        self.retry(|| self.port.contains(digest)).await
    }
}

#[async_trait]
impl<S: Pauses + ?Sized> Pauses for Retrying<S> {
    /// Asked twice, it would pause twice.
    async fn pause(&self, pause: &NewPause, by: &Actor) -> Result<Option<Pause>, Error> {
        self.port.pause(pause, by).await
    }

    async fn resume(&self, id: Uuid, by: &Actor) -> Result<Option<Pause>, Error> {
        self.retry(|| self.port.resume(id, by)).await
    }

    async fn paused(&self) -> Result<Paused, Error> {
        self.retry(|| self.port.paused()).await
    }

    async fn held(&self) -> Result<HashMap<Uuid, u64>, Error> {
        self.retry(|| self.port.held()).await
    }

    async fn set_aside(&self, jobs: &[Hold]) -> Result<Vec<Aside>, Error> {
        self.retry(|| self.port.set_aside(jobs)).await
    }

    async fn release_held(&self, pauses: &[Uuid], limit: u32) -> Result<u64, Error> {
        self.retry(|| self.port.release_held(pauses, limit)).await
    }
}

#[async_trait]
impl<S: DeadMessages + ?Sized> DeadMessages for Retrying<S> {
    async fn dead_letter(&self, message: &DeadMessage, max_attempts: u32) -> Result<(), Error> {
        self.retry(|| self.port.dead_letter(message, max_attempts))
            .await
    }
}
