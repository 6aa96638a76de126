//! Replays of dead letters, as those who order them see them.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use sqlx::types::Json;
use sqlx::{QueryBuilder, Row as _};
use uuid::Uuid;

use super::{Adapter, Connection, Row, rows, selections};
use crate::account::{Action, Actor};
use crate::artifact::Digest;
use crate::replay::pace::Pace;
use crate::replay::{Item, NewReplay, Outcome, Refusal, Replay, ReplayState};
use crate::store::{Begun, Error, ReplayChange, ReplayChanged, Replays, Step};

/// Which replays wait for a step at moment $1.
macro_rules! waits_for_a_step {
    () => {
        "WHERE next_at <= $1 AND (state IN ('selecting', 'running') OR queued > 0)"
    };
}

/// How long a replay waits whose step the store could not take.
const SETBACK: TimeDelta = TimeDelta::seconds(5);

/// The row of a replay.
#[derive(Debug, Clone)]
pub(super) struct ReplayRow {
    pub(super) replay: Replay,
    pub(super) pace: Pace,
    pub(super) after: Option<(DateTime<Utc>, Uuid)>,
}

impl ReplayRow {
    pub(super) fn of(row: &Row) -> Result<Self, Error> {
        let pace = row.try_get::<Json<Pace>, _>("pace")?.0;
        let mut counts = crate::replay::Counts {
            total: rows::number(row, "total")?,
            queued: rows::number(row, "queued")?,
            succeeded: rows::number(row, "succeeded")?,
            failed: rows::number(row, "failed")?,
            refused: rows::number(row, "refused")?,
            remaining: 0,
        };
        let gone = counts.queued + counts.succeeded + counts.failed + counts.refused;
        counts.remaining = counts.total.saturating_sub(gone);
        let position = (row.try_get("selected_at")?, row.try_get("selected_id")?);
        let replay = Replay {
            id: row.try_get("id")?,
            created_at: row.try_get("created_at")?,
            created_by: row.try_get("created_by")?,
            selection: row.try_get::<Json<_>, _>("selection")?.0,
            plan: row.try_get::<Json<_>, _>("plan")?.0,
            note: row.try_get("note")?,
            state: state(row)?,
            reason: row.try_get("reason")?,
            selected: row.try_get("selected")?,
            counts,
            refusals: row.try_get::<Json<_>, _>("refusals")?.0,
            wave: pace.wave,
            ended_at: row.try_get("ended_at")?,
        };
        let after = match position {
            (Some(at), Some(id)) => Some((at, id)),
            _ => None,
        };
        Ok(Self {
            replay,
            pace,
            after,
        })
    }

