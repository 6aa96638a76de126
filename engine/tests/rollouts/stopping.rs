//! A rollout that may end before its last episode ends at the same one however it is run.

use super::*;
use tars_engine::episode::Episode;
use tars_engine::rollout::StoppingRule;

/// Ends when returns have summed up to a number, and checks that it sees each episode once, in order.
#[derive(Debug, Clone)]
struct Until {
    total: f64,
    seen: u32,
}

impl Until {
    fn total(total: f64) -> Self {
        Self { total, seen: 0 }
    }
}

impl StoppingRule for Until {
    fn observe(&mut self, episode: &Episode) -> ControlFlow<()> {
        assert_eq!(episode.episode_num, self.seen, "episodes come in order");
        self.seen += 1;
        self.total -= episode.total_reward;
        if self.total > 0.0 {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    }
}

#[test]
fn lanes_and_threads_never_show_where_it_ends_early() {
    let policy = random_policy(&[4, 16, 2], Head::Logits);
    let make = native("CartPole-v1");
    for (total, deterministic) in [(1.0, true), (300.0, true), (700.0, false), (1e9, true)] {
        let plan = |lanes, threads| Plan {
            lanes,
            threads,
            ..Plan::new(7, 90, deterministic)
        };
        let run = |plan: &Plan| {
            rollout::run_until(&make, &policy, plan, &Until::total(total), &go_on).unwrap()
        };
        let expected = run(&plan(1, 1));
        let steps: u64 = expected
            .episodes
            .iter()
            .map(|episode| u64::from(episode.steps))
            .sum();
        let counted: u64 = expected.action_counts.iter().flatten().sum();
        assert_eq!((expected.steps, counted), (steps, steps));
        for (lanes, threads) in [(2, 1), (16, 1), (64, 3), (1000, 1), (0, 0)] {
            assert_eq!(run(&plan(lanes, threads)), expected, "{lanes} lanes");
        }
        let all = rollout::run(&make, &policy, &plan(64, 1), &go_on).unwrap();
        let used = expected.episodes.len();
        assert_eq!(expected.episodes, all.episodes[..used]);
        assert_eq!(used == 90, total > 1e6, "{used} episodes");
        if used == 90 {
            assert_eq!(expected, all, "a rule that never stops changes nothing");
        }
    }
}

/// The episode of seed 12 breaks, and lanes may run it before it is known that nobody needs it.
#[test]
fn what_breaks_beyond_the_end_is_nobodys_error() {
    let make = |lanes| {
        let mut countdown = Countdown::new(lanes);
        countdown.broken = Some((12, 3));
        Ok(Box::new(countdown) as Box<dyn Environment>)
    };
    let policy = countdown_policy();
    for lanes in [1, 4, 20] {
        let plan = Plan {
            lanes,
            ..Plan::new(0, 20, true)
        };
        let run = |total| rollout::run_until(&make, &policy, &plan, &Until::total(total), &go_on);
        let ended = run(30.0).unwrap();
        assert!(ended.episodes.len() < 12);
        let error = run(1e9).unwrap_err();
        assert!(
            matches!(error, Error::NotANumber { seed: 12, .. }),
            "{error}"
        );
    }
}
