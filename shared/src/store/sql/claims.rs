//! Taking a job: one guarded update decides who works on it.

use chrono::{DateTime, Utc};
use sqlx::Row as _;
use uuid::Uuid;

use super::leases::void;
use super::{Adapter, Connection, Row, dead_letters, jobs, rows};
use crate::job::Status;
use crate::store::{Claim, ClaimTerms, Error, Holding, Lease};
use crate::submission::Submission;

/// The row of a job as a claim finds it.
struct Found {
    status: Status,
    attempt: u32,
    interruptions: u32,
    cancel_requested: bool,
    /// Its live lease, unless the claimer has found it silent.
    holding: Option<Holding>,
}

impl Found {
    fn read(row: &Row, terms: &ClaimTerms<'_>, now: DateTime<Utc>) -> Result<Self, Error> {
        let holding = match row.try_get("lease_expires_at")? {
            Some(expires_at) if expires_at > now => Some(Holding {
                epoch: rows::number(row, "lease_epoch")?,
                // Rows of before this column existed have no message: nobody can have been delivered it.
                message_id: row.try_get::<Option<Uuid>, _>("lease_message")?.unwrap_or_default(),
                expires_at,
            }),
            _ => None,
        };
        Ok(Self {
            status: rows::status(row)?,
            attempt: rows::number(row, "attempt")?,
            interruptions: rows::number(row, "interruptions")?,
            cancel_requested: row.try_get("cancel_requested")?,
            holding: holding.filter(|&holding| terms.silent != Some(holding)),
        })
    }

    async fn find(tx: &mut Connection, id: Uuid, terms: &ClaimTerms<'_>, now: DateTime<Utc>) -> Result<Self, Error> {
        let row = sqlx::query(concat!(
            "SELECT status, attempt, interruptions, cancel_requested, lease_epoch, lease_message, lease_expires_at \
             FROM jobs WHERE id = $1",
            for_update!()
        ))
        .bind(id)
        .fetch_one(tx)
        .await?;
        Self::read(&row, terms, now)
    }
}

impl Adapter {
    pub(super) async fn claim_in_one_transaction(
        &self,
        submission: &Submission,
        terms: &ClaimTerms<'_>,
    ) -> Result<Claim, Error> {
        let now = self.now();
        let id = submission.job_id;
        let mut tx = self.write().await?;
        jobs::insert(&mut tx, submission).await?;
        let mut found = Found::find(&mut tx, id, terms, now).await?;
        if found.status == Status::Running && found.holding.is_none() {
            void(&mut tx, id, now).await?;
            found = Found::find(&mut tx, id, terms, now).await?;
        }
        let claim = if found.status.is_terminal() {
            Claim::Ended(found.status)
        } else if let Some(holding) = found.holding {
            Claim::Held(holding)
        } else if found.cancel_requested {
            end(&mut tx, id, Status::Cancelled, now).await?
        } else if found.attempt >= terms.max_attempts {
            let ended = end(&mut tx, id, Status::Failed, now).await?;
            dead_letters::of_failed_job(&mut tx, id, now).await?;
            ended
        } else if found.interruptions > 0 && !terms.alone {
            Claim::Suspect
        } else {
            grant(&mut tx, id, terms, now).await?
        };
        tx.commit().await?;
        Ok(claim)
    }
}

async fn end(tx: &mut Connection, id: Uuid, status: Status, now: DateTime<Utc>) -> Result<Claim, Error> {
    sqlx::query("UPDATE jobs SET status = $2, finished_at = $3 WHERE id = $1")
        .bind(id)
        .bind(status.as_str())
        .bind(now)
        .execute(tx)
        .await?;
    Ok(Claim::Ended(status))
}

async fn grant(tx: &mut Connection, id: Uuid, terms: &ClaimTerms<'_>, now: DateTime<Utc>) -> Result<Claim, Error> {
    let row = sqlx::query(
        "UPDATE jobs SET status = 'running', attempt = attempt + 1, lease_epoch = lease_epoch + 1, lease_owner = $2, \
         lease_expires_at = $3, lease_message = $5, lease_alone = $6, started_at = coalesce(started_at, $4), \
         not_before = NULL, dispatched_at = $4 WHERE id = $1 RETURNING attempt, lease_epoch",
    )
    .bind(id)
    .bind(terms.worker)
    .bind(now + terms.term)
    .bind(now)
    .bind(terms.message_id)
    .bind(terms.alone)
    .fetch_one(&mut *tx)
    .await?;
    let finished = sqlx::query(
        "SELECT position, result, baseline_id, regression FROM evaluations WHERE job_id = $1 AND result IS NOT NULL",
    )
    .bind(id)
    .fetch_all(tx)
    .await?;
    Ok(Claim::Granted {
        lease: Lease { job_id: id, epoch: rows::number(&row, "lease_epoch")? },
        attempt: rows::number(&row, "attempt")?,
        finished: finished.iter().map(rows::evaluation).collect::<Result<_, _>>()?,
    })
}
