//! `tars submit`: sends a policy to the service, and waits for the verdict if asked to.

use std::path::PathBuf;
use std::process::ExitCode;

use tars_engine::policy_file::{Algorithm, Format};
use tars_shared::clock::{Clock as _, System};
use tars_shared::request::body::Body;
use tars_shared::request::{Hyperparameter, Priority, Stop};

use super::jobs;
use crate::client::{self, AgentFile, Receipt, Server};
use crate::policy_options::PolicyOptions;
use crate::stdout;

/// Submit a policy to the service
#[derive(Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own on the command line"
)]
#[command(
    after_help = "Exit codes with --wait: 0 passed, or no baseline; 1 regressed; 2 failed; 3 inconclusive."
)]
pub(crate) struct Submit {
    /// The policy: a Stable-Baselines3 .zip, a file of torch.save, a .safetensors or an mlp-json file
    #[arg(value_name = "POLICY")]
    policy: PathBuf,
    /// The algorithm that trained it: DQN, A2C, PPO, SAC, …
    #[arg(long, value_name = "ALGORITHM")]
    agent: Algorithm,
    /// The environment to evaluate it on; may be repeated
    #[arg(long = "env", value_name = "ID", default_value = "CartPole-v1")]
    environments: Vec<String>,
    /// Episodes per environment [default: 100]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    episodes: Option<i64>,
    /// 50 episodes per environment
    #[arg(long, conflicts_with = "episodes")]
    quick: bool,
    /// Episode i is reset with SEED + i [default: chosen by the service]
    #[arg(long, allow_negative_numbers = true)]
    seed: Option<i64>,
    /// Sample actions instead of taking the best or mean one
    #[arg(long)]
    stochastic: bool,
    /// The statistics that SB3's `VecNormalize` saved, if the agent was trained under them
    #[arg(long, value_name = "FILE")]
    vec_normalize: Option<PathBuf>,
    #[command(flatten)]
    options: PolicyOptions,
    /// sb3-zip, torch, safetensors or mlp-json [default: told from the file]
    #[arg(long)]
    format: Option<Format>,
    /// high, normal or low
    #[arg(long, default_value_t)]
    priority: Priority,
    /// Wall time that each environment may take [default: 300]
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    timeout: Option<i64>,
    /// A tag to find the job by; may be repeated
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = pair)]
    labels: Vec<(String, String)>,
    /// A number or text to store with the result; may be repeated
    #[arg(long = "hyperparameter", value_name = "NAME=VALUE", value_parser = pair)]
    hyperparameters: Vec<(String, String)>,
    /// Training losses, oldest first, for the loss trend
    #[arg(
        long,
        value_name = "LOSS,…",
        value_delimiter = ',',
        allow_negative_numbers = true
    )]
    losses: Vec<f64>,
    /// `when_decided`: end an environment as soon as its verdict against the baseline is safe
    #[arg(long, value_name = "never|when_decided", default_value_t)]
    stop: Stop,
    /// Evaluate again, though an equal result may be stored already
    #[arg(long)]
    no_reuse: bool,
    /// Do not compare with the baseline
    #[arg(long)]
    no_baseline: bool,
    /// Where the service sends a signed message when the job has ended
    #[arg(long, value_name = "URL")]
    callback_url: Option<String>,
    /// Follow the job and print its result
    #[arg(long)]
    wait: bool,
    /// Print the service's JSON: the receipt, or with --wait the job and its results
    #[arg(long)]
    json: bool,
    /// Submissions with the same key are one job [default: a new key]
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    server: Server,
}

impl Submit {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        client::run(self.submit())
    }

    async fn submit(self) -> anyhow::Result<ExitCode> {
        let agent = AgentFile::read(
            &self.policy,
            self.format,
            self.vec_normalize.as_deref(),
            self.options.options(),
        )?;
        let client = self.server.connect()?;
        let key = self
            .idempotency_key
            .unwrap_or_else(|| System.new_id().to_string());
        let body = Body {
            hyperparameters: self.hyperparameters.into_iter().map(typed).collect(),
            num_episodes: self.episodes,
            quick_mode: self.quick,
            compare_to_baseline: Some(!self.no_baseline),
            seed: self.seed,
            deterministic: Some(!self.stochastic),
            priority: self.priority,
            timeout_seconds: self.timeout,
            labels: self.labels.into_iter().collect(),
            losses: self.losses,
            callback_url: self.callback_url,
            stop: self.stop,
            reuse: self.no_reuse.then_some(false),
            ..agent
                .request(&client, self.agent, self.environments)
                .await?
        };
        let answer = client.submit(&key, &body).await?;
        let id = answer.read::<Receipt>()?.job_id;
        if self.wait {
            return jobs::watch(&client, id, self.json).await;
        }
        if self.json {
            stdout::print(&answer.json())?;
        } else {
            let server = client.server().option();
            stdout::print(&format!(
                "job {id} is accepted\nfollow it with: tars jobs watch {id}{server}\n"
            ))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn pair(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// What reads as a JSON number is one.
fn typed((name, value): (String, String)) -> (String, Hyperparameter) {
    let value = value
        .parse()
        .map_or_else(|_| Hyperparameter::Text(value), Hyperparameter::Number);
    (name, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hyperparameters_that_read_as_numbers_are_numbers() {
        for (text, number) in [
            ("3e-4", true),
            ("64", true),
            ("relu", false),
            ("", false),
            ("NaN", false),
        ] {
            let (_, value) = typed(("name".to_owned(), text.to_owned()));
            assert_eq!(
                matches!(value, Hyperparameter::Number(_)),
                number,
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_pair_is_cut_at_its_first_sign() {
        assert_eq!(pair("url=a=b"), Ok(("url".to_owned(), "a=b".to_owned())));
        assert!(pair("team").is_err());
    }
}
