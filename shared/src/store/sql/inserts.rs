//! Recording submissions, many in one statement.

use std::collections::{HashMap, HashSet};

use sqlx::types::Json;
use sqlx::{QueryBuilder, Row as _};
use uuid::Uuid;

use super::{Connection, Driver, push_ids, rows};
use crate::artifact::Digest;
use crate::store::{Error, Inserted};
use crate::submission::Submission;

/// Rows of one statement. Databases bound the number of its parameters; a job has twelve.
const ROWS: usize = 1000;

/// Records each submission unless its id is known already. One that is known with another request
/// changes nothing.
pub(super) async fn insert(
    tx: &mut Connection,
    submissions: &[Submission],
) -> Result<Vec<Inserted>, Error> {
    // All who insert several jobs do so in the order of their ids, so that two who insert the same
    // ones wait for each other and never in a circle.
    let mut sorted: Vec<_> = submissions.iter().collect();
    sorted.sort_by_key(|submission| submission.job_id);
    let mut new = HashSet::new();
    for batch in sorted.chunks(ROWS) {
        new.extend(insert_jobs(&mut *tx, batch).await?);
    }
    // Of several with the same id the first one is recorded.
    sorted.dedup_by_key(|submission| submission.job_id);
    let (recorded, known): (Vec<_>, Vec<_>) = sorted
        .into_iter()
        .partition(|submission| new.contains(&submission.job_id));
    insert_evaluations(&mut *tx, &recorded).await?;
    insert_labels(&mut *tx, &recorded).await?;
    let mut hashes = request_hashes(tx, &known).await?;
    hashes.extend(
        recorded
            .iter()
            .map(|submission| (submission.job_id, submission.request_hash)),
    );
    let inserted = |submission: &Submission| {
        if new.remove(&submission.job_id) {
            Inserted::New
        } else if hashes.get(&submission.job_id) == Some(&submission.request_hash) {
            Inserted::Known
        } else {
            Inserted::Conflict
        }
    };
    Ok(submissions.iter().map(inserted).collect())
}

/// The ids of those that were not known.
async fn insert_jobs(tx: &mut Connection, batch: &[&Submission]) -> Result<Vec<Uuid>, Error> {
    let agent_types = batch
        .iter()
        .map(|submission| rows::text(submission.request.parameters.agent_type));
    let agent_types: Vec<_> = agent_types.collect::<Result<_, _>>()?;
    let mut insert = QueryBuilder::<Driver>::new(
        "INSERT INTO jobs (id, version, subject, request_hash, retry_of, agent_type, priority, parameters, agent_state, \
         status, submitted_at, episodes_total) ",
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
                .push_bind(i64::from(parameters.episodes_total()));
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

async fn request_hashes(
    tx: &mut Connection,
    known: &[&Submission],
) -> Result<HashMap<Uuid, Digest>, Error> {
    let mut hashes = HashMap::with_capacity(known.len());
    for batch in known.chunks(ROWS) {
        let ids: Vec<_> = batch.iter().map(|submission| submission.job_id).collect();
        let mut select = QueryBuilder::new("SELECT id, request_hash FROM jobs WHERE id ");
        push_ids(&mut select, &ids);
        for row in &select.build().fetch_all(&mut *tx).await? {
            hashes.insert(row.try_get("id")?, rows::request_hash(row)?);
        }
    }
    Ok(hashes)
}
