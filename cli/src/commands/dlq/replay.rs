//! `tars dlq replay`: a dry run is shown first, and a question asked before more than one letter is replayed.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::{Map, Value, json};
use tars_shared::clock::{Clock as _, System};
use tars_shared::request::Priority;

use super::model::Rehearsal;
use super::naming::command;
use super::selection::Selection;
use super::watching;
use crate::bounded_file;
use crate::client::{self, Connection};
use crate::exit_code::BAD_INPUT;
use crate::render::number::count;
use crate::stdout;

/// The most bytes of a file with a patch.
const PATCH_BYTES: usize = 64 * 1024;

/// Refusals that are shown.
const REFUSALS: usize = 10;

/// Replay dead letters as new jobs, a few first if asked to
#[derive(Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own on the command line"
)]
#[command(
    after_help = "Exit codes: 0 every letter succeeded; 1 some failed again, were refused or remain; 2 nothing was done."
)]
pub(super) struct Replay {
    #[command(flatten)]
    selection: Selection,
    /// Replay so many first, and the others only when these have ended well
    #[arg(long, value_name = "N")]
    canary: Option<u32>,
    /// Each wave after the canary is so many times larger than the one before [default: 2]
    #[arg(long, value_name = "FACTOR", requires = "canary")]
    ramp: Option<f64>,
    /// No more than so many letters
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
    /// No more than so many jobs a second
    #[arg(long = "rate", value_name = "N")]
    rate_per_second: Option<f64>,
    /// Stop when a larger share of what was replayed has failed again [default: 0.5; with a canary, one of it]
    #[arg(long = "stop-at", value_name = "SHARE")]
    stop_at_failure_rate: Option<f64>,
    /// Which queue the new jobs wait in: high, normal or low
    #[arg(long, default_value_t = Priority::Low)]
    priority: Priority,
    /// A JSON merge patch on each request, such as `{"timeout_seconds": 600}`, or @FILE
    #[arg(long, value_name = "JSON|@FILE")]
    patch: Option<String>,
    /// Why; it stands in the audit log
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Only say what would happen
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// Do not follow the replay
    #[arg(long)]
    detach: bool,
    /// Print the service's JSON
    #[arg(long)]
    json: bool,
}

impl Replay {
    pub(super) async fn run(self, client: &Connection) -> anyhow::Result<ExitCode> {
        let mut body = self.body()?;
        body["dry_run"] = json!(true);
        let answer = client.post_body("/v1/dead-letters/replays", &body).await?;
        let rehearsal: Rehearsal = answer.read()?;
        if self.dry_run && self.json {
            stdout::print(&answer.json())?;
            return Ok(ExitCode::SUCCESS);
        }
        eprint!("{}", told(&rehearsal));
        if self.dry_run || rehearsal.matched == 0 {
            return Ok(ExitCode::SUCCESS);
        }
        let several = rehearsal.would_run > 1 || !rehearsal.complete;
        if several
            && !self.yes
            && !asked(&format!(
                "Replay {} dead letters?",
                count(rehearsal.would_run)
            ))?
        {
            eprintln!("nothing was replayed");
            return Ok(BAD_INPUT.into());
        }
        body["dry_run"] = json!(false);
        let key = System.new_id().to_string();
        let path = "/v1/dead-letters/replays";
        let answer = client.post_keyed(path, &key, &body).await?;
        let replay: client::Replay = answer.read()?;
        if self.detach {
            let watch = command(client, &format!("watch {}", replay.id));
            stdout::print(&if self.json {
                answer.json()
            } else {
                format!("replay {} is begun\nfollow it with: {watch}\n", replay.id)
            })?;
            return Ok(ExitCode::SUCCESS);
        }
        watching::watch(client, replay.id, self.json).await
    }

    fn body(&self) -> anyhow::Result<Value> {
        let mut body = self.selection.body()?;
        let mut set = |name: &str, value: Value| {
            if !value.is_null() {
                body[name] = value;
            }
        };
        set("canary", json!(self.canary));
        set("ramp", json!(self.ramp));
        set("limit", json!(self.limit));
        set("rate_per_second", json!(self.rate_per_second));
        set("stop_at_failure_rate", json!(self.stop_at_failure_rate));
        set("priority", json!(self.priority));
        set("note", json!(self.note));
        if let Some(patch) = &self.patch {
            let text = match patch.strip_prefix('@') {
                Some(file) => {
                    let bytes = bounded_file::read(file.as_ref(), PATCH_BYTES)?;
                    String::from_utf8(bytes).with_context(|| format!("{file} is not UTF-8"))?
                }
                None => patch.clone(),
            };
            let patch: Map<String, Value> =
                serde_json::from_str(&text).context("--patch must be a JSON object")?;
            set("patch", Value::Object(patch));
        }
        Ok(body)
    }
}

/// What a dry run found.
pub(super) fn told(rehearsal: &Rehearsal) -> String {
    let Rehearsal {
        matched,
        would_run,
        refused,
        refusals,
        samples,
        complete,
    } = rehearsal;
    let more = if *complete { "" } else { " or more" };
    let mut text = format!(
        "{}{more} dead letters are meant, {}{more} of them would run\n",
        count(*matched),
        count(*would_run)
    );
    for (refusal, number) in refused {
        text.push_str(&format!(
            "  {} would be refused: {refusal}\n",
            count(*number)
        ));
    }
    for one in refusals.iter().take(REFUSALS) {
        text.push_str(&format!("    {} {}: {}\n", one.id, one.refusal, one.detail));
    }
    if let Some(sample) = samples.iter().find(|sample| sample.before != sample.after) {
        text.push_str("  requests change, for example:\n");
        let fields = sample.after.as_object().into_iter().flatten();
        for (name, after) in fields {
            let before = &sample.before[name];
            if before != after {
                text.push_str(&format!("    {name}: {before} → {after}\n"));
            }
        }
    }
    text
}

/// Asks whoever sits there. Without a terminal nobody can be asked.
pub(super) fn asked(question: &str) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        anyhow::bail!("nobody can be asked without a terminal: say --yes");
    }
    eprint!("{question} [y/N] ");
    std::io::stderr().flush().context("cannot ask")?;
    let mut line = String::new();
    std::io::stdin()
        .read_line(&mut line)
        .context("cannot read the answer")?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}
