//! Service tokens.

use async_trait::async_trait;
use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use serde_json::json;
use sqlx::{QueryBuilder, Row as _};
use uuid::Uuid;

use super::{Adapter, Connection, rows};
use crate::account::secret::TokenHash;
use crate::account::{Action, Actor, NewServiceToken, ServiceToken};
use crate::store::{Error, ServiceTokens};

#[async_trait]
impl ServiceTokens for Adapter {
    async fn add(
        &self,
        token: &NewServiceToken,
        by: &Actor,
    ) -> Result<Option<ServiceToken>, Error> {
        let mut tx = self.write().await?;
        let row = sqlx::query(
            "INSERT INTO service_tokens (id, name, role, requests_per_minute, hash, created_at, created_by, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING *",
        )
        .bind(token.id)
        .bind(token.name.as_str())
        .bind(token.role.as_str())
        .bind(token.requests_per_minute.map(i64::from))
        .bind(&token.hash.0[..])
        .bind(self.now())
        .bind(rows::storable(&by.name))
        .bind(token.expires_at)
        .fetch_optional(&mut *tx)
        .await?;
        let added = row.as_ref().map(rows::service_token).transpose()?;
        if let Some(token) = &added {
            let detail = [
                ("id", json!(token.id)),
                ("role", json!(token.role)),
                ("expires_at", json!(token.expires_at)),
            ];
            self.record(
                &mut tx,
                by,
                Action::TokenCreated,
                token.name.as_str(),
                detail,
            )
            .await?;
        }
        tx.commit().await?;
        Ok(added)
    }

    async fn find(&self, id: Uuid) -> Result<Option<(ServiceToken, TokenHash)>, Error> {
        let row = sqlx::query("SELECT * FROM service_tokens WHERE id = $1")
            .bind(id)
            .fetch_optional(&mut *self.reader().await?)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let hash: Vec<u8> = row.try_get("hash")?;
        let hash = hash
            .try_into()
            .map_err(|_| Error::Corrupt("hash: is not 32 bytes".to_owned()))?;
        Ok(Some((rows::service_token(&row)?, TokenHash(hash))))
    }

    async fn list(
        &self,
        before: Option<(DateTime<Utc>, Uuid)>,
        limit: u32,
    ) -> Result<Vec<ServiceToken>, Error> {
        let mut select = QueryBuilder::new("SELECT * FROM service_tokens WHERE TRUE");
        if let Some((created_at, id)) = before {
            select
                .push(" AND (created_at, id) < (")
                .push_bind(created_at)
                .push(", ")
                .push_bind(id)
                .push(")");
        }
        select
            .push(" ORDER BY created_at DESC, id DESC LIMIT ")
            .push_bind(i64::from(limit));
        let rows = select.build().fetch_all(&mut *self.reader().await?).await?;
        rows.iter().map(rows::service_token).collect()
    }

    async fn rotate(
        &self,
        id: Uuid,
        hash: TokenHash,
        by: &Actor,
    ) -> Result<Option<ServiceToken>, Error> {
        let mut tx = self.write().await?;
        let now = self.now();
        let usable = |token: &ServiceToken| {
            token.revoked_at.is_none() && token.expires_at.is_none_or(|end| end > now)
        };
        let Some(token) = lock_token(&mut tx, id).await?.filter(usable) else {
            tx.rollback().await?;
            return Ok(None);
        };
        let changed =
            sqlx::query("UPDATE service_tokens SET hash = $2 WHERE id = $1 AND hash <> $2")
                .bind(id)
                .bind(&hash.0[..])
                .execute(&mut *tx)
                .await?;
        if changed.rows_affected() == 1 {
            self.record(
                &mut tx,
                by,
                Action::TokenRotated,
                token.name.as_str(),
                [("id", json!(id))],
            )
            .await?;
        }
        tx.commit().await?;
        Ok(Some(token))
    }

    async fn revoke(&self, id: Uuid, by: &Actor) -> Result<Option<ServiceToken>, Error> {
        let mut tx = self.write().await?;
        let mut token = lock_token(&mut tx, id).await?;
        if let Some(token) = token.as_mut().filter(|token| token.revoked_at.is_none()) {
            let now = self.now();
            sqlx::query("UPDATE service_tokens SET revoked_at = $2 WHERE id = $1")
                .bind(id)
                .bind(now)
                .execute(&mut *tx)
                .await?;
            token.revoked_at = Some(now);
            self.record(
                &mut tx,
                by,
                Action::TokenRevoked,
                token.name.as_str(),
                [("id", json!(id))],
            )
            .await?;
        }
        tx.commit().await?;
        Ok(token)
    }

    async fn note_use(&self, id: Uuid) -> Result<(), Error> {
        let now = self.now();
        // To the minute, so that a busy token costs one write a minute.
        let minute = now.duration_trunc(TimeDelta::minutes(1)).unwrap_or(now);
        let mut tx = self.write().await?;
        sqlx::query(
            "UPDATE service_tokens SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)",
        )
        .bind(id)
        .bind(minute)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }
}

/// A token that nobody else changes until the end of the transaction.
async fn lock_token(tx: &mut Connection, id: Uuid) -> Result<Option<ServiceToken>, Error> {
    let row = sqlx::query(concat!(
        "SELECT * FROM service_tokens WHERE id = $1",
        for_update!()
    ))
    .bind(id)
    .fetch_optional(tx)
    .await?;
    row.as_ref().map(rows::service_token).transpose()
}
