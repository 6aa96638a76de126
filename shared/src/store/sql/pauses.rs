//! Pauses, and the jobs that are set aside for them.
//!
//! Whoever locks rows of both tables locks the jobs first, in the order of their ids.

use std::collections::{BTreeMap, HashMap, HashSet};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use sqlx::{QueryBuilder, Row as _};
use uuid::Uuid;

use super::{Adapter, Connection, Driver, Row, lock, push_ids, rows, transitions};
use crate::account::{Action, Actor};
use crate::artifact::Digest;
use crate::job::Status;
use crate::pause::{MAX_PAUSES, NewPause, Pause, Scope};
use crate::store::{Aside, Error, Hold, Paused, Pauses};

/// When messages stand for a job that is set aside: never. Dispatchers look for jobs without such a
/// moment and for those with one that has long passed, and find it among neither.
const NEVER: DateTime<Utc> =
    DateTime::from_timestamp(253_402_300_799, 0).expect("it is the last second of the year 9999");

/// A queued job that is not set aside.
pub(super) const NOT_HELD: &str =
    "(dispatched_at IS NULL OR dispatched_at < '9999-12-31T23:59:59+00:00')";

/// The jobs that are set aside: a claim by a worker that has not heard of the pause leaves its row
/// of `held_jobs` until the pause is over.
macro_rules! from_held {
    () => {
        "FROM held_jobs JOIN jobs ON jobs.id = job_id \
         WHERE status = 'queued' AND dispatched_at >= '9999-12-31T23:59:59+00:00'"
    };
}
pub(super) use from_held;

/// A worker that was delivered a message before its pause was over sets the job aside within this
/// time.
const REMEMBERED: TimeDelta = TimeDelta::minutes(1);

/// The lock of whoever begins a pause, so that they are counted.
const PAUSES: &str = "pauses";

fn push_in_force(query: &mut QueryBuilder<Driver>, now: DateTime<Utc>) {
    query
        .push("ended_at IS NULL AND (until IS NULL OR until > ")
        .push_bind(now)
        .push(")");
}

fn pause(row: &Row) -> Result<Pause, Error> {
    let (scope, value): (String, String) = (row.try_get("scope")?, row.try_get("value")?);
    Ok(Pause {
        id: row.try_get("id")?,
        scope: Scope::of(&scope, &value).map_err(Error::Corrupt)?,
        reason: row.try_get("reason")?,
        paused_by: row.try_get("paused_by")?,
        since: row.try_get("since")?,
        until: row.try_get("until")?,
    })
}

