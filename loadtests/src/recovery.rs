//! How soon after a spike all is as before.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::arrivals::Arrivals;
use crate::latency::quantile_ms;
use crate::sample::{Outcome, Sample};

/// Requests are looked at in windows of this length, by when they were due.
const WINDOW: Duration = Duration::from_secs(1);
/// The share of requests in a window that may be slow or fail, and one in any case: an idle machine
/// has its hiccups too, and a late one is no spike that lasts.
const HICCUPS: f64 = 0.05;

/// What it means to have recovered.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recovery {
    /// The stage with whose end the recovery begins.
    pub(crate) after: String,
    /// The stage that shows how all was before.
    pub(crate) before: String,
    /// A request that is answered as it should be and sooner than this, or sooner than twice the
    /// p95 of before where that is more, is as before.
    latency_below_ms: f64,
}

impl Recovery {
    /// Seconds from the end of the stage to the last request that is not as before, in the last
    /// window in which there are more of them than hiccups.
    pub(crate) fn seconds(&self, arrivals: &Arrivals, samples: &[Sample]) -> Option<f64> {
        let begin = arrivals.end_of(&self.after)?;
        let limit = self.limit(arrivals, samples)?;
        let mut windows: BTreeMap<u128, Window> = BTreeMap::new();
        for sample in samples.iter().filter(|sample| sample.due >= begin) {
            let since = sample.due.saturating_sub(begin);
            let window = windows
                .entry(since.as_nanos() / WINDOW.as_nanos())
                .or_default();
            window.requests += 1;
            if sample.outcome != Outcome::Answered || sample.latency() > limit {
                window.bad += 1;
                window.last = window.last.max(since);
            }
        }
        let last = windows.values().rev().find(|window| window.is_bad());
        Some(last.map_or(0.0, |window| window.last.as_secs_f64()))
    }
}

impl Recovery {
    fn limit(&self, arrivals: &Arrivals, samples: &[Sample]) -> Option<Duration> {
        let calm = arrivals.begin_of(&self.before)?..arrivals.end_of(&self.before)?;
        let before: Vec<Sample> = samples
            .iter()
            .filter(|sample| calm.contains(&sample.due))
            .copied()
            .collect();
        // On a busy machine nothing is ever as quick as on a quiet one; the spike is not to blame.
        let limit_ms = self.latency_below_ms.max(2.0 * quantile_ms(&before, 0.95));
        Some(Duration::from_secs_f64(limit_ms / 1000.0))
    }
}

#[derive(Debug, Default)]
struct Window {
    requests: u32,
    bad: u32,
    /// When the last one that is not as before was due, after the stage.
    last: Duration,
}

impl Window {
    fn is_bad(&self) -> bool {
        f64::from(self.bad) > (f64::from(self.requests) * HICCUPS).max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Recovery;
    use crate::arrivals::{Arrivals, Stage};
    use crate::sample::{Outcome, Sample};
    use std::time::Duration;

    fn sample(due: u64, latency: u64, outcome: Outcome) -> Sample {
        let due = Duration::from_millis(due);
        Sample {
            due,
            sent: due,
            answered: due + Duration::from_millis(latency),
            outcome,
            cache_hit: None,
        }
    }

    fn slow(due: u64) -> Sample {
        sample(due, 90, Outcome::Answered)
    }

    fn seconds(samples: &[Sample]) -> f64 {
        let arrivals = Arrivals::of(&[
            Stage::steady("calm", 1.0, 1.0),
            Stage::steady("hold", 9.0, 1.0),
            Stage::steady("return", 9.0, 1.0),
        ]);
        let recovery = Recovery {
            after: "hold".to_owned(),
            before: "calm".to_owned(),
            latency_below_ms: 25.0,
        };
        recovery.seconds(&arrivals, samples).unwrap()
    }

    #[test]
    fn it_lasts_until_the_last_slow_or_failed_request() {
        let failed = |due| sample(due, 1, Outcome::Refused(503));
        let good = sample(12_000, 24, Outcome::Answered);
        assert!((seconds(&[slow(10_100), slow(10_250), good]) - 0.25).abs() < 1e-9);
        assert!(
            (seconds(&[slow(10_100), failed(11_500), failed(11_600), good]) - 1.6).abs() < 1e-9
        );
    }

    #[test]
    fn a_relapse_counts_and_a_hiccup_does_not() {
        let good = (0..80).map(|number| sample(15_000 + number, 1, Outcome::Answered));
        let mut samples: Vec<Sample> = good
            .chain([slow(12_500), slow(15_500), slow(15_600)])
            .collect();
        assert!(
            seconds(&samples).abs() < 1e-9,
            "one of one, and two of eighty in their seconds"
        );
        samples.extend((0..3).map(|number| slow(15_700 + number)));
        assert!((seconds(&samples) - 5.702).abs() < 1e-9);
    }

    #[test]
    fn what_was_as_slow_before_is_as_before() {
        let calm = sample(500, 80, Outcome::Answered);
        assert!(seconds(&[calm, slow(10_100), slow(10_250)]).abs() < 1e-9);
        let quicker = sample(500, 30, Outcome::Answered);
        assert!(seconds(&[quicker, slow(10_100), slow(10_250)]) > 0.0);
    }

    #[test]
    fn what_was_slow_during_the_spike_is_no_part_of_it() {
        assert!(seconds(&[slow(9_998), slow(9_999)]).abs() < 1e-9);
    }
}
