//! All of it in one JSON document.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use tars_client::{Answer, Error};
use tars_shared::job::Status;
use tars_shared::request::Priority;

use super::figures::{Figures, Waiting};
use super::source::{self, Source};
use super::view::refusal;
use crate::client::Connection;

/// What the service says; null for what it does not, and why.
#[derive(Debug, Serialize)]
struct Document {
    looked_at: DateTime<Utc>,
    server: String,
    jobs: Option<BTreeMap<&'static str, u64>>,
    priorities: Option<BTreeMap<&'static str, Waiting>>,
    #[serde(flatten)]
    said: BTreeMap<&'static str, Value>,
    errors: BTreeMap<&'static str, String>,
}

/// Asks for all of it. An error if that is nothing, or if whoever asks is not let in.
pub(super) async fn document(client: &Connection, now: DateTime<Utc>) -> anyhow::Result<String> {
    let mut document = Document {
        looked_at: now,
        server: client.address().to_string(),
        jobs: None,
        priorities: None,
        said: BTreeMap::new(),
        errors: BTreeMap::new(),
    };
    let mut errors = BTreeMap::new();
    for (source, answer) in source::ask(client, &Source::ALL).await {
        if let Err(error) = answer.and_then(|answer| document.take(source, &answer)) {
            document.errors.insert(source.name(), error.to_string());
            if source != Source::Figures {
                document.said.insert(source.name(), Value::Null);
            }
            errors.insert(source, error);
        }
    }
    let answered = errors.len() < Source::ALL.len();
    match refusal(&mut errors, answered) {
        Some(refusal) => Err(refusal.into()),
        None => Ok(format!("{}\n", json!(document))),
    }
}

impl Document {
    fn take(&mut self, source: Source, answer: &Answer) -> Result<(), Error> {
        if source == Source::Figures {
            if let Some(figures) = Figures::read(&answer.text()) {
                let count = |status: Status| (status.as_str(), figures.jobs.count(status));
                self.jobs = Some(Status::ALL.map(count).into());
                let waiting = |one: Priority| (one.as_str(), figures.waiting[one as usize]);
                self.priorities = Some(Priority::ALL.map(waiting).into());
            }
            return Ok(());
        }
        let mut said: Value = answer.read()?;
        // A listing is its entries.
        if let Some(items) = said.get_mut("items") {
            said = items.take();
        }
        self.said.insert(source.name(), said);
        Ok(())
    }
}
