//! How rows become the model.

use sqlx::types::Json;
use sqlx::{FromRow, Row as _};

use super::Row;
use crate::account::{AuditEntry, Name, ServiceToken, SigningKey, User};
use crate::agent::AgentState;
use crate::artifact::Digest;
use crate::baseline::{Baseline, NewBaseline};
use crate::dead_letter::{Brief, DeadLetter};
use crate::job::{EnvironmentResult, Failure, FailureKind, Job, Progress, Status};
use crate::request::{Parameters, Request};
use crate::store::Error;
use crate::submission::Submission;

/// The columns of [`job`].
pub(super) const JOB: &str = "id, subject, parameters, status, attempt, interruptions, submitted_at, started_at, finished_at, not_before, \
     cancel_requested, episodes_done, episodes_total, verdict, retry_of";

/// The columns of [`submission`].
pub(super) const SUBMISSION: &str =
    "id, version, subject, request_hash, submitted_at, retry_of, lane, parameters, agent_state";

/// Passes over a row that cannot be read, so that it stands in nobody else's way, and says so in
/// the log.
pub(super) fn readable<T>(row: Result<T, Error>) -> Option<T> {
    row.inspect_err(|error| tracing::error!(%error, "passing over a row"))
        .ok()
}

/// A job, without its failures.
pub(super) fn job(row: &Row) -> Result<Job, Error> {
    let verdict: Option<String> = row.try_get("verdict")?;
    Ok(Job {
        id: row.try_get("id")?,
        subject: row.try_get("subject")?,
        parameters: row.try_get::<Json<Parameters>, _>("parameters")?.0,
        status: status(row)?,
        attempt: number(row, "attempt")?,
        interruptions: number(row, "interruptions")?,
        submitted_at: row.try_get("submitted_at")?,
        started_at: row.try_get("started_at")?,
        finished_at: row.try_get("finished_at")?,
        not_before: row.try_get("not_before")?,
        cancel_requested: row.try_get("cancel_requested")?,
        progress: Progress {
            episodes_done: number(row, "episodes_done")?,
            episodes_total: number(row, "episodes_total")?,
        },
        verdict: verdict.as_deref().map(word).transpose()?,
        retry_of: row.try_get("retry_of")?,
        failures: Vec::new(),
    })
}

pub(super) fn submission(row: &Row) -> Result<Submission, Error> {
    Ok(Submission {
        version: number(row, "version")?,
        job_id: row.try_get("id")?,
        subject: row.try_get("subject")?,
        request_hash: request_hash(row)?,
        submitted_at: row.try_get("submitted_at")?,
        retry_of: row.try_get("retry_of")?,
        lane: number::<u8>(row, "lane")?.into(),
        request: Request {
            agent_state: row.try_get::<Json<AgentState>, _>("agent_state")?.0,
            parameters: row.try_get::<Json<Parameters>, _>("parameters")?.0,
        },
    })
}

pub(super) fn status(row: &Row) -> Result<Status, Error> {
    row.try_get::<String, _>("status")?
        .parse()
        .map_err(Error::Corrupt)
}

pub(super) fn request_hash(row: &Row) -> Result<Digest, Error> {
    let text: String = row.try_get("request_hash")?;
    text.parse()
        .map_err(|error| Error::Corrupt(format!("request_hash: {error}")))
}

pub(super) fn failure(row: &Row) -> Result<Failure, Error> {
    Ok(Failure {
        attempt: number(row, "attempt")?,
        at: row.try_get("at")?,
        kind: word::<FailureKind>(row.try_get("kind")?)?,
        reason: row.try_get("reason")?,
        worker: row.try_get("worker")?,
    })
}

/// One finished environment with its place in the request.
pub(super) fn evaluation(row: &Row) -> Result<(usize, EnvironmentResult), Error> {
    let mut result = row.try_get::<Json<EnvironmentResult>, _>("result")?.0;
    result.baseline_id = row.try_get("baseline_id")?;
    result.regression = row
        .try_get::<Option<Json<_>>, _>("regression")?
        .map(|json| json.0);
    Ok((number::<usize>(row, "position")?, result))
}

