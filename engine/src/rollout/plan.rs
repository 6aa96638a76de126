//! What to run.

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Episode `i` is reset with `seed + i`.
    pub seed: u64,
    /// How many episodes.
    pub episodes: u32,
    /// Best actions instead of sampled ones.
    pub deterministic: bool,
    /// How many episodes step side by side in one thread; never more than there are. 0 counts as 1.
    pub lanes: usize,
    /// Over how many threads the episodes are spread; never more than there are. 0 counts as 1.
    pub threads: usize,
}

impl Plan {
    /// One thread with 64 lanes: enough to fill the vector registers, few enough to stay in the
    /// first-level cache.
    pub fn new(seed: u64, episodes: u32, deterministic: bool) -> Self {
        Self {
            seed,
            episodes,
            deterministic,
            lanes: 64,
            threads: 1,
        }
    }
}
