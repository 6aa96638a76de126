//! NumPy's seeding and draws, bit for bit: `SeedSequence`, PCG64 and the `Generator` methods that
//! are used here.
//!
//! Written from the published algorithms: O'Neill, "PCG: A Family of Simple Fast Space-Efficient
//! Statistically Good Algorithms for Random Number Generation" (2014) and "Developing a `seed_seq`
//! Alternative" (2015); Lemire, "Fast Random Integer Generation in an Interval" (2019). The golden
//! values in the tests were printed by NumPy 2.4.6.

#[cfg(test)]
mod tests;

use rand_pcg::Pcg64;
use rand_pcg::rand_core::Rng;

const POOL_WORDS: usize = 4;

/// The constant of one hashing pass: every word is hashed with a new value of it.
struct HashConstant {
    value: u32,
    multiplier: u32,
}

impl HashConstant {
    /// The pass that fills the pool.
    const FILL: Self = Self {
        value: 0x43b0_d7e5,
        multiplier: 0x931e_8875,
    };
    /// The pass that reads the pool.
    const READ: Self = Self {
        value: 0x8b51_f9dd,
        multiplier: 0x58f3_8ded,
    };

    fn hash(&mut self, word: u32) -> u32 {
        let keyed = word ^ self.value;
        self.value = self.value.wrapping_mul(self.multiplier);
        let product = keyed.wrapping_mul(self.value);
        product ^ (product >> 16)
    }
}

fn mix(left: u32, right: u32) -> u32 {
    let mixed = left
        .wrapping_mul(0xca01_f9dd)
        .wrapping_sub(right.wrapping_mul(0x4973_f715));
    mixed ^ (mixed >> 16)
}

/// NumPy's `SeedSequence`: entropy of any length spread over 128 bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedSequence {
    pool: [u32; POOL_WORDS],
}

impl SeedSequence {
    /// `SeedSequence([a, b, …])`; one number is the same as `SeedSequence(a)`.
    ///
    /// As in NumPy, each number contributes one 32-bit word, or two if it needs them, and the words
    /// are simply strung together. So sequences of different lengths may collide: `[0]` with `[0,
    /// 0]`, `[5 + 2³²]` with `[5, 1]`.
    pub fn new(entropy: &[u64]) -> Self {
        let mut words = entropy.iter().flat_map(|&number| {
            let [low, high] = halves(number);
            std::iter::once(low).chain((high != 0).then_some(high))
        });
        let mut constant = HashConstant::FILL;
        let mut pool = [0; POOL_WORDS];
        for word in &mut pool {
            *word = constant.hash(words.next().unwrap_or(0));
        }
        for source in 0..POOL_WORDS {
            for target in (0..POOL_WORDS).filter(|&target| target != source) {
                pool[target] = mix(pool[target], constant.hash(pool[source]));
            }
        }
        for extra in words {
            for word in &mut pool {
                *word = mix(*word, constant.hash(extra));
            }
        }
        Self { pool }
    }

    /// `generate_state(N, np.uint64)`.
    pub fn generate_state<const N: usize>(&self) -> [u64; N] {
        let mut constant = HashConstant::READ;
        let mut word = |index: usize| u64::from(constant.hash(self.pool[index % POOL_WORDS]));
        std::array::from_fn(|index| {
            let low = word(2 * index);
            word(2 * index + 1) << 32 | low
        })
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the halves are wanted")]
fn halves(number: u64) -> [u32; 2] {
    [number as u32, (number >> 32) as u32]
}

/// NumPy's `Generator(PCG64(SeedSequence(…)))`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generator {
    bits: Pcg64,
    /// The upper half of the last 64-bit output of which only the lower half was drawn.
    spare: Option<u32>,
}

impl Generator {
    /// `np.random.default_rng(seed)`, which is also what Gymnasium's `env.reset(seed=seed)`
    /// installs.
    pub fn new(seed: u64) -> Self {
        Self::from_sequence(&SeedSequence::new(&[seed]))
    }

    /// `np.random.default_rng([a, b, …])`: an independent stream for each combination of numbers.
    pub fn from_words(entropy: &[u64]) -> Self {
        Self::from_sequence(&SeedSequence::new(entropy))
    }

    fn from_sequence(sequence: &SeedSequence) -> Self {
        let [state_high, state_low, stream_high, stream_low] =
            sequence.generate_state().map(u128::from);
        Self {
            bits: Pcg64::new(state_high << 64 | state_low, stream_high << 64 | stream_low),
            spare: None,
        }
    }

    /// `random()`: uniform in `[0, 1)` with 53 random bits.
    pub fn random(&mut self) -> f64 {
        (self.bits.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// `uniform(low, high)`: uniform in `[low, high)`, up to rounding.
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.random()
    }

    /// One element of `integers(0, bound, size=…)` with NumPy's default type `int64`: uniform in
    /// `0..bound`, unbiased.
    ///
    /// # Panics
    ///
    /// If `bound` is 0, where NumPy raises an error.
    pub fn integers_below(&mut self, bound: u32) -> u32 {
        assert!(bound > 0, "there is no integer below 0");
        if bound == 1 {
            // NumPy draws nothing when there is nothing to choose.
            return 0;
        }
        let [mut fraction, mut integer] = halves(u64::from(self.next_u32()) * u64::from(bound));
        if fraction < bound {
            let threshold = bound.wrapping_neg() % bound;
            while fraction < threshold {
                [fraction, integer] = halves(u64::from(self.next_u32()) * u64::from(bound));
            }
        }
        integer
    }

    /// PCG64's 32-bit output: the lower half of a 64-bit output, then its upper half.
    fn next_u32(&mut self) -> u32 {
        self.spare.take().unwrap_or_else(|| {
            let [low, high] = halves(self.bits.next_u64());
            self.spare = Some(high);
            low
        })
    }
}
