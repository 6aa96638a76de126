//! Webhooks on their way. They are written by triggers on `jobs`, in the transaction of a job's end.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::types::Json;
use sqlx::{QueryBuilder, Row as _};
use uuid::Uuid;

use super::{Adapter, Connection, Driver, Row, rows};
use crate::account::{Action, Actor};
use crate::store::{Error, Webhooks};
use crate::webhook::{Attempt, Delivery, DeliveryFilter, DeliveryState, Due, Noted, Outcome};

/// Begins an attempt of what is due since $1, and reserves it until $2. Whoever dies in between has
/// spent the attempt, so that no message can bring down one worker after the other for ever.
const TAKE_DUE: &str = concat!(
    "UPDATE webhook_deliveries SET attempt = attempt + 1, reserved_until = $2 WHERE id IN \
     (SELECT id FROM webhook_deliveries WHERE state = 'pending' AND due_at <= $1 \
     AND (reserved_until IS NULL OR reserved_until <= $1) ORDER BY due_at, id LIMIT $3",
    skip_locked!(),
    ") RETURNING id, job_id, event, url, created_at, due_at, attempt, attempt - spent AS tried, \
     (SELECT verdict FROM jobs WHERE jobs.id = webhook_deliveries.job_id) AS verdict, \
     (SELECT parameters FROM jobs WHERE jobs.id = webhook_deliveries.job_id) AS parameters",
);

/// Messages with their attempts, in one statement, so that the two fit each other. What follows chooses
/// the messages.
fn select() -> QueryBuilder<Driver> {
    QueryBuilder::new(
        "SELECT delivery.*, done.number, done.at, done.milliseconds, done.status, done.error \
         FROM (SELECT * FROM webhook_deliveries WHERE ",
    )
}

async fn fetch(
    connection: &mut Connection,
    mut select: QueryBuilder<Driver>,
) -> Result<Vec<Delivery>, Error> {
    select.push(
        ") AS delivery LEFT JOIN webhook_attempts AS done ON done.delivery_id = delivery.id \
         ORDER BY delivery.created_at DESC, delivery.id DESC, done.number",
    );
    let mut found: Vec<Delivery> = Vec::new();
    for row in &select.build().fetch_all(connection).await? {
        let next = delivery(row)?;
        if found.last().is_none_or(|last| last.id != next.id) {
            found.push(next);
        }
        if let (Some(delivery), Some(attempt)) = (found.last_mut(), attempt(row)?) {
            delivery.attempts.push(attempt);
        }
    }
    Ok(found)
}

fn delivery(row: &Row) -> Result<Delivery, Error> {
    Ok(Delivery {
        id: row.try_get("id")?,
        job_id: row.try_get("job_id")?,
        event: rows::word(row.try_get("event")?)?,
        url: row.try_get("url")?,
        created_at: row.try_get("created_at")?,
        state: rows::word(row.try_get("state")?)?,
        due_at: row.try_get("due_at")?,
        attempt: rows::number(row, "attempt")?,
        attempts: Vec::new(),
    })
}

fn attempt(row: &Row) -> Result<Option<Attempt>, Error> {
    if row.try_get::<Option<i64>, _>("number")?.is_none() {
        return Ok(None);
    }
    let status: Option<i64> = row.try_get("status")?;
    Ok(Some(Attempt {
        number: rows::number(row, "number")?,
        at: row.try_get("at")?,
        milliseconds: rows::number(row, "milliseconds")?,
        status: status.map(|_| rows::number(row, "status")).transpose()?,
        error: row.try_get("error")?,
    }))
}

fn due(row: &Row) -> Result<(DateTime<Utc>, Due), Error> {
    let verdict: Option<String> = row.try_get("verdict")?;
    let due = Due {
        id: row.try_get("id")?,
        job_id: row.try_get("job_id")?,
        event: rows::word(row.try_get("event")?)?,
        url: row.try_get("url")?,
        created_at: row.try_get("created_at")?,
        attempt: rows::number(row, "attempt")?,
        tried: rows::number(row, "tried")?,
        parameters: row.try_get::<Json<_>, _>("parameters")?.0,
        verdict: verdict.as_deref().map(rows::word).transpose()?,
    };
    Ok((row.try_get("due_at")?, due))
}

