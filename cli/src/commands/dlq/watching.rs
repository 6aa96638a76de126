//! Follows a replay: a bar in a terminal, lines elsewhere.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use tars_client::Observer;
use tars_shared::replay::ReplayState;
use uuid::Uuid;

use super::naming::command;
use crate::client::{Connection, Replay};
use crate::exit_code::INTERRUPTED;
use crate::stdout;

/// Lines are written at each tenth.
const PARTS: u64 = 10;

/// Follows a replay until it ends or stops, prints what came of it, and exits accordingly.
pub(super) async fn watch(client: &Connection, id: Uuid, json: bool) -> anyhow::Result<ExitCode> {
    let mut progress = Progress::new(json);
    let followed = tokio::select! {
        followed = tars_client::follow_replay(client, id, &mut progress) => Some(followed),
        _ = tokio::signal::ctrl_c() => None,
    };
    progress.bar.abandon();
    let Some(followed) = followed else {
        let command = |action| command(client, &format!("{action} {id}"));
        eprintln!("\nthe replay goes on; follow it with: {}", command("watch"));
        eprintln!("or let it wait with: {}", command("pause"));
        return Ok(INTERRUPTED.into());
    };
    let answer = followed?;
    let replay: Replay = answer.read()?;
    stdout::print(&if json {
        answer.json()
    } else {
        ended(client, &replay)
    })?;
    Ok(replay.exit_code().into())
}

fn ended(client: &Connection, replay: &Replay) -> String {
    let mut text = format!("{}\n", replay.sentence());
    for (refusal, number) in &replay.refusals {
        text.push_str(&format!("  {number} refused: {refusal}\n"));
    }
    if replay.state == ReplayState::Stopped {
        let resume = command(client, &format!("resume {}", replay.id));
        text.push_str(&format!("let it go on with: {resume}\n"));
    }
    text
}

/// A bar if standard error is a terminal, lines otherwise.
struct Progress {
    bar: ProgressBar,
    lines: bool,
    last: Option<(ReplayState, u64)>,
}

impl Progress {
    fn new(silent: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let style =
            ProgressStyle::with_template("  {bar:30.cyan/dim} {pos:>6}/{len:<6} {wide_msg}")
                .expect("the template is a constant")
                .progress_chars("━╸─");
        let bar = if terminal && !silent {
            ProgressBar::new(0).with_style(style)
        } else {
            ProgressBar::hidden()
        };
        Self {
            bar,
            lines: !terminal && !silent,
            last: None,
        }
    }
}

impl Observer for Progress {
    type Followed = Replay;

    fn show(&mut self, replay: &Replay) -> bool {
        let counts = &replay.counts;
        let done = counts.total - counts.queued.min(counts.total) - counts.remaining;
        self.bar.set_length(counts.total);
        self.bar.set_position(done);
        let wave = replay.wave.map(|wave| format!(" in waves of {wave}"));
        let state = format!(
            "{}{}, {}",
            replay.state,
            wave.unwrap_or_default(),
            replay.progress()
        );
        let part = (done * PARTS).checked_div(counts.total).unwrap_or(0);
        if self.lines && self.last != Some((replay.state, part)) {
            eprintln!("  {state}");
        }
        self.last = Some((replay.state, part));
        self.bar.set_message(state);
        replay.state.is_terminal() || replay.state == ReplayState::Stopped
    }

    fn service_is_away(&mut self) {
        const AWAY: &str = "the service is away; the replay is safe, waiting for it to come back";
        if self.lines {
            eprintln!("  {AWAY}");
        }
        self.bar.set_message(AWAY);
    }
}
