//! `tars jobs promote`, which `tars baselines promote` does as well.

use std::process::ExitCode;

use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use tars_shared::baseline::Baseline;
use uuid::Uuid;

use crate::client::Connection;
use crate::commands::baselines::added::added;
use crate::stdout;

/// Which results become baselines
#[derive(Debug, clap::Args)]
pub(in crate::commands) struct Promote {
    /// The completed job's full id
    #[arg(value_name = "JOB_ID", value_parser = super::id::job_id)]
    id: Uuid,
    /// Only the result on this environment; may be repeated [default: all of the job's]
    #[arg(long = "env", value_name = "ID")]
    environments: Vec<String>,
    /// Print the service's JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Body<'a> {
    environments: Option<&'a [String]>,
}

#[derive(Deserialize)]
struct Promoted {
    baselines: Vec<Baseline>,
}

impl Promote {
    pub(in crate::commands) async fn run(self, client: &Connection) -> anyhow::Result<ExitCode> {
        let environments =
            Some(self.environments.as_slice()).filter(|environments| !environments.is_empty());
        let path = format!("/v1/jobs/{}/promote", self.id);
        let answer = client.post_body(&path, &Body { environments }).await?;
        if self.json {
            stdout::print(&answer.json())?;
            return Ok(ExitCode::SUCCESS);
        }
        let known = if answer.status() == StatusCode::CREATED {
            ""
        } else {
            " (it was promoted before)"
        };
        let promoted: Promoted = answer.read()?;
        let lines: String = promoted
            .baselines
            .iter()
            .map(|baseline| added(baseline, known))
            .collect();
        stdout::print(&lines)?;
        Ok(ExitCode::SUCCESS)
    }
}
