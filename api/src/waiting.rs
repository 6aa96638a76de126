//! Why a job waits: what users of queues ask most, in a word for programs and a sentence for people.

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use tars_shared::job::{Job, Status};
use tars_shared::pause::{self, Pause};
use tars_shared::request::Priority;
use tars_shared::store::{Ahead, Demand};

use crate::context::Context;
use crate::deadline::within;
use crate::job_watcher::Looked;
use crate::outlook::Prospects;

/// Jobs of each lane before another one that are counted.
const COUNTED: u32 = 10_000;

/// The longest estimate that is worth telling.
const MAX_ESTIMATE_SECONDS: f64 = 30.0 * 86_400.0;

/// What a job waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "WaitingCode")]
pub(crate) enum Code {
    /// For its turn.
    WaitingForWorker,
    /// For a worker: none takes jobs.
    NoWorker,
    /// For the moment of its next attempt.
    Retrying,
    /// For the end of a pause.
    Paused,
    /// For a worker that can run it alone, because one vanished with it.
    Isolated,
    /// For the store: it was accepted by its message alone, and is recorded when the store is back.
    RecordedLater,
    /// For the queue: it is published when the queue is back.
    QueueAway,
}

/// Why a job waits.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Waiting {
    /// For programs.
    pub(crate) code: Code,
    /// For people.
    pub(crate) detail: String,
    /// Since when it has been so, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<DateTime<Utc>>,
    /// When it ends by itself: a pause that has an end, the delay of a retry.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<DateTime<Utc>>,
    /// How many jobs are before it at most: more urgent ones, those of its priority and lane that
    /// were submitted before, and as many of each other lane as take turns with those.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<u64>,
    /// Whether there are more than that: not all were counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    more_before: Option<bool>,
    /// When it will begin, by measured rates; sooner where more urgent jobs are before it, which
    /// leave some turns to others. With `more_before`, not all that is before it is in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated_start: Option<DateTime<Utc>>,
    /// What the estimate comes from, or why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    basis: Option<String>,
}

impl Waiting {
    fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            since: None,
            until: None,
            before: None,
            more_before: None,
            estimated_start: None,
            basis: None,
        }
    }

    /// For the end of this pause.
    pub(crate) fn paused(pause: &Pause) -> Self {
        let end = match pause.until {
            Some(until) => format!("until {}", until.trunc_subsecs(0)),
            None => "until somebody resumes it".to_owned(),
        };
        let (scope, by, reason) = (&pause.scope, &pause.paused_by, &pause.reason);
        let detail = format!("{scope} is paused by {by} {end}: {reason}");
        Self {
            since: Some(pause.since),
            until: pause.until,
            ..Self::new(Code::Paused, detail)
        }
    }
}

/// Why the job waits; `None` where it does not.
pub(crate) async fn waiting(context: &Context, looked: &Looked) -> Option<Waiting> {
    let prospects = match without_place(context, looked).await? {
        Ok(waiting) => return Some(waiting),
        Err(prospects) => prospects,
    };
    let job = &looked.job;
    let (priority, id) = (job.parameters.priority, job.id);
    let waits = context.services.store.waits.clone();
    let ahead = within(async move { waits.ahead(id, COUNTED).await }).await;
    let now = context.services.clock.now();
    Some(match (&prospects.demand, ahead) {
        (Some(demand), Ok(ahead)) => in_line(priority, demand, ahead, now),
        _ => Waiting::new(
            Code::WaitingForWorker,
            "waiting for a worker; for how long is not known while the store is slow or away",
        ),
    })
}

/// What the job waits for, without counting anything.
pub(crate) async fn code(context: &Context, looked: &Looked) -> Option<Code> {
    Some(match without_place(context, looked).await? {
        Ok(waiting) => waiting.code,
        Err(_) => Code::WaitingForWorker,
    })
}

