//! Proves that the sequential test is what its published formulas say. `golden/stopping.py` computes
//! them independently.

use serde::Deserialize;
use tars_engine::catalogue::return_bounds;
use tars_engine::episode::Episode;
use tars_engine::metrics::summarize;
use tars_engine::regression::{Baseline, Candidate, Stopping, Thresholds, judge_one};
use tars_engine::statistics::Interval;

#[derive(Deserialize)]
struct Case {
    environment: String,
    baseline: Vec<f64>,
    candidate: Vec<f64>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    p_value: f64,
    interval: Option<Interval>,
}

fn episodes(returns: &[f64]) -> Vec<Episode> {
    let episode = |(number, &total_reward): (u32, &f64)| Episode {
        episode_num: number,
        seed: u64::from(number),
        total_reward,
        steps: 1,
        success: true,
    };
    (0..).zip(returns).map(episode).collect()
}

#[track_caller]
fn assert_close(actual: f64, expected: f64, scale: f64) {
    let tolerance = 1e-9 * expected.abs().max(scale);
    assert!(
        (actual - expected).abs() <= tolerance,
        "{actual} instead of {expected}"
    );
}

#[test]
fn p_values_and_intervals_are_those_of_the_formulas_after_each_episode() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../golden/stopping.json")).unwrap();
    assert!(cases.len() >= 6);
    for case in cases {
        let baseline = episodes(&case.baseline);
        let baseline = Baseline::of(&summarize(&baseline, None, &[]), &baseline);
        let candidate = episodes(&case.candidate);
        for (index, step) in case.steps.iter().enumerate() {
            let episodes = &candidate[..=index];
            let judged = judge_one(
                &Candidate {
                    environment: &case.environment,
                    episodes,
                    metrics: &summarize(episodes, None, &[]),
                    baseline: &baseline,
                    losses: &[],
                    stopping: Some(Stopping {
                        seed: 0,
                        episodes: 100,
                        environments: 1,
                        bounds: return_bounds(&case.environment),
                    }),
                },
                &Thresholds::default(),
            );
            let test = judged.comparison.sequential.unwrap();
            assert_close(test.p_value.unwrap(), step.p_value, 0.0);
            if let Some(expected) = step.interval {
                let actual = test.interval.unwrap();
                let scale = expected.low.abs().max(expected.high.abs());
                assert_close(actual.low, expected.low, scale);
                assert_close(actual.high, expected.high, scale);
            }
        }
    }
}
