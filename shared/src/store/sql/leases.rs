//! Jobs, as workers hold them: every write is guarded by the lease's epoch.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::types::Json;
use sqlx::{QueryBuilder, Row as _};
use uuid::Uuid;

use super::{Adapter, Connection, push_ids, rows, transitions};
use crate::job::EnvironmentResult;
use crate::store::{
    Claim, ClaimTerms, Comparison, Ending, Error, Failed, Heartbeat, Lease, Leases, Renewal,
};
use crate::submission::Submission;

#[async_trait]
impl Leases for Adapter {
    async fn claim(&self, submission: &Submission, terms: &ClaimTerms<'_>) -> Result<Claim, Error> {
        self.claim_in_one_transaction(submission, terms).await
    }

    async fn renew(&self, term: Duration, heartbeats: &[Heartbeat]) -> Result<Vec<Renewal>, Error> {
        if heartbeats.is_empty() {
            return Ok(Vec::new());
        }
        // Rows are locked in the order of their ids, as by all who lock several.
        let ids: Vec<_> = heartbeats
            .iter()
            .map(|heartbeat| heartbeat.lease.job_id)
            .collect();
        let mut update = QueryBuilder::new("WITH locked AS (SELECT id FROM jobs WHERE id ");
        push_ids(&mut update, &ids);
        update.push(concat!(" ORDER BY id", for_update!()));
        update
            .push(") UPDATE jobs SET lease_expires_at = ")
            .push_bind(self.now() + term)
            .push(", episodes_done = beat.column3 FROM (");
        update.push_values(heartbeats, |mut row, heartbeat| {
            row.push_bind(heartbeat.lease.job_id);
            row.push_bind(i64::from(heartbeat.lease.epoch))
                .push_bind(i64::from(heartbeat.episodes_done));
        });
        update.push(
            ") AS beat WHERE id = beat.column1 AND lease_epoch = beat.column2 AND status = 'running' \
             AND id IN (SELECT id FROM locked) RETURNING id, lease_epoch, cancel_requested",
        );
        let mut tx = self.write().await?;
        let renewed = update.build().fetch_all(&mut *tx).await?;
        tx.commit().await?;
        let mut standings = HashMap::with_capacity(renewed.len());
        for row in &renewed {
            let lease = Lease {
                job_id: row.try_get("id")?,
                epoch: rows::number(row, "lease_epoch")?,
            };
            let cancelled: bool = row.try_get("cancel_requested")?;
            standings.insert(
                lease,
                if cancelled {
                    Renewal::CancelRequested
                } else {
                    Renewal::Renewed
                },
            );
        }
        let standing = |heartbeat: &Heartbeat| {
            standings
                .get(&heartbeat.lease)
                .copied()
                .unwrap_or(Renewal::Lost)
        };
        Ok(heartbeats.iter().map(standing).collect())
    }

    async fn record_result(
        &self,
        lease: Lease,
        position: usize,
        result: &EnvironmentResult,
    ) -> Result<bool, Error> {
        let mut tx = self.write().await?;
        // The row of the job is locked, so that the lease cannot change hands between the look and
        // the write.
        let held = sqlx::query(concat!(
            "SELECT 1 FROM jobs WHERE id = $1 AND lease_epoch = $2 AND status = 'running'",
            for_update!()
        ))
        .bind(lease.job_id)
        .bind(i64::from(lease.epoch))
        .fetch_optional(&mut *tx)
        .await?;
        if held.is_none() {
            tx.rollback().await?;
            return Ok(false);
        }
        let written =
            sqlx::query("UPDATE evaluations SET result = $3 WHERE job_id = $1 AND position = $2")
                .bind(lease.job_id)
                .bind(i64::try_from(position).unwrap_or(i64::MAX))
                .bind(Json(result))
                .execute(&mut *tx)
                .await?;
        tx.commit().await?;
        Ok(written.rows_affected() == 1)
    }

    async fn finish(&self, lease: Lease, ending: &Ending) -> Result<bool, Error> {
        let mut tx = self.write().await?;
        if !transitions::finish(&mut tx, lease, ending, self.now()).await? {
            tx.rollback().await?;
            return Ok(false);
        }
        if let Ending::Completed(comparisons) = ending {
            record_comparisons(&mut tx, lease.job_id, comparisons).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    async fn retry_later(
        &self,
        lease: Lease,
        failure: &Failed,
        not_before: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let mut tx = self.write().await?;
        let queued =
            transitions::retry_later(&mut tx, lease, failure, not_before, self.now()).await?;
        tx.commit().await?;
        Ok(queued)
    }

    async fn release(&self, lease: Lease) -> Result<bool, Error> {
        let mut tx = self.write().await?;
        let released = transitions::release(&mut tx, lease).await?;
        tx.commit().await?;
        Ok(released)
    }
}

async fn record_comparisons(
    tx: &mut Connection,
    job_id: Uuid,
    comparisons: &[Option<Comparison>],
) -> Result<(), Error> {
    for (position, comparison) in (0_i64..).zip(comparisons) {
        let Some(comparison) = comparison else {
            continue;
        };
        sqlx::query("UPDATE evaluations SET baseline_id = $3, regression = $4 WHERE job_id = $1 AND position = $2")
            .bind(job_id)
            .bind(position)
            .bind(comparison.baseline_id)
            .bind(comparison.regression.as_ref().map(Json))
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}
