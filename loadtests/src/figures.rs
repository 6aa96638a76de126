//! What the samples of a load amount to.

use crate::profile::TooManyRequests;
use crate::sample::{Outcome, Sample};
use crate::threshold::{Figures, Metric};

/// Counts of one load's samples, and what follows from them.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) requests: u64,
    answered: u64,
    pub(crate) limited: u64,
    refused: u64,
    disconnected: u64,
    timed_out: u64,
    hits: u64,
    misses: u64,
}

impl Counts {
    pub(crate) fn of(samples: &[Sample]) -> Self {
        let mut counts = Self::default();
        for sample in samples {
            counts.requests += 1;
            *match sample.outcome {
                Outcome::Answered => &mut counts.answered,
                Outcome::Limited => &mut counts.limited,
                Outcome::Refused(_) => &mut counts.refused,
                Outcome::Disconnected => &mut counts.disconnected,
                Outcome::TimedOut => &mut counts.timed_out,
            } += 1;
            match sample.cache_hit {
                Some(true) => counts.hits += 1,
                Some(false) => counts.misses += 1,
                None => {}
            }
        }
        counts
    }

    /// `due` requests were to be sent; one without a sample is an error too.
    pub(crate) fn figures(&self, due: u64, limits: TooManyRequests) -> Figures {
        let lost = due.saturating_sub(self.requests);
        let wrong = self.refused + self.disconnected + self.timed_out + lost;
        let errors = match limits {
            TooManyRequests::Expected => wrong,
            TooManyRequests::Unexpected => wrong + self.limited,
        };
        let share = |count: u64, of: u64| count as f64 / of.max(1) as f64;
        let mut figures = Figures::default();
        figures.set(Metric::ErrorRate, share(errors, due));
        figures.set(Metric::CheckRate, share(self.answered, due));
        figures.set(Metric::ConnectionErrors, self.disconnected as f64);
        figures.set(Metric::Timeouts, self.timed_out as f64);
        if self.hits + self.misses > 0 {
            figures.set(
                Metric::CacheHitRate,
                share(self.hits, self.hits + self.misses),
            );
        }
        figures
    }
}

/// The statuses that were not expected, most frequent first.
pub(crate) fn refusals(samples: &[Sample]) -> Vec<(u16, usize)> {
    let mut counts = std::collections::BTreeMap::new();
    for sample in samples {
        if let Outcome::Refused(status) = sample.outcome {
            *counts.entry(status).or_default() += 1;
        }
    }
    let mut counts: Vec<(u16, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

#[cfg(test)]
mod tests {
    use super::Counts;
    use crate::profile::TooManyRequests;
    use crate::sample::{Outcome, Sample};
    use crate::threshold::Metric;
    use std::time::Duration;

    fn samples(outcomes: &[(Outcome, usize)]) -> Vec<Sample> {
        let sample = |outcome| Sample {
            due: Duration::ZERO,
            sent: Duration::ZERO,
            answered: Duration::from_millis(7),
            outcome,
            cache_hit: None,
        };
        outcomes
            .iter()
            .flat_map(|(outcome, count)| vec![sample(*outcome); *count])
            .collect()
    }

    #[test]
    fn a_429_is_an_error_only_where_it_was_not_expected() {
        let counts = Counts::of(&samples(&[
            (Outcome::Answered, 98),
            (Outcome::Limited, 1),
            (Outcome::TimedOut, 1),
        ]));
        for (limits, rate) in [
            (TooManyRequests::Expected, 0.01),
            (TooManyRequests::Unexpected, 0.02),
        ] {
            assert_eq!(
                counts.figures(100, limits).of(Metric::ErrorRate),
                Some(rate)
            );
        }
    }

    #[test]
    fn a_request_without_a_sample_is_an_error() {
        let counts = Counts::of(&samples(&[(Outcome::Answered, 99)]));
        assert_eq!(
            counts
                .figures(100, TooManyRequests::Unexpected)
                .of(Metric::ErrorRate),
            Some(0.01)
        );
    }

    #[test]
    fn hits_are_unknown_where_no_answer_tells_of_a_cache() {
        let mut samples = samples(&[(Outcome::Answered, 4)]);
        let rate = |samples: &[Sample]| {
            Counts::of(samples)
                .figures(4, TooManyRequests::Unexpected)
                .of(Metric::CacheHitRate)
        };
        assert_eq!(rate(&samples), None);
        for (sample, hit) in samples.iter_mut().zip([true, true, true, false]) {
            sample.cache_hit = Some(hit);
        }
        assert_eq!(rate(&samples), Some(0.75));
    }
}
