use super::*;
use crate::policy::{Activation, Dense, Head, Noise, Spaces};
use crate::space::BoxSpace;

const LANES: usize = 10_000;

fn box_of(low: f32, high: f32) -> ActionSpace {
    ActionSpace::Box(BoxSpace {
        low: vec![low],
        high: vec![high],
    })
}

/// A policy of which only the head and the number of actions matter.
fn policy(head: &Head, actions: usize) -> Policy {
    Policy {
        layers: vec![Dense {
            inputs: 1,
            outputs: actions,
            weight: vec![0.0; actions],
            bias: vec![0.0; actions],
        }],
        activation: Activation::Identity,
        head: head.clone(),
        normalizer: None,
        spaces: Spaces::default(),
    }
}

/// The actions of many lanes that all have the same outputs, each with its own stream.
fn choose(head: &Head, space: &ActionSpace, outputs: &[f32], deterministic: bool) -> Actions {
    let actions = match space {
        ActionSpace::Discrete { n } => *n,
        ActionSpace::Box(space) => space.dimensions(),
    };
    let mut matrix = LaneMatrix::zeros(outputs.len(), LANES);
    let mut choice = Choice::new(&policy(head, actions), space, LANES, deterministic);
    for lane in 0..LANES {
        matrix.set_lane(lane, outputs);
        choice.start_episode(lane, lane as u64);
    }
    let mut actions = choice.first_actions(actions, LANES);
    choice.choose(LANES, &matrix, &mut actions);
    actions
}

fn frequencies(head: &Head, outputs: &[f32]) -> Vec<f64> {
    let space = ActionSpace::Discrete { n: outputs.len() };
    let Actions::Discrete(actions) = choose(head, &space, outputs, false) else {
        panic!("discrete actions are wanted");
    };
    let frequency =
        |index| actions.iter().filter(|&&action| action == index).count() as f64 / LANES as f64;
    (0..).take(outputs.len()).map(frequency).collect()
}

fn vectors(head: &Head, space: &ActionSpace, output: f32, deterministic: bool) -> Vec<f32> {
    drawn(head, space, &[output], deterministic)
}

/// One-dimensional actions; behind the mean stands what the noise depends on.
fn drawn(head: &Head, space: &ActionSpace, outputs: &[f32], deterministic: bool) -> Vec<f32> {
    match choose(head, space, outputs, deterministic) {
        Actions::Continuous(actions) => actions.row(0).to_vec(),
        Actions::Discrete(_) => panic!("vectors are wanted"),
    }
}

/// Five standard errors of a frequency over all lanes are at most 0.025.
fn assert_near(actual: &[f64], expected: &[f64]) {
    for (a, e) in actual.iter().zip(expected) {
        assert!((a - e).abs() < 0.025, "{actual:?} instead of {expected:?}");
    }
}

#[test]
fn the_first_of_equal_outputs_is_greatest() {
    let space = ActionSpace::Discrete { n: 4 };
    let actions = choose(&Head::Logits, &space, &[-1.0, 2.0, 0.0, 2.0], true);
    assert_eq!(actions, Actions::Discrete(vec![1; LANES]));
}

#[test]
fn categorical_draws_follow_the_softmax_however_large_the_logits() {
    let softmax = [0.090_030_57, 0.244_728_47, 0.665_240_96];
    assert_near(&frequencies(&Head::Logits, &[0.0, 1.0, 2.0]), &softmax);
    assert_near(
        &frequencies(&Head::Logits, &[998.0, 999.0, 1000.0]),
        &softmax,
    );
    assert_near(
        &frequencies(&Head::Logits, &[-1e30, 0.0, f32::NEG_INFINITY]),
        &[0.0, 1.0, 0.0],
    );
}

#[test]
fn epsilon_greedy_takes_any_action_with_probability_epsilon() {
    let explore =
        |exploration_rate| frequencies(&Head::Values { exploration_rate }, &[0.0, 5.0, 1.0, 2.0]);
    assert_near(&explore(0.4), &[0.1, 0.7, 0.1, 0.1]);
    assert_near(&explore(0.0), &[0.0, 1.0, 0.0, 0.0]);
}

#[test]
fn gaussian_draws_have_the_mean_and_deviation_and_stay_within_the_bounds() {
    let head = Head::Gaussian {
        noise: Noise::Constant {
            log_std: vec![0.5_f32.ln()],
        },
    };
    let draws = vectors(&head, &box_of(-9.0, 9.0), 1.0, false);
    let mean = draws.iter().map(|&x| f64::from(x)).sum::<f64>() / LANES as f64;
    let variance = draws
        .iter()
        .map(|&x| (f64::from(x) - mean).powi(2))
        .sum::<f64>()
        / LANES as f64;
    let within = draws.iter().filter(|&&x| (x - 1.0).abs() < 0.5).count() as f64 / LANES as f64;
    assert_near(&[mean, variance, within], &[1.0, 0.25, 0.682_689_5]);

    let clipped = vectors(&head, &box_of(0.5, 1.25), 1.0, false);
    assert!(clipped.iter().all(|x| (0.5..=1.25).contains(x)));
    assert!(clipped.contains(&0.5) && clipped.contains(&1.25));
}

