//! How soon after a spike all is as before.

use std::time::Duration;

use serde::Deserialize;

use crate::arrivals::Arrivals;
use crate::sample::{Outcome, Sample};

/// Requests are looked at in windows of this length, by when they were due.
const WINDOW: Duration = Duration::from_millis(100);

/// What it means to have recovered.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recovery {
    /// The stage with whose end the recovery begins.
    pub(crate) after: String,
    /// A window in which every request is answered as it should be and sooner than this is as
    /// before.
    latency_below_ms: f64,
}

impl Recovery {
    /// Seconds from the end of the stage to the end of the last window that is not as before.
    pub(crate) fn seconds(&self, arrivals: &Arrivals, samples: &[Sample]) -> Option<f64> {
        let begin = arrivals.end_of(&self.after)?;
        let limit = Duration::from_secs_f64(self.latency_below_ms / 1000.0);
        let is_bad = |sample: &&Sample| {
            sample.due >= begin && (sample.outcome != Outcome::Answered || sample.latency() > limit)
        };
        let last = samples
            .iter()
            .filter(is_bad)
            .map(|sample| sample.due.saturating_sub(begin))
            .max();
        let windows = last.map_or(0, |since| since.as_millis() / WINDOW.as_millis() + 1);
        Some(windows as f64 * WINDOW.as_secs_f64())
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

    fn seconds(samples: &[Sample]) -> f64 {
        let arrivals = Arrivals::of(&[
            Stage::steady("hold", 10.0, 1.0),
            Stage::steady("return", 9.0, 1.0),
        ]);
        let recovery = Recovery {
            after: "hold".to_owned(),
            latency_below_ms: 25.0,
        };
        recovery.seconds(&arrivals, samples).unwrap()
    }

    #[test]
    fn it_lasts_until_the_last_slow_or_failed_request() {
        let slow = sample(10_250, 90, Outcome::Answered);
        let failed = sample(11_610, 1, Outcome::Refused(503));
        let good = sample(12_000, 24, Outcome::Answered);
        assert!((seconds(&[slow, good]) - 0.3).abs() < 1e-9);
        assert!((seconds(&[slow, failed, good]) - 1.7).abs() < 1e-9);
    }

    #[test]
    fn what_was_slow_during_the_spike_is_no_part_of_it() {
        assert!(seconds(&[sample(9_999, 900, Outcome::Answered)]).abs() < 1e-9);
    }
}
