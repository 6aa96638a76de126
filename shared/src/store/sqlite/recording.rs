//! The rows of new jobs: many in one statement for each table.

use std::collections::HashSet;

use sqlx::types::Json;
use sqlx::{QueryBuilder, Row as _};
use uuid::Uuid;

use super::{Connection, Driver, rows};
use crate::store::Error;
use crate::submission::Submission;

/// Rows of one statement. The database bounds the number of its parameters; a job has fourteen.
const ROWS: usize = 1000;

/// Records those whose id is not known yet; their ids.
pub(super) async fn record(
    tx: &mut Connection,
    submissions: &[&Submission],
) -> Result<HashSet<Uuid>, Error> {
    let mut new = HashSet::new();
    for batch in submissions.chunks(ROWS) {
        new.extend(insert_jobs(&mut *tx, batch).await?);
    }
    let recorded = submissions.iter().copied();
    let recorded: Vec<_> = recorded
        .filter(|submission| new.contains(&submission.job_id))
        .collect();
    insert_evaluations(&mut *tx, &recorded).await?;
    insert_labels(tx, &recorded).await?;
    Ok(new)
}

async fn insert_jobs(tx: &mut Connection, batch: &[&Submission]) -> Result<Vec<Uuid>, Error> {
    let agent_types = batch
        .iter()
        .map(|submission| rows::text(submission.request.parameters.agent_type));
    let agent_types: Vec<_> = agent_types.collect::<Result<_, _>>()?;
    let mut insert = QueryBuilder::<Driver>::new(
        "INSERT INTO jobs (id, version, subject, request_hash, retry_of, agent_type, priority, parameters, agent_state, \
         status, submitted_at, dispatched_at, episodes_total, callback_url, lane) ",
    );
    insert.push_values(
        batch.iter().zip(&agent_types),
        |mut row, (submission, agent_type)| {
            let parameters = &submission.request.parameters;
            row.push_bind(submission.job_id)
                .push_bind(i64::from(submission.version))
                .push_bind(submission.subject.clone())
                .push_bind(submission.request_hash.to_string())
                .push_bind(submission.retry_of)
                .push_bind(agent_type.clone())
                .push_bind(parameters.priority.as_str())
                .push_bind(Json(parameters))
                .push_bind(Json(&submission.request.agent_state))
                .push("'queued'")
                .push_bind(submission.submitted_at)
                .push_bind(submission.submitted_at)
                .push_bind(i64::from(parameters.episodes_total()))
                .push_bind(parameters.callback_url.clone())
                .push_bind(i64::from(u8::from(submission.lane)));
        },
    );
    insert.push(" ON CONFLICT (id) DO NOTHING RETURNING id");
    let rows = insert.build().fetch_all(tx).await?;
    Ok(rows
        .iter()
        .map(|row| row.try_get("id"))
        .collect::<Result<_, _>>()?)
}

async fn insert_evaluations(tx: &mut Connection, submissions: &[&Submission]) -> Result<(), Error> {
    let rows = submissions.iter().flat_map(|submission| {
        (0_i64..)
            .zip(&submission.request.parameters.environments)
            .map(|(position, environment)| (submission.job_id, position, environment))
    });
    for batch in rows.collect::<Vec<_>>().chunks(ROWS) {
        let mut insert =
            QueryBuilder::<Driver>::new("INSERT INTO evaluations (job_id, position, environment) ");
        insert.push_values(batch, |mut row, (job_id, position, environment)| {
            row.push_bind(*job_id)
                .push_bind(*position)
                .push_bind((*environment).clone());
        });
        insert.build().execute(&mut *tx).await?;
    }
    Ok(())
}

async fn insert_labels(tx: &mut Connection, submissions: &[&Submission]) -> Result<(), Error> {
    let rows = submissions.iter().flat_map(|submission| {
        let labels = &submission.request.parameters.labels;
        labels.iter().map(|label| (submission.job_id, label))
    });
    for batch in rows.collect::<Vec<_>>().chunks(ROWS) {
        let mut insert =
            QueryBuilder::<Driver>::new("INSERT INTO job_labels (job_id, name, value) ");
        insert.push_values(batch, |mut row, (job_id, (name, value))| {
            row.push_bind(*job_id)
                .push_bind((*name).clone())
                .push_bind((*value).clone());
        });
        insert.build().execute(&mut *tx).await?;
    }
    Ok(())
}
