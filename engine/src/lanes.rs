//! The layout that environments and policies share: many episodes side by side, one per lane.

/// A feature-major matrix: row `f` holds feature `f` of every lane, contiguously.
///
/// Vector instructions then work on neighbouring lanes, and no lane's arithmetic depends on how
/// many lanes there are.
#[derive(Debug, Clone, PartialEq)]
pub struct LaneMatrix {
    lanes: usize,
    values: Vec<f32>,
}

impl LaneMatrix {
    /// A matrix of zeros with `features` rows of `lanes` values.
    pub fn zeros(features: usize, lanes: usize) -> Self {
        Self {
            lanes,
            values: vec![0.0; features * lanes],
        }
    }

    /// How many lanes each row has.
    pub fn lanes(&self) -> usize {
        self.lanes
    }

    /// How many rows there are.
    pub fn features(&self) -> usize {
        self.values.len().checked_div(self.lanes).unwrap_or(0)
    }

    /// Feature `feature` of every lane.
    pub fn row(&self, feature: usize) -> &[f32] {
        &self.values[feature * self.lanes..(feature + 1) * self.lanes]
    }

    /// Feature `feature` of every lane, to be written.
    pub fn row_mut(&mut self, feature: usize) -> &mut [f32] {
        &mut self.values[feature * self.lanes..(feature + 1) * self.lanes]
    }

    /// Writes all features of one lane.
    pub fn set_lane(&mut self, lane: usize, features: &[f32]) {
        for (feature, &value) in features.iter().enumerate() {
            self.values[feature * self.lanes + lane] = value;
        }
    }

    /// All features of one lane, in order.
    pub fn lane(&self, lane: usize) -> impl Iterator<Item = f32> + '_ {
        self.values
            .iter()
            .skip(lane)
            .step_by(self.lanes.max(1))
            .copied()
    }

    /// Copies the lane `from` over the lane `to`.
    pub fn copy_lane(&mut self, from: usize, to: usize) {
        for row in self.values.chunks_exact_mut(self.lanes.max(1)) {
            row[to] = row[from];
        }
    }
}

/// One action per lane.
#[derive(Debug, Clone, PartialEq)]
pub enum Actions {
    /// Indices into a discrete action space.
    Discrete(Vec<u32>),
    /// Vectors of a box action space, feature-major; they may lie outside the bounds.
    Continuous(LaneMatrix),
}

/// What one lockstep step returned, per lane. Observations are kept apart, because a reset writes
/// them too.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Transitions {
    /// Reward of this step.
    pub rewards: Vec<f64>,
    /// The environment's own end was reached.
    pub terminated: Vec<bool>,
    /// The time limit was reached. Both may be true in the same step, as in Gymnasium.
    pub truncated: Vec<bool>,
}

impl Transitions {
    /// Room for `lanes` lanes.
    pub fn new(lanes: usize) -> Self {
        Self {
            rewards: vec![0.0; lanes],
            terminated: vec![false; lanes],
            truncated: vec![false; lanes],
        }
    }
}
