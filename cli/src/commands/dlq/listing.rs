//! `tars dlq list`, `show`, `summary` and `replays`.

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use comfy_table::Cell;
use tars_shared::clock::{Clock as _, System};
use tars_shared::dead_letter::State;
use tars_shared::replay::ReplayState;
use uuid::Uuid;

use super::model::{Group, Groups};
use super::naming::command;
use super::selection::Filter;
use crate::client::{Connection, Letter, Replay, ago};
use crate::render::number::count;
use crate::render::one_line::short;
use crate::render::{Ink, Palette};
use crate::stdout;

/// Which dead letters, and how many
#[derive(Debug, clap::Args)]
pub(super) struct List {
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    page: Page,
}

/// How much of a listing.
#[derive(Debug, clap::Args)]
struct Page {
    /// How many
    #[arg(long, default_value = "20", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// All of them
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    /// Print the service's JSON
    #[arg(long)]
    json: bool,
}

impl Page {
    fn limit(&self) -> Option<usize> {
        (!self.all).then_some(self.limit as usize)
    }
}

const MORE: &str = "There are more: --limit N or --all shows them.\n";

impl List {
    pub(super) async fn run(self, client: &Connection) -> anyhow::Result<ExitCode> {
        let path = "/v1/dead-letters";
        let found = tars_client::pages(client, path, &self.filter, self.page.limit()).await?;
        let letters: Vec<Letter> = found.read()?;
        stdout::print(&if self.page.json {
            found.json()
        } else if letters.is_empty() {
            let hint = command(client, "list");
            if self.filter.is_empty() {
                "There are no dead letters: no job has failed for good.\n".to_owned()
            } else {
                format!("No dead letter fits all of these filters. All of them: {hint}\n")
            }
        } else {
            let more = if found.has_more() { MORE } else { "" };
            letters_table(&letters, System.now()) + more
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<Cell>>) -> String {
    let mut table = Palette::of_stdout().table();
    table.set_header(header.iter().map(|name| Palette::cell(Ink::Faint, name)));
    for row in rows {
        table.add_row(row);
    }
    let lines = table.lines().map(|line| line.trim_end().to_owned() + "\n");
    lines.collect()
}

fn letters_table(letters: &[Letter], now: DateTime<Utc>) -> String {
    let header = [
        "LETTER",
        "STATE",
        "KIND",
        "AGENT",
        "ENVIRONMENTS",
        "REASON",
        "ENDED",
    ];
    let row = |letter: &Letter| {
        let request = letter.request.as_ref();
        vec![
            Cell::new(letter.id),
            state(letter.state),
            Cell::new(letter.kind.as_str()),
            Cell::new(request.map_or("-", |request| &request.agent_type)),
            Cell::new(request.map_or("-".to_owned(), |request| request.environments.join(" "))),
            Cell::new(short(&letter.reason)),
            Cell::new(ago(now, letter.at)),
        ]
    };
    table(&header, letters.iter().map(row))
}

fn state(state: State) -> Cell {
    match state {
        State::Open => Palette::cell(Ink::Bad, state.as_str()),
        State::Replayed => Palette::cell(Ink::Good, state.as_str()),
        State::Discarded => Palette::cell(Ink::Faint, state.as_str()),
    }
}

/// How many groups
#[derive(Debug, clap::Args)]
pub(super) struct Summary {
    /// How many groups
    #[arg(long, default_value = "20", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Print the service's JSON
    #[arg(long)]
    json: bool,
}

impl Summary {
    pub(super) async fn run(self, client: &Connection) -> anyhow::Result<ExitCode> {
        let query = [("limit", self.limit)];
        let answer = client.get("/v1/dead-letters/summary", &query).await?;
        let Groups { groups } = answer.read()?;
        stdout::print(&if self.json {
            answer.json()
        } else if groups.is_empty() {
            "There are no dead letters: no job has failed for good.\n".to_owned()
        } else {
            let replay = command(client, "replay --fingerprint GROUP --canary 5");
            format!(
                "{}Replay a group, a few first: {replay}\n",
                groups_table(&groups, System.now())
            )
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

fn groups_table(groups: &[Group], now: DateTime<Utc>) -> String {
    let header = [
        "GROUP",
        "OPEN",
        "NEW",
        "REPLAYED",
        "DISCARDED",
        "KIND",
        "AGENT",
        "ENVIRONMENTS",
        "REASON",
        "LAST",
    ];
    let row = |group: &Group| {
        vec![
            Cell::new(&group.fingerprint),
            Cell::new(count(group.open)),
            Cell::new(count(group.new_since_replay)),
            Cell::new(count(group.replayed)),
            Cell::new(count(group.discarded)),
            Cell::new(group.kind.as_str()),
            Cell::new(group.agent_type.as_deref().unwrap_or("-")),
            Cell::new(group.environments.join(" ")),
            Cell::new(short(&group.reason)),
            Cell::new(ago(now, group.last_seen)),
        ]
    };
    table(&header, groups.iter().map(row))
}

/// How many replays
#[derive(Debug, clap::Args)]
pub(super) struct Replays {
    #[command(flatten)]
    page: Page,
}

impl Replays {
    pub(super) async fn run(self, client: &Connection) -> anyhow::Result<ExitCode> {
        let path = "/v1/dead-letters/replays";
        let found = tars_client::pages(client, path, &(), self.page.limit()).await?;
        let replays: Vec<Replay> = found.read()?;
        stdout::print(&if self.page.json {
            found.json()
        } else if replays.is_empty() {
            format!(
                "Nothing was replayed yet. What could be: {}\n",
                command(client, "summary")
            )
        } else {
            let more = if found.has_more() { MORE } else { "" };
            replays_table(&replays, System.now()) + more
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

fn replays_table(replays: &[Replay], now: DateTime<Utc>) -> String {
    let header = ["REPLAY", "STATE", "PROGRESS", "NOTE", "BY", "BEGUN"];
    let row = |replay: &Replay| {
        let ink = match replay.state {
            ReplayState::Stopped => Ink::Bad,
            ReplayState::Finished => Ink::Good,
            ReplayState::Paused | ReplayState::Cancelled => Ink::Faint,
            ReplayState::Selecting | ReplayState::Running => Ink::Unsure,
        };
        vec![
            Cell::new(replay.id),
            Palette::cell(ink, replay.state.as_str()),
            Cell::new(replay.progress()),
            Cell::new(short(replay.note.as_deref().unwrap_or("-"))),
            Cell::new(&replay.created_by),
            Cell::new(ago(now, replay.created_at)),
        ]
    };
    table(&header, replays.iter().map(row))
}

/// Shows one letter.
pub(super) async fn show(client: &Connection, id: Uuid, json: bool) -> anyhow::Result<ExitCode> {
    let answer = client.get(&format!("/v1/dead-letters/{id}"), &()).await?;
    if json {
        stdout::print(&answer.json())?;
        return Ok(ExitCode::SUCCESS);
    }
    let letter: Letter = answer.read()?;
    let mut text = format!(
        "dead letter {id}, {}: {}\n  {}\n",
        letter.state,
        letter.kind.as_str(),
        letter.reason
    );
    let mut fact = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            text.push_str(&format!("  {name:<12}{value}\n"));
        }
    };
    fact("ended", Some(letter.at.to_rfc3339()));
    fact(
        "expires",
        letter.expires_at.map(|moment| moment.to_rfc3339()),
    );
    fact("submitter", letter.request.map(|request| request.submitter));
    fact(
        "replays",
        (letter.replays > 0).then(|| letter.replays.to_string()),
    );
    fact("replayed as", letter.replayed_as.map(|job| job.to_string()));
    fact("note", letter.note);
    for failure in &letter.failures {
        let worker = failure.worker.as_deref().unwrap_or("nobody");
        let attempt = format!(
            "{} by {worker}: {}",
            failure.at.to_rfc3339(),
            failure.reason
        );
        fact(&format!("attempt {}", failure.attempt), Some(attempt));
    }
    if let Some(submission) = &letter.submission {
        text.push_str(&format!("  request\n{submission:#}\n"));
    }
    stdout::print(&text)?;
    Ok(ExitCode::SUCCESS)
}
