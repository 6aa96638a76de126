//! When a verdict is safe before all episodes have run.
//!
//! Each episode of the candidate makes a pair with one of the baseline's: that of its seed, or else
//! the next that has no such partner. The pairs' differences are watched by gamblers
//! ([`wealth`](crate::statistics::wealth)), so looking after each episode costs nothing. What is
//! shown, and at which price, is in `docs/adr/0020-early-stop.md`.

use std::collections::HashSet;
use std::ops::ControlFlow;

use super::baseline::Baseline;
use super::candidate::Candidate;
use super::checks::{Observed, Sample};
use super::comparison::{Comparison, scale};
use super::evidence::Test;
use super::sequential_test::{SequentialTest, Stopping};
use super::thresholds::Thresholds;
use super::verdict::{Verdict, verdict};
use crate::episode::Episode;
use crate::rollout::StoppingRule;
use crate::statistics::wealth::{MeanWealth, SymmetryWealth};
use crate::statistics::{Interval, Summary, size};

/// The share of α that is spent on stopping early. The rest is left for the test of all episodes,
/// should it come to that.
pub(super) const SHARE: f64 = 0.5;

/// Decides after each episode whether a verdict is safe.
#[derive(Debug, Clone)]
pub struct Sequential<'a> {
    stopping: Stopping,
    baseline: &'a Baseline,
    losses: &'a [f64],
    thresholds: Thresholds,
    /// The baseline's part in each pair, in the order of the candidate's episodes.
    partners: Vec<Option<f64>>,
    margin: f64,
    scale: f64,
    returns: Vec<f64>,
    successes: u32,
    /// Of the pairs so far.
    pairs: u32,
    differences: f64,
    of_baseline: f64,
    usable: bool,
    /// Against "no change": a candidate like its baseline is exchangeable with it.
    unchanged: SymmetryWealth,
    least_unchanged: f64,
    /// Against "no worse on average".
    no_worse: MeanWealth,
    least_no_worse: f64,
    /// Against "worse by the margin or more on average".
    inferior: MeanWealth,
}

impl<'a> Sequential<'a> {
    /// Before the first episode. The error says, for people, why no verdict can be safe early.
    pub fn new(
        baseline: &'a Baseline,
        losses: &'a [f64],
        stopping: Stopping,
        thresholds: &Thresholds,
    ) -> Result<Self, String> {
        baseline
            .check_bounds()
            .map_err(|invalid| format!("in the baseline, {invalid}"))?;
        let returns = baseline
            .returns
            .as_deref()
            .filter(|returns| returns.len() > 1)
            .ok_or("the baseline does not keep the returns of its episodes")?;
        let bounds = stopping
            .bounds
            .filter(|bounds| bounds.low < bounds.high)
            .ok_or("the bounds of the environment's returns are not known")?;
        let worst = returns
            .iter()
            .map(|kept| kept.total_reward)
            .fold(f64::INFINITY, f64::min);
        let best = returns
            .iter()
            .map(|kept| kept.total_reward)
            .fold(f64::NEG_INFINITY, f64::max);
        if worst < bounds.low || best > bounds.high {
            return Err("the baseline has returns that the environment cannot give".to_owned());
        }
        let scale = scale(baseline.mean_reward, baseline.std_reward);
        let margin = thresholds.reward_drop_pct * scale;
        let range = bounds.high - bounds.low;
        if margin >= range {
            return Err("the margin is wider than the environment's returns".to_owned());
        }
        // No candidate gains more over a baseline that was never worse than this.
        let most_gain = (bounds.high - worst).max(margin);
        Ok(Self {
            partners: partners(baseline, &stopping),
            no_worse: MeanWealth::new(most_gain, margin),
            inferior: MeanWealth::new(range - margin, margin),
            thresholds: *thresholds,
            stopping,
            baseline,
            losses,
            margin,
            scale,
            returns: Vec::new(),
            successes: 0,
            pairs: 0,
            differences: 0.0,
            of_baseline: 0.0,
            usable: true,
            unchanged: SymmetryWealth::default(),
            least_unchanged: 1.0,
            least_no_worse: 1.0,
        })
    }

    /// The test of all that a candidate has run.
    pub(super) fn replay(
        candidate: &Candidate<'a>,
        stopping: Stopping,
        thresholds: &Thresholds,
    ) -> Result<Self, String> {
        let mut test = Self::new(candidate.baseline, candidate.losses, stopping, thresholds)?;
        for episode in candidate.episodes {
            test.add(episode);
        }
        Ok(test)
    }