/// A dead letter beside the request of its job, where it has one.
pub(super) fn dead_letter(row: &Row) -> Result<DeadLetter, Error> {
    let parameters: Option<Json<Parameters>> = row.try_get("parameters")?;
    let subject: Option<String> = row.try_get("subject")?;
    Ok(DeadLetter {
        id: row.try_get("id")?,
        job_id: row.try_get("job_id")?,
        at: row.try_get("at")?,
        kind: word(row.try_get("kind")?)?,
        reason: row.try_get("reason")?,
        state: word(row.try_get("state")?)?,
        fingerprint: row.try_get("fingerprint")?,
        replays: number(row, "replays")?,
        state_since: row.try_get("state_since")?,
        replayed_as: row.try_get("replayed_as")?,
        note: row.try_get("note")?,
        request: parameters
            .zip(subject)
            .map(|(Json(parameters), subject)| Brief::of(parameters, subject)),
        body: row.try_get("body")?,
    })
}

pub(super) fn baseline(row: &Row) -> Result<Baseline, Error> {
    Ok(Baseline {
        id: row.try_get("id")?,
        version: number(row, "version")?,
        rank: number(row, "rank")?,
        created_at: row.try_get("created_at")?,
        content: NewBaseline {
            agent_type: word(row.try_get("agent_type")?)?,
            environment: row.try_get("environment")?,
            statistics: row.try_get::<Json<_>, _>("statistics")?.0,
            hyperparameters: row.try_get::<Json<_>, _>("hyperparameters")?.0,
            source_job: row.try_get("source_job")?,
        },
    })
}

pub(super) fn user(row: &Row) -> Result<User, Error> {
    Ok(User {
        id: row.try_get("id")?,
        name: name(row)?,
        role: word(row.try_get("role")?)?,
        created_at: row.try_get("created_at")?,
        disabled_at: row.try_get("disabled_at")?,
    })
}

pub(super) fn service_token(row: &Row) -> Result<ServiceToken, Error> {
    let limit: Option<i64> = row.try_get("requests_per_minute")?;
    Ok(ServiceToken {
        id: row.try_get("id")?,
        name: name(row)?,
        role: word(row.try_get("role")?)?,
        requests_per_minute: limit
            .map(|_| number(row, "requests_per_minute"))
            .transpose()?,
        created_at: row.try_get("created_at")?,
        created_by: row.try_get("created_by")?,
        expires_at: row.try_get("expires_at")?,
        last_used_at: row.try_get("last_used_at")?,
        revoked_at: row.try_get("revoked_at")?,
    })
}

pub(super) fn signing_key(row: &Row) -> Result<SigningKey, Error> {
    Ok(SigningKey {
        id: row.try_get("id")?,
        created_at: row.try_get("created_at")?,
        expires_at: row.try_get("expires_at")?,
    })
}

pub(super) fn audit_entry(row: &Row) -> Result<AuditEntry, Error> {
    Ok(AuditEntry {
        id: row.try_get("id")?,
        at: row.try_get("at")?,
        actor: row.try_get("actor")?,
        address: row.try_get("address")?,
        action: word(row.try_get("action")?)?,
        target: row.try_get("target")?,
        detail: row.try_get::<Json<_>, _>("detail")?.0,
    })
}

fn name(row: &Row) -> Result<Name, Error> {
    let text: String = row.try_get("name")?;
    text.parse()
        .map_err(|error| Error::Corrupt(format!("name: {error}")))
}

/// A count, which every database keeps as a signed 64-bit integer.
pub(super) fn number<T: TryFrom<i64>>(row: &Row, column: &str) -> Result<T, Error> {
    let number: i64 = row.try_get(column)?;
    T::try_from(number).map_err(|_| Error::Corrupt(format!("{column} is {number}")))
}

/// A text as every database can keep it: reasons may quote files, and NUL is the one character that
/// PostgreSQL refuses.
pub(super) fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Counts the rows of a statement that gives one column.
pub(super) fn count(row: &Row) -> Result<u64, Error> {
    let (count,) = <(i64,)>::from_row(row)?;
    u64::try_from(count).map_err(|error| Error::Corrupt(error.to_string()))
}

/// The text of a unit variant, as serde names it.
pub(super) fn text<T: serde::Serialize>(value: T) -> Result<String, Error> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => Ok(text),
        other => Err(Error::Corrupt(format!("not a word: {other:?}"))),
    }
}

pub(super) fn word<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_json::from_value(serde_json::Value::from(text))
        .map_err(|error| Error::Corrupt(error.to_string()))
}
