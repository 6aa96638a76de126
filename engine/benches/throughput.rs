//! Steps per second on one core: each native environment alone, and CartPole driven by a policy
//! with two hidden layers of 64 units, which balances the pole to the end as a trained one does.

#[path = "throughput/bare.rs"]
mod bare;

use std::ops::ControlFlow;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tars_engine::lanes::LaneMatrix;
use tars_engine::policy::{Activation, Actor, Dense, Head, Policy, Spaces};
use tars_engine::rollout::{self, Plan};
use tars_engine::{catalogue, environment};

use self::bare::Bare;

const LANES: usize = 64;
const EPISODES: u32 = 64;
const WIDTH: usize = 64;

fn environments(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("environment");
    group.throughput(Throughput::Elements(LANES as u64));
    for spec in catalogue::native() {
        let mut bare = Bare::new(&spec.id, LANES);
        group.bench_function(spec.id.as_ref(), |bencher| bencher.iter(|| bare.step()));
    }
}

fn rollouts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("CartPole-v1 with 2 x 64");
    let make =
        |lanes| Ok(environment::native("CartPole-v1", lanes).expect("the catalogue names it"));
    for (name, activation) in [("relu", Activation::Relu), ("tanh", Activation::Tanh)] {
        let policy = balancing(activation);
        let plan = Plan::new(0, EPISODES, true);
        let run = || {
            rollout::run(&make, &policy, &plan, &|_| ControlFlow::Continue(()))
                .expect("the policy fits")
        };
        assert_eq!(
            run().steps,
            u64::from(EPISODES) * 500,
            "the policy balances the pole"
        );
        group.throughput(Throughput::Elements(run().steps));
        group.bench_function(name, |bencher| bencher.iter(run));
    }
}

/// One step of a policy without an environment, for each activation function between its layers.
fn activations(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("policy of 2 x 64");
    let spec = catalogue::find("CartPole-v1").expect("the catalogue names it");
    let mut observations = LaneMatrix::zeros(4, LANES);
    for lane in 0..LANES {
        let spread = lane as f32 / LANES as f32 - 0.5;
        observations.set_lane(lane, &[spread, -spread, spread / 4.0, 0.1]);
    }
    group.throughput(Throughput::Elements(LANES as u64));
    for activation in Activation::ALL {
        let mut actor = Actor::new(&balancing(activation), spec, LANES, true).expect("it fits");
        group.bench_function(activation.name(), |bencher| {
            bencher.iter(|| actor.act(LANES, &observations).is_ok());
        });
    }
}

/// Pushes towards the side where the pole is falling. The hidden units carry that signal with
/// alternating signs, so that half of them are cut off by `Relu`, as in a trained network.
fn balancing(activation: Activation) -> Policy {
    let sign = |unit: usize| if unit.is_multiple_of(2) { 1.0 } else { -1.0 };
    let signal = [0.02_f32, 0.05, 0.5, 0.2];
    let first = (0..WIDTH).flat_map(|unit| signal.map(|weight| sign(unit) * weight));
    let second =
        (0..WIDTH * WIDTH).map(|index| sign(index / WIDTH) * sign(index % WIDTH) / WIDTH as f32);
    let last = (0..2 * WIDTH).map(|index| -sign(index / WIDTH) * sign(index % WIDTH));
    let layer = |inputs, outputs, weight| Dense {
        inputs,
        outputs,
        weight,
        bias: vec![0.0; outputs],
    };
    Policy {
        layers: vec![
            layer(4, WIDTH, first.collect()),
            layer(WIDTH, WIDTH, second.collect()),
            layer(WIDTH, 2, last.collect()),
        ],
        activation,
        head: Head::Logits,
        normalizer: None,
        spaces: Spaces::default(),
    }
}

criterion_group!(benches, environments, activations, rollouts);
criterion_main!(benches);