#[async_trait]
impl Pauses for Adapter {
    async fn pause(&self, new: &NewPause, by: &Actor) -> Result<Option<Pause>, Error> {
        let now = self.now();
        let mut tx = self.write().await?;
        lock(&mut tx, PAUSES).await?;
        let mut count = QueryBuilder::new("SELECT count(*) FROM pauses WHERE ");
        push_in_force(&mut count, now);
        let count = rows::count(&count.build().fetch_one(&mut *tx).await?)?;
        if count >= MAX_PAUSES as u64 {
            tx.rollback().await?;
            return Ok(None);
        }
        let begun = Pause {
            id: self.new_id(),
            scope: new.scope.clone(),
            reason: rows::storable(&new.reason),
            paused_by: rows::storable(&by.name),
            since: now,
            until: new.until,
        };
        sqlx::query(
            "INSERT INTO pauses (id, scope, value, reason, paused_by, since, until) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(begun.id)
        .bind(begun.scope.name())
        .bind(begun.scope.value())
        .bind(&*begun.reason)
        .bind(&*begun.paused_by)
        .bind(begun.since)
        .bind(begun.until)
        .execute(&mut *tx)
        .await?;
        let detail = [
            ("scope", json!(begun.scope.name())),
            ("value", json!(begun.scope.value())),
            ("reason", json!(begun.reason)),
            ("until", json!(begun.until)),
        ];
        let target = begun.id.to_string();
        self.record(&mut tx, by, Action::PauseBegun, &target, detail)
            .await?;
        tx.commit().await?;
        Ok(Some(begun))
    }

    async fn resume(&self, id: Uuid, by: &Actor) -> Result<Option<Pause>, Error> {
        let now = self.now();
        let mut tx = self.write().await?;
        let mut end = QueryBuilder::new("UPDATE pauses SET ended_at = ");
        end.push_bind(now).push(" WHERE id = ").push_bind(id);
        push_in_force(end.push(" AND "), now);
        let row = end.push(" RETURNING *").build().fetch_optional(&mut *tx);
        let Some(ended) = row.await?.as_ref().map(pause).transpose()? else {
            tx.rollback().await?;
            return Ok(None);
        };
        let detail = [
            ("scope", json!(ended.scope.name())),
            ("value", json!(ended.scope.value())),
        ];
        let target = id.to_string();
        self.record(&mut tx, by, Action::PauseEnded, &target, detail)
            .await?;
        tx.commit().await?;
        Ok(Some(ended))
    }

    async fn paused(&self) -> Result<Paused, Error> {
        let now = self.now();
        let rows = sqlx::query("SELECT * FROM pauses ORDER BY since, id")
            .fetch_all(&mut *self.reader().await?)
            .await?;
        let mut paused = Paused::default();
        for row in &rows {
            let ended_at: Option<DateTime<Utc>> = row.try_get("ended_at")?;
            let Some(pause) = rows::readable(pause(row)) else {
                continue;
            };
            if ended_at.is_some() || pause.until.is_some_and(|until| until <= now) {
                paused.over.push(pause.id);
            } else {
                paused.in_force.push(pause);
            }
        }
        Ok(paused)
    }

    async fn held(&self) -> Result<HashMap<Uuid, u64>, Error> {
        let rows = sqlx::query(concat!(
            "SELECT count(*) AS jobs, pause_id ",
            from_held!(),
            " GROUP BY pause_id",
        ))
        .fetch_all(&mut *self.reader().await?)
        .await?;
        rows.iter()
            .map(|row| Ok((row.try_get("pause_id")?, rows::number(row, "jobs")?)))
            .collect()
    }

    async fn set_aside(&self, jobs: &[Hold]) -> Result<Vec<Aside>, Error> {
        let now = self.now();
        let mut tx = self.write().await?;
        let in_force = in_force_of(&mut tx, jobs, now).await?;
        let found = found(&mut tx, jobs).await?;
        let mut held = BTreeMap::new();
        let mut answers = Vec::with_capacity(jobs.len());
        for job in jobs {
            let answer = match found.get(&job.job_id) {
                None => Aside::Unknown,
                Some(row) if row.request_hash != job.request_hash => Aside::Claim,
                Some(row) if !row.is_to_begin(now) => Aside::NotQueued,
                Some(row) if row.cancel_requested => Aside::Claim,
                Some(_) if !in_force.contains(&job.pause_id) => Aside::Over,
                Some(row) => {
                    if held.insert(job.job_id, job).is_none() && row.status == Status::Running {
                        transitions::expire_lease(&mut tx, job.job_id, now).await?;
                    }
                    Aside::Held
                }
            };
            answers.push(answer);
        }
        hold(&mut tx, &held).await?;
        tx.commit().await?;
        Ok(answers)
    }

    async fn release_held(&self, over: &[Uuid], limit: u32) -> Result<u64, Error> {
        if over.is_empty() {
            return Ok(0);
        }
        let now = self.now();
        let mut tx = self.write().await?;
        let mut select = QueryBuilder::new("SELECT job_id AS id FROM held_jobs WHERE pause_id ");
        push_ids(&mut select, over);
        select.push(" LIMIT ").push_bind(i64::from(limit));
        let jobs = ids(&select.build().fetch_all(&mut *tx).await?)?;
        if jobs.is_empty() {
            let mut forget = QueryBuilder::new("DELETE FROM pauses WHERE id ");
            push_ids(&mut forget, over);
            forget
                .push(" AND coalesce(ended_at, until) <= ")
                .push_bind(now - REMEMBERED)
                .push(" AND NOT EXISTS (SELECT 1 FROM held_jobs WHERE pause_id = pauses.id)");
            forget.build().execute(&mut *tx).await?;
            tx.commit().await?;
            return Ok(0);
        }
        let mut lock = QueryBuilder::new("SELECT id FROM jobs WHERE id ");
        push_ids(&mut lock, &jobs);
        lock.push(concat!(" ORDER BY id", for_update!()));
        lock.build().fetch_all(&mut *tx).await?;
        // Another may have released them, and another pause may hold them, by now.
        let mut delete = QueryBuilder::new("DELETE FROM held_jobs WHERE job_id ");
        push_ids(&mut delete, &jobs);
        push_ids(delete.push(" AND pause_id "), over);
        delete.push(" AND NOT EXISTS (SELECT 1 FROM pauses WHERE id = pause_id AND ");
        push_in_force(&mut delete, now);
        delete.push(") RETURNING job_id AS id");
        let released = ids(&delete.build().fetch_all(&mut *tx).await?)?;
        if !released.is_empty() {
            let mut update = QueryBuilder::new(
                "UPDATE jobs SET dispatched_at = NULL WHERE status = 'queued' AND id ",
            );
            push_ids(&mut update, &released);
            update.build().execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(released.len() as u64)
    }
}

/// A job that somebody was delivered the message of.
struct Found {
    request_hash: Digest,
    status: Status,
    lease_expires_at: Option<DateTime<Utc>>,
    cancel_requested: bool,
}

impl Found {
    /// Whether it is queued, or is again as soon as somebody says so: its worker is gone.
    fn is_to_begin(&self, now: DateTime<Utc>) -> bool {
        match self.status {
            Status::Queued => true,
            Status::Running => self.lease_expires_at.is_some_and(|end| end <= now),
            Status::Completed | Status::Failed | Status::Cancelled => false,
        }
    }
}

/// Their rows, locked.
async fn found(tx: &mut Connection, jobs: &[Hold]) -> Result<HashMap<Uuid, Found>, Error> {
    let ids: Vec<_> = jobs.iter().map(|job| job.job_id).collect();
    let mut select = QueryBuilder::new(
        "SELECT id, request_hash, status, lease_expires_at, cancel_requested FROM jobs WHERE id ",
    );
    push_ids(&mut select, &ids);
    select.push(concat!(" ORDER BY id", for_update!()));
    let mut found = HashMap::with_capacity(jobs.len());
    for row in &select.build().fetch_all(tx).await? {
        let job = Found {
            request_hash: rows::request_hash(row)?,
            status: rows::status(row)?,
            lease_expires_at: row.try_get("lease_expires_at")?,
            cancel_requested: row.try_get("cancel_requested")?,
        };
        found.insert(row.try_get("id")?, job);
    }
    Ok(found)
}

/// Those of their pauses that are in force.
async fn in_force_of(
    tx: &mut Connection,
    jobs: &[Hold],
    now: DateTime<Utc>,
) -> Result<HashSet<Uuid>, Error> {
    let pauses: HashSet<_> = jobs.iter().map(|job| job.pause_id).collect();
    let pauses: Vec<_> = pauses.into_iter().collect();
    let mut select = QueryBuilder::new("SELECT id FROM pauses WHERE ");
    push_in_force(&mut select, now);
    push_ids(select.push(" AND id "), &pauses);
    Ok(ids(&select.build().fetch_all(tx).await?)?
        .into_iter()
        .collect())
}

async fn hold(tx: &mut Connection, held: &BTreeMap<Uuid, &Hold>) -> Result<(), Error> {
    if held.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = held.keys().copied().collect();
    let mut update = QueryBuilder::new("UPDATE jobs SET reserved_until = NULL, dispatched_at = ");
    update.push_bind(NEVER).push(" WHERE id ");
    push_ids(&mut update, &ids);
    update.build().execute(&mut *tx).await?;
    let mut insert =
        QueryBuilder::new("INSERT INTO held_jobs (job_id, pause_id, priority, episodes) ");
    insert.push_values(held, |mut row, (id, job)| {
        row.push_bind(*id)
            .push_bind(job.pause_id)
            .push_bind(job.priority.as_str())
            .push_bind(i64::from(job.episodes));
    });
    insert.push(" ON CONFLICT (job_id) DO UPDATE SET pause_id = excluded.pause_id");
    insert.build().execute(tx).await?;
    Ok(())
}

fn ids(rows: &[Row]) -> Result<Vec<Uuid>, Error> {
    let ids = rows.iter().map(|row| row.try_get("id"));
    Ok(ids.collect::<Result<_, _>>()?)
}
