//! What is known about each environment: spaces, time limit, success rule, reward threshold,
//! version.
//!
//! | id | observation | action | steps | reward threshold | success |
//! |---|---|---|---|---|---|
//! | `Acrobot-v1` | 6 | one of 3 | 500 | −100 | goal reached |
//! | `CartPole-v1` | 4 | one of 2 | 500 | 475 | return ≥ 195 |
//! | `MountainCar-v0` | 2 | one of 3 | 200 | −110 | goal reached in < 200 steps |
//! | `MountainCarContinuous-v0` | 2 | 1 in ±1 | 999 | 90 | return ≥ 90 |
//! | `Pendulum-v1` | 3 | 1 in ±2 | 200 | none | return ≥ −200 |
//!
//! Everything but the success rules is Gymnasium's registry. CartPole succeeds from 195, which was
//! the threshold of `CartPole-v0`, as evaluations have long counted it. Gymnasium names no
//! threshold for Pendulum: −200 is our number, an average cost of 1 per step, which a trained agent
//! stays within from most of its starts.

use std::borrow::Cow;
use std::f64::consts::PI;
use std::sync::LazyLock;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use crate::space::{ActionSpace, BoxSpace};
use crate::statistics::Interval;

/// When an episode counts as a success.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum SuccessRule {
    /// The episode's return is at least `reward`.
    RewardAtLeast {
        /// The least return that succeeds.
        reward: f64,
    },
    /// The environment terminated (its goal was reached) in fewer than `steps` steps.
    GoalWithin {
        /// The number of steps that is too late.
        steps: u32,
    },
    /// The environment terminated: its goal was reached.
    GoalReached,
}

impl SuccessRule {
    /// Whether an episode with this return, length and end succeeded.
    pub fn succeeded(self, total_reward: f64, steps: u32, terminated: bool) -> bool {
        match self {
            Self::RewardAtLeast { reward } => total_reward >= reward,
            Self::GoalWithin { steps: limit } => terminated && steps < limit,
            Self::GoalReached => terminated,
        }
    }
}

/// One environment of the catalogue.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct EnvironmentSpec {
    /// Gymnasium's id, such as `CartPole-v1`.
    pub id: Cow<'static, str>,
    /// The number behind `-v`.
    pub version: u32,
    /// What an agent sees.
    pub observation_space: BoxSpace,
    /// What an agent may do.
    pub action_space: ActionSpace,
    /// Steps after which an episode is truncated.
    pub max_episode_steps: u32,
    /// When an episode counts as a success.
    pub success: SuccessRule,
    /// The return at which Gymnasium calls the environment solved, where it names one.
    pub reward_threshold: Option<f64>,
}

/// The environments that [`crate::environment::native`] implements, ordered by id.
pub fn native() -> &'static [EnvironmentSpec] {
    NATIVE.as_slice()
}

/// The native environment with this id, spelled exactly as in Gymnasium.
pub fn find(id: &str) -> Option<&'static EnvironmentSpec> {
    #[cfg(feature = "test-environments")]
    if id == TEST_CART_POLE {
        return Some(&FOR_TESTS);
    }
    NATIVE.iter().find(|spec| spec.id == id)
}

/// `CartPole-v1` with episodes of at most 200 steps. No list shows it.
#[cfg(feature = "test-environments")]
pub const TEST_CART_POLE: &str = "TestCartPole-v0";

#[cfg(feature = "test-environments")]
static FOR_TESTS: LazyLock<EnvironmentSpec> = LazyLock::new(|| EnvironmentSpec {
    id: TEST_CART_POLE.into(),
    version: 0,
    max_episode_steps: 200,
    reward_threshold: Some(195.0),
    ..find("CartPole-v1").expect("it is native").clone()
});

/// The returns that an environment can give at all, where they are known. What a step may cost follows
/// from the rewards' formulas and the bounds of states and actions.
pub fn return_bounds(id: &str) -> Option<Interval> {
    let (low, high) = match id {
        "Acrobot-v1" => (-500.0, 0.0),
        "CartPole-v1" => (0.0, 500.0),
        #[cfg(feature = "test-environments")]
        TEST_CART_POLE => (0.0, 200.0),
        "MountainCar-v0" => (-200.0, 0.0),
        // A tenth of the squared action a step, and 100 for the goal.
        "MountainCarContinuous-v0" => (-0.1 * 999.0 - 1e-9, 100.0),
        // θ² + 0.1·ω² + 0.001·u² a step, with |θ| ≤ π, |ω| ≤ 8 and |u| ≤ 2.
        "Pendulum-v1" => (-200.0 * (PI * PI + 6.4 + 0.004) - 1e-6, 0.0),
        _ => return None,
    };
    Some(Interval { low, high })
}

/// An id that [`find`] finds, as a JSON Schema; there are no values of it.
#[derive(Debug)]
pub enum KnownId {}

impl JsonSchema for KnownId {
    fn schema_name() -> Cow<'static, str> {
        "EnvironmentId".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let ids: Vec<_> = native().iter().map(|spec| &spec.id).collect();
        json_schema!({"type": "string", "enum": ids})
    }
}

