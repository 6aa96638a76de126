//! The forward pass of a multilayer perceptron over many lanes.
//!
//! Lanes go through the network in blocks of two vector registers. Each output of each lane is
//! accumulated in the same order with fused multiply-add: `b`, then `w₀x₀`, `w₁x₁`, … So a lane's
//! result depends neither on its place nor on how many lanes there are nor on the instruction set;
//! without one that has FMA it is only slower.
#![expect(
    clippy::inline_always,
    reason = "vector code must be inlined into the function whose target features are enabled"
)]

use pulp::{Arch, Simd, WithSimd};

use super::activation::{Apply, Identity, Relu, Tanh};
use super::{Activation, Dense};
use crate::lanes::LaneMatrix;

/// Outputs that are computed together. Four outputs of two registers are eight sums in flight,
/// which hides the latency of FMA and leaves room for inputs and weights in the sixteen registers
/// of AVX2.
const ROWS: usize = 4;
/// In bytes. A register of AVX-512 fills it, and loads that straddle two lines take twice as long.
const CACHE_LINE: usize = 64;
/// Registers per block of lanes.
const VECTORS: usize = 2;

/// A network, its weights laid out for [`Network::forward`], and its scratch space.
#[derive(Debug)]
pub(super) struct Network {
    arch: Arch,
    block: usize,
    layers: Vec<Layer>,
    scratch: [Vec<f32>; 2],
}

#[derive(Debug)]
struct Layer {
    activation: Option<Activation>,
    panels: Vec<Panel>,
}

/// [`ROWS`] outputs of a layer; rows of zeros fill up the last one.
#[derive(Debug)]
struct Panel {
    bias: [f32; ROWS],
    /// One entry per input.
    weights: Vec<[f32; ROWS]>,
}

impl Network {
    /// `activation` stands between the layers and `last` behind the last one. The layers' shapes
    /// must agree.
    pub(super) fn new(layers: &[Dense], activation: Activation, last: Option<Activation>) -> Self {
        Self::on(Arch::new(), layers, activation, last)
    }

    fn on(arch: Arch, layers: &[Dense], activation: Activation, last: Option<Activation>) -> Self {
        let block = arch.dispatch(BlockLanes);
        let widths = layers
            .iter()
            .flat_map(|layer| [layer.inputs, layer.outputs]);
        let width = widths.max().unwrap_or(0).next_multiple_of(ROWS);
        let activations =
            std::iter::repeat_n(Some(activation), layers.len().saturating_sub(1)).chain([last]);
        Self {
            arch,
            block,
            layers: layers
                .iter()
                .zip(activations)
                .map(|(layer, activation)| Layer::new(layer, activation))
                .collect(),
            scratch: std::array::from_fn(|_| {
                vec![0.0; width * block + CACHE_LINE / size_of::<f32>()]
            }),
        }
    }

    /// Writes the outputs of the lanes `0..active`.
    pub(super) fn forward(&mut self, active: usize, inputs: &LaneMatrix, outputs: &mut LaneMatrix) {
        self.arch.dispatch(Forward {
            block: self.block,
            layers: &self.layers,
            scratch: &mut self.scratch,
            active,
            inputs,
            outputs,
        });
    }
}

impl Layer {
    fn new(dense: &Dense, activation: Option<Activation>) -> Self {
        let panels = (0..dense.outputs)
            .step_by(ROWS)
            .map(|first| Panel::new(dense, first))
            .collect();
        Self { activation, panels }
    }
}

impl Panel {
    fn new(dense: &Dense, first: usize) -> Self {
        let row = |row: usize| (first + row < dense.outputs).then_some(first + row);
        let bias = std::array::from_fn(|offset| row(offset).map_or(0.0, |row| dense.bias[row]));
        let weight = |input| {
            std::array::from_fn(|offset| {
                row(offset).map_or(0.0, |row| dense.weight[row * dense.inputs + input])
            })
        };
        Self {
            bias,
            weights: (0..dense.inputs).map(weight).collect(),
        }
    }
}

/// How many lanes a block has on an instruction set.
struct BlockLanes;

