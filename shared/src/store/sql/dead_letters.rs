//! Dead letters: jobs that failed for good, and messages that the queue gave up on.

use std::slice::from_ref;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::types::Json;
use sqlx::{QueryBuilder, Row as _};
use uuid::Uuid;

use super::{
    Adapter, Connection, Row, candidates, failures, inserts, push_ids, rows, selections,
    transitions,
};
use crate::account::{Action, Actor};
use crate::dead_letter::{self, DeadLetter, DeadLetterFilter, Group, State};
use crate::job::FailureKind;
use crate::queue::DeadMessage;
use crate::replay::Selection;
use crate::request::Parameters;
use crate::store::{
    Candidates, DeadLetters, DeadMessages, DiscardedChunk, Discarding, Error, Failed, Inserted,
    LetterPosition,
};
use crate::submission::Submission;

/// What is listed: all but the bytes, which may be megabytes.
const LISTED: &str = "SELECT letter.id, job_id, at, kind, reason, letter.state, fingerprint, replays, state_since, replayed_as, note, \
     parameters, subject, NULL AS body FROM dead_letters AS letter LEFT JOIN jobs ON jobs.id = job_id WHERE TRUE";

/// Letters of one look at what would be replayed: their policies come with them.
const CANDIDATES: u32 = 250;

/// Groups with their counts, each with one of its letters. All letters are counted; what is said of a group is looked up
/// once.
const GROUPS: &str = "WITH last AS (SELECT fingerprint, max(CASE state WHEN 'replayed' THEN state_since END) AS last_replayed_at FROM dead_letters \
     WHERE fingerprint IS NOT NULL GROUP BY fingerprint), \
     counted AS (SELECT letter.fingerprint, last_replayed_at, min(at) AS first_seen, max(at) AS last_seen, \
     sum(CASE state WHEN 'open' THEN 1 ELSE 0 END) AS open, sum(CASE state WHEN 'replayed' THEN 1 ELSE 0 END) AS replayed, \
     sum(CASE state WHEN 'discarded' THEN 1 ELSE 0 END) AS discarded, \
     sum(CASE WHEN last_replayed_at IS NULL OR at > last_replayed_at THEN 1 ELSE 0 END) AS new_since_replay \
     FROM dead_letters AS letter JOIN last ON last.fingerprint = letter.fingerprint \
     GROUP BY letter.fingerprint, last_replayed_at ORDER BY 5 DESC, 1 LIMIT $1) \
     SELECT counted.*, one.kind, one.reason, parameters FROM counted JOIN dead_letters AS one ON one.id = \
     (SELECT id FROM dead_letters AS any_of WHERE any_of.fingerprint = counted.fingerprint ORDER BY at, id LIMIT 1) \
     LEFT JOIN jobs ON jobs.id = one.job_id ORDER BY open DESC, counted.fingerprint";

/// Charges a queued job for a message that nobody finished with, and lets the dispatcher publish a
/// new one; fails it when its attempts are spent. False: the message is not this job's.
async fn charge(
    tx: &mut Connection,
    submission: &Submission,
    reason: &str,
    max_attempts: u32,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let id = submission.job_id;
    if inserts::insert(&mut *tx, from_ref(submission)).await? == [Inserted::Conflict] {
        return Ok(false);
    }
    // A job without a note of its dispatch was charged for this message already, or has a better
    // one coming.
    let row = sqlx::query(concat!(
        "SELECT attempt FROM jobs WHERE id = $1 AND status = 'queued' AND (dispatched_at IS NOT NULL OR attempt = 0)",
        for_update!()
    ))
    .bind(id)
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else { return Ok(true) };
    // A worker of another version may reject what this one understands: that is nobody's fault.
    let attempt =
        rows::number::<u32>(&row, "attempt")?.saturating_add(u32::from(reason != "rejected"));
    sqlx::query("UPDATE jobs SET attempt = $2, dispatched_at = NULL WHERE id = $1")
        .bind(id)
        .bind(i64::from(attempt))
        .execute(&mut *tx)
        .await?;
    if reason != "rejected" {
        let reason = format!(
            "the queue gave up on its message ({reason}): nobody finished with it, see the workers' logs"
        );
        failures::record(
            &mut *tx,
            id,
            attempt,
            &Failed {
                kind: FailureKind::Undeliverable,
                reason,
            },
            None,
            now,
        )
        .await?;
    }
    if attempt >= max_attempts {
        transitions::fail(tx, id, now).await?;
    }
    Ok(true)
}

