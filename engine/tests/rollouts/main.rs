//! What a rollout promises: the same bytes for any number of lanes and threads, every episode once
//! and in seed order, an end when it is asked for, and a clear reason when it cannot run.

mod countdown;
mod misfits;
mod stopping;

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tars_engine::environment::{self, Environment};
use tars_engine::policy::{Activation, Dense, Head, Noise, Policy, Spaces};
use tars_engine::rollout::{self, Error, Plan, Progress, Rollout};
use tars_engine::seeding::Generator;

use self::countdown::Countdown;

#[expect(clippy::cast_possible_truncation, reason = "networks are f32")]
fn draw(generator: &mut Generator) -> f32 {
    generator.uniform(-1.0, 1.0) as f32
}

fn random_policy(widths: &[usize], head: Head) -> Policy {
    let mut generator = Generator::new(11);
    let mut draw =
        |count: usize| -> Vec<f32> { (0..count).map(|_| draw(&mut generator)).collect() };
    let layers = widths.windows(2).map(|pair| Dense {
        inputs: pair[0],
        outputs: pair[1],
        weight: draw(pair[0] * pair[1]),
        bias: draw(pair[1]),
    });
    Policy {
        layers: layers.collect(),
        activation: Activation::Tanh,
        head,
        normalizer: None,
        spaces: Spaces::default(),
    }
}

fn gaussian() -> Head {
    Head::Gaussian {
        noise: Noise::Constant {
            log_std: vec![-0.5],
        },
    }
}

fn native(
    id: &'static str,
) -> impl Fn(usize) -> Result<Box<dyn Environment>, environment::Error> + Sync {
    move |lanes| Ok(environment::native(id, lanes).expect("the test names a native one"))
}