impl WithSimd for BlockLanes {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        VECTORS * S::F32_LANES
    }
}

struct Forward<'a> {
    block: usize,
    layers: &'a [Layer],
    scratch: &'a mut [Vec<f32>; 2],
    active: usize,
    inputs: &'a LaneMatrix,
    outputs: &'a mut LaneMatrix,
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let [mut from, mut to] = self.scratch.each_mut().map(|scratch| aligned(scratch));
        for first in (0..self.active).step_by(self.block) {
            let lanes = self.block.min(self.active - first);
            for (feature, row) in from
                .chunks_exact_mut(self.block)
                .take(self.inputs.features())
                .enumerate()
            {
                row[..lanes].copy_from_slice(&self.inputs.row(feature)[first..first + lanes]);
            }
            for layer in self.layers {
                let (inputs, outputs) = (blocks::<S>(from), blocks_mut::<S>(to));
                match layer.activation {
                    None => dense::<S, Identity>(simd, layer, inputs, outputs),
                    Some(Activation::Relu) => dense::<S, Relu>(simd, layer, inputs, outputs),
                    Some(Activation::Tanh) => dense::<S, Tanh>(simd, layer, inputs, outputs),
                }
                std::mem::swap(&mut from, &mut to);
            }
            for (output, row) in from
                .chunks_exact(self.block)
                .take(self.outputs.features())
                .enumerate()
            {
                self.outputs.row_mut(output)[first..first + lanes].copy_from_slice(&row[..lanes]);
            }
        }
    }
}

/// The part of the scratch space that begins with a cache line.
fn aligned(scratch: &mut [f32]) -> &mut [f32] {
    let offset = scratch.as_ptr().align_offset(CACHE_LINE);
    &mut scratch[offset.min(CACHE_LINE / size_of::<f32>())..]
}

#[inline(always)]
fn blocks<S: Simd>(values: &[f32]) -> &[[S::f32s; VECTORS]] {
    S::as_simd_f32s(values).0.as_chunks().0
}

#[inline(always)]
fn blocks_mut<S: Simd>(values: &mut [f32]) -> &mut [[S::f32s; VECTORS]] {
    S::as_mut_simd_f32s(values).0.as_chunks_mut().0
}

