//! `tars rollout`: one episode with given actions, step by step, to be compared with Gymnasium or
//! driven through a pipe.

mod action;
mod episode;
mod lines;

use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;

use crate::environment_id;

use self::episode::Episode;
use self::lines::Lines;

/// Replay actions in an environment: JSON lines in, observations and rewards out
///
/// Every line of the input is one action: a number, or for a box space a number or an array. The
/// first line of the output is {"obs":[…]} after the reset; each action then gives
/// {"obs":[…],"reward":…,"terminated":…,"truncated":…}. The numbers are exactly Gymnasium's: `obs`
/// is what `obs.tolist()` gives there for the same seed and actions. In a pipe, each line is
/// written as soon as its action arrives.
///
/// The episode ends with the actions or when the environment ends it. Blank lines are skipped.
#[derive(Debug, clap::Args)]
pub(crate) struct Rollout {
    /// The environment, as Gymnasium names it
    #[arg(long = "env", value_name = "ID", value_parser = environment_id::parser())]
    environment: String,
    /// The environment is reset with this seed
    #[arg(long, default_value_t = 0, value_name = "SEED")]
    seed: u64,
    /// File with one action per line, `-` for standard input
    #[arg(long, value_name = "FILE")]
    actions: PathBuf,
}

impl Rollout {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self.replay() {
            // Whoever read our output has seen enough.
            Err(error) if is_broken_pipe(&error) => Ok(ExitCode::SUCCESS),
            Err(error) => Err(error),
            Ok(()) => Ok(ExitCode::SUCCESS),
        }
    }

    fn replay(&self) -> anyhow::Result<()> {
        let mut episode = Episode::start(&self.environment, self.seed)?;
        let mut actions = Lines::open(&self.actions)?;
        let stdout = io::stdout().lock();
        // Standard output flushes at each newline, as a filter must. Nobody waits for lines between
        // two files.
        if actions.at_rest() && !stdout.is_terminal() {
            let mut output = BufWriter::new(stdout);
            drive(&mut episode, &mut actions, &mut output)?;
            Ok(output.flush()?)
        } else {
            drive(&mut episode, &mut actions, stdout)
        }
    }
}

fn drive(episode: &mut Episode, actions: &mut Lines, mut output: impl Write) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct First {
        obs: Vec<f64>,
    }
    let obs = episode.observation();
    write_line(&mut output, &First { obs })?;
    for taken in 1_u64.. {
        let Some(line) = actions.next()? else { break };
        let action = action::parse(&line, episode.action_space())
            .map_err(|reason| actions.error(&reason))?;
        let step = episode.step(&action)?;
        write_line(&mut output, &step)?;
        if let Some(end) = step.end() {
            if let Some(place) = actions.leftover()? {
                eprintln!(
                    "tars: the episode {end} in step {taken}: the actions from {place} on were not taken"
                );
            }
            break;
        }
    }
    Ok(())
}

fn write_line(output: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    output.write_all(&line)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
