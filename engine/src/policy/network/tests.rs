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
