//! Small valid values for the suites.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

use tars_engine::episode::Episode;
use tars_engine::metrics::summarize;
use tars_engine::policy_file::{Algorithm, Format};
use tars_engine::regression;

use crate::account::{Actor, Name, NewUser, Role};
use crate::agent::{AgentState, Base64, Blob, PolicyOptions};
use crate::artifact::Digest;
use crate::baseline::NewBaseline;
use crate::clock::Clock;
use crate::job::EnvironmentResult;
use crate::line::{Lane, Line};
use crate::request::{Hyperparameter, Parameters, Priority, Request, Stop};
use crate::submission::Submission;

/// A DQN on two environments, ten episodes each.
pub fn submission(clock: &dyn Clock) -> Submission {
    Submission {
        version: 1,
        job_id: clock.new_id(),
        subject: "somebody".to_owned(),
        request_hash: Digest::of(b"request"),
        submitted_at: clock.now(),
        retry_of: None,
        lane: Lane::FIRST,
        request: Request {
            agent_state: AgentState {
                policy: Blob::Inline(Base64(vec![1, 2, 3])),
                format: Some(Format::MlpJson),
                vec_normalize: Some(Blob::Artifact(Digest::of(b"statistics"))),
                options: PolicyOptions::default(),
            },
            parameters: Parameters {
                agent_type: Algorithm::Dqn,
                environments: vec!["CartPole-v1".to_owned(), "Acrobot-v1".to_owned()],
                num_episodes: 10,
                seed: 7,
                deterministic: true,
                priority: Priority::Normal,
                timeout_seconds: 300,
                compare_to_baseline: true,
                detect_regressions: true,
                hyperparameters: BTreeMap::from([(
                    "note".to_owned(),
                    Hyperparameter::Text("x".to_owned()),
                )]),
                labels: BTreeMap::from([("team".to_owned(), "blue".to_owned())]),
                losses: vec![0.5, 0.25],
                callback_url: None,
                stop: Stop::Never,
                reuse: true,
            },
        },
    }
}

/// The same with another priority.
pub fn with_priority(clock: &dyn Clock, priority: Priority) -> Submission {
    let mut submission = submission(clock);
    submission.request.parameters.priority = priority;
    submission
}

/// The same with a webhook.
pub fn with_callback(clock: &dyn Clock, url: &str) -> Submission {
    let mut submission = submission(clock);
    submission.version = 3;
    submission.request.parameters.callback_url = Some(url.to_owned());
    submission
}

/// The same in another line.
pub fn in_line(clock: &dyn Clock, line: Line) -> Submission {
    Submission {
        lane: line.lane,
        ..with_priority(clock, line.priority)
    }
}

/// A result of ten episodes.
pub fn result(environment: &str) -> EnvironmentResult {
    let episodes: Vec<_> = (0..10_u32).map(episode).collect();
    EnvironmentResult {
        environment: environment.to_owned(),
        policy: None,
        metrics: summarize(&episodes, Some(&[5, 5]), &[]),
        regression: None,
        baseline_id: None,
        episodes,
        stopped_early: false,
        reused_from: None,
    }
}

fn episode(number: u32) -> Episode {
    let total_reward = 100.0 + f64::from(number);
    Episode {
        episode_num: number,
        seed: 7 + u64::from(number),
        total_reward,
        steps: 100,
        success: true,
    }
}

/// A DQN baseline on CartPole with this mean reward.
pub fn baseline(mean_reward: f64) -> NewBaseline {
    let result = result("CartPole-v1");
    let statistics = regression::Baseline {
        mean_reward,
        ..regression::Baseline::of(&result.metrics, &result.episodes)
    };
    NewBaseline {
        agent_type: Algorithm::Dqn,
        environment: result.environment,
        statistics,
        hyperparameters: BTreeMap::new(),
        source_job: None,
    }
}

/// Who does what the suites do.
pub fn actor() -> Actor {
    Actor {
        name: "user:ada".to_owned(),
        address: Some(IpAddr::V6(Ipv6Addr::LOCALHOST)),
    }
}

/// A user with a hash that belongs to no password.
pub fn user(name: &str, role: Role) -> NewUser {
    NewUser {
        name: account(name),
        role,
        password_hash: format!("hash of {name}"),
    }
}

/// The name of an account.
///
/// # Panics
/// When it is no name.
pub fn account(name: &str) -> Name {
    name.parse().unwrap()
}