/// Keeps a message that is no job's.
async fn keep(
    tx: &mut Connection,
    message: &DeadMessage,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let fingerprint = dead_letter::fingerprint(FailureKind::UnreadableMessage, reason, "", []);
    sqlx::query(
        "INSERT INTO dead_letters (id, at, kind, reason, body, fingerprint) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(message.message_id)
    .bind(now)
    .bind(FailureKind::UnreadableMessage.as_str())
    .bind(rows::storable(reason))
    .bind(&message.body[..])
    .bind(fingerprint)
    .execute(tx)
    .await?;
    Ok(())
}

#[async_trait]
impl DeadMessages for Adapter {
    async fn dead_letter(&self, message: &DeadMessage, max_attempts: u32) -> Result<(), Error> {
        let now = self.now();
        let mut tx = self.write().await?;
        match &message.submission {
            Ok(submission) => {
                if !charge(&mut tx, submission, &message.reason, max_attempts, now).await? {
                    let reason = format!(
                        "the key of job {} was used for another request before",
                        submission.job_id
                    );
                    keep(&mut tx, message, &reason, now).await?;
                }
            }
            Err(reason) => keep(&mut tx, message, reason, now).await?,
        }
        tx.commit().await?;
        Ok(())
    }
}

#[async_trait]
impl DeadLetters for Adapter {
    async fn find(&self, id: Uuid) -> Result<Option<DeadLetter>, Error> {
        let mut select = QueryBuilder::new(candidates::LETTERS);
        select.push(" WHERE letter.id = ").push_bind(id);
        let row = select
            .build()
            .fetch_optional(&mut *self.reader().await?)
            .await?;
        row.as_ref().map(rows::dead_letter).transpose()
    }

    async fn list(
        &self,
        filter: &DeadLetterFilter,
        before: Option<LetterPosition>,
        limit: u32,
    ) -> Result<Vec<DeadLetter>, Error> {
        let mut select = QueryBuilder::new(LISTED);
        selections::push_filter(&mut select, filter, None)?;
        if let Some((at, id)) = before {
            select
                .push(" AND (letter.at, letter.id) < (")
                .push_bind(at)
                .push(", ")
                .push_bind(id)
                .push(")");
        }
        select
            .push(" ORDER BY letter.at DESC, letter.id DESC LIMIT ")
            .push_bind(i64::from(limit));
        let rows = select.build().fetch_all(&mut *self.reader().await?).await?;
        rows.iter().map(rows::dead_letter).collect()
    }

    async fn groups(&self, limit: u32) -> Result<Vec<Group>, Error> {
        let rows = sqlx::query(GROUPS)
            .bind(i64::from(limit))
            .fetch_all(&mut *self.reader().await?)
            .await?;
        let readable = rows.iter().filter_map(|row| rows::readable(group(row)));
        Ok(readable.collect())
    }

    async fn candidates(
        &self,
        selection: &Selection,
        until: DateTime<Utc>,
        after: Option<LetterPosition>,
    ) -> Result<Candidates, Error> {
        let mut reader = self.reader().await?;
        let chunk = selections::chunk(&mut reader, selection, until, after, CANDIDATES).await?;
        let letters = candidates::candidates(&mut reader, &chunk.ids).await?;
        Ok(Candidates {
            letters,
            next: chunk.next,
        })
    }

    async fn discard(
        &self,
        discarding: &Discarding<'_>,
        after: Option<LetterPosition>,
        by: &Actor,
    ) -> Result<DiscardedChunk, Error> {
        let mut tx = self.write().await?;
        let chunk = selections::chunk(
            &mut tx,
            discarding.selection,
            discarding.until,
            after,
            selections::CHUNK,
        )
        .await?;
        candidates::lock(&mut tx, &chunk.ids).await?;
        let (from, to, action) = if discarding.restore {
            (State::Discarded, State::Open, Action::LettersRestored)
        } else {
            (State::Open, State::Discarded, Action::LettersDiscarded)
        };
        let mut update = QueryBuilder::new("UPDATE dead_letters SET state = ");
        update.push_bind(to.as_str()).push(", state_since = ");
        update.push_bind(self.now()).push(", note = ");
        update.push_bind(discarding.note.map(rows::storable));
        update.push(" WHERE state = ").push_bind(from.as_str());
        update.push(" AND id ");
        push_ids(&mut update, &chunk.ids);
        let changed = update.build().execute(&mut *tx).await?.rows_affected();
        if changed > 0 {
            let detail = [
                ("selection", json!(discarding.selection)),
                ("note", json!(discarding.note)),
                ("letters", json!(changed)),
            ];
            self.record(&mut tx, by, action, "dead letters", detail)
                .await?;
        }
        tx.commit().await?;
        Ok(DiscardedChunk {
            changed,
            next: chunk.next,
        })
    }

    async fn known(&self, ids: &[Uuid]) -> Result<Vec<Uuid>, Error> {
        selections::named(&mut *self.reader().await?, ids).await
    }

    async fn oldest_open(&self) -> Result<Option<DateTime<Utc>>, Error> {
        let oldest = "SELECT at FROM dead_letters WHERE state = 'open' ORDER BY at, id LIMIT 1";
        let oldest = sqlx::query_scalar(oldest);
        Ok(oldest.fetch_optional(&mut *self.reader().await?).await?)
    }

    async fn give_fingerprints(&self) -> Result<u64, Error> {
        let mut tx = self.write().await?;
        let without = sqlx::query(concat!(
            "SELECT letter.id, letter.kind, letter.reason, \
             (SELECT parameters FROM jobs WHERE jobs.id = letter.job_id) AS parameters FROM dead_letters AS letter \
             WHERE letter.fingerprint IS NULL ORDER BY letter.id LIMIT $1",
            skip_locked!()
        ))
        .bind(i64::from(selections::CHUNK))
        .fetch_all(&mut *tx)
        .await?;
        for row in &without {
            sqlx::query("UPDATE dead_letters SET fingerprint = $2 WHERE id = $1")
                .bind(row.try_get::<Uuid, _>("id")?)
                .bind(rows::readable(failures::fingerprint(row)).unwrap_or_default())
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(without.len() as u64)
    }
}

/// A group, told by one of its letters.
fn group(row: &Row) -> Result<Group, Error> {
    let parameters = row.try_get::<Option<Json<Parameters>>, _>("parameters")?;
    let parameters = parameters.map(|json| json.0);
    Ok(Group {
        fingerprint: row.try_get("fingerprint")?,
        kind: rows::word(row.try_get("kind")?)?,
        reason: dead_letter::folded(row.try_get("reason")?),
        agent_type: parameters.as_ref().map(|one| one.agent_type),
        environments: parameters.map(|one| one.environments).unwrap_or_default(),
        open: rows::number(row, "open")?,
        replayed: rows::number(row, "replayed")?,
        discarded: rows::number(row, "discarded")?,
        first_seen: row.try_get("first_seen")?,
        last_seen: row.try_get("last_seen")?,
        last_replayed_at: row.try_get("last_replayed_at")?,
        new_since_replay: rows::number(row, "new_since_replay")?,
    })
}
