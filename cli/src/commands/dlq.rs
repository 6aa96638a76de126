//! `tars dlq`: what ended without a result, and what becomes of it.

mod aside;
mod listing;
mod model;
mod naming;
mod replay;
mod selection;
mod watching;

use std::process::ExitCode;

use serde_json::json;
use uuid::Uuid;

use self::naming::{id, replay_path};
use crate::client::{self, Server};
use crate::stdout;

/// List, summarize, replay and discard dead letters: what ended without a result
#[derive(Debug, clap::Args)]
pub(crate) struct Dlq {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// The latest dead letters first
    List(listing::List),
    /// One dead letter with its request and every failed attempt
    Show(One),
    /// Groups of dead letters that are alike, the largest first
    Summary(listing::Summary),
    Replay(Box<replay::Replay>),
    /// The latest replays first
    Replays(listing::Replays),
    /// Follow a replay to its end
    Watch(One),
    /// Replay nothing more for now; what was replayed goes on
    Pause(Pause),
    /// Let a paused or stopped replay go on
    Resume(One),
    /// End a replay; what was replayed goes on, the other letters stay open
    Cancel(One),
    Discard(aside::Discard),
    Restore(aside::Restore),
}

#[derive(Debug, clap::Args)]
struct One {
    /// The full id
    #[arg(value_name = "ID", value_parser = id)]
    id: Uuid,
    /// Print the service's JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Pause {
    #[command(flatten)]
    one: One,
    /// Why; whoever looks at the replay sees it
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Dlq {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        client::run(async {
            let client = self.server.connect()?;
            match self.action {
                Action::List(list) => list.run(&client).await,
                Action::Show(One { id, json }) => listing::show(&client, id, json).await,
                Action::Summary(summary) => summary.run(&client).await,
                Action::Replay(replay) => replay.run(&client).await,
                Action::Replays(replays) => replays.run(&client).await,
                Action::Watch(One { id, json }) => watching::watch(&client, id, json).await,
                Action::Pause(Pause { one, reason }) => {
                    let body = json!({"reason": reason});
                    let path = replay_path(one.id, "/pause");
                    changed(&client.post_body(&path, &body).await?, one.json)
                }
                Action::Resume(one) => changed(
                    &client.post(&replay_path(one.id, "/resume")).await?,
                    one.json,
                ),
                Action::Cancel(one) => changed(
                    &client.post(&replay_path(one.id, "/cancel")).await?,
                    one.json,
                ),
                Action::Discard(discard) => discard.run(&client).await,
                Action::Restore(restore) => restore.run(&client).await,
            }
        })
    }
}

fn changed(answer: &tars_client::Answer, json: bool) -> anyhow::Result<ExitCode> {
    stdout::print(&if json {
        answer.json()
    } else {
        let replay: client::Replay = answer.read()?;
        format!("{}\n", replay.sentence())
    })?;
    Ok(ExitCode::SUCCESS)
}
