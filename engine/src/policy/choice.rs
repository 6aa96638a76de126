//! From network outputs to actions: the best ones, or sampled ones.
//!
//! Sampled actions are drawn from a stream per episode, seeded by the episode's own seed, so they
//! depend neither on the lane nor on what other episodes do.

use super::Head;
use crate::lanes::{Actions, LaneMatrix};
use crate::seeding::Generator;
use crate::space::{ActionSpace, BoxSpace};

/// What keeps an episode's stream of actions apart from the environment's stream, which has the
/// same seed. Both halves are nonzero and different, because `SeedSequence` strings 32-bit words
/// together.
const ACTION_STREAM: u64 = 0x6163_7469_6f6e_7321;

/// How actions follow from outputs, and the streams that they are drawn from.
#[derive(Debug)]
pub(super) struct Choice {
    rule: Rule,
    streams: Vec<Generator>,
    /// The best output per lane so far.
    best: Vec<f32>,
}

#[derive(Debug)]
enum Rule {
    /// The first of the greatest outputs, as NumPy and PyTorch take it.
    Greatest,
    /// With probability ε any action, otherwise the first of the greatest.
    EpsilonGreedy(f64),
    /// A draw from the softmax of the outputs.
    Categorical,
    /// The outputs, within the bounds.
    Mean(BoxSpace),
    /// A draw around the outputs, within the bounds.
    Gaussian {
        deviations: Vec<f64>,
        bounds: BoxSpace,
    },
    /// Outputs in ±1, stretched to the bounds.
    Stretched(BoxSpace),
}

impl Choice {
    pub(super) fn new(head: &Head, space: &ActionSpace, lanes: usize, deterministic: bool) -> Self {
        let bounds = match space {
            ActionSpace::Box(bounds) => bounds.clone(),
            ActionSpace::Discrete { .. } => BoxSpace {
                low: Vec::new(),
                high: Vec::new(),
            },
        };
        let rule = match head {
            Head::Values { .. } | Head::Logits if deterministic => Rule::Greatest,
            Head::Values { exploration_rate } => Rule::EpsilonGreedy(*exploration_rate),
            Head::Logits => Rule::Categorical,
            Head::Gaussian {
                log_std: Some(log_std),
            } if !deterministic => Rule::Gaussian {
                deviations: log_std
                    .iter()
                    .map(|&log_std| f64::from(log_std).exp())
                    .collect(),
                bounds,
            },
            Head::Gaussian { .. } => Rule::Mean(bounds),
            Head::Squashed => Rule::Stretched(bounds),
        };
        let draws = matches!(
            rule,
            Rule::EpsilonGreedy(_) | Rule::Categorical | Rule::Gaussian { .. }
        );
        Self {
            rule,
            streams: if draws {
                vec![Generator::new(0); lanes]
            } else {
                Vec::new()
            },
            best: vec![0.0; lanes],
        }
    }

    /// Room for actions of this kind.
    pub(super) fn first_actions(&self, outputs: usize, lanes: usize) -> Actions {
        match self.rule {
            Rule::Greatest | Rule::EpsilonGreedy(_) | Rule::Categorical => {
                Actions::Discrete(vec![0; lanes])
            }
            Rule::Mean(_) | Rule::Gaussian { .. } | Rule::Stretched(_) => {
                Actions::Continuous(LaneMatrix::zeros(outputs, lanes))
            }
        }
    }

    pub(super) fn start_episode(&mut self, lane: usize, seed: u64) {
        if let Some(stream) = self.streams.get_mut(lane) {
            *stream = Generator::from_words(&[seed, ACTION_STREAM]);
        }
    }

    pub(super) fn move_lane(&mut self, from: usize, to: usize) {
        if !self.streams.is_empty() {
            self.streams[to] = self.streams[from].clone();
        }
    }

    /// Writes the actions of the lanes `0..active`. The outputs must hold no NaN.
    pub(super) fn choose(&mut self, active: usize, outputs: &LaneMatrix, actions: &mut Actions) {
        match actions {
            Actions::Discrete(actions) => self.choose_indices(outputs, &mut actions[..active]),
            Actions::Continuous(actions) => self.choose_vectors(active, outputs, actions),
        }
    }

