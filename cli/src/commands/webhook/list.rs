//! `tars webhook list`: what became of the webhooks of a job.

use std::fmt::Write as _;
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use tars_shared::clock::{Clock as _, System};
use tars_shared::webhook::{Attempt, DeliveryState};
use uuid::Uuid;

use crate::client::{Connection, ago};
use crate::render::{Ink, Palette};
use crate::stdout;

#[derive(Deserialize)]
struct Found {
    items: Vec<Webhook>,
}

/// A webhook as the service shows it.
#[derive(Deserialize)]
struct Webhook {
    id: Uuid,
    url: String,
    state: DeliveryState,
    next_attempt_at: Option<DateTime<Utc>>,
    attempts: Vec<Attempt>,
}

/// Prints them.
pub(super) async fn run(client: &Connection, id: Uuid, json: bool) -> anyhow::Result<ExitCode> {
    let path = format!("/v1/jobs/{id}/webhooks");
    let answer = client.get(&path, &()).await?;
    if json {
        stdout::print(&answer.json())?;
        return Ok(ExitCode::SUCCESS);
    }
    let found: Found = answer.read()?;
    let text = if found.items.is_empty() {
        format!("job {id} has not ended, or was submitted without --callback-url\n")
    } else {
        let (now, palette) = (System.now(), Palette::of_stdout());
        let texts = found.items.iter().map(|one| text(one, now, palette));
        texts.collect()
    };
    stdout::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn text(webhook: &Webhook, now: DateTime<Utc>, palette: Palette) -> String {
    let ink = match webhook.state {
        DeliveryState::Dead => Ink::Bad,
        DeliveryState::Delivered => Ink::Good,
        DeliveryState::Pending => Ink::Strong,
    };
    let state = palette.paint(ink, webhook.state.as_str());
    let mut text = format!("{} to {} is {state}\n", webhook.id, webhook.url);
    for attempt in &webhook.attempts {
        let (number, milliseconds) = (attempt.number, attempt.milliseconds);
        let status = attempt
            .status
            .map(|status| format!("answered with {status}"));
        let outcome = attempt.error.clone().or(status).unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "  attempt {number}, {}, {milliseconds} ms: {outcome}",
            ago(now, attempt.at)
        );
    }
    if let Some(next) = webhook.next_attempt_at {
        let _ = writeln!(
            text,
            "  the next attempt is due at {}",
            next.format("%F %T UTC")
        );
    }
    text
}