    fn add(&mut self, episode: &Episode) {
        let partner = self.partners.get(self.returns.len()).copied().flatten();
        self.returns.push(episode.total_reward);
        self.successes += u32::from(episode.success);
        let possible = self
            .stopping
            .bounds
            .is_some_and(|bounds| (bounds.low..=bounds.high).contains(&episode.total_reward));
        self.usable &= possible;
        let Some(partner) = partner.filter(|_| possible) else {
            return;
        };
        let difference = episode.total_reward - partner;
        self.pairs += 1;
        self.differences += difference;
        self.of_baseline += partner;
        self.unchanged.observe(difference);
        self.no_worse.observe(-difference);
        self.inferior.observe(difference + self.margin);
        // A p-value stays as small as it ever was.
        self.least_unchanged = self.least_unchanged.min(1.0 / self.unchanged.wealth());
        self.least_no_worse = self.least_no_worse.min(1.0 / self.no_worse.wealth());
    }

    /// P-value of "worse" by the sequential test alone: the larger of both, as each sees what the
    /// other does not.
    pub(super) fn p_value(&self) -> f64 {
        if self.usable {
            self.least_unchanged.max(self.least_no_worse)
        } else {
            1.0
        }
    }

    /// What there is to say so far, in numbers.
    pub(super) fn summary(&self) -> SequentialTest {
        let episodes_used = size(self.returns.len());
        SequentialTest {
            stopped_early: episodes_used < self.stopping.episodes,
            episodes_used,
            episodes_planned: self.stopping.episodes,
            pairs: self.pairs,
            p_value: Some(self.p_value()),
            interval: self.interval(),
            unable: None,
        }
    }

    fn interval(&self) -> Option<Interval> {
        let limit = self.limit();
        self.usable.then(|| Interval {
            low: -(self.margin + self.inferior.shift_to(limit)),
            high: self.no_worse.shift_to(limit),
        })
    }

    /// The wealth that refutes.
    fn limit(&self) -> f64 {
        1.0 / (SHARE * self.thresholds.alpha)
    }

    fn mean_difference(&self) -> f64 {
        self.differences / f64::from(self.pairs.max(1))
    }

    /// The comparison, should it end here.
    pub(super) fn comparison(&self) -> Comparison {
        let difference = self.mean_difference();
        let p_value = (self.p_value() / SHARE).min(1.0);
        Comparison {
            test: Test::Betting,
            n: size(self.returns.len()),
            n_baseline: self.pairs,
            baseline_mean: self.of_baseline / f64::from(self.pairs.max(1)),
            difference,
            margin: self.margin,
            reward_drop_pct: (0.0 - difference) / self.scale,
            interval: self.interval(),
            p_value: Some(p_value),
            p_adjusted: Some(p_value),
            episodes_needed: None,
            sequential: Some(self.summary()),
        }
    }

    /// Whether a verdict is safe, however the job's other environments turn out.
    fn is_decided(&self) -> bool {
        let alone = 1.0 / f64::from(self.stopping.environments.max(1));
        let worse = self.p_value() <= SHARE * self.thresholds.alpha * alone
            // Worse, but perhaps by less than the margin: more episodes may still tell.
            && self.mean_difference() <= -self.margin;
        let not_inferior = self.inferior.wealth() >= self.limit();
        if !self.usable || !(worse || not_inferior) {
            return false;
        }
        let mut comparison = self.comparison();
        comparison.p_adjusted = comparison.p_value.map(|p_value| p_value / alone);
        let summary = Summary::of(self.returns.iter().copied());
        let sample = Sample {
            success_rate: f64::from(self.successes) / f64::from(summary.n),
            reward_variance: summary.population_variance,
        };
        let observed = Observed::of(
            self.baseline,
            sample,
            self.losses,
            &comparison,
            &self.thresholds,
        );
        match verdict(
            &comparison,
            &observed.failed(&self.thresholds),
            &self.thresholds,
        ) {
            Verdict::Pass => true,
            Verdict::Regression => worse,
            Verdict::Inconclusive => false,
        }
    }
}

impl StoppingRule for Sequential<'_> {
    fn observe(&mut self, episode: &Episode) -> ControlFlow<()> {
        self.add(episode);
        if self.is_decided() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

/// The baseline's returns in the order of the candidate's episodes: that of the same seed, else the
/// next one that no episode has the seed of. No return is taken twice, so the pairs are independent.
fn partners(baseline: &Baseline, stopping: &Stopping) -> Vec<Option<f64>> {
    let kept = baseline.returns.as_deref().unwrap_or_default();
    let place = |seed: u64| {
        let offset = seed.checked_sub(stopping.seed)?;
        usize::try_from(offset)
            .ok()
            .filter(|_| offset < u64::from(stopping.episodes))
    };
    let mut partners = vec![None; stopping.episodes as usize];
    let mut spare = Vec::new();
    let mut seen = HashSet::new();
    for episode in kept {
        match place(episode.seed) {
            // A seed that is kept twice would make one pair count as two.
            _ if !seen.insert(episode.seed) => {}
            Some(place) => partners[place] = Some(episode.total_reward),
            None => spare.push(episode.total_reward),
        }
    }
    let mut spare = spare.into_iter();
    for partner in &mut partners {
        *partner = partner.or_else(|| spare.next());
    }
    partners
}
