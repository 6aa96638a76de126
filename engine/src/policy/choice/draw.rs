//! The random part of sampled vectors.

use crate::lanes::LaneMatrix;
use crate::policy::Noise;
use crate::policy::noise::LOG_STD;
use crate::seeding::Generator;

/// Where a draw's deviation comes from.
#[derive(Debug)]
pub(super) enum Draw {
    /// One deviation per dimension.
    Constant(Vec<f64>),
    /// The logarithms of the deviations follow the means.
    Layer,
    /// A random matrix times the features that follow the means.
    StateDependent {
        /// `[features][actions]`.
        std: Vec<f32>,
        /// Each lane's matrix, `[features][actions]`.
        matrices: Vec<Vec<f32>>,
    },
}

impl Draw {
    pub(super) fn new(noise: &Noise, lanes: usize) -> Option<Self> {
        match noise {
            Noise::Unknown => None,
            Noise::Constant { log_std } => {
                let deviation = |&log_std: &f32| f64::from(log_std).exp();
                Some(Self::Constant(log_std.iter().map(deviation).collect()))
            }
            Noise::Layer(_) => Some(Self::Layer),
            Noise::StateDependent { std } => Some(Self::StateDependent {
                std: std.clone(),
                matrices: vec![vec![0.0; std.len()]; lanes],
            }),
        }
    }

    /// Draws what stays the same for a whole episode.
    pub(super) fn start_episode(&mut self, lane: usize, stream: &mut Generator) {
        if let Self::StateDependent { std, matrices } = self {
            for (entry, &std) in matrices[lane].iter_mut().zip(&*std) {
                *entry = draw_normal(0.0, std.into(), stream);
            }
        }
    }

    pub(super) fn move_lane(&mut self, from: usize, to: usize) {
        if let Self::StateDependent { matrices, .. } = self {
            matrices.swap(from, to);
        }
    }

    /// A draw around `mean` in one of `length` dimensions.
    pub(super) fn around(
        &self,
        mean: f32,
        (lane, dimension, length): (usize, usize, usize),
        outputs: &LaneMatrix,
        stream: &mut Generator,
    ) -> f32 {
        match self {
            Self::Constant(deviations) => draw_normal(mean, deviations[dimension], stream),
            Self::Layer => {
                let log_std = outputs.row(length + dimension)[lane];
                let log_std = log_std.max(*LOG_STD.start()).min(*LOG_STD.end());
                draw_normal(mean, f64::from(log_std).exp(), stream)
            }
            Self::StateDependent { matrices, .. } => {
                let entries = matrices[lane].iter().skip(dimension).step_by(length);
                let features = (length..outputs.features()).map(|row| outputs.row(row)[lane]);
                mean + features
                    .zip(entries)
                    .map(|(feature, entry)| feature * entry)
                    .sum::<f32>()
            }
        }
    }
}

/// Box and Muller (1958). The logarithm's argument is in (0, 1].
#[expect(clippy::cast_possible_truncation, reason = "actions are f32")]
fn draw_normal(mean: f32, deviation: f64, stream: &mut Generator) -> f32 {
    let radius = (-2.0 * (1.0 - stream.random()).ln()).sqrt();
    let angle = std::f64::consts::TAU * stream.random();
    (f64::from(mean) + deviation * radius * angle.cos()) as f32
}
