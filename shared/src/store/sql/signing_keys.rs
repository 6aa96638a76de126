//! Keys that sign tokens.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::users::ACCOUNTS;
use super::{Adapter, Connection, lock, rows};
use crate::account::{Action, Actor, SigningKey};
use crate::store::{CleanedUp, Error, SigningKeys};

/// For how long sessions that are over are kept.
const KEPT: TimeDelta = TimeDelta::days(1);

#[async_trait]
impl SigningKeys for Adapter {
    async fn list(&self) -> Result<Vec<SigningKey>, Error> {
        let rows = sqlx::query("SELECT * FROM signing_keys ORDER BY created_at DESC, id DESC")
            .fetch_all(&mut *self.reader().await?)
            .await?;
        rows.iter().map(rows::signing_key).collect()
    }

    async fn current(&self, by: &Actor) -> Result<SigningKey, Error> {
        if let Some(key) = signs(&mut *self.reader().await?, self.now()).await? {
            return Ok(key);
        }
        let mut tx = self.write().await?;
        lock(&mut tx, ACCOUNTS).await?;
        let key = match signs(&mut tx, self.now()).await? {
            Some(key) => key,
            None => self.make_key(&mut tx, by, None).await?,
        };
        tx.commit().await?;
        Ok(key)
    }

    async fn rotate(&self, grace: Duration, by: &Actor) -> Result<SigningKey, Error> {
        let mut tx = self.write().await?;
        lock(&mut tx, ACCOUNTS).await?;
        sqlx::query(
            "UPDATE signing_keys SET expires_at = $1 WHERE expires_at IS NULL OR expires_at > $1",
        )
        .bind(self.now() + grace)
        .execute(&mut *tx)
        .await?;
        let key = self.make_key(&mut tx, by, Some(grace)).await?;
        tx.commit().await?;
        Ok(key)
    }

    async fn clean_up(&self, by: &Actor) -> Result<CleanedUp, Error> {
        let mut tx = self.write().await?;
        // Two at once would meet each other's rows, and a change of a user some of them, in another
        // order.
        lock(&mut tx, ACCOUNTS).await?;
        let now = self.now();
        let keys = sqlx::query("DELETE FROM signing_keys WHERE expires_at <= $1")
            .bind(now)
            .execute(&mut *tx)
            .await?;
        let sessions = sqlx::query("DELETE FROM sessions WHERE expires_at < $1 OR ended_at < $1")
            .bind(now - KEPT)
            .execute(&mut *tx)
            .await?;
        let cleaned = CleanedUp {
            keys: keys.rows_affected(),
            sessions: sessions.rows_affected(),
        };
        if cleaned
            != (CleanedUp {
                keys: 0,
                sessions: 0,
            })
        {
            let detail = [
                ("keys", json!(cleaned.keys)),
                ("sessions", json!(cleaned.sessions)),
            ];
            self.record(&mut tx, by, Action::KeysCleaned, "expired", detail)
                .await?;
        }
        tx.commit().await?;
        Ok(cleaned)
    }
}

impl Adapter {
    /// Makes the key that signs from now on, after the others got their `grace` where there may be
    /// others.
    async fn make_key(
        &self,
        tx: &mut Connection,
        by: &Actor,
        grace: Option<Duration>,
    ) -> Result<SigningKey, Error> {
        let newest =
            sqlx::query("SELECT * FROM signing_keys ORDER BY created_at DESC, id DESC LIMIT 1")
                .fetch_optional(&mut *tx)
                .await?;
        let newest = newest.as_ref().map(rows::signing_key).transpose()?;
        // The newest key signs, and clocks differ.
        let after = newest.map_or(DateTime::UNIX_EPOCH, |key| {
            key.created_at + TimeDelta::microseconds(1)
        });
        let key = SigningKey {
            id: self.new_id(),
            created_at: self.now().max(after),
            expires_at: None,
        };
        sqlx::query("INSERT INTO signing_keys (id, created_at) VALUES ($1, $2)")
            .bind(key.id)
            .bind(key.created_at)
            .execute(&mut *tx)
            .await?;
        let detail = grace.map(|grace| ("grace_seconds", json!(grace.as_secs())));
        self.record(tx, by, Action::KeyRotated, &key.id.to_string(), detail)
            .await?;
        Ok(key)
    }
}

/// The newest key that has not expired.
async fn signs(
    connection: &mut Connection,
    now: DateTime<Utc>,
) -> Result<Option<SigningKey>, Error> {
    let row = sqlx::query(
        "SELECT * FROM signing_keys WHERE expires_at IS NULL OR expires_at > $1 \
         ORDER BY created_at DESC, id DESC LIMIT 1",
    )
    .bind(now)
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(rows::signing_key).transpose()
}
