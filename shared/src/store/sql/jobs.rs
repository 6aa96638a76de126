//! Jobs, as clients see them.

use std::collections::HashMap;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use sqlx::{QueryBuilder, Row as _};
use uuid::Uuid;

use super::{Adapter, Driver, inserts, rows, transitions};
use crate::job::{EnvironmentResult, Job, Ledger, Status};
use crate::store::halving::by_halves;
use crate::store::{Cancellation, Error, Inserted, JobFilter, Jobs};
use crate::submission::Submission;

/// A statement has a bounded number of parameters; how many, differs among databases.
const IDS_PER_STATEMENT: usize = 512;

#[async_trait]
impl Jobs for Adapter {
    async fn insert(&self, submissions: &[Submission]) -> Result<Vec<Inserted>, Error> {
        let mut tx = self.write().await?;
        let inserted = inserts::insert(&mut tx, submissions).await?;
        if inserted.contains(&Inserted::Conflict) {
            tx.rollback().await?;
        } else {
            tx.commit().await?;
        }
        Ok(inserted)
    }

    async fn insert_all(
        &self,
        submissions: &[Submission],
    ) -> Result<Vec<Result<Inserted, Error>>, Error> {
        by_halves(submissions, |batch| self.insert_batch(batch).boxed()).await
    }

    async fn find(&self, id: Uuid) -> Result<Option<Job>, Error> {
        let mut select = QueryBuilder::new("SELECT ");
        select
            .push(rows::JOB)
            .push(" FROM jobs WHERE id = ")
            .push_bind(id);
        Ok(self.jobs(select).await?.pop())
    }

    async fn find_many(&self, ids: &[Uuid]) -> Result<Vec<Job>, Error> {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let mut found = Vec::with_capacity(ids.len());
        for ids in ids.chunks(IDS_PER_STATEMENT) {
            let mut select = QueryBuilder::new("SELECT ");
            select.push(rows::JOB).push(" FROM jobs WHERE id IN (");
            let mut values = select.separated(", ");
            // Filled up to a power of two with an id that is there already: of statements that
            // differ only in how many they ask for, a connection would have to prepare each.
            let filling = ids.len().next_power_of_two() - ids.len();
            for id in ids.iter().chain(std::iter::repeat_n(&ids[0], filling)) {
                values.push_bind(*id);
            }
            select.push(")");
            found.extend(self.jobs(select).await?);
        }
        Ok(found)
    }

    async fn submission(&self, id: Uuid) -> Result<Option<Submission>, Error> {
        let mut select = QueryBuilder::new("SELECT ");
        select
            .push(rows::SUBMISSION)
            .push(" FROM jobs WHERE id = ")
            .push_bind(id);
        select
            .build()
            .fetch_optional(&mut *self.reader().await?)
            .await?
            .as_ref()
            .map(rows::submission)
            .transpose()
    }

    async fn results(&self, id: Uuid) -> Result<Vec<EnvironmentResult>, Error> {
        let rows = sqlx::query(
            "SELECT position, result, baseline_id, regression FROM evaluations \
             WHERE job_id = $1 AND result IS NOT NULL ORDER BY position",
        )
        .bind(id)
        .fetch_all(&mut *self.reader().await?)
        .await?;
        rows.iter()
            .map(|row| rows::evaluation(row).map(|(_, result)| result))
            .collect()
    }

    async fn list(&self, filter: &JobFilter, limit: u32) -> Result<Vec<Job>, Error> {
        let mut select = listing(filter)?;
        select
            .push(" ORDER BY submitted_at DESC, id DESC LIMIT ")
            .push_bind(i64::from(limit));
        self.jobs(select).await
    }

    async fn cancel(&self, id: Uuid) -> Result<Option<Cancellation>, Error> {
        let mut tx = self.write().await?;
        let cancellation = transitions::request_cancellation(&mut tx, id, self.now()).await?;
        tx.commit().await?;
        Ok(cancellation)
    }

    async fn ledger(&self) -> Result<Ledger, Error> {
        let rows = sqlx::query(
            "SELECT CAST(sum(jobs) AS BIGINT) AS jobs, status FROM job_counts GROUP BY status",
        )
        .fetch_all(&mut *self.reader().await?)
        .await?;
        let mut ledger = Ledger::default();
        for row in &rows {
            ledger.add(rows::status(row)?, rows::count(row)?);
        }
        Ok(ledger)
    }
}

impl Adapter {
    /// The jobs of a statement that selects [`rows::JOB`], with their failures.
    pub(super) async fn jobs(&self, mut select: QueryBuilder<Driver>) -> Result<Vec<Job>, Error> {
        let mut reader = self.reader().await?;
        let rows = select.build().fetch_all(&mut *reader).await?;
        let mut jobs: Vec<_> = rows
            .iter()
            .filter_map(|row| rows::readable(rows::job(row)))
            .collect();
        let positions: HashMap<_, _> = jobs
            .iter()
            .enumerate()
            .map(|(position, job)| (job.id, position))
            .collect();
        if jobs
            .iter()
            .all(|job| job.attempt == 0 && job.status != Status::Failed)
        {
            return Ok(jobs);
        }
        let mut select = QueryBuilder::new(
            "SELECT job_id, attempt, at, kind, reason, worker FROM job_failures WHERE job_id IN (",
        );
        let mut ids = select.separated(", ");
        for id in positions.keys() {
            ids.push_bind(*id);
        }
        select.push(") ORDER BY attempt");
        for row in &select.build().fetch_all(&mut *reader).await? {
            if let Some(&position) = positions.get(&row.try_get("job_id")?) {
                jobs[position].failures.push(rows::failure(row)?);
            }
        }
        Ok(jobs)
    }
}

fn listing(filter: &JobFilter) -> Result<QueryBuilder<Driver>, Error> {
    let mut select = QueryBuilder::new("SELECT ");
    select.push(rows::JOB).push(" FROM jobs WHERE TRUE");
    push_filter(&mut select, filter)?;
    Ok(select)
}

/// Continues a condition on jobs.
pub(super) fn push_filter(
    select: &mut QueryBuilder<Driver>,
    filter: &JobFilter,
) -> Result<(), Error> {
    if let Some(status) = filter.status {
        select.push(" AND status = ").push_bind(status.as_str());
    }
    if let Some(agent_type) = filter.agent_type {
        select
            .push(" AND agent_type = ")
            .push_bind(rows::text(agent_type)?);
    }
    if let Some(environment) = &filter.environment {
        select.push(" AND id IN (SELECT job_id FROM evaluations WHERE environment = ");
        select.push_bind(environment.clone()).push(")");
    }
    if let Some((name, value)) = &filter.label {
        select
            .push(" AND id IN (SELECT job_id FROM job_labels WHERE name = ")
            .push_bind(name.clone());
        select
            .push(" AND value = ")
            .push_bind(value.clone())
            .push(")");
    }
    if let Some((submitted_at, id)) = filter.before {
        select
            .push(" AND (submitted_at, id) < (")
            .push_bind(submitted_at);
        select.push(", ").push_bind(id).push(")");
    }
    if let Some(submitter) = &filter.submitter {
        select
            .push(" AND subject = ")
            .push_bind(rows::storable(submitter));
    }
    if let Some(priority) = filter.priority {
        select.push(" AND priority = ").push_bind(priority.as_str());
    }
    if let Some(moment) = filter.submitted_before {
        select.push(" AND submitted_at < ").push_bind(moment);
    }
    Ok(())
}
