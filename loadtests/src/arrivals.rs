//! When each request is due, whatever became of those before it.

use std::time::Duration;

use serde::Deserialize;

/// A time in which the rate changes evenly.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stage {
    pub(crate) name: String,
    pub(crate) seconds: f64,
    /// Requests per second at its start.
    from: f64,
    /// Requests per second at its end.
    to: f64,
}

impl Stage {
    /// One at a rate that does not change.
    pub(crate) fn steady(name: &str, seconds: f64, rate: f64) -> Self {
        Self {
            name: name.to_owned(),
            seconds,
            from: rate,
            to: rate,
        }
    }

    pub(crate) fn times(&self, scale: f64) -> Self {
        Self {
            from: self.from * scale,
            to: self.to * scale,
            ..self.clone()
        }
    }

    fn requests(&self) -> f64 {
        f64::midpoint(self.from, self.to) * self.seconds
    }

    /// After how many seconds so many requests are due: the rate's integral, inverted.
    fn when(&self, requests: f64) -> f64 {
        let slope = (self.to - self.from) / self.seconds;
        if slope == 0.0 {
            return requests / self.from;
        }
        // Rounding may ask for a hair more than a falling rate ever reaches.
        let rate = (self.from * self.from + 2.0 * slope * requests)
            .max(0.0)
            .sqrt();
        (rate - self.from) / slope
    }
}

/// The requests of some stages, evenly spread.
#[derive(Debug, Clone)]
pub(crate) struct Arrivals {
    stages: Vec<Stage>,
}

impl Arrivals {
    pub(crate) fn of(stages: &[Stage]) -> Self {
        Self {
            stages: stages.to_vec(),
        }
    }

    /// How many there are.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count of requests, far below 2^53"
    )]
    pub(crate) fn count(&self) -> u64 {
        let sum: f64 = self.stages.iter().map(Stage::requests).sum();
        // Sums like 0.1 + 0.2 must not lose a request.
        (sum + 1e-6).floor() as u64
    }

    /// When each is due, counted from the start.
    pub(crate) fn due(&self) -> impl Iterator<Item = Duration> + '_ {
        let (mut stage, mut begun, mut before) = (0, 0.0, 0.0);
        (1..=self.count()).map(move |number| {
            let number = number as f64;
            while stage + 1 < self.stages.len() && number > before + self.stages[stage].requests() {
                begun += self.stages[stage].seconds;
                before += self.stages[stage].requests();
                stage += 1;
            }
            let within = self.stages[stage].when(number - before);
            Duration::from_secs_f64((begun + within).max(0.0))
        })
    }

    /// Requests per second where there are most.
    pub(crate) fn peak(&self) -> f64 {
        self.stages
            .iter()
            .flat_map(|stage| [stage.from, stage.to])
            .fold(0.0, f64::max)
    }

    /// When the stage of this name begins.
    pub(crate) fn begin_of(&self, name: &str) -> Option<Duration> {
        let first = self.stages.iter().position(|stage| stage.name == name)?;
        Some(self.length_of(first))
    }

    /// When the stage of this name is over.
    pub(crate) fn end_of(&self, name: &str) -> Option<Duration> {
        let last = self.stages.iter().position(|stage| stage.name == name)?;
        Some(self.length_of(last + 1))
    }

    /// How long the first stages take together.
    fn length_of(&self, count: usize) -> Duration {
        let seconds = self.stages[..count].iter().map(|stage| stage.seconds).sum();
        Duration::from_secs_f64(seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::{Arrivals, Stage};
    use std::time::Duration;

    fn ramp(seconds: f64, from: f64, to: f64) -> Stage {
        Stage {
            from,
            to,
            ..Stage::steady("ramp", seconds, 0.0)
        }
    }

    #[test]
    fn a_stage_brings_the_area_under_its_rate() {
        for (stages, count) in [
            (vec![ramp(60.0, 0.0, 50.0)], 1500),
            (vec![Stage::steady("hold", 180.0, 100.0)], 18_000),
            (vec![ramp(60.0, 100.0, 0.0)], 3000),
            (
                vec![ramp(30.0, 10.0, 200.0), Stage::steady("hold", 120.0, 200.0)],
                3150 + 24_000,
            ),
            (
                vec![
                    Stage::steady("tenths", 0.1, 30.0),
                    Stage::steady("tenths", 0.2, 30.0),
                ],
                9,
            ),
        ] {
            let arrivals = Arrivals::of(&stages);
            assert_eq!(arrivals.count(), count);
            assert_eq!(arrivals.due().count() as u64, count);
        }
    }

    #[test]
    fn requests_are_due_in_order_and_within_the_stages() {
        let arrivals = Arrivals::of(&[
            ramp(5.0, 0.0, 50.0),
            Stage::steady("hold", 3.0, 100.0),
            ramp(5.0, 100.0, 0.0),
        ]);
        let due: Vec<Duration> = arrivals.due().collect();
        assert!(due.is_sorted());
        assert!(
            due.last() <= Some(&Duration::from_secs(13)),
            "{:?}",
            due.last()
        );
        let held = due
            .iter()
            .filter(|due| (5.0..8.0).contains(&due.as_secs_f64()))
            .count();
        assert!(
            (299..=301).contains(&held),
            "{held} of 300 in the stage that holds"
        );
    }

    #[test]
    fn a_rate_that_holds_spreads_its_requests_evenly() {
        let due: Vec<Duration> = Arrivals::of(&[Stage::steady("hold", 1.0, 4.0)])
            .due()
            .collect();
        assert_eq!(due, [250, 500, 750, 1000].map(Duration::from_millis));
    }

    #[test]
    fn a_rising_rate_brings_half_of_its_requests_in_its_last_thirty_percent() {
        let due: Vec<Duration> = Arrivals::of(&[ramp(10.0, 0.0, 100.0)]).due().collect();
        // √½ of the time.
        assert!(
            (due[249].as_secs_f64() - 7.071).abs() < 0.01,
            "{:?}",
            due[249]
        );
    }

    #[test]
    fn the_end_of_a_stage_is_found_by_its_name() {
        let arrivals = Arrivals::of(&[ramp(3.0, 0.0, 1.0), Stage::steady("hold", 10.0, 1.0)]);
        assert_eq!(arrivals.end_of("hold"), Some(Duration::from_secs(13)));
        assert_eq!(arrivals.begin_of("hold"), Some(Duration::from_secs(3)));
        assert_eq!(arrivals.end_of("gone"), None);
    }
}
