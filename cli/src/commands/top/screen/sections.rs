//! The tables of the screen. One that would be empty is left out.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tars_shared::dead_letter::State;
use tars_shared::replay::ReplayState;
use tars_shared::request::Priority;
use uuid::Uuid;

use crate::client::{Job, Worker, ago, span};
use crate::commands::top::layout::{Line, Span, columns, inked, text};
use crate::commands::top::view::View;
use crate::render::Ink;
use crate::render::number::count;

/// Unknown, or nothing.
const NONE: &str = "-";

fn or_none(known: Option<String>) -> Span {
    known.map_or_else(|| text(NONE), text)
}

fn table<const N: usize>(header: [&str; N], rows: Vec<[Span; N]>) -> Vec<Line> {
    if rows.is_empty() {
        Vec::new()
    } else {
        columns(header, rows)
    }
}

/// What waits and runs at each priority.
pub(super) fn priorities(view: &View) -> Vec<Line> {
    let row = |priority: Priority| {
        let waiting = view
            .figures
            .map(|figures| figures.waiting[priority as usize]);
        let waiting = waiting.unwrap_or_default();
        let running = view.running.as_ref().map(|page| {
            let of_it = page.items.iter().filter(|job| job.priority == priority);
            let more = if page.has_more() { "+" } else { "" };
            format!("{}{more}", of_it.count())
        });
        let late = waiting.overdue.is_some_and(|jobs| jobs > 0);
        let overdue = waiting.overdue.map_or(NONE.to_owned(), count);
        [
            text(priority.as_str()),
            or_none(waiting.queued.map(count)),
            or_none(running),
            or_none(waiting.oldest_seconds.and_then(waited)),
            if late {
                inked(Ink::Bad, overdue)
            } else {
                text(overdue)
            },
        ]
    };
    let header = ["PRIORITY", "QUEUED", "RUNNING", "OLDEST", "OVERDUE"];
    columns(header, Priority::ALL.map(row).into())
}

/// How long something has been waiting; unknown where nothing waits.
fn waited(seconds: f64) -> Option<String> {
    let waited = Duration::try_from_secs_f64(seconds).ok()?;
    let waited = TimeDelta::from_std(waited).ok()?;
    (waited > TimeDelta::zero()).then(|| span(waited))
}

/// The pauses in force.
pub(super) fn pauses(view: &View, now: DateTime<Utc>) -> Vec<Line> {
    let pauses = view.pauses.iter().flatten();
    let rows = pauses.map(|pause| {
        let until = pause.until.map(|until| until.format("%F %T").to_string());
        [
            text(pause.id.to_string()),
            inked(Ink::Unsure, pause.what()),
            text(count(pause.held)),
            text(&pause.paused_by),
            text(ago(now, pause.since)),
            or_none(until),
            text(&pause.reason),
        ]
    });
    let header = ["PAUSE", "WHAT", "HELD", "BY", "SINCE", "UNTIL", "REASON"];
    table(header, rows.collect())
}

/// The replays that have not ended.
pub(super) fn replays(view: &View, now: DateTime<Utc>) -> Vec<Line> {
    let replays = view.replays.iter().flatten();
    let under_way = replays.filter(|replay| !replay.state.is_terminal());
    let rows = under_way.map(|replay| {
        let ink = match replay.state {
            ReplayState::Stopped => Ink::Bad,
            ReplayState::Paused => Ink::Faint,
            _ => Ink::Unsure,
        };
        let done = replay.counts.total - replay.counts.remaining.min(replay.counts.total);
        let share = (done * 100).checked_div(replay.counts.total).unwrap_or(0);
        [
            text(replay.id.to_string()),
            inked(ink, replay.state.as_str()),
            text(format!("{share} %")),
            text(replay.progress()),
            text(&replay.created_by),
            text(ago(now, replay.created_at)),
        ]
    });
    let header = ["REPLAY", "STATE", "DONE", "PROGRESS", "BY", "BEGUN"];
    table(header, rows.collect())
}

/// The last dead letters, whatever became of them.
pub(super) fn letters(view: &View, now: DateTime<Utc>) -> Vec<Line> {
    let letters = view.letters.iter().flatten();
    let rows = letters.map(|letter| {
        let ink = match letter.state {
            State::Open => Ink::Bad,
            State::Replayed | State::Discarded => Ink::Faint,
        };
        [
            text(letter.id.to_string()),
            inked(ink, letter.state.as_str()),
            text(letter.kind.as_str()),
            text(ago(now, letter.at)),
            text(&letter.reason),
        ]
    });
    let header = ["DEAD LETTER", "STATE", "KIND", "ENDED", "REASON"];
    table(header, rows.collect())
}

/// Workers by name, with what they run.
pub(super) fn workers(view: &View, now: DateTime<Utc>) -> Vec<Line> {
    let Some(page) = &view.workers else {
        return Vec::new();
    };
    if page.items.is_empty() {
        return vec![Line::new([inked(Ink::Bad, " No worker is running.")])];
    }
    let jobs = view.running.as_ref().map_or(&[][..], |page| &page.items);
    let rows = page.items.iter().map(|worker| {
        let ink = match worker.state.as_str() {
            "working" => Ink::Good,
            "draining" => Ink::Unsure,
            _ => Ink::Faint,
        };
        [
            text(&worker.name),
            or_none(worker.host.clone()),
            inked(ink, &worker.state),
            text(format!("{}/{}", worker.busy, worker.slots)),
            or_none(worker.version.clone()),
            or_none(worker.started_at.map(|moment| ago(now, moment))),
            or_none(runs(worker, jobs)),
        ]
    });
    let header = [
        "WORKER", "HOST", "STATE", "BUSY", "VERSION", "STARTED", "RUNS",
    ];
    let mut lines = columns(header, rows.collect());
    if page.has_more() {
        lines.push(Line::new([inked(Ink::Faint, " … and more workers")]));
    }
    lines
}

/// The job that it took first, and how many others.
fn runs(worker: &Worker, jobs: &[Job]) -> Option<String> {
    let first: Uuid = *worker.running.first()?;
    let job = jobs.iter().find(|job| job.id == first);
    let about = job.map(|job| {
        let (done, total) = (job.progress.episodes_done, job.progress.episodes_total);
        format!(
            " {} {} {done}/{total}",
            job.agent_type,
            job.environments.join(" ")
        )
    });
    let more = match worker.running.len() - 1 {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!("{first}{}{more}", about.unwrap_or_default()))
}
