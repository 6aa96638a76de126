//! Jobs, as workers hold them: every write is guarded by the lease's epoch.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::{QueryBuilder, Row as _};

use super::{Adapter, Connection, evaluations, failures, push_ids, rows, transitions};
use crate::job::EnvironmentResult;
use crate::store::{
    Claim, ClaimRequest, Ending, Error, Failed, Finish, Heartbeat, Lease, Leases, Renewal,
};

#[async_trait]
impl Leases for Adapter {
    async fn claim(&self, claims: &[ClaimRequest]) -> Result<Vec<Result<Claim, Error>>, Error> {
        self.claim_batch(claims).await
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
        let renewed = self.carry_out(update.build()).await?;
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
        let record = evaluations::record(lease, position, result);
        Ok(!self.carry_out(record).await?.is_empty())
    }

    async fn finish(&self, finishes: &[Finish]) -> Result<Vec<Result<bool, Error>>, Error> {
        self.finish_batch(finishes).await
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
        Ok(!self
            .carry_out(transitions::release(lease))
            .await?
            .is_empty())
    }
}

impl Adapter {
    /// Ends a job. False: its lease is lost, nothing is written.
    pub(super) async fn finish_in(
        &self,
        tx: &mut Connection,
        finish: &Finish,
    ) -> Result<bool, Error> {
        let (now, job_id) = (self.now(), finish.lease.job_id);
        let holder = match &finish.ending {
            Ending::Failed(_) => failures::holder(&mut *tx, job_id).await?,
            _ => None,
        };
        let ended = transitions::finish(&mut *tx, finish.lease, &finish.ending, now).await?;
        let Some(attempt) = ended else {
            return Ok(false);
        };
        if let Ending::Failed(failed) = &finish.ending {
            let holder = holder.as_deref();
            failures::record(&mut *tx, job_id, attempt, failed, holder, now).await?;
            failures::dead_letter(&mut *tx, job_id, now).await?;
        }
        evaluations::write(tx, finish).await?;
        Ok(true)
    }
}