/// One layer for one block of lanes.
#[inline(always)]
fn dense<S: Simd, A: Apply>(
    simd: S,
    layer: &Layer,
    inputs: &[[S::f32s; VECTORS]],
    outputs: &mut [[S::f32s; VECTORS]],
) {
    for (panel, outputs) in layer.panels.iter().zip(outputs.as_chunks_mut::<ROWS>().0) {
        let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
        for (sum, bias) in sums.iter_mut().zip(panel.bias) {
            *sum = [simd.splat_f32s(bias); VECTORS];
        }
        for (weights, inputs) in panel.weights.iter().zip(inputs) {
            for row in 0..ROWS {
                let weight = simd.splat_f32s(weights[row]);
                for vector in 0..VECTORS {
                    sums[row][vector] =
                        simd.mul_add_f32s(weight, inputs[vector], sums[row][vector]);
                }
            }
        }
        for row in 0..ROWS {
            for vector in 0..VECTORS {
                outputs[row][vector] = A::apply(simd, sums[row][vector]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeding::Generator;

    #[expect(clippy::cast_possible_truncation, reason = "networks are f32")]
    fn draw(generator: &mut Generator) -> f32 {
        generator.uniform(-1.0, 1.0) as f32
    }

    fn random_layers(widths: &[usize]) -> Vec<Dense> {
        let mut generator = Generator::new(5);
        let mut draw = |count: usize| (0..count).map(|_| draw(&mut generator)).collect::<Vec<_>>();
        let layer = |pair: &[usize]| Dense {
            inputs: pair[0],
            outputs: pair[1],
            weight: draw(pair[0] * pair[1]),
            bias: draw(pair[1]),
        };
        widths.windows(2).map(layer).collect()
    }

    fn random_inputs(features: usize, lanes: usize) -> LaneMatrix {
        let mut generator = Generator::new(6);
        let mut inputs = LaneMatrix::zeros(features, lanes);
        for lane in 0..lanes {
            let features: Vec<f32> = (0..features).map(|_| 3.0 * draw(&mut generator)).collect();
            inputs.set_lane(lane, &features);
        }
        inputs
    }

    fn outputs(network: &mut Network, inputs: &LaneMatrix, outputs: usize) -> LaneMatrix {
        let mut matrix = LaneMatrix::zeros(outputs, inputs.lanes());
        network.forward(inputs.lanes(), inputs, &mut matrix);
        matrix
    }

    /// The definition, one lane and one output at a time.
    fn reference(layers: &[Dense], activation: fn(f32) -> f32, inputs: &[f32]) -> Vec<f32> {
        let mut values = inputs.to_vec();
        for (index, layer) in layers.iter().enumerate() {
            let sum = |(row, &bias): (&[f32], &f32)| {
                row.iter()
                    .zip(&values)
                    .fold(bias, |sum, (w, x)| w.mul_add(*x, sum))
            };
            let sums: Vec<f32> = layer
                .weight
                .chunks_exact(layer.inputs)
                .zip(&layer.bias)
                .map(sum)
                .collect();
            let last = index + 1 == layers.len();
            values = if last {
                sums
            } else {
                sums.into_iter().map(activation).collect()
            };
        }
        values
    }

    #[test]
    fn outputs_are_the_definitions_to_the_bit_for_any_width() {
        let relu = |x: f32| x.max(0.0);
        for widths in [
            &[3, 2][..],
            &[1, 1, 1],
            &[5, 7, 3],
            &[4, 64, 64, 2],
            &[2, 33, 17, 9, 6],
        ] {
            let layers = random_layers(widths);
            let inputs = random_inputs(widths[0], 37);
            let last = widths[widths.len() - 1];
            let actual = outputs(
                &mut Network::new(&layers, Activation::Relu, None),
                &inputs,
                last,
            );
            for lane in 0..37 {
                let expected = reference(&layers, relu, &inputs.lane(lane).collect::<Vec<_>>());
                assert_eq!(
                    actual.lane(lane).collect::<Vec<_>>(),
                    expected,
                    "{widths:?}, lane {lane}"
                );
            }
        }
    }

    #[test]
    fn a_lanes_outputs_depend_on_nothing_but_its_inputs() {
        let layers = random_layers(&[4, 19, 19, 3]);
        let inputs = random_inputs(4, 100);
        let mut network = Network::new(&layers, Activation::Tanh, Some(Activation::Tanh));
        let all = outputs(&mut network, &inputs, 3);
        for lane in 0..100 {
            let mut alone = LaneMatrix::zeros(4, 1);
            alone.set_lane(0, &inputs.lane(lane).collect::<Vec<_>>());
            let alone = outputs(&mut network, &alone, 3);
            assert_eq!(
                alone.lane(0).collect::<Vec<_>>(),
                all.lane(lane).collect::<Vec<_>>(),
                "lane {lane}"
            );
        }
    }

    #[test]
    fn every_instruction_set_gives_the_same_bits() {
        let layers = random_layers(&[6, 32, 32, 3]);
        let inputs = random_inputs(6, 50);
        for activation in [Activation::Relu, Activation::Tanh] {
            let mut best = Network::new(&layers, activation, None);
            let mut scalar = Network::on(Arch::Scalar, &layers, activation, None);
            assert_eq!(
                outputs(&mut best, &inputs, 3),
                outputs(&mut scalar, &inputs, 3)
            );
        }
    }

    #[test]
    fn only_active_lanes_are_written() {
        let layers = random_layers(&[2, 3]);
        let mut matrix = LaneMatrix::zeros(3, 10);
        Network::new(&layers, Activation::Relu, None).forward(
            4,
            &random_inputs(2, 10),
            &mut matrix,
        );
        assert!((0..4).all(|lane| matrix.lane(lane).all(|value| value != 0.0)));
        assert!((4..10).all(|lane| matrix.lane(lane).all(|value| value == 0.0)));
    }
}