#[test]
fn means_are_clipped_and_squashed_outputs_stretched_to_the_bounds() {
    let gaussian = Head::Gaussian {
        noise: Noise::Unknown,
    };
    let cases = [
        (&gaussian, -7.0, -2.0),
        (&gaussian, 0.25, 0.25),
        (&gaussian, 7.0, 1.0),
        (&Head::Squashed, -1.0, -2.0),
        (&Head::Squashed, 0.0, -0.5),
        (&Head::Squashed, 1.0, 1.0),
    ];
    for (head, output, action) in cases {
        let actions = vectors(head, &box_of(-2.0, 1.0), output, true);
        assert_eq!(actions, vec![action; LANES], "{head:?} of {output}");
    }
    let sampled = vectors(&Head::Squashed, &box_of(-2.0, 1.0), 0.0, false);
    assert_eq!(
        sampled,
        vec![-0.5; LANES],
        "SB3 adds no noise when it evaluates DDPG"
    );
}

/// Mean and standard deviation.
fn moments(values: impl Iterator<Item = f64> + Clone) -> [f64; 2] {
    let mean = values.clone().sum::<f64>() / LANES as f64;
    let variance = values.map(|x| (x - mean).powi(2)).sum::<f64>() / LANES as f64;
    [mean, variance.sqrt()]
}

#[test]
fn squashed_draws_are_tanh_of_gaussian_ones_around_a_bounded_mean() {
    let head = |mean_bound| Head::SquashedGaussian {
        mean_bound,
        noise: Noise::Layer(Dense {
            inputs: 1,
            outputs: 1,
            weight: vec![0.0],
            bias: vec![0.0],
        }),
    };
    let undo = |x: f32| (f64::from(x + 0.5) / 1.5).atanh();
    let space = box_of(-2.0, 1.0);
    let log_std = 0.4_f32.ln();
    let draws = drawn(&head(None), &space, &[0.3, log_std], false);
    assert_near(&moments(draws.iter().map(|&x| undo(x))), &[0.3, 0.4]);
    let draws = drawn(&head(Some(0.25)), &space, &[5.0, log_std], false);
    assert_near(&moments(draws.iter().map(|&x| undo(x))), &[0.25, 0.4]);
    // A deviation below what SAC allows is raised to exp(-20): no draw differs visibly.
    let draws = drawn(&head(None), &space, &[0.0, -1e30], false);
    assert!(draws.iter().all(|x| (x + 0.5).abs() < 1e-6));
}

#[test]
fn state_dependent_noise_keeps_its_matrix_for_an_episode() {
    let head = Head::Gaussian {
        noise: Noise::StateDependent {
            std: vec![0.5, 0.25],
        },
    };
    let space = box_of(-9.0, 9.0);
    // Variance 0.5² · 1² + 0.25² · 2².
    let draws = drawn(&head, &space, &[1.0, 1.0, 2.0], false);
    let moments = moments(draws.iter().map(|&x| f64::from(x)));
    assert_near(&moments, &[1.0, 0.5_f64.sqrt()]);

    let mut choice = Choice::new(&policy(&head, 1), &space, 2, false);
    let mut actions = choice.first_actions(1, 2);
    let mut act = |choice: &mut Choice, features: [f32; 2]| {
        let mut outputs = LaneMatrix::zeros(3, 2);
        outputs.set_lane(0, &[0.0, features[0], features[1]]);
        choice.choose(1, &outputs, &mut actions);
        match &actions {
            Actions::Continuous(actions) => actions.row(0)[0],
            Actions::Discrete(_) => panic!("vectors are wanted"),
        }
    };
    choice.start_episode(0, 7);
    let first = act(&mut choice, [1.0, 0.0]);
    assert_eq!(act(&mut choice, [1.0, 0.0]).to_bits(), first.to_bits());
    assert_eq!(
        act(&mut choice, [2.0, 0.0]).to_bits(),
        (2.0 * first).to_bits()
    );
    choice.start_episode(0, 8);
    assert_ne!(act(&mut choice, [1.0, 0.0]).to_bits(), first.to_bits());
    choice.start_episode(1, 7);
    choice.move_lane(1, 0);
    assert_eq!(act(&mut choice, [1.0, 0.0]).to_bits(), first.to_bits());
}

#[test]
fn heads_that_draw_nothing_take_the_same_actions_when_sampled() {
    let space = ActionSpace::Discrete { n: 3 };
    let scores = [0.0, 0.2, 0.1];
    assert_eq!(
        choose(&Head::Scores, &space, &scores, false),
        Actions::Discrete(vec![1; LANES])
    );
    let clipped = vectors(&Head::Action, &box_of(-2.0, 1.0), 7.0, false);
    assert_eq!(clipped, vec![1.0; LANES]);
}

#[test]
fn actions_are_mapped_from_the_policys_bounds_to_the_environments() {
    let mut rescaled = policy(&Head::Squashed, 1);
    rescaled.spaces.rescale_actions = true;
    rescaled.spaces.actions = Some(BoxSpace {
        low: vec![0.0],
        high: vec![1.0],
    });
    let mut choice = Choice::new(&rescaled, &box_of(-2.0, 4.0), 1, true);
    let mut actions = choice.first_actions(1, 1);
    for (output, expected) in [(-1.0, -2.0), (0.0, 1.0), (1.0, 4.0)] {
        let mut outputs = LaneMatrix::zeros(1, 1);
        outputs.set_lane(0, &[output]);
        choice.choose(1, &outputs, &mut actions);
        let Actions::Continuous(actions) = &actions else {
            panic!("vectors are wanted");
        };
        assert!((actions.row(0)[0] - expected).abs() < 1e-5, "{output}");
    }
}

#[test]
fn action_streams_differ_from_the_environments_streams() {
    let environment = Generator::new(5).random();
    let actions = Generator::from_words(&[5, ACTION_STREAM]).random();
    assert_ne!(environment.to_bits(), actions.to_bits());
}
