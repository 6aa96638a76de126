//! The subcommands. Each file parses its own arguments and runs itself.

mod accounts;
mod api;
mod baselines;
mod demo;
mod dev;
mod dlq;
mod evaluate;
mod jobs;
mod keys;
mod migrate;
mod openapi;
mod pauses;
mod prune;
mod rollout;
mod submit;
mod token;
mod top;
mod user;
mod webhook;
mod worker;
mod workers;

use std::process::ExitCode;

/// What `tars` can do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Run the whole service in this process: API, workers and a database file
    Dev(dev::Dev),
    Demo(demo::Demo),
    Api(api::Api),
    Worker(worker::Worker),
    Migrate(migrate::Migrate),
    User(user::User),
    Token(token::Token),
    Keys(keys::Keys),
    Prune(prune::Prune),
    /// Print the OpenAPI 3.1 document of the API, for generators of clients
    #[command(name = "openapi")]
    OpenApi,
    Evaluate(evaluate::Evaluate),
    Rollout(rollout::Rollout),
    Submit(submit::Submit),
    Jobs(jobs::Jobs),
    Dlq(dlq::Dlq),
    Baselines(baselines::Baselines),
    Webhook(webhook::Webhook),
    Workers(workers::Workers),
    Pauses(pauses::Pauses),
    Top(top::Top),
}

impl Command {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Dev(dev) => dev.run(),
            Self::Demo(demo) => demo.run(),
            Self::Api(api) => api.run(),
            Self::Worker(worker) => worker.run(),
            Self::Migrate(migrate) => migrate.run(),
            Self::User(user) => user.run(),
            Self::Token(token) => token.run(),
            Self::Keys(keys) => keys.run(),
            Self::Prune(prune) => prune.run(),
            Self::OpenApi => openapi::run(),
            Self::Evaluate(evaluate) => evaluate.run(),
            Self::Rollout(rollout) => rollout.run(),
            Self::Submit(submit) => submit.run(),
            Self::Jobs(jobs) => jobs.run(),
            Self::Dlq(dlq) => dlq.run(),
            Self::Baselines(baselines) => baselines.run(),
            Self::Webhook(webhook) => webhook.run(),
            Self::Workers(workers) => workers.run(),
            Self::Pauses(pauses) => pauses.run(),
            Self::Top(top) => top.run(),
        }
    }
}
