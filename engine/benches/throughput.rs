//! Steps per second on one core: each native environment alone, and CartPole driven by a policy with two hidden layers
//! of 64, which balances the pole to the end as a trained one does.

use std::hint::black_box;
use std::ops::ControlFlow;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tars_engine::lanes::{Actions, LaneMatrix, Transitions};
use tars_engine::policy::{Activation, Dense, Head, Policy};
use tars_engine::rollout::{self, Plan};
use tars_engine::space::ActionSpace;
use tars_engine::{catalogue, environment};

const LANES: usize = 64;
const WIDTH: usize = 64;

/// Lanes that reach their end are reset, as a rollout does.
fn environments(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("environment");
    group.throughput(Throughput::Elements(LANES as u64));
    for spec in catalogue::native() {
        let mut environment = environment::native(&spec.id, LANES).expect("the catalogue names it");
        let mut observations = LaneMatrix::zeros(spec.observation_space.dimensions(), LANES);
        let mut transitions = Transitions::new(LANES);
        let actions = match &spec.action_space {
            ActionSpace::Discrete { n } => Actions::Discrete((0..LANES).map(|lane| (lane % n) as u32).collect()),
            ActionSpace::Box(space) => Actions::Continuous(LaneMatrix::zeros(space.dimensions(), LANES)),
        };
        for lane in 0..LANES {
            environment
                .reset(lane, lane as u64, &mut observations)
                .expect("native environments never fail");
        }
        group.bench_function(spec.id.as_ref(), |bencher| {
            bencher.iter(|| {
                environment
                    .step(LANES, black_box(&actions), &mut observations, &mut transitions)
                    .expect("native environments never fail");
                for lane in 0..LANES {
                    if transitions.terminated[lane] || transitions.truncated[lane] {
                        environment
                            .reset(lane, lane as u64, &mut observations)
                            .expect("native environments never fail");
                    }
                }
            });
        });
    }
}

fn rollouts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("CartPole-v1 with 2 x 64");
    let make = |lanes| Ok(environment::native("CartPole-v1", lanes).expect("the catalogue names it"));
    for (name, activation) in [("relu", Activation::Relu), ("tanh", Activation::Tanh)] {
        let policy = balancing(activation);
        let plan = Plan::new(0, LANES as u32, true);
        let run = || rollout::run(&make, &policy, &plan, &|_| ControlFlow::Continue(())).expect("the policy fits");
        group.throughput(Throughput::Elements(run().steps));
        group.bench_function(name, |bencher| bencher.iter(run));
    }
}

/// Pushes towards the side where the pole is falling. The hidden units carry that signal with alternating signs, so that
/// half of them are cut off by a ReLU, as in a trained network.
fn balancing(activation: Activation) -> Policy {
    let sign = |unit: usize| if unit % 2 == 0 { 1.0 } else { -1.0 };
    let signal = [0.02_f32, 0.05, 0.5, 0.2];
    let hidden = (0..WIDTH * WIDTH).map(|index| sign(index / WIDTH) * sign(index % WIDTH) / WIDTH as f32);
    let layer = |inputs, outputs, weight| Dense {
        inputs,
        outputs,
        weight,
        bias: vec![0.0; outputs],
    };
    Policy {
        layers: vec![
            layer(
                4,
                WIDTH,
                (0..WIDTH)
                    .flat_map(|unit| signal.map(|weight| sign(unit) * weight))
                    .collect(),
            ),
            layer(WIDTH, WIDTH, hidden.collect()),
            layer(
                WIDTH,
                2,
                (0..2 * WIDTH)
                    .map(|index| -sign(index / WIDTH) * sign(index % WIDTH))
                    .collect(),
            ),
        ],
        activation,
        head: Head::Logits,
        normalizer: None,
    }
}

criterion_group!(benches, environments, rollouts);
criterion_main!(benches);
