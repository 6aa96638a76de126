//! Webhooks on their way to their receivers.

use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use super::error::Error;
use crate::account::Actor;
use crate::webhook::{Delivery, DeliveryFilter, Due, Noted};

/// Webhooks on their way to their receivers. Nobody adds one: with the end of a job that named an
/// address, whoever ends it, there is one, and it goes with the job.
#[async_trait]
pub trait Webhooks: Send + Sync {
    /// Takes those that are due, the oldest first, and begins an attempt of each. For as long as
    /// `reservation` nobody else is given them; without a note by then they are due again.
    async fn take_due(&self, reservation: Duration, limit: u32) -> Result<Vec<Due>, Error>;

    /// Notes how an attempt ended. False: another one has begun since, or the job is gone, and
    /// nothing changes.
    async fn note(&self, id: Uuid, attempt: u32, noted: &Noted) -> Result<bool, Error>;

    /// Those of a job, the newest first.
    async fn of_job(&self, job_id: Uuid) -> Result<Vec<Delivery>, Error>;

    /// Those of all jobs, from the newest to the oldest.
    async fn list(&self, filter: &DeliveryFilter, limit: u32) -> Result<Vec<Delivery>, Error>;

    /// Makes one due now, under its id and with all its attempts before it again, whatever became of
    /// it before.
    async fn redeliver(&self, id: Uuid, by: &Actor) -> Result<Option<Delivery>, Error>;

    /// How long the oldest that is due has been waiting for its attempt.
    async fn lag(&self) -> Result<Duration, Error>;
}
