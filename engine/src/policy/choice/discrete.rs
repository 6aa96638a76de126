//! One of several actions.

use crate::lanes::LaneMatrix;
use crate::policy::head::Head;
use crate::seeding::Generator;

/// How an index follows from the outputs.
#[derive(Debug)]
pub(super) struct Selection {
    rule: Rule,
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
}

impl Selection {
    pub(super) fn new(head: &Head, lanes: usize, deterministic: bool) -> Self {
        let rule = match head {
            Head::Values { exploration_rate } if !deterministic => {
                Rule::EpsilonGreedy(*exploration_rate)
            }
            Head::Logits if !deterministic => Rule::Categorical,
            _ => Rule::Greatest,
        };
        Self {
            rule,
            best: vec![0.0; lanes],
        }
    }

    /// Whether anything is random.
    pub(super) fn draws(&self) -> bool {
        !matches!(self.rule, Rule::Greatest)
    }

    pub(super) fn choose(
        &mut self,
        outputs: &LaneMatrix,
        streams: &mut [Generator],
        actions: &mut [u32],
    ) {
        if let Rule::Categorical = self.rule {
            for (lane, (action, stream)) in actions.iter_mut().zip(streams).enumerate() {
                *action = draw_categorical(outputs, lane, stream);
            }
            return;
        }
        greatest(outputs, &mut self.best, actions);
        if let Rule::EpsilonGreedy(epsilon) = self.rule {
            let count = index(outputs.features());
            for (action, stream) in actions.iter_mut().zip(streams) {
                if stream.random() < epsilon {
                    *action = stream.integers_below(count);
                }
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