    fn choose_indices(&mut self, outputs: &LaneMatrix, actions: &mut [u32]) {
        if let Rule::Categorical = self.rule {
            for (lane, (action, stream)) in actions.iter_mut().zip(&mut self.streams).enumerate() {
                *action = draw_categorical(outputs, lane, stream);
            }
            return;
        }
        greatest(outputs, &mut self.best, actions);
        if let Rule::EpsilonGreedy(epsilon) = self.rule {
            let count = index(outputs.features());
            for (action, stream) in actions.iter_mut().zip(&mut self.streams) {
                if stream.random() < epsilon {
                    *action = stream.integers_below(count);
                }
            }
        }
    }

    fn choose_vectors(&mut self, active: usize, outputs: &LaneMatrix, actions: &mut LaneMatrix) {
        for dimension in 0..outputs.features() {
            let row = outputs.row(dimension)[..active]
                .iter()
                .zip(actions.row_mut(dimension));
            match &self.rule {
                Rule::Gaussian { deviations, bounds } => {
                    let (low, high) = (bounds.low[dimension], bounds.high[dimension]);
                    for ((&mean, action), stream) in row.zip(&mut self.streams) {
                        *action = clip(draw_normal(mean, deviations[dimension], stream), low, high);
                    }
                }
                Rule::Stretched(bounds) => {
                    let (low, high) = (bounds.low[dimension], bounds.high[dimension]);
                    for (&squashed, action) in row {
                        *action = low + 0.5 * (squashed + 1.0) * (high - low);
                    }
                }
                Rule::Mean(bounds) => {
                    let (low, high) = (bounds.low[dimension], bounds.high[dimension]);
                    for (&mean, action) in row {
                        *action = clip(mean, low, high);
                    }
                }
                Rule::Greatest | Rule::EpsilonGreedy(_) | Rule::Categorical => {}
            }
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "networks have far fewer outputs than 2³²"
)]
fn index(output: usize) -> u32 {
    output as u32
}

/// Row by row, so that neighbouring lanes are compared together.
fn greatest(outputs: &LaneMatrix, best: &mut [f32], actions: &mut [u32]) {
    let best = &mut best[..actions.len()];
    best.copy_from_slice(&outputs.row(0)[..actions.len()]);
    actions.fill(0);
    for output in 1..outputs.features() {
        for ((best, action), &value) in best
            .iter_mut()
            .zip(actions.iter_mut())
            .zip(outputs.row(output))
        {
            let better = value > *best;
            *best = if better { value } else { *best };
            *action = if better { index(output) } else { *action };
        }
    }
}

fn draw_categorical(logits: &LaneMatrix, lane: usize, stream: &mut Generator) -> u32 {
    let greatest = logits.lane(lane).fold(f32::NEG_INFINITY, f32::max);
    let weights = || {
        logits
            .lane(lane)
            .map(|logit| f64::from(logit - greatest).exp())
    };
    let target = stream.random() * weights().sum::<f64>();
    let mut cumulative = 0.0;
    let below = weights().take_while(|weight| {
        cumulative += weight;
        cumulative <= target
    });
    // Rounding could put the target behind the last weight.
    index(below.count().min(logits.features() - 1))
}

/// Box and Muller (1958). The logarithm's argument is in (0, 1].
#[expect(clippy::cast_possible_truncation, reason = "actions are f32")]
fn draw_normal(mean: f32, deviation: f64, stream: &mut Generator) -> f32 {
    let radius = (-2.0 * (1.0 - stream.random()).ln()).sqrt();
    let angle = std::f64::consts::TAU * stream.random();
    (f64::from(mean) + deviation * radius * angle.cos()) as f32
}

/// `f32::clamp` panics where bounds are NaN; an environment's bounds come from outside.
fn clip(value: f32, low: f32, high: f32) -> f32 {
    if value < low {
        low
    } else if value > high {
        high
    } else {
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LANES: usize = 10_000;

    fn box_of(low: f32, high: f32) -> ActionSpace {
        ActionSpace::Box(BoxSpace {
            low: vec![low],
            high: vec![high],
        })
    }

    /// The actions of many lanes that all have the same outputs, each with its own stream.
    fn choose(head: &Head, space: &ActionSpace, outputs: &[f32], deterministic: bool) -> Actions {
        let mut matrix = LaneMatrix::zeros(outputs.len(), LANES);
        let mut choice = Choice::new(head, space, LANES, deterministic);
        for lane in 0..LANES {
            matrix.set_lane(lane, outputs);
            choice.start_episode(lane, lane as u64);
        }
        let mut actions = choice.first_actions(outputs.len(), LANES);
        choice.choose(LANES, &matrix, &mut actions);
        actions
    }

    fn frequencies(head: &Head, outputs: &[f32]) -> Vec<f64> {
        let space = ActionSpace::Discrete { n: outputs.len() };
        let Actions::Discrete(actions) = choose(head, &space, outputs, false) else {
            panic!("discrete actions are wanted");
        };
        let frequency =
            |index| actions.iter().filter(|&&action| action == index).count() as f64 / LANES as f64;
        (0..).take(outputs.len()).map(frequency).collect()
    }

    fn vectors(head: &Head, space: &ActionSpace, output: f32, deterministic: bool) -> Vec<f32> {
        match choose(head, space, &[output], deterministic) {
            Actions::Continuous(actions) => actions.row(0).to_vec(),
            Actions::Discrete(_) => panic!("vectors are wanted"),
        }
    }

    /// Five standard errors of a frequency over all lanes are at most 0.025.
    fn assert_near(actual: &[f64], expected: &[f64]) {
        for (a, e) in actual.iter().zip(expected) {
            assert!((a - e).abs() < 0.025, "{actual:?} instead of {expected:?}");
        }
    }

    #[test]
    fn the_first_of_equal_outputs_is_greatest() {
        let space = ActionSpace::Discrete { n: 4 };
        let actions = choose(&Head::Logits, &space, &[-1.0, 2.0, 0.0, 2.0], true);
        assert_eq!(actions, Actions::Discrete(vec![1; LANES]));
    }

    #[test]
    fn categorical_draws_follow_the_softmax_however_large_the_logits() {
        let softmax = [0.090_030_57, 0.244_728_47, 0.665_240_96];
        assert_near(&frequencies(&Head::Logits, &[0.0, 1.0, 2.0]), &softmax);
        assert_near(
            &frequencies(&Head::Logits, &[998.0, 999.0, 1000.0]),
            &softmax,
        );
        assert_near(
            &frequencies(&Head::Logits, &[-1e30, 0.0, f32::NEG_INFINITY]),
            &[0.0, 1.0, 0.0],
        );
    }

    #[test]
    fn epsilon_greedy_takes_any_action_with_probability_epsilon() {
        let explore = |exploration_rate| {
            frequencies(&Head::Values { exploration_rate }, &[0.0, 5.0, 1.0, 2.0])
        };
        assert_near(&explore(0.4), &[0.1, 0.7, 0.1, 0.1]);
        assert_near(&explore(0.0), &[0.0, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn gaussian_draws_have_the_mean_and_deviation_and_stay_within_the_bounds() {
        let head = Head::Gaussian {
            log_std: Some(vec![0.5_f32.ln()]),
        };
        let draws = vectors(&head, &box_of(-9.0, 9.0), 1.0, false);
        let mean = draws.iter().map(|&x| f64::from(x)).sum::<f64>() / LANES as f64;
        let variance = draws
            .iter()
            .map(|&x| (f64::from(x) - mean).powi(2))
            .sum::<f64>()
            / LANES as f64;
        let within = draws.iter().filter(|&&x| (x - 1.0).abs() < 0.5).count() as f64 / LANES as f64;
        assert_near(&[mean, variance, within], &[1.0, 0.25, 0.682_689_5]);

        let clipped = vectors(&head, &box_of(0.5, 1.25), 1.0, false);
        assert!(clipped.iter().all(|x| (0.5..=1.25).contains(x)));
        assert!(clipped.contains(&0.5) && clipped.contains(&1.25));
    }

    #[test]
    fn means_are_clipped_and_squashed_outputs_stretched_to_the_bounds() {
        let gaussian = Head::Gaussian { log_std: None };
        let cases = [
            (&gaussian, -7.0, -2.0),
            (&gaussian, 0.25, 0.25),
            (&gaussian, 7.0, 1.0),
            (&Head::Squashed, -1.0, -2.0),
            (&Head::Squashed, 0.0, -0.5),
            (&Head::Squashed, 1.0, 1.0),
        ];
        for (head, output, action) in cases {
            let actions = vectors(head, &box_of(-2.0, 1.0), output, true);
            assert_eq!(actions, vec![action; LANES], "{head:?} of {output}");
        }
        let sampled = vectors(&Head::Squashed, &box_of(-2.0, 1.0), 0.0, false);
        assert_eq!(
            sampled,
            vec![-0.5; LANES],
            "SB3 adds no noise when it evaluates DDPG"
        );
    }

    #[test]
    fn action_streams_differ_from_the_environments_streams() {
        let environment = Generator::new(5).random();
        let actions = Generator::from_words(&[5, ACTION_STREAM]).random();
        assert_ne!(environment.to_bits(), actions.to_bits());
    }
}
