//! Which dead letters, as options.

use serde::Serialize;
use serde_json::{Value, json};
use tars_engine::policy_file::Algorithm;
use tars_shared::dead_letter::State;
use tars_shared::job::FailureKind;
use uuid::Uuid;

/// Every option narrows it.
#[derive(Debug, Clone, Default, clap::Args, Serialize)]
pub(super) struct Filter {
    /// Only this sort of failure, such as timeout or `invalid_policy`
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<FailureKind>,
    /// Only jobs of this algorithm
    #[arg(long = "agent", value_name = "ALGORITHM")]
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_type: Option<Algorithm>,
    /// Only jobs on this environment
    #[arg(long = "env", value_name = "ID")]
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<String>,
    /// Only jobs with this label
    #[arg(long, value_name = "NAME=VALUE", value_parser = crate::commands::jobs::label)]
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    /// Only jobs of this account, as `tars dlq show` names it
    #[arg(long, value_name = "ACCOUNT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    submitter: Option<String>,
    /// Only those whose reason holds this text
    #[arg(long, value_name = "TEXT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Only those that ended before this moment, or longer ago than this age: 7d, 12h, 30m
    #[arg(long, value_name = "MOMENT|AGE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    older_than: Option<String>,
    /// Only those that ended since this moment, or within this age
    #[arg(long, value_name = "MOMENT|AGE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    newer_than: Option<String>,
    /// Only this group of `tars dlq summary`
    #[arg(long, value_name = "GROUP")]
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    /// Only those that are open, replayed or discarded
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) state: Option<State>,
}

impl Filter {
    pub(super) fn is_empty(&self) -> bool {
        json!(self)
            .as_object()
            .is_none_or(serde_json::Map::is_empty)
    }
}

/// Which dead letters something is done to.
#[derive(Debug, clap::Args)]
pub(super) struct Selection {
    /// These letters
    #[arg(value_name = "ID", value_parser = super::naming::id, conflicts_with = "all")]
    ids: Vec<Uuid>,
    #[command(flatten)]
    filter: Filter,
    /// All of them
    #[arg(long)]
    all: bool,
}

impl Selection {
    /// The selection in the body of a request.
    pub(super) fn body(&self) -> anyhow::Result<Value> {
        match (self.ids.is_empty(), self.filter.is_empty(), self.all) {
            (false, true, false) => Ok(json!({"ids": self.ids})),
            (true, false, false) => Ok(json!({"filter": self.filter})),
            (true, true, true) => Ok(json!({"all": true})),
            (true, true, false) => {
                anyhow::bail!("say which letters: ids, filters such as --kind timeout, or --all")
            }
            _ => anyhow::bail!("give ids, or filters, or --all, and not two of them"),
        }
    }
}
