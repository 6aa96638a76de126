//! Users.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::{QueryBuilder, Row as _};
use uuid::Uuid;

use super::{Adapter, Connection, Row, lock, rows};
use crate::account::{Action, Actor, Name, NewUser, Role, User};
use crate::store::{Error, UserChange, UserChanged, Users};

/// The lock of everything that is decided by looking at more than one row of the accounts: who is
/// the first user, who the last admin, which key signs. Such changes are rare, so one lock is
/// enough, and there is no order to take several in.
pub(super) const ACCOUNTS: &str = "accounts";

#[async_trait]
impl Users for Adapter {
    async fn add(&self, user: &NewUser, by: &Actor) -> Result<Option<User>, Error> {
        let mut tx = self.write().await?;
        // Taken here too, so that nobody is added beside the first user while they are.
        lock(&mut tx, ACCOUNTS).await?;
        let added = self.insert_user(&mut tx, user, by).await?;
        tx.commit().await?;
        Ok(added)
    }

    async fn add_first(&self, user: &NewUser, by: &Actor) -> Result<Option<User>, Error> {
        let mut tx = self.write().await?;
        lock(&mut tx, ACCOUNTS).await?;
        let anybody = sqlx::query("SELECT 1 FROM users LIMIT 1")
            .fetch_optional(&mut *tx)
            .await?
            .is_some();
        let added = if anybody {
            None
        } else {
            self.insert_user(&mut tx, user, by).await?
        };
        tx.commit().await?;
        Ok(added)
    }

    async fn find(&self, name: &Name) -> Result<Option<User>, Error> {
        Ok(self.credentials(name).await?.map(|(user, _)| user))
    }

    async fn credentials(&self, name: &Name) -> Result<Option<(User, String)>, Error> {
        let row = sqlx::query("SELECT * FROM users WHERE name = $1")
            .bind(name.as_str())
            .fetch_optional(&mut *self.reader().await?)
            .await?;
        row.as_ref().map(with_hash).transpose()
    }

    async fn list(&self, after: Option<&Name>, limit: u32) -> Result<Vec<User>, Error> {
        let mut select = QueryBuilder::new("SELECT * FROM users WHERE TRUE");
        if let Some(name) = after {
            select.push(" AND name > ").push_bind(name.as_str());
        }
        select
            .push(" ORDER BY name LIMIT ")
            .push_bind(i64::from(limit));
        select
            .build()
            .fetch_all(&mut *self.reader().await?)
            .await?
            .iter()
            .map(rows::user)
            .collect()
    }

    async fn change(
        &self,
        name: &Name,
        change: &UserChange,
        by: &Actor,
    ) -> Result<Option<UserChanged>, Error> {
        let mut tx = self.write().await?;
        lock(&mut tx, ACCOUNTS).await?;
        let row = sqlx::query(concat!(
            "SELECT * FROM users WHERE name = $1",
            for_update!()
        ))
        .bind(name.as_str())
        .fetch_optional(&mut *tx)
        .await?;
        let Some((was, hash)) = row.as_ref().map(with_hash).transpose()? else {
            tx.rollback().await?;
            return Ok(None);
        };
        if matches!(change, UserChange::OwnPassword { verified_hash, .. } if *verified_hash != hash)
        {
            tx.rollback().await?;
            return Ok(Some(UserChanged::OtherPassword));
        }
        let now = self.now();
        let (user, hash_now) = changed(&was, &hash, change, now);
        if is_admin(&was) && !is_admin(&user) && !another_admin(&mut tx, was.id).await? {
            tx.rollback().await?;
            return Ok(Some(UserChanged::LastAdmin));
        }
        let ends = (was.disabled_at.is_none() && user.disabled_at.is_some()) || hash_now != hash;
        let sessions = if ends {
            end_sessions(&mut tx, &user, now).await?
        } else {
            sessions(&mut tx, &user, now).await?
        };
        if user != was || hash_now != hash {
            sqlx::query(
                "UPDATE users SET role = $2, disabled_at = $3, password_hash = $4 WHERE id = $1",
            )
            .bind(user.id)
            .bind(user.role.as_str())
            .bind(user.disabled_at)
            .bind(hash_now)
            .execute(&mut *tx)
            .await?;
            let (action, target) = (action(change), user.name.as_str());
            if action == Action::UserRole {
                let detail = [("was", json!(was.role)), ("role", json!(user.role))];
                self.record(&mut tx, by, action, target, detail).await?;
            } else {
                let ended = if ends { sessions.len() } else { 0 };
                self.record(
                    &mut tx,
                    by,
                    action,
                    target,
                    [("sessions_ended", json!(ended))],
                )
                .await?;
            }
        }
        tx.commit().await?;
        Ok(Some(UserChanged::Done { user, sessions }))
    }
}

