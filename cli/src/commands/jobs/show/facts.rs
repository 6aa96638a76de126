//! What is known about a job apart from its results, a fact per line.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use tars_shared::job::Status;
use tars_shared::request::Hyperparameter;

use crate::client::{Job, ago};
use crate::render::{Ink, Palette};

/// The facts.
pub(super) fn text(job: &Job, now: DateTime<Utc>, palette: Palette) -> String {
    let mut text = String::new();
    for (name, value) in facts(job, now, palette) {
        let name = palette.paint(Ink::Faint, &format!("{name:<16}"));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name}{value}");
    }
    text
}

fn facts(job: &Job, now: DateTime<Utc>, palette: Palette) -> Vec<(&'static str, String)> {
    let ink = match job.status {
        Status::Failed => Ink::Bad,
        Status::Completed | Status::Queued | Status::Running | Status::Cancelled => Ink::Strong,
    };
    let mut facts = vec![
        ("job", job.id.to_string()),
        ("status", palette.paint(ink, job.status.as_str())),
        ("", explanation(job)),
    ];
    if let Some(waiting) = &job.waiting {
        let since = waiting.since.map(|since| ago(now, since));
        facts.extend(since.map(|since| ("since", since)));
        facts.extend(waiting.basis.clone().map(|basis| ("basis", basis)));
    }
    facts.extend([
        (
            "agent",
            format!("{} in {}", job.agent_type, job.environments.join(", ")),
        ),
        ("episodes", episodes(job)),
        (
            "submitted",
            format!("{}, {} priority", ago(now, job.submitted_at), job.priority),
        ),
    ]);
    match (job.started_at, job.finished_at) {
        (Some(started), Some(finished)) => {
            let seconds = (finished - started).as_seconds_f64();
            facts.push((
                "finished",
                format!("{}, after {seconds:.2} s", ago(now, finished)),
            ));
        }
        (Some(started), None) => facts.push(("started", ago(now, started))),
        (None, _) => {}
    }
    facts.extend(job.retry_of.map(|former| ("repeats", former.to_string())));
    facts.extend(
        job.retried_as
            .map(|later| ("repeated as", later.to_string())),
    );
    if !job.labels.is_empty() {
        facts.push((
            "labels",
            join(
                job.labels
                    .iter()
                    .map(|(name, value)| format!("{name}={value}")),
            ),
        ));
    }
    if !job.hyperparameters.is_empty() {
        facts.push((
            "hyperparameters",
            join(job.hyperparameters.iter().map(hyperparameter)),
        ));
    }
    // The last failure of a failed job is its explanation.
    let explained = usize::from(job.status == Status::Failed);
    for failure in job
        .failures
        .iter()
        .take(job.failures.len().saturating_sub(explained))
    {
        let (attempt, reason) = (failure.attempt, &failure.reason);
        facts.push((
            "failure",
            format!("attempt {attempt}, {}: {reason}", ago(now, failure.at)),
        ));
    }
    facts
}

/// A finished job's verdict stands below, with its grounds.
fn explanation(job: &Job) -> String {
    match job.verdict {
        Some(verdict) => format!("compared with the baseline: {}", verdict.as_str()),
        None => job.explanation.clone(),
    }
}

fn episodes(job: &Job) -> String {
    let actions = if job.deterministic {
        "greedy"
    } else {
        "sampled"
    };
    let last = job
        .seed
        .saturating_add(job.num_episodes.saturating_sub(1).into());
    let (done, total) = (job.progress.episodes_done, job.progress.episodes_total);
    format!(
        "{done} of {total}, seeds {} to {last}, {actions} actions, attempt {}",
        job.seed, job.attempt
    )
}

fn hyperparameter((name, value): (&String, &Hyperparameter)) -> String {
    match value {
        Hyperparameter::Number(number) => format!("{name}={number}"),
        Hyperparameter::Text(text) => format!("{name}={text}"),
    }
}

fn join(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(" ")
}
