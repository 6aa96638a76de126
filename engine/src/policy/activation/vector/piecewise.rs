//! Functions of a few exactly specified operations, in torch's order: they give torch's bits.
#![expect(
    clippy::inline_always,
    reason = "vector code must be inlined into the function whose target features are enabled"
)]

use pulp::Simd;

use super::primitives::{Apply, magnitude};

/// x between `low` and `high`. A minimum and a maximum would treat NaN differently on different
/// instruction sets.
#[inline(always)]
pub(super) fn within<S: Simd>(simd: S, x: S::f32s, low: f32, high: f32) -> S::f32s {
    let (low, high) = (simd.splat_f32s(low), simd.splat_f32s(high));
    let x = simd.select_f32s(simd.less_than_f32s(x, low), low, x);
    simd.select_f32s(simd.less_than_f32s(high, x), high, x)
}

/// x.
#[derive(Debug, Clone, Copy)]
pub(in crate::policy) struct Identity;

impl Apply for Identity {
    #[inline(always)]
    fn apply<S: Simd>(self, _: S, x: S::f32s) -> S::f32s {
        x
    }
}

/// max(0, x).
#[derive(Debug, Clone, Copy)]
pub(in crate::policy) struct Relu;

impl Apply for Relu {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        // A maximum would turn NaN into 0 on some instruction sets and not on others.
        let zero = simd.splat_f32s(0.0);
        simd.select_f32s(simd.less_than_f32s(x, zero), zero, x)
    }
}

/// x for x > 0, else x / 100.
#[derive(Debug, Clone, Copy)]
pub(in crate::policy) struct LeakyRelu;

impl Apply for LeakyRelu {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        let leaked = simd.mul_f32s(x, simd.splat_f32s(0.01));
        simd.select_f32s(simd.less_than_f32s(x, simd.splat_f32s(0.0)), leaked, x)
    }
}

/// x within −1 and 1.
#[derive(Debug, Clone, Copy)]
pub(in crate::policy) struct Hardtanh;

impl Apply for Hardtanh {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        within(simd, x, -1.0, 1.0)
    }
}

/// x within 0 and 6.
#[derive(Debug, Clone, Copy)]
pub(in crate::policy) struct Relu6;

impl Apply for Relu6 {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        within(simd, x, 0.0, 6.0)
    }
}

/// x / (1 + |x|).
#[derive(Debug, Clone, Copy)]
pub(in crate::policy) struct Softsign;

impl Apply for Softsign {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        simd.div_f32s(x, simd.add_f32s(magnitude(simd, x), simd.splat_f32s(1.0)))
    }
}

/// (x + 3 within 0 and 6) / 6.
#[derive(Debug, Clone, Copy)]
pub(in crate::policy) struct Hardsigmoid;

impl Apply for Hardsigmoid {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        simd.div_f32s(gate(simd, x), simd.splat_f32s(6.0))
    }
}

/// x · (x + 3 within 0 and 6) / 6.
#[derive(Debug, Clone, Copy)]
pub(in crate::policy) struct Hardswish;

impl Apply for Hardswish {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        simd.div_f32s(simd.mul_f32s(x, gate(simd, x)), simd.splat_f32s(6.0))
    }
}

#[inline(always)]
fn gate<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    within(simd, simd.add_f32s(x, simd.splat_f32s(3.0)), 0.0, 6.0)
}
