//! A vector within bounds.

use super::draw::Draw;
use crate::lanes::LaneMatrix;
use crate::policy::head::Head;
use crate::policy::model::Policy;
use crate::policy::rescale::Rescale;
use crate::seeding::Generator;
use crate::space::BoxSpace;

/// How a vector follows from the outputs.
#[derive(Debug)]
pub(super) struct Vectors {
    draw: Option<Draw>,
    finish: Finish,
    /// The bounds that the policy knows.
    bounds: BoxSpace,
    /// From those bounds to the environment's.
    rescale: Option<Rescale>,
}

/// What makes an action of an output or a draw.
#[derive(Debug)]
enum Finish {
    /// Values beyond a bound become the bound.
    Clip,
    /// ±1 becomes the bounds. The network applied tanh already.
    Stretch,
    /// A draw, around a mean that is held within ± the bound, goes through tanh and is stretched.
    SquashAndStretch { mean_bound: f32 },
}

impl Vectors {
    pub(super) fn new(
        policy: &Policy,
        environment: &BoxSpace,
        lanes: usize,
        deterministic: bool,
    ) -> Self {
        let trained = policy.spaces.rescaled_actions(environment);
        let rescale = trained
            .as_ref()
            .map(|trained| Rescale::between(environment, trained));
        let (noise, finish) = match &policy.head {
            Head::Squashed => (None, Finish::Stretch),
            Head::SquashedGaussian { .. } if deterministic => (None, Finish::Stretch),
            Head::SquashedGaussian { mean_bound, noise } => {
                let mean_bound = mean_bound.unwrap_or(f32::INFINITY);
                (Some(noise), Finish::SquashAndStretch { mean_bound })
            }
            Head::Gaussian { noise } if !deterministic => (Some(noise), Finish::Clip),
            _ => (None, Finish::Clip),
        };
        Self {
            draw: noise.and_then(|noise| Draw::new(noise, lanes)),
            finish,
            bounds: trained.unwrap_or_else(|| environment.clone()),
            rescale,
        }
    }

    /// Whether anything is random.
    pub(super) fn draws(&self) -> bool {
        self.draw.is_some()
    }

    pub(super) fn start_episode(&mut self, lane: usize, stream: &mut Generator) {
        if let Some(draw) = &mut self.draw {
            draw.start_episode(lane, stream);
        }
    }

    pub(super) fn move_lane(&mut self, from: usize, to: usize) {
        if let Some(draw) = &mut self.draw {
            draw.move_lane(from, to);
        }
    }

    pub(super) fn choose(
        &self,
        active: usize,
        outputs: &LaneMatrix,
        streams: &mut [Generator],
        actions: &mut LaneMatrix,
    ) {
        let length = actions.features();
        for dimension in 0..length {
            let row = &mut actions.row_mut(dimension)[..active];
            row.copy_from_slice(&outputs.row(dimension)[..active]);
            if let Some(draw) = &self.draw {
                for (lane, (value, stream)) in row.iter_mut().zip(&mut *streams).enumerate() {
                    let mean = self.finish.bounded_mean(*value);
                    *value = draw.around(mean, (lane, dimension, length), outputs, stream);
                }
            }
            let (low, high) = (self.bounds.low[dimension], self.bounds.high[dimension]);
            for value in &mut *row {
                *value = self.finish.apply(*value, low, high);
            }
            if let Some(rescale) = &self.rescale {
                for value in row {
                    *value = rescale.backward(dimension, *value);
                }
            }
        }
    }
}

impl Finish {
    fn bounded_mean(&self, mean: f32) -> f32 {
        match self {
            Self::SquashAndStretch { mean_bound } => clip(mean, -mean_bound, *mean_bound),
            _ => mean,
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "actions are f32")]
    fn apply(&self, value: f32, low: f32, high: f32) -> f32 {
        let stretch = |squashed: f32| low + 0.5 * (squashed + 1.0) * (high - low);
        match self {
            Self::Clip => clip(value, low, high),
            Self::Stretch => stretch(value),
            Self::SquashAndStretch { .. } => stretch(f64::from(value).tanh() as f32),
        }
    }
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
