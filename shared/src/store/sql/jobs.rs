//! Jobs, as clients see them.

use std::collections::HashMap;

use async_trait::async_trait;
use sqlx::types::Json;
use sqlx::{QueryBuilder, Row as _};
use uuid::Uuid;

use super::{Adapter, Connection, Driver, rows};
use crate::job::{EnvironmentResult, Job, Ledger, Status};
use crate::store::{Cancellation, Error, Inserted, JobFilter, Jobs};
use crate::submission::Submission;

/// Records a submission unless its id is known already.
pub(super) async fn insert(
    tx: &mut Connection,
    submission: &Submission,
) -> Result<Inserted, Error> {
    let parameters = &submission.request.parameters;
    let inserted = sqlx::query(
        "INSERT INTO jobs (id, version, subject, request_hash, retry_of, agent_type, priority, parameters, agent_state, status, \
         submitted_at, episodes_total) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'queued', $10, $11) \
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(submission.job_id)
    .bind(i64::from(submission.version))
    .bind(&submission.subject)
    .bind(submission.request_hash.to_string())
    .bind(submission.retry_of)
    .bind(rows::text(parameters.agent_type)?)
    .bind(parameters.priority.as_str())
    .bind(Json(parameters))
    .bind(Json(&submission.request.agent_state))
    .bind(submission.submitted_at)
    .bind(i64::from(parameters.episodes_total()))
    .execute(&mut *tx)
    .await?;
    if inserted.rows_affected() == 0 {
        let row = sqlx::query("SELECT request_hash FROM jobs WHERE id = $1")
            .bind(submission.job_id)
            .fetch_one(&mut *tx)
            .await?;
        let same = rows::request_hash(&row)? == submission.request_hash;
        return Ok(if same {
            Inserted::Known
        } else {
            Inserted::Conflict
        });
    }
    for (position, environment) in (0_i64..).zip(&parameters.environments) {
        sqlx::query("INSERT INTO evaluations (job_id, position, environment) VALUES ($1, $2, $3)")
            .bind(submission.job_id)
            .bind(position)
            .bind(environment)
            .execute(&mut *tx)
            .await?;
    }
    for (name, value) in &parameters.labels {
        sqlx::query("INSERT INTO job_labels (job_id, name, value) VALUES ($1, $2, $3)")
            .bind(submission.job_id)
            .bind(name)
            .bind(value)
            .execute(&mut *tx)
            .await?;
    }
    Ok(Inserted::New)
}

#[async_trait]
impl Jobs for Adapter {
    async fn insert(&self, submissions: &[Submission]) -> Result<Vec<Inserted>, Error> {
        let mut tx = self.write().await?;
        let mut inserted = Vec::with_capacity(submissions.len());
        for submission in submissions {
            inserted.push(insert(&mut tx, submission).await?);
        }
        if inserted.contains(&Inserted::Conflict) {
            tx.rollback().await?;
        } else {
            tx.commit().await?;
        }
        Ok(inserted)
    }

    async fn find(&self, id: Uuid) -> Result<Option<Job>, Error> {
        let mut select = QueryBuilder::new("SELECT ");
        select
            .push(rows::JOB)
            .push(" FROM jobs WHERE id = ")
            .push_bind(id);
        Ok(self.jobs(select).await?.pop())
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
        let row = sqlx::query(concat!(
            "SELECT status FROM jobs WHERE id = $1",
            for_update!()
        ))
        .bind(id)
        .fetch_optional(&mut *tx)
        .await?;
        let cancellation = match row.as_ref().map(rows::status).transpose()? {
            None => None,
            Some(Status::Queued) => {
                sqlx::query(
                    "UPDATE jobs SET status = 'cancelled', finished_at = $2, cancel_requested = TRUE WHERE id = $1",
                )
                .bind(id)
                .bind(self.now())
                .execute(&mut *tx)
                .await?;
                Some(Cancellation::Cancelled)
            }
            Some(Status::Running) => {
                sqlx::query("UPDATE jobs SET cancel_requested = TRUE WHERE id = $1")
                    .bind(id)
                    .execute(&mut *tx)
                    .await?;
                Some(Cancellation::Requested)
            }
            Some(ended) => Some(Cancellation::Ended(ended)),
        };
        tx.commit().await?;
        Ok(cancellation)
    }

    async fn ledger(&self) -> Result<Ledger, Error> {
        let rows = sqlx::query("SELECT count(*) AS jobs, status FROM jobs GROUP BY status")
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
    async fn jobs(&self, mut select: QueryBuilder<Driver>) -> Result<Vec<Job>, Error> {
        let mut reader = self.reader().await?;
        let rows = select.build().fetch_all(&mut *reader).await?;
        let mut jobs: Vec<_> = rows
            .iter()
            .filter_map(|row| rows::readable(rows::job(row)))
            .collect();
        let places: HashMap<_, _> = jobs
            .iter()
            .enumerate()
            .map(|(place, job)| (job.id, place))
            .collect();
        if jobs
            .iter()
            .all(|job| job.attempt == 0 && job.status != Status::Failed)
        {
            return Ok(jobs);
        }
        let mut select = QueryBuilder::new(
            "SELECT job_id, attempt, at, kind, reason FROM job_failures WHERE job_id IN (",
        );
        let mut ids = select.separated(", ");
        for id in places.keys() {
            ids.push_bind(*id);
        }
        select.push(") ORDER BY attempt");
        for row in &select.build().fetch_all(&mut *reader).await? {
            if let Some(&place) = places.get(&row.try_get("job_id")?) {
                jobs[place].failures.push(rows::failure(row)?);
            }
        }
        Ok(jobs)
    }
}

fn listing(filter: &JobFilter) -> Result<QueryBuilder<Driver>, Error> {
    let mut select = QueryBuilder::new("SELECT ");
    select.push(rows::JOB).push(" FROM jobs WHERE TRUE");
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
    Ok(select)
}