/// Why it waits, unless that is for its turn: then what is known of that.
async fn without_place(
    context: &Context,
    looked: &Looked,
) -> Option<Result<Waiting, std::sync::Arc<Prospects>>> {
    let job = &looked.job;
    if job.status != Status::Queued {
        return None;
    }
    let pauses = context.outlook.pauses();
    if let Some(pause) = pause::covering(&pauses, &job.subject, &job.parameters).next() {
        return Some(Ok(Waiting::paused(pause)));
    }
    if !looked.is_recorded {
        return Some(Ok(recorded_later(job)));
    }
    if let Some(waiting) = retrying(job, context.services.clock.now()) {
        return Some(Ok(waiting));
    }
    let prospects = context.outlook.prospects(&context.services).await;
    Some(hindered(job, &prospects).ok_or(prospects))
}

fn recorded_later(job: &Job) -> Waiting {
    let detail = "accepted while the store was away: it waits in the queue, and is recorded when the store is back";
    Waiting {
        since: Some(job.submitted_at),
        ..Waiting::new(Code::RecordedLater, detail)
    }
}

fn retrying(job: &Job, now: DateTime<Utc>) -> Option<Waiting> {
    let (failure, moment) = (job.failures.last()?, job.not_before?);
    if moment <= now {
        return None;
    }
    let detail = format!(
        "attempt {} failed ({}); the next one begins after {}",
        failure.attempt,
        failure.reason,
        moment.trunc_subsecs(0)
    );
    Some(Waiting {
        since: Some(failure.at),
        until: Some(moment),
        ..Waiting::new(Code::Retrying, detail)
    })
}

/// What keeps it from having its turn at all.
fn hindered(job: &Job, prospects: &Prospects) -> Option<Waiting> {
    if let Some(since) = prospects.queue_away_since {
        let detail =
            "the queue does not answer: the job is recorded, and goes on when the queue is back";
        return Some(Waiting {
            since: Some(since),
            ..Waiting::new(Code::QueueAway, detail)
        });
    }
    let demand = prospects.demand.as_ref()?;
    if demand.workers == 0 {
        let detail = match demand.last_seen {
            _ if demand.busy_workers > 0 => "every worker is about to end, and takes no new job",
            Some(_) => "no worker is running: the job begins when one is started",
            None => "no worker was seen in the last day: the job begins when one is started",
        };
        return Some(Waiting {
            since: demand.last_seen,
            ..Waiting::new(Code::NoWorker, detail)
        });
    }
    (job.interruptions > 0).then(|| {
        let detail = "its worker vanished while it ran several jobs: waiting for a worker that can run it alone";
        Waiting::new(Code::Isolated, detail)
    })
}

/// Its place among those that wait for a worker.
fn in_line(priority: Priority, demand: &Demand, ahead: Ahead, now: DateTime<Utc>) -> Waiting {
    let own = demand.queued[priority as usize];
    let urgent = &demand.queued[..priority as usize];
    let urgent_jobs: u64 = urgent.iter().map(|work| work.jobs).sum();
    let before = urgent_jobs + ahead.jobs;
    // Of those of its priority no more is known than what they take on average.
    let share = ahead.jobs as f64 / own.jobs.max(ahead.jobs).max(1) as f64;
    let urgent_episodes: u64 = urgent.iter().map(|work| work.episodes).sum();
    let episodes = urgent_episodes as f64 + own.episodes as f64 * share;
    let is_free = demand.busy_slots < demand.slots;
    // Where a slot is free, nothing that runs is waited for.
    let running = if is_free { 0 } else { demand.running.episodes };
    let waiting = Waiting {
        before: Some(before),
        more_before: Some(ahead.more),
        ..Waiting::new(Code::WaitingForWorker, String::new())
    };
    let place = match (before, ahead.more) {
        (0, false) if is_free => "next: a worker is free".to_owned(),
        (0, false) => "next, as soon as a worker is free".to_owned(),
        (1, false) => "1 job is before it".to_owned(),
        (jobs, false) => format!("{jobs} jobs are before it"),
        (jobs, true) => format!("more than {jobs} jobs are before it"),
    };
    let (workers, slots) = (demand.workers, demand.slots);
    let Some(seconds_each) = demand.seconds_per_episode else {
        return Waiting {
            detail: place,
            basis: Some("no job has run lately, so that no rate is known".to_owned()),
            ..waiting
        };
    };
    let seconds = (episodes + running as f64) * seconds_each / f64::from(slots.max(1));
    if seconds > MAX_ESTIMATE_SECONDS {
        return Waiting {
            detail: place,
            basis: Some("it is more than a month away".to_owned()),
            ..waiting
        };
    }
    // Bounded above, and never below zero.
    #[expect(clippy::cast_possible_truncation, reason = "it is bounded")]
    let delay = TimeDelta::milliseconds((seconds * 1e3) as i64);
    // Urgent jobs leave some turns to others, so that not all of them are waited for.
    let when = match (ahead.more, urgent_jobs > 0) {
        (true, false) => "in at least about",
        (false, true) => "within about",
        (true, true) | (false, false) => "in about",
    };
    Waiting {
        detail: format!("{place}; it begins {when} {}", span(seconds)),
        estimated_start: Some((now + delay).trunc_subsecs(3)),
        basis: Some(format!(
            "{episodes:.0} episodes before it and {running} left of what runs, at {seconds_each:.3e} s of a slot for each of late, \
             on {slots} slots of {workers} workers"
        )),
        ..waiting
    }
}

