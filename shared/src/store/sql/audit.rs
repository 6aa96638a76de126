//! The audit log: written in the transaction of what it tells of, and never touched again.

use async_trait::async_trait;
use serde_json::Value;
use sqlx::QueryBuilder;
use sqlx::types::Json;

use super::{Adapter, Connection, rows};
use crate::account::audit::AuditFilter;
use crate::account::{Action, Actor, AuditEntry};
use crate::store::{Audit, Error};

impl Adapter {
    /// Writes an entry. `detail` never holds a secret or the hash of one.
    pub(super) async fn record(
        &self,
        tx: &mut Connection,
        by: &Actor,
        action: Action,
        target: &str,
        detail: impl IntoIterator<Item = (&str, Value)> + Send,
    ) -> Result<(), Error> {
        let detail: serde_json::Map<_, _> = detail
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        sqlx::query(
            "INSERT INTO audit_log (id, at, actor, address, action, target, detail) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(self.new_id())
        .bind(self.now())
        .bind(rows::storable(&by.name))
        .bind(by.address.map(|address| address.to_string()))
        .bind(action.as_str())
        .bind(target)
        .bind(Json(detail))
        .execute(tx)
        .await?;
        Ok(())
    }
}

#[async_trait]
impl Audit for Adapter {
    async fn list(&self, filter: &AuditFilter, limit: u32) -> Result<Vec<AuditEntry>, Error> {
        let mut select = QueryBuilder::new("SELECT * FROM audit_log WHERE TRUE");
        if let Some(actor) = &filter.actor {
            select
                .push(" AND actor = ")
                .push_bind(rows::storable(actor));
        }
        if let Some(action) = filter.action {
            select.push(" AND action = ").push_bind(action.as_str());
        }
        if let Some((at, id)) = filter.before {
            select
                .push(" AND (at, id) < (")
                .push_bind(at)
                .push(", ")
                .push_bind(id)
                .push(")");
        }
        select
            .push(" ORDER BY at DESC, id DESC LIMIT ")
            .push_bind(i64::from(limit));
        let rows = select.build().fetch_all(&mut *self.reader().await?).await?;
        rows.iter().map(rows::audit_entry).collect()
    }
}
