//! The rows of new jobs: all of them, for all tables, in one statement.

use std::collections::{HashMap, HashSet};

use sqlx::Row as _;
use uuid::Uuid;

use super::{Connection, Postgres, Row, Statement, column, document, inserts, rows};
use crate::store::{Error, Inserted};
use crate::submission::Submission;

const RECORD: &str = "WITH new AS (INSERT INTO jobs (id, version, subject, request_hash, retry_of, agent_type, priority, \
     parameters, agent_state, status, submitted_at, dispatched_at, episodes_total, callback_url, lane) \
     SELECT id, version, subject, request_hash, retry_of, agent_type, priority, parameters::json, agent_state::json, \
     'queued', submitted_at, submitted_at, episodes_total, callback_url, lane FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::uuid[], \
     $6::text[], $7::text[], $8::text[], $9::text[], $10::timestamptz[], $11::bigint[], $12::text[], $19::bigint[]) AS submission \
     (id, version, subject, request_hash, retry_of, agent_type, priority, parameters, agent_state, submitted_at, \
     episodes_total, callback_url, lane) ON CONFLICT (id) DO NOTHING RETURNING id), \
     named AS (INSERT INTO evaluations (job_id, position, environment) SELECT job_id, position, environment \
     FROM unnest($13::uuid[], $14::bigint[], $15::text[]) AS evaluation (job_id, position, environment) \
     JOIN new ON new.id = job_id), \
     labelled AS (INSERT INTO job_labels (job_id, name, value) SELECT job_id, name, value \
     FROM unnest($16::uuid[], $17::text[], $18::text[]) AS label (job_id, name, value) JOIN new ON new.id = job_id) \
     SELECT id FROM new";

impl Postgres {
    /// Records submissions, each for itself.
    pub(super) async fn insert_batch(&self, batch: &[Submission]) -> Result<Vec<Inserted>, Error> {
        let distinct = inserts::distinct(batch);
        let new = ids(&self.carry_out(statement(&distinct)?).await?)?;
        let known = inserts::known(&distinct, &new);
        let hashes = if known.is_empty() {
            HashMap::new()
        } else {
            inserts::request_hashes(&mut *self.cluster.writer().await?, &known).await?
        };
        Ok(inserts::outcomes(batch, new, &hashes))
    }
}

/// Records those whose id is not known yet; their ids.
pub(super) async fn record(
    tx: &mut Connection,
    submissions: &[&Submission],
) -> Result<HashSet<Uuid>, Error> {
    ids(&statement(submissions)?.fetch_all(tx).await?)
}

fn ids(rows: &[Row]) -> Result<HashSet<Uuid>, Error> {
    let ids = rows.iter().map(|row| row.try_get("id"));
    Ok(ids.collect::<Result<_, _>>()?)
}

fn statement(submissions: &[&Submission]) -> Result<Statement<'static>, Error> {
    let parameters = || submissions.iter().map(|one| &one.request.parameters);
    let agent_types = parameters().map(|parameters| rows::text(parameters.agent_type));
    let priorities = parameters().map(|parameters| parameters.priority.as_str());
    let episodes = parameters().map(|parameters| i64::from(parameters.episodes_total()));
    let callbacks = parameters().map(|parameters| parameters.callback_url.clone());
    let agents = submissions.iter().map(|one| &one.request.agent_state);
    let evaluations: Vec<_> = submissions
        .iter()
        .flat_map(|one| {
            let environments = (0_i64..).zip(&one.request.parameters.environments);
            environments.map(|(position, name)| (one.job_id, position, name.clone()))
        })
        .collect();
    let labels: Vec<_> = submissions
        .iter()
        .flat_map(|one| {
            let labels = one.request.parameters.labels.iter();
            labels.map(|(name, value)| (one.job_id, name.clone(), value.clone()))
        })
        .collect();
    Ok(sqlx::query(RECORD)
        .bind(column(submissions, |one| one.job_id))
        .bind(column(submissions, |one| i64::from(one.version)))
        .bind(column(submissions, |one| one.subject.clone()))
        .bind(column(submissions, |one| one.request_hash.to_string()))
        .bind(column(submissions, |one| one.retry_of))
        .bind(agent_types.collect::<Result<Vec<_>, _>>()?)
        .bind(priorities.collect::<Vec<_>>())
        .bind(parameters().map(document).collect::<Result<Vec<_>, _>>()?)
        .bind(agents.map(document).collect::<Result<Vec<_>, _>>()?)
        .bind(column(submissions, |one| one.submitted_at))
        .bind(episodes.collect::<Vec<_>>())
        .bind(callbacks.collect::<Vec<_>>())
        .bind(column(&evaluations, |(job_id, _, _)| *job_id))
        .bind(column(&evaluations, |(_, position, _)| *position))
        .bind(column(&evaluations, |(_, _, name)| name.clone()))
        .bind(column(&labels, |(job_id, _, _)| *job_id))
        .bind(column(&labels, |(_, name, _)| name.clone()))
        .bind(column(&labels, |(_, _, value)| value.clone()))
        .bind(column(submissions, |one| i64::from(u8::from(one.lane)))))
}
