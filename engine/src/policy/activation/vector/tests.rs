mod bounds;

use pulp::{Arch, Simd, WithSimd};

use super::*;

struct Each<'a> {
    activation: Activation,
    values: &'a mut [f32],
}

impl WithSimd for Each<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (vectors, rest) = S::as_mut_simd_f32s(self.values);
        assert!(rest.is_empty(), "the tests give whole vectors");
        visit(self.activation, OnVectors { simd, vectors });
    }
}

struct OnVectors<'a, S: Simd> {
    simd: S,
    vectors: &'a mut [S::f32s],
}

impl<S: Simd> Visit for OnVectors<'_, S> {
    type Output = ();

    #[inline(always)]
    fn visit<A: Apply>(self, function: A) {
        for vector in self.vectors {
            *vector = function.apply(self.simd, *vector);
        }
    }
}

fn on(arch: Arch, activation: Activation, values: &[f32]) -> Vec<f32> {
    let mut values = values.to_vec();
    arch.dispatch(Each {
        activation,
        values: &mut values,
    });
    values
}

fn vectorised(activation: Activation, values: &[f32]) -> Vec<f32> {
    on(Arch::new(), activation, values)
}

fn scalar(activation: Activation, values: &[f32]) -> Vec<f32> {
    on(Arch::Scalar, activation, values)
}

/// The best instruction set, and AVX2 where that is not the best.
fn instruction_sets() -> Vec<Arch> {
    #[cfg_attr(
        not(target_arch = "x86_64"),
        expect(unused_mut, reason = "x86-64 has two")
    )]
    let mut sets = vec![Arch::new()];
    #[cfg(target_arch = "x86_64")]
    sets.extend(pulp::x86::V3::try_new().map(Arch::V3));
    sets
}

/// Every 64th f32 from the smallest to 16, and its negative.
fn dense() -> Vec<f32> {
    let magnitudes = (0..=16_f32.to_bits()).step_by(64).map(f32::from_bits);
    let mut values: Vec<f32> = magnitudes.flat_map(|x| [x, -x]).collect();
    values.resize(values.len().next_multiple_of(64), f32::INFINITY);
    values
}

/// Every 1021st f32 from the smallest to 110, where exponentials have left the range of f32, and
/// its negative.
fn spread() -> Vec<f32> {
    let magnitudes = (0..=110_f32.to_bits()).step_by(1021).map(f32::from_bits);
    let mut values: Vec<f32> = magnitudes.flat_map(|x| [x, -x]).collect();
    values.resize(values.len().next_multiple_of(64), 110.0);
    values
}

#[test]
fn tanh_is_within_a_ten_millionth_of_the_true_value() {
    let inputs = dense();
    for (&x, y) in inputs.iter().zip(vectorised(Activation::Tanh, &inputs)) {
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
        .zip(vectorised(Activation::Tanh, &inputs).as_chunks::<2>().0)
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
    assert_eq!(scalar(Activation::Tanh, &far), [1.0; 4]);
    assert_eq!(scalar(Activation::Tanh, &far.map(|x| -x)), [-1.0; 4]);
}

#[test]
fn every_instruction_set_gives_the_same_bits() {
    let mut inputs = spread();
    inputs.extend(
        [
            1e10,
            -1e10,
            f32::MAX,
            f32::MIN,
            f32::INFINITY,
            f32::NEG_INFINITY,
            0.0,
            -0.0,
        ]
        .repeat(8),
    );
    // Which NaN comes out of −∞ · 0 depends on the machine; that one comes out does not.
    let bits = |values: Vec<f32>| {
        let bits = |y: f32| if y.is_nan() { f32::NAN } else { y }.to_bits();
        values.into_iter().map(bits).collect::<Vec<_>>()
    };
    for activation in Activation::ALL {
        let expected = bits(scalar(activation, &inputs));
        for arch in instruction_sets() {
            let actual = bits(on(arch, activation, &inputs));
            assert!(actual == expected, "{activation} on {arch:?}");
        }
    }
}

#[test]
fn nan_stays_nan() {
    for activation in Activation::ALL {
        for outputs in [
            vectorised(activation, &[f32::NAN; 64]),
            scalar(activation, &[f32::NAN]),
        ] {
            assert!(outputs.iter().all(|y| y.is_nan()), "{activation}");
        }
    }
}
