//! Baselines: ranks are 1..n by mean reward, without holes, whoever writes at once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::QueryBuilder;
use sqlx::types::Json;
use uuid::Uuid;

use super::{Adapter, Connection, lock, rows};
use crate::account::{Action, Actor};
use crate::baseline::{Baseline, NewBaseline};
use crate::store::{BaselineFilter, Baselines, BestBaseline, Error};

#[async_trait]
impl Baselines for Adapter {
    async fn insert(&self, baseline: &NewBaseline, by: &Actor) -> Result<(Baseline, bool), Error> {
        let mut tx = self.write().await?;
        // One after the other, because rank and version count all baselines of an agent type and
        // environment.
        let ranking = format!(
            "eval_baselines/{}/{}",
            rows::text(baseline.agent_type)?,
            baseline.environment
        );
        lock(&mut tx, &ranking).await?;
        if let Some(known) = promoted(&mut tx, baseline).await? {
            tx.commit().await?;
            return Ok((known, false));
        }
        let rank = make_room(&mut tx, baseline).await?;
        let row = sqlx::query(
            "INSERT INTO eval_baselines (id, agent_type, environment, mean_reward, statistics, hyperparameters, version, \
             rank, created_at, source_job) VALUES ($1, $2, $3, $4, $5, $6, \
             (SELECT coalesce(max(version), 0) + 1 FROM eval_baselines WHERE agent_type = $2 AND environment = $3), \
             $7, $8, $9) RETURNING *",
        )
        .bind(self.new_id())
        .bind(rows::text(baseline.agent_type)?)
        .bind(&baseline.environment)
        .bind(baseline.statistics.mean_reward)
        .bind(Json(&baseline.statistics))
        .bind(Json(&baseline.hyperparameters))
        .bind(rank)
        .bind(self.now())
        .bind(baseline.source_job)
        .fetch_one(&mut *tx)
        .await?;
        let added = rows::baseline(&row)?;
        self.record_baseline(&mut tx, by, &added).await?;
        tx.commit().await?;
        Ok((added, true))
    }

    async fn list(&self, filter: &BaselineFilter, limit: u32) -> Result<Vec<Baseline>, Error> {
        let mut select = QueryBuilder::new("SELECT * FROM eval_baselines WHERE TRUE");
        if let Some(agent_type) = filter.agent_type {
            select
                .push(" AND agent_type = ")
                .push_bind(rows::text(agent_type)?);
        }
        if let Some(environment) = &filter.environment {
            select
                .push(" AND environment = ")
                .push_bind(environment.clone());
        }
        if let Some(rank) = filter.max_rank {
            select.push(" AND rank <= ").push_bind(i64::from(rank));
        }
        if let Some((agent_type, environment, rank)) = &filter.after {
            select
                .push(" AND (agent_type, environment, rank) > (")
                .push_bind(rows::text(agent_type)?);
            select
                .push(", ")
                .push_bind(environment.clone())
                .push(", ")
                .push_bind(i64::from(*rank))
                .push(")");
        }
        select
            .push(" ORDER BY agent_type, environment, rank LIMIT ")
            .push_bind(i64::from(limit));
        select
            .build()
            .fetch_all(&mut *self.reader().await?)
            .await?
            .iter()
            .map(rows::baseline)
            .collect()
    }

    async fn best(&self, questions: &[BestBaseline]) -> Result<Vec<Option<Uuid>>, Error> {
        let mut reader = self.reader().await?;
        let mut histories = HashMap::new();
        let mut answers = Vec::with_capacity(questions.len());
        for question in questions {
            let agent_type = rows::text(question.agent_type)?;
            let history = match histories.entry((agent_type, &question.environment)) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => {
                    let (agent_type, environment) = place.key();
                    let history = best_first(&mut reader, agent_type, environment).await?;
                    place.insert(history)
                }
            };
            let existed = |(_, since): &&(Uuid, DateTime<Utc>)| *since <= question.as_of;
            answers.push(history.iter().find(existed).map(|(id, _)| *id));
        }
        Ok(answers)
    }

    async fn find(&self, id: Uuid) -> Result<Option<Baseline>, Error> {
        let row = sqlx::query("SELECT * FROM eval_baselines WHERE id = $1")
            .bind(id)
            .fetch_optional(&mut *self.reader().await?)
            .await?;
        row.as_ref().map(rows::baseline).transpose()
    }
}

/// All baselines of an agent type and environment by rank, and since when they exist.
async fn best_first(
    connection: &mut Connection,
    agent_type: &str,
    environment: &str,
) -> Result<Vec<(Uuid, DateTime<Utc>)>, Error> {
    let ranked = sqlx::query_as(
        "SELECT id, created_at FROM eval_baselines WHERE agent_type = $1 AND environment = $2 ORDER BY rank",
    )
    .bind(agent_type)
    .bind(environment);
    Ok(ranked.fetch_all(connection).await?)
}

impl Adapter {
    async fn record_baseline(
        &self,
        tx: &mut Connection,
        by: &Actor,
        added: &Baseline,
    ) -> Result<(), Error> {
        let content = &added.content;
        let mut detail = vec![
            ("agent_type", json!(content.agent_type)),
            ("environment", json!(content.environment)),
            ("rank", json!(added.rank)),
        ];
        detail.extend(content.source_job.map(|job| ("source_job", json!(job))));
        self.record(tx, by, Action::BaselineAdded, &added.id.to_string(), detail)
            .await
    }
}

/// The baseline that was promoted from the same job and environment before.
async fn promoted(tx: &mut Connection, baseline: &NewBaseline) -> Result<Option<Baseline>, Error> {
    let Some(source_job) = baseline.source_job else {
        return Ok(None);
    };
    let row =
        sqlx::query("SELECT * FROM eval_baselines WHERE source_job = $1 AND environment = $2")
            .bind(source_job)
            .bind(&baseline.environment)
            .fetch_optional(tx)
            .await?;
    row.as_ref().map(rows::baseline).transpose()
}

/// Moves every baseline that is no better down by one, and gives the rank that is free now: a new
/// best takes rank 1, and of two equals the newer stands first.
async fn make_room(tx: &mut Connection, baseline: &NewBaseline) -> Result<i64, Error> {
    let agent_type = rows::text(baseline.agent_type)?;
    // Through negative ranks, because the unique index is checked row by row.
    for shift in [
        "UPDATE eval_baselines SET rank = -(rank + 1) WHERE agent_type = $1 AND environment = $2 AND mean_reward <= $3",
        "UPDATE eval_baselines SET rank = -rank WHERE agent_type = $1 AND environment = $2 AND mean_reward <= $3",
    ] {
        sqlx::query(shift)
            .bind(&agent_type)
            .bind(&baseline.environment)
            .bind(baseline.statistics.mean_reward)
            .execute(&mut *tx)
            .await?;
    }
    let (rank,) = sqlx::query_as::<_, (i64,)>(
        "SELECT count(*) + 1 FROM eval_baselines WHERE agent_type = $1 AND environment = $2 AND mean_reward > $3",
    )
    .bind(&agent_type)
    .bind(&baseline.environment)
    .bind(baseline.statistics.mean_reward)
    .fetch_one(tx)
    .await?;
    Ok(rank)
}
