//! Many jobs taken back at once. Whoever is met is met no more, so that nobody has to remember how
//! far a cancellation has come.

use async_trait::async_trait;
use serde_json::{Value, json};
use sqlx::{QueryBuilder, Row as _};
use uuid::Uuid;

use super::jobs::push_filter;
use super::{Adapter, Connection, Driver, push_ids, rows, transitions};
use crate::account::{Action, Actor};
use crate::job::{Job, Status};
use crate::store::{Cancellations, Cancelled, Error, JobFilter};

/// Continues a statement on jobs with those that a cancellation meets.
fn push_met(query: &mut QueryBuilder<Driver>, filter: &JobFilter) -> Result<(), Error> {
    query.push(
        " FROM jobs WHERE (status = 'queued' OR (status = 'running' AND NOT cancel_requested))",
    );
    push_filter(query, filter)
}

#[async_trait]
impl Cancellations for Adapter {
    async fn would_cancel(&self, filter: &JobFilter, limit: u32) -> Result<u64, Error> {
        let mut select = QueryBuilder::new("SELECT count(*) FROM (SELECT 1 AS one");
        push_met(&mut select, filter)?;
        select
            .push(" LIMIT ")
            .push_bind(i64::from(limit))
            .push(") AS met");
        let row = select.build().fetch_one(&mut *self.reader().await?).await?;
        rows::count(&row)
    }

    async fn some_of_them(&self, filter: &JobFilter, limit: u32) -> Result<Vec<Job>, Error> {
        let mut select = QueryBuilder::new("SELECT ");
        select.push(rows::JOB);
        push_met(&mut select, filter)?;
        select.push(" LIMIT ").push_bind(i64::from(limit));
        self.jobs(select).await
    }

    async fn cancel_some(
        &self,
        filter: &JobFilter,
        limit: u32,
        by: &Actor,
    ) -> Result<Cancelled, Error> {
        let now = self.now();
        let mut tx = self.write().await?;
        let (mut queued, mut running) = (Vec::new(), Vec::new());
        // What is met may end while its row is waited for; others may be left then.
        while queued.is_empty() && running.is_empty() {
            let met = met(&mut tx, filter, limit).await?;
            if met.is_empty() {
                tx.rollback().await?;
                return Ok(Cancelled::default());
            }
            let mut lock = QueryBuilder::new("SELECT id, status FROM jobs WHERE id ");
            push_ids(&mut lock, &met);
            lock.push(concat!(" ORDER BY id", for_update!()));
            for row in &lock.build().fetch_all(&mut *tx).await? {
                match rows::status(row)? {
                    Status::Queued => queued.push(row.try_get("id")?),
                    Status::Running => running.push(row.try_get("id")?),
                    Status::Completed | Status::Failed | Status::Cancelled => {}
                }
            }
        }
        transitions::cancel_all(&mut tx, &queued, now).await?;
        transitions::ask_to_end(&mut tx, &running).await?;
        let done = Cancelled {
            cancelled: queued.len() as u64,
            requested: running.len() as u64,
        };
        let detail = [
            ("cancelled", json!(done.cancelled)),
            ("requested", json!(done.requested)),
            ("filter", described(filter)),
        ];
        self.record(&mut tx, by, Action::JobsCancelled, "jobs", detail)
            .await?;
        tx.commit().await?;
        Ok(done)
    }
}

/// Some of them, not locked.
async fn met(tx: &mut Connection, filter: &JobFilter, limit: u32) -> Result<Vec<Uuid>, Error> {
    let mut select = QueryBuilder::new("SELECT id");
    push_met(&mut select, filter)?;
    select.push(" LIMIT ").push_bind(i64::from(limit));
    let met = select.build().fetch_all(tx).await?;
    let met = met.iter().map(|row| row.try_get("id"));
    Ok(met.collect::<Result<_, _>>()?)
}

/// The filter, for the audit log.
fn described(filter: &JobFilter) -> Value {
    let label = filter.label.as_ref();
    json!({
        "status": filter.status,
        "agent_type": filter.agent_type,
        "environment": filter.environment,
        "label": label.map(|(name, value)| format!("{name}:{value}")),
        "submitter": filter.submitter,
        "priority": filter.priority,
        "submitted_before": filter.submitted_before,
    })
}
