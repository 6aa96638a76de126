//! Which dead letters: a filter as a condition, and a selection in chunks, so that no statement looks at all of them.

use chrono::{DateTime, Utc};
use sqlx::{QueryBuilder, Row as _};
use uuid::Uuid;

use super::{Connection, Driver, push_ids, rows};
use crate::dead_letter::{DeadLetterFilter, State};
use crate::replay::Selection;
use crate::store::{Error, LetterPosition};

/// Letters of one statement.
pub(super) const CHUNK: u32 = 2000;

/// Continues a condition on `dead_letters AS letter`. What has been replayed or discarded at `open_at` or later counts as
/// open: it was at that moment.
pub(super) fn push_filter(
    query: &mut QueryBuilder<Driver>,
    filter: &DeadLetterFilter,
    open_at: Option<DateTime<Utc>>,
) -> Result<(), Error> {
    if let Some(kind) = filter.kind {
        query.push(" AND letter.kind = ").push_bind(kind.as_str());
    }
    if let Some(agent_type) = filter.agent_type {
        query.push(
            " AND EXISTS (SELECT 1 FROM jobs WHERE jobs.id = letter.job_id AND jobs.agent_type = ",
        );
        query.push_bind(rows::text(agent_type)?).push(")");
    }
    if let Some(environment) = &filter.environment {
        query.push(" AND EXISTS (SELECT 1 FROM evaluations WHERE evaluations.job_id = letter.job_id AND evaluations.environment = ");
        query.push_bind(environment.clone()).push(")");
    }
    if let Some((name, value)) = &filter.label {
        query.push(" AND EXISTS (SELECT 1 FROM job_labels WHERE job_labels.job_id = letter.job_id AND job_labels.name = ");
        query.push_bind(name.clone());
        query.push(" AND job_labels.value = ");
        query.push_bind(value.clone()).push(")");
    }
    if let Some(submitter) = &filter.submitter {
        query.push(
            " AND EXISTS (SELECT 1 FROM jobs WHERE jobs.id = letter.job_id AND jobs.subject = ",
        );
        query.push_bind(submitter.clone()).push(")");
    }
    if let Some(reason) = &filter.reason {
        query.push(" AND lower(letter.reason) LIKE ");
        query.push_bind(substring(reason)).push(" ESCAPE '\\'");
    }
    if let Some(moment) = filter.older_than {
        query.push(" AND letter.at < ").push_bind(moment);
    }
    if let Some(moment) = filter.newer_than {
        query.push(" AND letter.at >= ").push_bind(moment);
    }
    if let Some(state) = filter.state {
        query
            .push(" AND (letter.state = ")
            .push_bind(state.as_str());
        if let Some(moment) = open_at.filter(|_| state == State::Open) {
            query.push(" OR letter.state_since >= ").push_bind(moment);
        }
        query.push(")");
    }
    if let Some(fingerprint) = &filter.fingerprint {
        query
            .push(" AND letter.fingerprint = ")
            .push_bind(fingerprint.clone());
    }
    Ok(())
}

/// The pattern of what holds a text, in any case.
fn substring(text: &str) -> String {
    let mut pattern = "%".to_owned();
    for character in text.to_lowercase().chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern + "%"
}

/// Some of the letters of a selection.
#[derive(Debug)]
pub(super) struct Chunk {
    /// Those that belong to it, the oldest first.
    pub(super) ids: Vec<Uuid>,
    /// Where the next chunk begins; none where this was the last.
    pub(super) next: Option<LetterPosition>,
}

/// The next letters of a selection, of those that ended up to a moment.
pub(super) async fn chunk(
    connection: &mut Connection,
    selection: &Selection,
    until: DateTime<Utc>,
    after: Option<LetterPosition>,
    most: u32,
) -> Result<Chunk, Error> {
    let filter = match selection {
        Selection::Ids(ids) => {
            let ids = named(connection, ids).await?;
            return Ok(Chunk { ids, next: None });
        }
        Selection::Filter(filter) => filter,
    };
    let beginning = (
        filter.newer_than.unwrap_or(DateTime::UNIX_EPOCH),
        Uuid::nil(),
    );
    let (at, id) = after.unwrap_or(beginning);
    let mut select = QueryBuilder::new("SELECT letter.id, letter.at, (TRUE");
    push_filter(&mut select, filter, Some(until))?;
    select
        .push(") AS matches FROM (SELECT * FROM dead_letters WHERE (at, id) > (")
        .push_bind(at)
        .push(", ")
        .push_bind(id)
        .push(") AND at <= ")
        .push_bind(filter.older_than.map_or(until, |moment| moment.min(until)))
        .push(" ORDER BY at, id LIMIT ")
        .push_bind(i64::from(most))
        .push(") AS letter ORDER BY letter.at, letter.id");
    let rows = select.build().fetch_all(connection).await?;
    let mut ids = Vec::new();
    for row in &rows {
        if row.try_get("matches")? {
            ids.push(row.try_get("id")?);
        }
    }
    let next = match rows.last() {
        Some(last) if rows.len() == most as usize => {
            Some((last.try_get("at")?, last.try_get("id")?))
        }
        _ => None,
    };
    Ok(Chunk { ids, next })
}

/// Those of these letters that there are.
pub(super) async fn named(connection: &mut Connection, ids: &[Uuid]) -> Result<Vec<Uuid>, Error> {
    let mut select = QueryBuilder::new("SELECT id FROM dead_letters WHERE id ");
    push_ids(&mut select, ids);
    select.push(" ORDER BY at, id");
    let rows = select.build().fetch_all(connection).await?;
    let ids = rows.iter().map(|row| row.try_get("id"));
    Ok(ids.collect::<Result<_, _>>()?)
}
