//! Sessions of users: whoever changes one holds its row, so that a refresh token is traded once.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::Row as _;
use uuid::Uuid;

use super::{Adapter, Connection, Row, rows};
use crate::account::{Action, Actor, NewSession, User};
use crate::store::{Error, Refreshed, SessionStanding, Sessions};

#[async_trait]
impl Sessions for Adapter {
    async fn open(
        &self,
        session: &NewSession,
        verified_hash: &str,
        by: &Actor,
    ) -> Result<bool, Error> {
        let mut tx = self.write().await?;
        // Locked, so that a change of the user either comes before this look or ends this session
        // too.
        let user = sqlx::query(concat!(
            "SELECT * FROM users WHERE id = $1 AND password_hash = $2 AND disabled_at IS NULL",
            for_update!()
        ))
        .bind(session.user_id)
        .bind(verified_hash)
        .fetch_optional(&mut *tx)
        .await?;
        let Some(user) = user.as_ref().map(rows::user).transpose()? else {
            tx.rollback().await?;
            return Ok(false);
        };
        let opened = sqlx::query(
            "INSERT INTO sessions (id, user_id, refresh_id, created_at, expires_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(session.id)
        .bind(user.id)
        .bind(session.refresh_id)
        .bind(self.now())
        .bind(session.expires_at)
        .execute(&mut *tx)
        .await?;
        if opened.rows_affected() == 1 {
            self.record_session(&mut tx, by, Action::SessionOpened, session.id, &user)
                .await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    async fn standing(&self, id: Uuid) -> Result<Option<SessionStanding>, Error> {
        let row = find(&mut *self.reader().await?, id).await?;
        row.as_ref()
            .map(|row| standing(row, self.now()))
            .transpose()
    }

    async fn refresh(
        &self,
        id: Uuid,
        presented: Uuid,
        next: Uuid,
        expires_at: DateTime<Utc>,
        by: &Actor,
    ) -> Result<Refreshed, Error> {
        let mut tx = self.write().await?;
        let row = lock_session(&mut tx, id).await?;
        let now = self.now();
        let found = match &row {
            Some(row) => Some((standing(row, now)?, row.try_get::<Uuid, _>("refresh_id")?)),
            None => None,
        };
        let Some((SessionStanding { user, live: true }, current)) = found else {
            tx.rollback().await?;
            return Ok(Refreshed::Over);
        };
        // A call that is repeated because its answer got lost brings the same `next`, which nobody
        // else knows.
        let refreshed = if presented == current || next == current {
            sqlx::query("UPDATE sessions SET refresh_id = $2, expires_at = $3 WHERE id = $1")
                .bind(id)
                .bind(next)
                .bind(expires_at)
                .execute(&mut *tx)
                .await?;
            Refreshed::Traded(user)
        } else {
            // Only the service makes tokens of a session: one that is not the current one was
            // traded before.
            end(&mut tx, id, now).await?;
            self.record_session(&mut tx, by, Action::SessionReused, id, &user)
                .await?;
            Refreshed::Reused
        };
        tx.commit().await?;
        Ok(refreshed)
    }

    async fn end(&self, id: Uuid, by: &Actor) -> Result<bool, Error> {
        let mut tx = self.write().await?;
        let row = lock_session(&mut tx, id).await?;
        let going = match &row {
            Some(row)
                if row
                    .try_get::<Option<DateTime<Utc>>, _>("ended_at")?
                    .is_none() =>
            {
                Some(rows::user(row)?)
            }
            _ => None,
        };
        if let Some(user) = &going {
            end(&mut tx, id, self.now()).await?;
            self.record_session(&mut tx, by, Action::SessionEnded, id, user)
                .await?;
        }
        tx.commit().await?;
        Ok(going.is_some())
    }
}

impl Adapter {
    async fn record_session(
        &self,
        tx: &mut Connection,
        by: &Actor,
        action: Action,
        id: Uuid,
        user: &User,
    ) -> Result<(), Error> {
        self.record(
            tx,
            by,
            action,
            &id.to_string(),
            [("user", json!(user.name))],
        )
        .await
    }
}

/// A session with its user.
async fn find(connection: &mut Connection, id: Uuid) -> Result<Option<Row>, Error> {
    let row = sqlx::query(
        "SELECT users.*, refresh_id, expires_at, ended_at FROM sessions JOIN users ON users.id = user_id \
         WHERE sessions.id = $1",
    )
    .bind(id)
    .fetch_optional(connection)
    .await?;
    Ok(row)
}

/// A session with its user, which nobody else changes until the end of the transaction. Its user is
/// not locked: who changes one locks the user first, and the sessions then.
async fn lock_session(tx: &mut Connection, id: Uuid) -> Result<Option<Row>, Error> {
    sqlx::query(concat!(
        "SELECT 1 FROM sessions WHERE id = $1",
        for_update!()
    ))
    .bind(id)
    .fetch_optional(&mut *tx)
    .await?;
    find(tx, id).await
}

async fn end(tx: &mut Connection, id: Uuid, now: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query("UPDATE sessions SET ended_at = $2 WHERE id = $1")
        .bind(id)
        .bind(now)
        .execute(tx)
        .await?;
    Ok(())
}

fn standing(row: &Row, now: DateTime<Utc>) -> Result<SessionStanding, Error> {
    let user = rows::user(row)?;
    let ended: Option<DateTime<Utc>> = row.try_get("ended_at")?;
    let live = ended.is_none()
        && row.try_get::<DateTime<Utc>, _>("expires_at")? > now
        && user.disabled_at.is_none();
    Ok(SessionStanding { user, live })
}
