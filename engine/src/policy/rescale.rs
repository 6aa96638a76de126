//! Affine maps between boxes, in the f32 arithmetic of Gymnasium's `rescale_box`.

use crate::space::BoxSpace;

/// The map from one box to another, per dimension.
#[derive(Debug, Clone)]
pub(super) struct Rescale {
    gradient: Vec<f32>,
    intercept: Vec<f32>,
}

/// Whether `from` can be mapped to `to` and back: as many dimensions, all of them bounded and wider
/// than a point.
pub(super) fn is_possible(from: &BoxSpace, to: &BoxSpace) -> bool {
    let wide = |space: &BoxSpace| {
        let bounds = space.low.iter().zip(&space.high);
        bounds
            .into_iter()
            .all(|(low, high)| (high - low).is_finite() && high > low)
    };
    from.dimensions() == to.dimensions() && wide(from) && wide(to)
}

impl Rescale {
    /// The map from the box `from` to the box `to`, for which [`is_possible`] holds.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "Gymnasium rounds to f32 here"
    )]
    pub(super) fn between(from: &BoxSpace, to: &BoxSpace) -> Self {
        let gradient = |index: usize| {
            let wide =
                |space: &BoxSpace| f64::from(space.high[index]) - f64::from(space.low[index]);
            (wide(to) / wide(from)) as f32
        };
        let gradient: Vec<f32> = (0..from.dimensions()).map(gradient).collect();
        let intercept = |index: usize| {
            let start = gradient[index] * -from.low[index];
            (f64::from(start) + f64::from(to.low[index])) as f32
        };
        Self {
            intercept: (0..from.dimensions()).map(intercept).collect(),
            gradient,
        }
    }

    /// Maps a value of `from` to `to`.
    pub(super) fn forward(&self, dimension: usize, value: f32) -> f32 {
        self.gradient[dimension] * value + self.intercept[dimension]
    }

    /// Maps a value of `to` back to `from`.
    pub(super) fn backward(&self, dimension: usize, value: f32) -> f32 {
        (value - self.intercept[dimension]) / self.gradient[dimension]
    }
}