    /// Writes what changes about a replay.
    pub(super) async fn save(
        &self,
        tx: &mut Connection,
        next_at: DateTime<Utc>,
    ) -> Result<(), Error> {
        let Self {
            replay,
            pace,
            after,
        } = self;
        let number = |count| i64::try_from(count).unwrap_or(i64::MAX);
        sqlx::query(
            "UPDATE replays SET plan = $2, note = $3, state = $4, reason = $5, selected = $6, selected_at = $7, \
             selected_id = $8, total = $9, queued = $10, succeeded = $11, failed = $12, refused = $13, \
             refusals = $14, pace = $15, next_at = $16, ended_at = $17 WHERE id = $1",
        )
        .bind(replay.id)
        .bind(Json(&replay.plan))
        .bind(replay.note.as_deref().map(rows::storable))
        .bind(replay.state.as_str())
        .bind(replay.reason.as_deref().map(rows::storable))
        .bind(replay.selected)
        .bind(after.map(|(at, _)| at))
        .bind(after.map(|(_, id)| id))
        .bind(number(replay.counts.total))
        .bind(number(replay.counts.queued))
        .bind(number(replay.counts.succeeded))
        .bind(number(replay.counts.failed))
        .bind(number(replay.counts.refused))
        .bind(Json(&replay.refusals))
        .bind(Json(pace))
        .bind(next_at)
        .bind(replay.ended_at)
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Makes a change. False: a replay in this state cannot be changed like that.
    fn change(&mut self, change: &ReplayChange, now: DateTime<Utc>) -> bool {
        let replay = &mut self.replay;
        match (change, replay.state) {
            (ReplayChange::Cancel, ReplayState::Cancelled)
            | (ReplayChange::Pause { .. }, ReplayState::Paused)
            | (ReplayChange::Resume, ReplayState::Running | ReplayState::Selecting) => {}
            (_, state) if state.is_terminal() => return false,
            (ReplayChange::Pause { reason }, ReplayState::Running | ReplayState::Selecting) => {
                replay.state = ReplayState::Paused;
                replay.reason.clone_from(reason);
            }
            (ReplayChange::Pause { .. }, _) => return false,
            (ReplayChange::Resume, state) => {
                if state == ReplayState::Stopped {
                    self.pace.resume(&replay.counts, now);
                }
                replay.state = if replay.selected {
                    ReplayState::Running
                } else {
                    ReplayState::Selecting
                };
                replay.reason = None;
            }
            (ReplayChange::Cancel, _) => {
                replay.state = ReplayState::Cancelled;
                replay.ended_at = Some(now);
            }
            (
                ReplayChange::Adjust {
                    rate_per_second,
                    note,
                },
                _,
            ) => {
                if let Some(rate) = rate_per_second {
                    replay.plan.rate_per_second = *rate;
                }
                if note.is_some() {
                    replay.note.clone_from(note);
                }
            }
        }
        true
    }
}

fn state(row: &Row) -> Result<ReplayState, Error> {
    row.try_get::<String, _>("state")?
        .parse()
        .map_err(Error::Corrupt)
}

fn item(row: &Row) -> Result<Item, Error> {
    let word = |column| row.try_get::<Option<String>, _>(column);
    let outcome = row.try_get::<String, _>("outcome")?.parse();
    let refusal = word("refusal")?.map(|text| text.parse::<Refusal>());
    Ok(Item {
        position: rows::number(row, "position")?,
        letter_id: row.try_get("letter_id")?,
        outcome: outcome.map_err(Error::Corrupt)?,
        refusal: refusal.transpose().map_err(Error::Corrupt)?,
        detail: word("detail")?,
        job_id: row.try_get("job_id")?,
    })
}

#[async_trait]
impl Replays for Adapter {
    async fn begin(&self, new: &NewReplay, by: &Actor) -> Result<Begun, Error> {
        let now = self.now();
        let mut tx = self.write().await?;
        let inserted = sqlx::query(
            "INSERT INTO replays (id, request_hash, created_at, created_by, selection, plan, note, state, selected, \
             total, refusals, pace, next_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 'selecting', FALSE, 0, $8, $9, $3) \
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(new.id)
        .bind(new.request_hash.to_string())
        .bind(now)
        .bind(rows::storable(&by.name))
        .bind(Json(&new.selection))
        .bind(Json(&new.plan))
        .bind(new.note.as_deref().map(rows::storable))
        .bind(Json(json!({})))
        .bind(Json(Pace::new(&new.plan, now)))
        .execute(&mut *tx)
        .await?;
        let row = sqlx::query("SELECT * FROM replays WHERE id = $1")
            .bind(new.id)
            .fetch_one(&mut *tx)
            .await?;
        let replay = ReplayRow::of(&row)?.replay;
        if inserted.rows_affected() == 0 {
            tx.rollback().await?;
            let hash: Digest = rows::request_hash(&row)?;
            return Ok(if hash == new.request_hash {
                Begun::Known(replay)
            } else {
                Begun::Conflict
            });
        }
        let detail = [
            ("selection", json!(new.selection)),
            ("plan", json!(new.plan.shown())),
            ("note", json!(new.note)),
        ];
        let target = new.id.to_string();
        self.record(&mut tx, by, Action::ReplayBegun, &target, detail)
            .await?;
        tx.commit().await?;
        Ok(Begun::New(replay))
    }

    async fn find(&self, id: Uuid) -> Result<Option<Replay>, Error> {
        let row = sqlx::query("SELECT * FROM replays WHERE id = $1")
            .bind(id)
            .fetch_optional(&mut *self.reader().await?)
            .await?;
        row.as_ref()
            .map(|row| Ok(ReplayRow::of(row)?.replay))
            .transpose()
    }

    async fn list(
        &self,
        before: Option<(DateTime<Utc>, Uuid)>,
        limit: u32,
    ) -> Result<Vec<Replay>, Error> {
        let mut select = QueryBuilder::new("SELECT * FROM replays");
        if let Some((at, id)) = before {
            select.push(" WHERE (created_at, id) < (").push_bind(at);
            select.push(", ").push_bind(id).push(")");
        }
        select
            .push(" ORDER BY created_at DESC, id DESC LIMIT ")
            .push_bind(i64::from(limit));
        let found = select.build().fetch_all(&mut *self.reader().await?).await?;
        let replay = |row| Ok(ReplayRow::of(row)?.replay);
        found.iter().map(replay).collect()
    }

    async fn change(
        &self,
        id: Uuid,
        change: &ReplayChange,
        by: &Actor,
    ) -> Result<Option<ReplayChanged>, Error> {
        let now = self.now();
        let mut tx = self.write().await?;
        let row = sqlx::query(concat!(
            "SELECT * FROM replays WHERE id = $1",
            for_update!()
        ))
        .bind(id)
        .fetch_optional(&mut *tx)
        .await?;
        let Some(row) = row else {
            tx.rollback().await?;
            return Ok(None);
        };
        let mut row = ReplayRow::of(&row)?;
        let before = row.clone();
        if !row.change(change, now) {
            tx.rollback().await?;
            return Ok(Some(ReplayChanged::Impossible(before.replay.state)));
        }
        if row.replay != before.replay {
            row.save(&mut tx, now).await?;
            let (action, detail) = match change {
                ReplayChange::Pause { reason } => (Action::ReplayPaused, json!({"reason": reason})),
                ReplayChange::Resume => (Action::ReplayResumed, json!({})),
                ReplayChange::Cancel => (Action::ReplayCancelled, json!({})),
                ReplayChange::Adjust { .. } => (
                    Action::ReplayAdjusted,
                    json!({"rate_per_second": row.replay.plan.rate_per_second, "note": row.replay.note}),
                ),
            };
            let detail = [("change", detail), ("counts", json!(row.replay.counts))];
            self.record(&mut tx, by, action, &id.to_string(), detail)
                .await?;
        }
        tx.commit().await?;
        Ok(Some(ReplayChanged::Made(Box::new(row.replay))))
    }

    async fn items(
        &self,
        id: Uuid,
        outcome: Option<Outcome>,
        after: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Item>, Error> {
        let mut select = QueryBuilder::new("SELECT * FROM replay_items WHERE replay_id = ");
        select.push_bind(id);
        if let Some(outcome) = outcome {
            select.push(" AND outcome = ").push_bind(outcome.as_str());
        }
        if let Some(after) = after {
            let after = i64::try_from(after).unwrap_or(i64::MAX);
            select.push(" AND position > ").push_bind(after);
        }
        select
            .push(" ORDER BY position LIMIT ")
            .push_bind(i64::from(limit));
        let found = select.build().fetch_all(&mut *self.reader().await?).await?;
        found.iter().map(item).collect()
    }

    async fn advance(&self, max_replays: u32) -> Result<Option<Step>, Error> {
        let now = self.now();
        // Mostly there is none, which is no reason for a transaction.
        let any = sqlx::query(concat!(
            "SELECT 1 FROM replays ",
            waits_for_a_step!(),
            " LIMIT 1"
        ))
        .bind(now)
        .fetch_optional(&mut *self.reader().await?)
        .await?;
        if any.is_none() {
            return Ok(None);
        }
        let mut tx = self.write().await?;
        let row = sqlx::query(concat!(
            "SELECT * FROM replays ",
            waits_for_a_step!(),
            " ORDER BY next_at LIMIT 1",
            skip_locked!()
        ))
        .bind(now)
        .fetch_optional(&mut *tx)
        .await?;
        let Some(row) = row else {
            tx.rollback().await?;
            return Ok(None);
        };
        let mut row = ReplayRow::of(&row)?;
        match row.advance(&mut tx, max_replays, now).await {
            Ok(step) => {
                tx.commit().await?;
                Ok(Some(step))
            }
            Err(error) => {
                tx.rollback().await?;
                // The others shall not wait behind it.
                let later = sqlx::query("UPDATE replays SET next_at = $2 WHERE id = $1")
                    .bind(row.replay.id)
                    .bind(now + SETBACK);
                self.carry_out(later).await?;
                Err(error)
            }
        }
    }
}

/// Adds letters to a replay, behind those that it has.
pub(super) async fn add_items(
    tx: &mut Connection,
    replay: &Replay,
    letters: &[Uuid],
) -> Result<(), Error> {
    let mut position = i64::try_from(replay.counts.total).unwrap_or(i64::MAX);
    // Two values of each: databases bound the number of a statement's parameters.
    for batch in letters.chunks(selections::CHUNK as usize) {
        let mut insert = QueryBuilder::new(
            "INSERT INTO replay_items (replay_id, position, letter_id, outcome) ",
        );
        insert.push_values(batch, |mut row, letter| {
            row.push_bind(replay.id).push_bind(position);
            row.push_bind(*letter)
                .push_bind(Outcome::Remaining.as_str());
            position += 1;
        });
        insert.build().execute(&mut *tx).await?;
    }
    Ok(())
}
