//! Baselines: what an agent is compared with.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tars_engine::policy_file::Algorithm;
use tars_engine::regression;
use uuid::Uuid;

use crate::request::Hyperparameter;

/// A stored baseline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Baseline {
    /// Its id.
    pub id: Uuid,
    /// Counts the baselines of this agent type and environment, from 1.
    pub version: u32,
    /// Its place by mean reward among them; 1 is the best.
    pub rank: u32,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// What was added.
    #[serde(flatten)]
    pub content: NewBaseline,
}

/// A baseline to be added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NewBaseline {
    /// The algorithm of the agent.
    pub agent_type: Algorithm,
    /// Gymnasium's id.
    pub environment: String,
    /// Mean, spread, success rate, and the raw returns where they are known.
    #[serde(flatten)]
    pub statistics: regression::Baseline,
    /// Stored beside it.
    #[serde(default)]
    pub hyperparameters: BTreeMap<String, Hyperparameter>,
    /// The job that it was promoted from.
    #[serde(default)]
    pub source_job: Option<Uuid>,
}
