//! One job in words and tables.

use std::fmt::Write as _;

use tars_shared::clock::{Clock as _, System};
use tars_shared::job::Status;
use tars_shared::request::Hyperparameter;

use crate::client::{Client, Job, ago};

/// Everything about a job, and what can be done next.
pub(super) fn text(client: &Client, job: &Job) -> String {
    let mut text = String::new();
    for (name, value) in facts(job) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<16}{value}");
    }
    if let Some(next) = next_step(job) {
        let _ = writeln!(text, "\n{next}{}", client.server().option());
    }
    text
}

fn facts(job: &Job) -> Vec<(&'static str, String)> {
    let now = System.now();
    let mut facts = vec![
        ("job", job.job_id.to_string()),
        ("status", job.status.to_string()),
        ("", job.explanation.clone()),
        (
            "agent",
            format!("{} on {}", job.agent_type, job.environments.join(", ")),
        ),
        ("episodes", episodes(job)),
        (
            "submitted",
            format!("{}, priority {}", ago(now, job.submitted_at), job.priority),
        ),
    ];
    if let (Some(started), Some(finished)) = (job.started_at, job.finished_at) {
        let seconds = (finished - started).as_seconds_f64();
        facts.push(("finished", format!("{}, after {seconds:.2} s", ago(now, finished))));
    }
    if let Some(former) = job.retry_of {
        facts.push(("repeats", former.to_string()));
    }
    if !job.labels.is_empty() {
        let labels: Vec<_> = job
            .labels
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        facts.push(("labels", labels.join(" ")));
    }
    if !job.hyperparameters.is_empty() {
        let pairs: Vec<_> = job.hyperparameters.iter().map(hyperparameter).collect();
        facts.push(("hyperparameters", pairs.join(" ")));
    }
    // The last failure of a failed job is its explanation.
    let explained = usize::from(job.status == Status::Failed);
    for failure in job.failures.iter().rev().skip(explained).rev() {
        facts.push((
            "failure",
            format!(
                "attempt {}, {}: {}",
                failure.attempt,
                ago(now, failure.at),
                failure.reason
            ),
        ));
    }
    facts
}

fn hyperparameter((name, value): (&String, &Hyperparameter)) -> String {
    match value {
        Hyperparameter::Number(number) => format!("{name}={number}"),
        Hyperparameter::Text(text) => format!("{name}={text}"),
    }
}

fn episodes(job: &Job) -> String {
    let actions = if job.deterministic { "greedy" } else { "sampled" };
    let last = job.seed.saturating_add(job.num_episodes.saturating_sub(1).into());
    format!(
        "{} of {}, seeds {} to {last}, {actions} actions, attempt {}",
        job.progress.episodes_done, job.progress.episodes_total, job.seed, job.attempt
    )
}

fn next_step(job: &Job) -> Option<String> {
    let id = job.job_id;
    match job.status {
        Status::Queued | Status::Running => Some(format!("Follow it: tars jobs watch {id}")),
        Status::Failed | Status::Cancelled => Some(format!("Submit it again: tars jobs retry {id}")),
        Status::Completed if job.verdict.is_none() => {
            Some(format!("Make it the baseline of the next ones: tars jobs promote {id}"))
        }
        Status::Completed => None,
    }
}
