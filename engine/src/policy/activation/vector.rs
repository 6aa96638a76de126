//! Activation functions on vectors of lanes: the same bits on every instruction set, and NaN stays
//! NaN.
#![expect(
    clippy::inline_always,
    reason = "vector code must be inlined into the function whose target features are enabled"
)]

use pulp::Simd;

/// A function that is applied to every output of a layer.
pub(in crate::policy) trait Apply {
    fn apply<S: Simd>(simd: S, x: S::f32s) -> S::f32s;
}

/// x.
pub(in crate::policy) struct Identity;

impl Apply for Identity {
    #[inline(always)]
    fn apply<S: Simd>(_: S, x: S::f32s) -> S::f32s {
        x
    }
}

/// max(0, x).
pub(in crate::policy) struct Relu;

impl Apply for Relu {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
        // A maximum would turn NaN into 0 on some instruction sets and not on others.
        let zero = simd.splat_f32s(0.0);
        simd.select_f32s(simd.less_than_f32s(x, zero), zero, x)
    }
}

/// Hyperbolic tangent, at most 1·10⁻⁷ and 2.6·10⁻⁷·|tanh x| away from it; exactly odd, exactly ±1
/// from 9.02 on.
///
/// tanh x = e / (e + 2) with e = exp(2x) − 1 = 2ⁿ·2ʳ − 1, where n is the integer nearest to 2x / ln
/// 2 and |r| ≤ ½. Here 2ʳ − 1 = r·q(r) and q is a polynomial. Forming e as 2ⁿ·r·q(r) + (2ⁿ − 1)
/// keeps its relative accuracy near 0, and near ±1 its rounding errors cancel in the quotient. A
/// rational function of x alone rounds three times worse: there both polynomials' errors reach the
/// result undamped.
pub(in crate::policy) struct Tanh;

impl Tanh {
    /// From here on the quotient rounds to 1.
    const SATURATION: f32 = 9.02;
    /// 2 / ln 2.
    const EXPONENTS_PER_UNIT: f32 = 2.0 * std::f32::consts::LOG2_E;
    /// 1.5·2²³: added to a small number, it leaves the nearest integer in the lowest bits.
    const ROUNDER: f32 = 12_582_912.0;
    /// q, from the highest power down: minimax in the relative error of 2ʳ − 1 over |r| ≤ ½
    /// (1.1·10⁻⁸ before rounding), from `engine/golden/tanh.py`.
    const Q: [f32; 6] = [
        0.000_154_035_12,
        0.001_339_073_5,
        0.009_618_238,
        0.055_503_573,
        0.240_226_49,
        std::f32::consts::LN_2,
    ];
}

impl Apply for Tanh {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
        let splat = |value| simd.splat_f32s(value);
        let one = splat(1.0);

        let sign = simd.and_u32s(simd.transmute_u32s_f32s(x), simd.splat_u32s(1 << 31));
        let magnitude = simd.transmute_f32s_u32s(simd.xor_u32s(simd.transmute_u32s_f32s(x), sign));
        let limit = splat(Self::SATURATION);
        let magnitude = simd.select_f32s(simd.less_than_f32s(limit, magnitude), limit, magnitude);

        let per_unit = splat(Self::EXPONENTS_PER_UNIT);
        let rounded = simd.mul_add_f32s(magnitude, per_unit, splat(Self::ROUNDER));
        let minus_n = simd.sub_f32s(splat(Self::ROUNDER), rounded);
        let r = simd.mul_add_f32s(magnitude, per_unit, minus_n);
        // n stands in the lowest bits of `rounded`; moved into the exponent's place and biased it
        // becomes 2ⁿ.
        let exponent =
            simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(rounded), simd.splat_u32s(23));
        let power =
            simd.transmute_f32s_u32s(simd.add_u32s(exponent, simd.transmute_u32s_f32s(one)));

        let mut q = splat(Self::Q[0]);
        for coefficient in &Self::Q[1..] {
            q = simd.mul_add_f32s(q, r, splat(*coefficient));
        }
        let e = simd.mul_add_f32s(power, simd.mul_f32s(r, q), simd.sub_f32s(power, one));
        let tanh = simd.div_f32s(e, simd.add_f32s(e, splat(2.0)));
        simd.transmute_f32s_u32s(simd.xor_u32s(simd.transmute_u32s_f32s(tanh), sign))
    }
}

