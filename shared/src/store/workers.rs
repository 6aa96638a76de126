//! Workers, as whoever starts and stops them sees them.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::error::Error;
use crate::account::Actor;
use crate::request::Priority;

/// Workers, as whoever starts and stops them sees them.
#[async_trait]
pub trait Workers: Send + Sync {
    /// Notes that a worker is there, what it runs, and what it lately did. True: it is to drain.
    async fn report(&self, report: &WorkerReport) -> Result<bool, Error>;

    /// Notes that a worker has gone in order.
    async fn leave(&self, name: &str) -> Result<(), Error>;

    /// What there is to do, and who does it.
    async fn demand(&self) -> Result<Demand, Error>;

    /// Workers by name.
    async fn list(&self, filter: &WorkerFilter, limit: u32) -> Result<Vec<Worker>, Error>;

    /// Asks a worker to take nothing new, and to end when it is done. `None` when no worker of this
    /// name was seen lately. What was asked for already is not asked for again, nor audited.
    async fn drain(&self, name: &str, by: &Actor) -> Result<Option<Worker>, Error>;
}

/// Which workers to list. The default lists all that were seen lately.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkerFilter {
    /// Those that have gone, too, for a day.
    pub gone: bool,
    /// Only those after this name.
    pub after: Option<String>,
}

/// A worker, as others see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Worker {
    /// How it signs its leases.
    pub name: String,
    /// Whether it was seen lately.
    pub alive: bool,
    /// When it was seen last.
    pub seen_at: DateTime<Utc>,
    /// The machine that it runs on. Former versions do not say.
    pub host: Option<String>,
    /// The version of the program.
    pub version: Option<String>,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// Evaluations at the same time.
    pub slots: u32,
    /// How many of them run now.
    pub busy: u32,
    /// Some of the jobs that it holds.
    pub running: Vec<Uuid>,
    /// Whether it takes nothing new any more.
    pub draining: bool,
    /// When it was asked to drain.
    pub drain_requested_at: Option<DateTime<Utc>>,
}

/// A worker, as it says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkerReport {
    /// How it signs its leases.
    pub name: String,
    /// The machine that it runs on.
    pub host: String,
    /// The version of the program.
    pub version: String,
    /// When it began: another worker may have had its name before.
    pub started_at: DateTime<Utc>,
    /// Evaluations at the same time.
    pub slots: u32,
    /// How many of them run now.
    pub busy: u32,
    /// Some of the jobs that it holds.
    pub running: Vec<Uuid>,
    /// Whether it takes nothing new any more.
    pub draining: bool,
    /// Episodes that it lately finished; older ones count less.
    pub episodes: f64,
    /// The seconds of slots that these took.
    pub seconds: f64,
}

/// Jobs, and the episodes that they ask for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    /// How many jobs.
    pub jobs: u64,
    /// Their episodes; of running ones, those that are left.
    pub episodes: u64,
}

/// What there is to do, and who does it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Demand {
    /// What waits, by [`Priority`]. What is set aside for a pause is not among it.
    pub queued: [Work; 3],
    /// What runs.
    pub running: Work,
    /// Workers that were seen a moment ago and take new jobs.
    pub workers: u32,
    /// Workers that run something, and may be about to end.
    pub busy_workers: u32,
    /// The evaluations that workers that take new jobs can run at the same time.
    pub slots: u32,
    /// How many of these run now.
    pub busy_slots: u32,
    /// When a worker was seen last.
    pub last_seen: Option<DateTime<Utc>>,
    /// Seconds of a slot that one episode took of late; unknown where none was ever run.
    pub seconds_per_episode: Option<f64>,
}

impl Demand {
    /// Seconds of one slot that the jobs of a priority are worth.
    pub fn queued_seconds(&self, priority: Priority) -> f64 {
        self.seconds(self.queued[priority as usize])
    }

    /// Seconds of one slot that are left of what runs.
    pub fn running_seconds(&self) -> f64 {
        self.seconds(self.running)
    }

    fn seconds(&self, work: Work) -> f64 {
        work.episodes as f64 * self.seconds_per_episode.unwrap_or_default()
    }

    /// Workers that would do all of it within `target`: work ÷ (slots of a worker × target). Never
    /// fewer than run something now, so that none is stopped at work; at least one while a job waits.
    pub fn workers_wanted(&self, target: Duration) -> u32 {
        let queued = Priority::ALL.map(|priority| self.queued_seconds(priority));
        let seconds = queued.iter().sum::<f64>() + self.running_seconds();
        let slots = if self.workers == 0 {
            1.0
        } else {
            f64::from(self.slots) / f64::from(self.workers)
        };
        let wanted = (seconds / (slots * target.as_secs_f64())).ceil();
        let waiting = self.queued.iter().any(|work| work.jobs > 0);
        // A float becomes the nearest number of its kind there is.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it saturates, and is never below zero"
        )]
        let wanted = wanted as u32;
        wanted.max(self.busy_workers).max(waiting.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_are_wanted_for_the_work_that_there_is_and_no_busy_one_is_surplus() {
        let target = Duration::from_secs(30);
        let work = |jobs, episodes| Work { jobs, episodes };
        let idle = Demand {
            workers: 3,
            slots: 12,
            seconds_per_episode: Some(0.1),
            ..Demand::default()
        };
        assert_eq!(idle.workers_wanted(target), 0, "nothing to do");
        let busy = Demand {
            busy_workers: 2,
            running: work(2, 10),
            ..idle.clone()
        };
        assert_eq!(busy.workers_wanted(target), 2, "none is stopped at work");
        let backlog = Demand {
            queued: [work(1, 100), work(100, 10_000), work(0, 0)],
            ..busy.clone()
        };
        let normal = backlog.queued_seconds(Priority::Normal);
        assert!((normal - 1000.0).abs() < 1e-9, "{normal}");
        // 10 + 1000 + 1 seconds of work, and four slots do 120 in thirty seconds.
        assert_eq!(backlog.workers_wanted(target), 9);
        let fresh = Demand {
            queued: [work(0, 0), work(5, 500), work(0, 0)],
            ..Demand::default()
        };
        assert_eq!(fresh.workers_wanted(target), 1, "nobody has ever run one");
        let endless = Demand {
            queued: [work(1, u64::MAX), work(0, 0), work(0, 0)],
            seconds_per_episode: Some(1e300),
            ..fresh
        };
        assert_eq!(endless.workers_wanted(target), u32::MAX);
    }
}