static NATIVE: LazyLock<[EnvironmentSpec; 5]> = LazyLock::new(|| {
    [
        EnvironmentSpec {
            id: "Acrobot-v1".into(),
            version: 1,
            observation_space: BoxSpace::symmetric(&[1.0, 1.0, 1.0, 1.0, 4.0 * PI, 9.0 * PI]),
            action_space: ActionSpace::Discrete { n: 3 },
            max_episode_steps: 500,
            success: SuccessRule::GoalReached,
            reward_threshold: Some(-100.0),
        },
        EnvironmentSpec {
            id: "CartPole-v1".into(),
            version: 1,
            observation_space: BoxSpace::symmetric(&[
                4.8,
                f64::INFINITY,
                24_f64.to_radians(),
                f64::INFINITY,
            ]),
            action_space: ActionSpace::Discrete { n: 2 },
            max_episode_steps: 500,
            success: SuccessRule::RewardAtLeast { reward: 195.0 },
            reward_threshold: Some(475.0),
        },
        EnvironmentSpec {
            id: "MountainCar-v0".into(),
            version: 0,
            observation_space: mountain_car_observations(),
            action_space: ActionSpace::Discrete { n: 3 },
            max_episode_steps: 200,
            success: SuccessRule::GoalWithin { steps: 200 },
            reward_threshold: Some(-110.0),
        },
        EnvironmentSpec {
            id: "MountainCarContinuous-v0".into(),
            version: 0,
            observation_space: mountain_car_observations(),
            action_space: ActionSpace::Box(BoxSpace::symmetric(&[1.0])),
            max_episode_steps: 999,
            success: SuccessRule::RewardAtLeast { reward: 90.0 },
            reward_threshold: Some(90.0),
        },
        EnvironmentSpec {
            id: "Pendulum-v1".into(),
            version: 1,
            observation_space: BoxSpace::symmetric(&[1.0, 1.0, 8.0]),
            action_space: ActionSpace::Box(BoxSpace::symmetric(&[2.0])),
            max_episode_steps: 200,
            success: SuccessRule::RewardAtLeast { reward: -200.0 },
            reward_threshold: None,
        },
    ]
});

fn mountain_car_observations() -> BoxSpace {
    BoxSpace {
        low: vec![-1.2, -0.07],
        high: vec![0.6, 0.07],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Recorded from Gymnasium's registry by `golden/trajectories.py`.
    fn golden() -> Vec<Value> {
        serde_json::from_str(include_str!("../golden/catalogue.json"))
            .expect("the script writes JSON")
    }

    /// Bounds are recorded as text, because JSON knows no infinity.
    fn bounds(texts: &Value) -> Vec<f32> {
        let texts = texts.as_array().expect("bounds are a list");
        let parse = |text: &Value| text.as_str().and_then(|text| text.parse().ok());
        texts
            .iter()
            .map(|text| parse(text).expect("a bound is a number"))
            .collect()
    }

    fn box_space(recorded: &Value) -> BoxSpace {
        BoxSpace {
            low: bounds(&recorded["low"]),
            high: bounds(&recorded["high"]),
        }
    }

    fn action_space(recorded: &Value) -> ActionSpace {
        match recorded["n"].as_u64() {
            Some(n) => ActionSpace::Discrete {
                n: n.try_into().unwrap(),
            },
            None => ActionSpace::Box(box_space(recorded)),
        }
    }

    #[test]
    fn spaces_limits_and_thresholds_are_gymnasiums() {
        let golden = golden();
        assert_eq!(golden.len(), native().len());
        for (spec, recorded) in native().iter().zip(&golden) {
            let id = &spec.id;
            assert_eq!(recorded["id"], **id);
            assert_eq!(recorded["version"], spec.version, "{id}");
            assert_eq!(
                box_space(&recorded["observation_space"]),
                spec.observation_space,
                "{id}"
            );
            assert_eq!(
                action_space(&recorded["action_space"]),
                spec.action_space,
                "{id}"
            );
            assert_eq!(
                recorded["max_episode_steps"], spec.max_episode_steps,
                "{id}"
            );
            assert_eq!(
                recorded["reward_threshold"].as_f64(),
                spec.reward_threshold,
                "{id}"
            );
        }
    }

    #[test]
    fn every_environment_is_found_by_its_id_alone() {
        for spec in native() {
            assert_eq!(find(&spec.id), Some(spec));
        }
        for unknown in [
            "",
            "cartpole-v1",
            "CartPole-v0",
            "CartPole-v1 ",
            "LunarLander-v3",
        ] {
            assert_eq!(find(unknown), None, "{unknown:?}");
        }
    }

    #[test]
    fn success_follows_each_environments_rule() {
        let succeeded = |id, reward, steps, terminated| {
            find(id)
                .unwrap()
                .success
                .succeeded(reward, steps, terminated)
        };
        assert!(succeeded("CartPole-v1", 195.0, 195, true));
        assert!(!succeeded("CartPole-v1", 194.0, 194, true));
        assert!(succeeded("MountainCar-v0", -199.0, 199, true));
        assert!(
            !succeeded("MountainCar-v0", -200.0, 200, true),
            "the goal in step 200 comes too late"
        );
        assert!(!succeeded("MountainCar-v0", -199.0, 199, false));
        assert!(succeeded("MountainCarContinuous-v0", 90.0, 300, true));
        assert!(!succeeded("MountainCarContinuous-v0", 89.9, 300, true));
        assert!(
            succeeded("Acrobot-v1", -499.0, 500, true),
            "the goal in the last step is the goal"
        );
        assert!(!succeeded("Acrobot-v1", -500.0, 500, false));
        assert!(succeeded("Pendulum-v1", -200.0, 200, false));
        assert!(!succeeded("Pendulum-v1", -200.1, 200, false));
        assert!(
            !succeeded("Pendulum-v1", f64::NAN, 200, false),
            "a broken return is no success"
        );
    }
}