#[cfg(test)]
mod tests {
    use pulp::{Arch, Scalar, WithSimd};

    use super::*;

    struct Each<'a, A> {
        values: &'a mut [f32],
        function: std::marker::PhantomData<A>,
    }

    impl<A: Apply> WithSimd for Each<'_, A> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let (vectors, rest) = S::as_mut_simd_f32s(self.values);
            assert!(rest.is_empty(), "the tests give whole vectors");
            for vector in vectors {
                *vector = A::apply(simd, *vector);
            }
        }
    }

    fn vectorised<A: Apply>(values: &[f32]) -> Vec<f32> {
        let mut values = values.to_vec();
        Arch::new().dispatch(Each::<A> {
            values: &mut values,
            function: std::marker::PhantomData,
        });
        values
    }

    fn scalar<A: Apply>(values: &[f32]) -> Vec<f32> {
        values
            .iter()
            .map(|&value| A::apply(Scalar::new(), value))
            .collect()
    }

    /// Every 64th f32 from the smallest to 16, and its negative.
    fn dense() -> Vec<f32> {
        let magnitudes = (0..=16_f32.to_bits()).step_by(64).map(f32::from_bits);
        let mut values: Vec<f32> = magnitudes.flat_map(|x| [x, -x]).collect();
        values.resize(values.len().next_multiple_of(64), f32::INFINITY);
        values
    }

    #[test]
    fn tanh_is_within_a_ten_millionth_of_the_true_value() {
        let inputs = dense();
        for (&x, y) in inputs.iter().zip(vectorised::<Tanh>(&inputs)) {
            let exact = f64::from(x).tanh();
            let error = (f64::from(y) - exact).abs();
            assert!(error <= 1e-7, "tanh({x}) = {y}, {error:e} off");
            assert!(
                error <= 2.6e-7 * exact.abs() + 1e-45,
                "tanh({x}) = {y}, {error:e} off"
            );
        }
    }

    #[test]
    fn tanh_is_odd_bounded_and_saturates() {
        let inputs = dense();
        for (x, y) in inputs
            .as_chunks::<2>()
            .0
            .iter()
            .zip(vectorised::<Tanh>(&inputs).as_chunks::<2>().0)
        {
            if x[0].is_finite() {
                assert_eq!(
                    y[0].to_bits(),
                    (-y[1]).to_bits(),
                    "tanh({}) and tanh({})",
                    x[0],
                    x[1]
                );
            }
            assert!(y[0] <= 1.0, "tanh({}) = {}", x[0], y[0]);
        }
        let far = [9.02, 1e10, f32::MAX, f32::INFINITY];
        assert_eq!(scalar::<Tanh>(&far), [1.0; 4]);
        assert_eq!(scalar::<Tanh>(&far.map(|x| -x)), [-1.0; 4]);
    }

    #[test]
    fn every_instruction_set_gives_the_same_bits() {
        let mut inputs = dense();
        inputs.truncate(1 << 20);
        let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect::<Vec<_>>();
        assert!(bits(vectorised::<Tanh>(&inputs)) == bits(scalar::<Tanh>(&inputs)));
        assert!(bits(vectorised::<Relu>(&inputs)) == bits(scalar::<Relu>(&inputs)));
    }

    #[test]
    fn relu_cuts_negative_values_off() {
        assert_eq!(scalar::<Relu>(&[-1.5, 0.0, 2.5]), [0.0, 0.0, 2.5]);
    }

    #[test]
    fn nan_stays_nan() {
        let nan = [f32::NAN; 64];
        for outputs in [
            vectorised::<Tanh>(&nan),
            vectorised::<Relu>(&nan),
            scalar::<Tanh>(&nan),
            scalar::<Relu>(&nan),
        ] {
            assert!(outputs.iter().all(|y| y.is_nan()));
        }
    }
}
