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

use super::activation::{Apply, ClippedTanh, Visit, visit};
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

/// What stands behind the last layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Output {
    /// Nothing.
    Raw,
    /// Hyperbolic tangent.
    Tanh,
    /// Hyperbolic tangent of the outputs within ± this bound.
    ClippedTanh(f32),
}

#[derive(Debug)]
struct Layer {
    function: Function,
    panels: Vec<Panel>,
}

/// What stands behind a layer.
#[derive(Debug, Clone, Copy)]
enum Function {
    Activation(Activation),
    ClippedTanh(ClippedTanh),
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
    pub(super) fn new(layers: &[Dense], activation: Activation, last: Output) -> Self {
        Self::on(Arch::new(), layers, activation, last)
    }

    fn on(arch: Arch, layers: &[Dense], activation: Activation, last: Output) -> Self {
        let block = arch.dispatch(BlockLanes);
        let widths = layers
            .iter()
            .flat_map(|layer| [layer.inputs, layer.outputs]);
        let width = widths.max().unwrap_or(0).next_multiple_of(ROWS);
        let between = layers.len().saturating_sub(1);
        let functions = std::iter::repeat_n(Function::Activation(activation), between)
            .chain([Function::from(last)]);
        Self {
            arch,
            block,
            layers: layers
                .iter()
                .zip(functions)
                .map(|(layer, function)| Layer::new(layer, function))
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

impl From<Output> for Function {
    fn from(output: Output) -> Self {
        match output {
            Output::Raw => Self::Activation(Activation::Identity),
            Output::Tanh => Self::Activation(Activation::Tanh),
            Output::ClippedTanh(bound) => Self::ClippedTanh(ClippedTanh { bound }),
        }
    }
}

impl Layer {
    fn new(dense: &Dense, function: Function) -> Self {
        let panels = (0..dense.outputs)
            .step_by(ROWS)
            .map(|first| Panel::new(dense, first))
            .collect();
        Self { function, panels }
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
                let dense = DenseLayer {
                    simd,
                    layer,
                    inputs: blocks::<S>(from),
                    outputs: blocks_mut::<S>(to),
                };
                match layer.function {
                    Function::Activation(activation) => visit(activation, dense),
                    Function::ClippedTanh(clipped) => dense.visit(clipped),
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
struct DenseLayer<'a, S: Simd> {
    simd: S,
    layer: &'a Layer,
    inputs: &'a [[S::f32s; VECTORS]],
    outputs: &'a mut [[S::f32s; VECTORS]],
}

impl<S: Simd> Visit for DenseLayer<'_, S> {
    type Output = ();

    #[inline(always)]
    fn visit<A: Apply>(self, function: A) {
        let Self {
            simd,
            layer,
            inputs,
            outputs,
        } = self;
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
                    outputs[row][vector] = function.apply(simd, sums[row][vector]);
                }
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
                &mut Network::new(&layers, Activation::Relu, Output::Raw),
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
        let mut network = Network::new(&layers, Activation::Tanh, Output::Tanh);
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
        for activation in Activation::ALL {
            let mut best = Network::new(&layers, activation, Output::Raw);
            let mut scalar = Network::on(Arch::Scalar, &layers, activation, Output::Raw);
            assert_eq!(
                outputs(&mut best, &inputs, 3),
                outputs(&mut scalar, &inputs, 3)
            );
        }
    }

    #[test]
    fn a_clipped_tanh_is_the_tanh_of_clipped_outputs() {
        let layers = random_layers(&[3, 5, 2]);
        let inputs = random_inputs(3, 40);
        let mut last_of = |last| {
            outputs(
                &mut Network::new(&layers, Activation::Relu, last),
                &inputs,
                2,
            )
        };
        let [raw, squashed, wide, narrow] = [
            Output::Raw,
            Output::Tanh,
            Output::ClippedTanh(1e3),
            Output::ClippedTanh(0.25),
        ]
        .map(&mut last_of);
        assert_eq!(wide, squashed);
        for lane in 0..40 {
            for (raw, narrow) in raw.lane(lane).zip(narrow.lane(lane)) {
                let expected = raw.clamp(-0.25, 0.25).tanh();
                assert!((narrow - expected).abs() <= 1e-7, "tanh of {raw}: {narrow}");
            }
        }
        let cut = (0..40)
            .flat_map(|lane| raw.lane(lane))
            .filter(|raw| raw.abs() > 0.25);
        assert!(cut.count() > 10, "the bound is felt");
    }

    #[test]
    fn only_active_lanes_are_written() {
        let layers = random_layers(&[2, 3]);
        let mut matrix = LaneMatrix::zeros(3, 10);
        Network::new(&layers, Activation::Relu, Output::Raw).forward(
            4,
            &random_inputs(2, 10),
            &mut matrix,
        );
        assert!((0..4).all(|lane| matrix.lane(lane).all(|value| value != 0.0)));
        assert!((4..10).all(|lane| matrix.lane(lane).all(|value| value == 0.0)));
    }
}