/// About how long that is.
fn span(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 1.0 => "a second".to_owned(),
        seconds if seconds < 120.0 => format!("{seconds:.0} s"),
        seconds if seconds < 7200.0 => format!("{:.0} min", seconds / 60.0),
        seconds if seconds < 172_800.0 => format!("{:.0} h", seconds / 3600.0),
        seconds => format!("{:.0} days", seconds / 86_400.0),
    }
}

#[cfg(test)]
mod tests {
    use tars_shared::store::Work;

    use super::*;

    fn demand() -> Demand {
        let work = |jobs, episodes| Work { jobs, episodes };
        Demand {
            queued: [work(10, 1000), work(100, 10_000), work(5, 500)],
            running: work(4, 200),
            workers: 2,
            busy_workers: 2,
            slots: 4,
            busy_slots: 4,
            last_seen: None,
            seconds_per_episode: Some(0.1),
        }
    }

    fn place(priority: Priority, demand: &Demand, jobs: u64, more: bool) -> Waiting {
        in_line(priority, demand, Ahead { jobs, more }, DateTime::UNIX_EPOCH)
    }

    fn seconds(waiting: &Waiting) -> Option<i64> {
        let start = waiting.estimated_start?;
        Some((start - DateTime::UNIX_EPOCH).num_seconds())
    }

    #[test]
    fn the_estimate_is_the_work_before_a_job_on_the_slots_that_there_are() {
        let demand = demand();
        // 1000 episodes of urgent ones, half of 10,000 of its own, 200 that run: 620 s on 4 slots.
        let half = place(Priority::Normal, &demand, 50, false);
        assert_eq!((half.before, seconds(&half)), (Some(60), Some(155)));
        let text = "60 jobs are before it; it begins within about 3 min";
        assert_eq!(half.detail, text);
        let urgent = place(Priority::High, &demand, 0, false);
        assert_eq!((urgent.before, seconds(&urgent)), (Some(0), Some(5)));
        let text = "next, as soon as a worker is free; it begins in about 5 s";
        assert_eq!(urgent.detail, text);
        let free = Demand {
            busy_slots: 3,
            ..demand.clone()
        };
        let urgent = place(Priority::High, &free, 0, false);
        assert_eq!(seconds(&urgent), Some(0), "nothing is waited for");
        let deep = place(Priority::Low, &demand, 5, true);
        assert_eq!((deep.before, deep.more_before), (Some(115), Some(true)));
        assert!(deep.detail.starts_with("more than 115"), "{}", deep.detail);
    }

    #[test]
    fn without_a_rate_there_is_no_estimate_and_a_reason_for_that() {
        let fresh = Demand {
            seconds_per_episode: None,
            ..demand()
        };
        let endless = Demand {
            seconds_per_episode: Some(1e300),
            ..demand()
        };
        for demand in [fresh, endless] {
            let waiting = place(Priority::Normal, &demand, 1, false);
            assert_eq!(waiting.estimated_start, None);
            assert!(waiting.basis.is_some() && waiting.before == Some(11));
        }
    }
}