fn go_on(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn run(id: &'static str, policy: &Policy, plan: &Plan) -> Result<Rollout, Error> {
    rollout::run(&native(id), policy, plan, &go_on)
}

fn countdown_policy() -> Policy {
    random_policy(&[1, 4, 3], Head::Logits)
}

#[test]
fn lanes_and_threads_never_show() {
    let cases = [
        ("CartPole-v1", random_policy(&[4, 16, 2], Head::Logits)),
        (
            "CartPole-v1",
            random_policy(
                &[4, 16, 2],
                Head::Values {
                    exploration_rate: 0.3,
                },
            ),
        ),
        ("Pendulum-v1", random_policy(&[3, 8, 1], gaussian())),
        (
            "MountainCarContinuous-v0",
            random_policy(&[2, 8, 1], Head::Squashed),
        ),
    ];
    for (id, policy) in cases {
        for deterministic in [true, false] {
            let plan = |lanes, threads| Plan {
                lanes,
                threads,
                ..Plan::new(7, 70, deterministic)
            };
            let expected = run(id, &policy, &plan(1, 1)).unwrap();
            for (lanes, threads) in [
                (3, 1),
                (16, 1),
                (64, 1),
                (1000, 1),
                (0, 0),
                (16, 2),
                (5, 5),
                (64, 1000),
            ] {
                let actual = run(id, &policy, &plan(lanes, threads)).unwrap();
                let sampled = if deterministic { "greedy" } else { "sampled" };
                assert_eq!(
                    actual, expected,
                    "{id}, {sampled}, {lanes} lanes, {threads} threads"
                );
            }
        }
    }
}

#[test]
fn lanes_take_up_every_episode_once_in_seed_order() {
    for (lanes, threads) in [(1, 1), (4, 1), (9, 3), (100, 1)] {
        let plan = Plan {
            lanes,
            threads,
            ..Plan::new(100, 50, true)
        };
        let make = |lanes| Ok(Box::new(Countdown::new(lanes)) as Box<dyn Environment>);
        let rollout = rollout::run(&make, &countdown_policy(), &plan, &go_on).unwrap();
        assert_eq!(rollout.episodes.len(), 50);
        for (number, episode) in (0..).zip(&rollout.episodes) {
            let seed = 100 + u64::from(number);
            let steps = seed % 7 + 1;
            assert_eq!((episode.episode_num, episode.seed), (number, seed));
            assert_eq!(u64::from(episode.steps), steps);
            assert_eq!(
                episode.total_reward.to_bits(),
                ((steps * seed) as f64).to_bits()
            );
            assert_eq!(
                episode.success,
                steps < 4,
                "the goal is to end in fewer than 4 steps"
            );
        }
        let steps: u64 = rollout
            .episodes
            .iter()
            .map(|episode| u64::from(episode.steps))
            .sum();
        assert_eq!(rollout.steps, steps);
        assert_eq!(
            rollout.action_counts.unwrap().iter().sum::<u64>(),
            steps,
            "one action per step"
        );
    }
}

#[test]
fn sampled_episodes_differ_from_greedy_ones_and_from_each_other() {
    let policy = random_policy(&[4, 16, 2], Head::Logits);
    let rewards = |seed, deterministic| -> Vec<f64> {
        let rollout = run("CartPole-v1", &policy, &Plan::new(seed, 40, deterministic)).unwrap();
        rollout
            .episodes
            .iter()
            .map(|episode| episode.total_reward)
            .collect()
    };
    assert_eq!(rewards(3, false), rewards(3, false));
    assert_ne!(rewards(3, false), rewards(3, true));
    assert_eq!(
        rewards(3, false)[1..],
        rewards(4, false)[..39],
        "an episode depends on its own seed alone"
    );
}

#[test]
fn continuous_actions_have_no_counts() {
    let rollout = run(
        "Pendulum-v1",
        &random_policy(&[3, 1], gaussian()),
        &Plan::new(0, 2, true),
    )
    .unwrap();
    assert_eq!(rollout.action_counts, None);
}

#[test]
fn no_episodes_are_an_empty_rollout() {
    let rollout = run(
        "CartPole-v1",
        &random_policy(&[4, 2], Head::Logits),
        &Plan::new(u64::MAX, 0, true),
    )
    .unwrap();
    assert_eq!(rollout.episodes, []);
    assert_eq!(rollout.steps, 0);
}

#[test]
fn seeds_end_at_the_greatest_integer() {
    let policy = random_policy(&[4, 2], Head::Logits);
    let last = run("CartPole-v1", &policy, &Plan::new(u64::MAX - 1, 2, true)).unwrap();
    assert_eq!(last.episodes[1].seed, u64::MAX);
    let error = run("CartPole-v1", &policy, &Plan::new(u64::MAX - 1, 3, true)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "3 episodes from seed 18446744073709551614 would need seeds beyond 2^64 - 1"
    );
}

#[test]
fn a_watcher_stops_all_threads_within_a_few_thousand_steps() {
    let policy = random_policy(&[4, 16, 2], Head::Logits);
    for threads in [1, 3] {
        let plan = Plan {
            threads,
            ..Plan::new(0, 100_000, true)
        };
        let (seen, stopped) = (AtomicU64::new(0), AtomicBool::new(false));
        let watch = |progress: Progress| {
            assert!(
                !stopped.load(Ordering::SeqCst),
                "nobody asks again after the end"
            );
            seen.store(progress.steps, Ordering::SeqCst);
            if progress.steps < 20_000 {
                return ControlFlow::Continue(());
            }
            stopped.store(true, Ordering::SeqCst);
            ControlFlow::Break(())
        };
        let error = rollout::run(&native("CartPole-v1"), &policy, &plan, &watch).unwrap_err();
        assert!(matches!(error, Error::Stopped));
        assert!(
            seen.load(Ordering::SeqCst) < 20_000 + 1_100,
            "one report's worth of steps at most"
        );
    }
}

#[test]
fn a_big_network_reports_after_fewer_steps() {
    let policy = random_policy(&[4, 1024, 1024, 2], Head::Logits);
    let watch = |progress: Progress| {
        assert!(
            progress.steps <= 64,
            "a single round is a hundred million multiplications"
        );
        ControlFlow::Break(())
    };
    let error = rollout::run(
        &native("CartPole-v1"),
        &policy,
        &Plan::new(0, 64, true),
        &watch,
    )
    .unwrap_err();
    assert!(matches!(error, Error::Stopped));
}

#[test]
fn progress_only_grows_and_ends_with_everything() {
    let policy = random_policy(&[4, 16, 2], Head::Logits);
    let last = std::sync::Mutex::new(Progress {
        episodes_done: 0,
        episodes_total: 300,
        steps: 0,
    });
    let watch = |progress: Progress| {
        let mut last = last.try_lock().expect("reports come one at a time");
        assert!(progress.episodes_done >= last.episodes_done && progress.steps > last.steps);
        *last = progress;
        ControlFlow::Continue(())
    };
    let plan = Plan {
        threads: 2,
        ..Plan::new(0, 300, true)
    };
    let rollout = rollout::run(&native("CartPole-v1"), &policy, &plan, &watch).unwrap();
    let last = *last.lock().unwrap();
    assert_eq!(
        (last.episodes_done, last.episodes_total, last.steps),
        (300, 300, rollout.steps)
    );
}

#[test]
fn a_broken_environment_ends_the_rollout_with_its_reason() {
    let make = |_| {
        Err(environment::Error::Failed {
            id: "CartPole-v1".into(),
            reason: "no display".into(),
        })
    };
    let plan = Plan {
        threads: 4,
        ..Plan::new(0, 8, true)
    };
    let error =
        rollout::run(&make, &random_policy(&[4, 2], Head::Logits), &plan, &go_on).unwrap_err();
    assert_eq!(
        error.to_string(),
        "environment CartPole-v1 failed: no display"
    );
}

#[test]
fn nan_names_the_episode_the_step_and_where_it_came_from() {
    let make = |lanes| {
        let mut countdown = Countdown::new(lanes);
        countdown.broken = Some((12, 3));
        Ok(Box::new(countdown) as Box<dyn Environment>)
    };
    let error =
        rollout::run(&make, &countdown_policy(), &Plan::new(0, 20, true), &go_on).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the environment observed NaN in step 3 of the episode with seed 12"
    );

    let mut overflowing = random_policy(&[4, 2, 2, 2], Head::Logits);
    overflowing.activation = Activation::Relu;
    overflowing.layers[0].bias = vec![f32::MAX; 2];
    overflowing.layers[1].weight = vec![10.0; 4];
    overflowing.layers[2].weight = vec![1.0, -1.0, 1.0, -1.0];
    let error = run("CartPole-v1", &overflowing, &Plan::new(5, 1, true)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the policy's network gave NaN in step 0 of the episode with seed 5"
    );
}
