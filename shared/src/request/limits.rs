//! The bounds of a request, in one place.

/// Environments of one request.
pub(super) const ENVIRONMENTS: usize = 16;
/// Episodes per environment.
pub(super) const EPISODES: std::ops::RangeInclusive<i64> = 1..=1000;
/// Episodes per environment where the request names no number.
pub(super) const DEFAULT_EPISODES: i64 = 100;
/// Episodes per environment in quick mode.
pub(super) const QUICK_EPISODES: i64 = 50;
/// Seeds are exact in every JSON reader, with room for the last episode's seed.
pub(super) const SEEDS: std::ops::RangeInclusive<i64> = 0..=(1 << 53) - 1 - 1000;
/// Wall time per environment.
pub(super) const TIMEOUT_SECONDS: std::ops::RangeInclusive<i64> = 1..=86_400;
/// Wall time per environment where the request names none.
pub(super) const DEFAULT_TIMEOUT_SECONDS: i64 = 300;
/// Hyperparameters, and labels.
pub(super) const MAP_ENTRIES: usize = 64;
/// Characters of a key of a hyperparameter or label.
pub(super) const KEY_CHARACTERS: usize = 64;
/// Characters of a text value of a hyperparameter or label.
pub(super) const VALUE_CHARACTERS: usize = 256;
/// Training losses.
pub(super) const LOSSES: usize = 10_000;
/// What keys and texts look like: NUL characters cannot be stored.
pub(super) const NO_NUL: &str = r"^[^\u0000]*$";
