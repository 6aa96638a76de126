//! Exact statements about how often something happens.

use statrs::function::beta::beta_reg;

/// Fisher's exact test, one-sided, where every case lies in the first sample: the probability that
/// all `cases` of `first + second` episodes fall among the `first` by chance
/// (`scipy.stats.fisher_exact(alternative="greater")`).
pub fn fisher_all_in_first(cases: u32, first: u32, second: u32) -> f64 {
    let all = f64::from(first) + f64::from(second);
    (0..cases.min(first))
        .map(|drawn| (f64::from(first - drawn)) / (all - f64::from(drawn)))
        .product()
}

/// The one-sided sign test where all of `n` differences have the same sign: 2⁻ⁿ.
pub fn sign_test_unanimous(n: u32) -> f64 {
    0.5_f64.powi(i32::try_from(n).unwrap_or(i32::MAX))
}

/// Clopper and Pearson's exact upper bound of a probability, exceeded by the truth in at most a
/// share `tail` of samples, after `cases` in `n` trials (`scipy.stats.beta.isf(tail, cases + 1, n -
/// cases)`).
pub fn clopper_pearson_upper(cases: u32, n: u32, tail: f64) -> f64 {
    if cases >= n {
        return 1.0;
    }
    let (misses, hits) = (f64::from(n - cases), f64::from(cases) + 1.0);
    // P(at most `cases` in n) = I₁₋ₚ(misses, hits) falls with p: bisect until the ends are
    // neighbours.
    let (mut low, mut high) = (0.0, 1.0);
    loop {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            return middle;
        }
        if beta_reg(misses, hits, 1.0 - middle) > tail {
            low = middle;
        } else {
            high = middle;
        }
    }
}