impl Adapter {
    async fn insert_user(
        &self,
        tx: &mut Connection,
        user: &NewUser,
        by: &Actor,
    ) -> Result<Option<User>, Error> {
        let row = sqlx::query(
            "INSERT INTO users (id, name, role, password_hash, created_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (name) DO NOTHING RETURNING *",
        )
        .bind(self.new_id())
        .bind(user.name.as_str())
        .bind(user.role.as_str())
        .bind(&user.password_hash)
        .bind(self.now())
        .fetch_optional(&mut *tx)
        .await?;
        let Some(row) = row else { return Ok(None) };
        self.record(
            tx,
            by,
            Action::UserAdded,
            user.name.as_str(),
            [("role", json!(user.role))],
        )
        .await?;
        rows::user(&row).map(Some)
    }
}

fn with_hash(row: &Row) -> Result<(User, String), Error> {
    Ok((rows::user(row)?, row.try_get("password_hash")?))
}

fn is_admin(user: &User) -> bool {
    user.role == Role::Admin && user.disabled_at.is_none()
}

/// The user and the hash of their password after a change.
fn changed(user: &User, hash: &str, change: &UserChange, now: DateTime<Utc>) -> (User, String) {
    let user = user.clone();
    match change {
        UserChange::Role(role) => (
            User {
                role: *role,
                ..user
            },
            hash.to_owned(),
        ),
        UserChange::Disabled(disabled) => {
            let disabled_at = disabled.then(|| user.disabled_at.unwrap_or(now));
            (
                User {
                    disabled_at,
                    ..user
                },
                hash.to_owned(),
            )
        }
        UserChange::Password(new) | UserChange::OwnPassword { hash: new, .. } => {
            (user, new.clone())
        }
    }
}

fn action(change: &UserChange) -> Action {
    match change {
        UserChange::Role(_) => Action::UserRole,
        UserChange::Disabled(true) => Action::UserDisabled,
        UserChange::Disabled(false) => Action::UserEnabled,
        UserChange::Password(_) | UserChange::OwnPassword { .. } => Action::UserPassword,
    }
}

async fn another_admin(tx: &mut Connection, id: Uuid) -> Result<bool, Error> {
    let row = sqlx::query(
        "SELECT 1 FROM users WHERE role = 'admin' AND disabled_at IS NULL AND id <> $1 LIMIT 1",
    )
    .bind(id)
    .fetch_optional(tx)
    .await?;
    Ok(row.is_some())
}

/// The live sessions of a user.
async fn sessions(
    tx: &mut Connection,
    user: &User,
    now: DateTime<Utc>,
) -> Result<Vec<Uuid>, Error> {
    let rows = sqlx::query(
        "SELECT id, expires_at FROM sessions WHERE user_id = $1 AND ended_at IS NULL ORDER BY id",
    )
    .bind(user.id)
    .fetch_all(tx)
    .await?;
    live(&rows, now)
}

/// Ends the sessions of a user and gives those that were live. Expired ones end too: a refresh that
/// is under way may just be giving one of them more time.
async fn end_sessions(
    tx: &mut Connection,
    user: &User,
    now: DateTime<Utc>,
) -> Result<Vec<Uuid>, Error> {
    let rows = sqlx::query(
        "UPDATE sessions SET ended_at = $2 WHERE user_id = $1 AND ended_at IS NULL RETURNING id, expires_at",
    )
    .bind(user.id)
    .bind(now)
    .fetch_all(tx)
    .await?;
    live(&rows, now)
}

fn live(rows: &[Row], now: DateTime<Utc>) -> Result<Vec<Uuid>, Error> {
    let mut ids = Vec::with_capacity(rows.len());
    for row in rows {
        if row.try_get::<DateTime<Utc>, _>("expires_at")? > now {
            ids.push(row.try_get("id")?);
        }
    }
    Ok(ids)
}