#[async_trait]
impl Webhooks for Adapter {
    async fn take_due(&self, reservation: Duration, limit: u32) -> Result<Vec<Due>, Error> {
        let now = self.now();
        let take = sqlx::query(TAKE_DUE)
            .bind(now)
            .bind(now + reservation)
            .bind(i64::from(limit));
        let taken = self.carry_out(take).await?;
        let mut taken: Vec<_> = taken
            .iter()
            .filter_map(|row| rows::readable(due(row)))
            .collect();
        taken.sort_by_key(|(at, due)| (*at, due.id));
        Ok(taken.into_iter().map(|(_, due)| due).collect())
    }

    async fn note(&self, id: Uuid, attempt: u32, noted: &Noted) -> Result<bool, Error> {
        let now = self.now();
        let (state, due_at) = match noted.outcome {
            Outcome::Delivered => (DeliveryState::Delivered, None),
            Outcome::Again(delay) => (DeliveryState::Pending, Some(now + delay)),
            Outcome::Dead => (DeliveryState::Dead, None),
        };
        let mut tx = self.write().await?;
        let row = sqlx::query(
            "UPDATE webhook_deliveries SET state = $3, due_at = coalesce($4, due_at), reserved_until = NULL \
             WHERE id = $1 AND attempt = $2 AND state = 'pending' AND reserved_until IS NOT NULL RETURNING id",
        )
        .bind(id)
        .bind(i64::from(attempt))
        .bind(state.as_str())
        .bind(due_at)
        .fetch_optional(&mut *tx)
        .await?;
        if row.is_none() {
            return Ok(false);
        }
        sqlx::query(
            "INSERT INTO webhook_attempts (delivery_id, number, at, milliseconds, status, error) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(id)
        .bind(i64::from(attempt))
        .bind(now)
        .bind(i64::from(
            u32::try_from(noted.took.as_millis()).unwrap_or(u32::MAX),
        ))
        .bind(noted.status.map(i64::from))
        .bind(noted.error.as_deref().map(rows::storable))
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn of_job(&self, job_id: Uuid) -> Result<Vec<Delivery>, Error> {
        let mut select = select();
        select.push("job_id = ").push_bind(job_id);
        fetch(&mut *self.reader().await?, select).await
    }

    async fn list(&self, filter: &DeliveryFilter, limit: u32) -> Result<Vec<Delivery>, Error> {
        let mut select = select();
        select.push("TRUE");
        if let Some(state) = filter.state {
            select.push(" AND state = ").push_bind(state.as_str());
        }
        if let Some((at, id)) = filter.before {
            select.push(" AND (created_at, id) < (").push_bind(at);
            select.push(", ").push_bind(id).push(")");
        }
        select
            .push(" ORDER BY created_at DESC, id DESC LIMIT ")
            .push_bind(i64::from(limit));
        fetch(&mut *self.reader().await?, select).await
    }

    async fn redeliver(&self, id: Uuid, by: &Actor) -> Result<Option<Delivery>, Error> {
        let mut tx = self.write().await?;
        // Should an attempt be under way, its end counts for the new ones.
        sqlx::query(
            "UPDATE webhook_deliveries SET state = 'pending', due_at = $2, spent = attempt WHERE id = $1",
        )
        .bind(id)
        .bind(self.now())
        .execute(&mut *tx)
        .await?;
        let mut select = select();
        select.push("id = ").push_bind(id);
        let Some(redelivered) = fetch(&mut tx, select).await?.pop() else {
            return Ok(None);
        };
        let detail = [("job", json!(redelivered.job_id))];
        let target = id.to_string();
        self.record(&mut tx, by, Action::WebhookRedelivered, &target, detail)
            .await?;
        tx.commit().await?;
        Ok(Some(redelivered))
    }

    async fn lag(&self) -> Result<Duration, Error> {
        let now = self.now();
        let oldest: Option<DateTime<Utc>> = sqlx::query_scalar(
            "SELECT min(due_at) FROM webhook_deliveries WHERE state = 'pending' AND due_at <= $1",
        )
        .bind(now)
        .fetch_one(&mut *self.reader().await?)
        .await?;
        let waited = oldest.and_then(|oldest| (now - oldest).to_std().ok());
        Ok(waited.unwrap_or_default())
    }
}
