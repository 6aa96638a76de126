//! `tars jobs`: what became of submissions, and what can be done about it.

mod cancel;
mod id;
mod list;
pub(super) mod promote;
mod show;
mod table;

use std::process::ExitCode;

use uuid::Uuid;

pub(super) use self::id::job_id;
use self::id::path;
pub(super) use self::list::label;
use self::promote::Promote;
use crate::client::{self, Connection, ProgressBars, Receipt, Server};
use crate::exit_code::INTERRUPTED;
use crate::stdout;

/// List, show, follow, cancel, retry and promote jobs
#[derive(Debug, clap::Args)]
pub(crate) struct Jobs {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// The latest jobs first
    List(list::List),
    /// One job with its results, and why it is where it is
    Show(One),
    /// Follow a job to its end; exits as `tars submit --wait` does
    Watch(One),
    Cancel(cancel::Cancel),
    /// Submit a failed or cancelled job again, with the same seed
    Retry(One),
    /// Make a job's results baselines
    Promote(Promote),
}

#[derive(Debug, clap::Args)]
struct One {
    /// The job's full id
    #[arg(value_name = "JOB_ID", value_parser = job_id)]
    id: Uuid,
    /// Print the service's JSON
    #[arg(long)]
    json: bool,
}

impl Jobs {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        client::run(async {
            let client = self.server.connect()?;
            match self.action {
                Action::List(list) => list.run(&client).await,
                Action::Show(One { id, json }) => show::run(&client, id, json).await,
                Action::Watch(One { id, json }) => watch(&client, id, json).await,
                Action::Cancel(cancel) => cancel.run(&client).await,
                Action::Retry(One { id, json }) => retry(&client, id, json).await,
                Action::Promote(promote) => promote.run(&client).await,
            }
        })
    }
}

/// Follows a job, prints what came of it, and exits accordingly.
pub(super) async fn watch(client: &Connection, id: Uuid, json: bool) -> anyhow::Result<ExitCode> {
    let bars = if json {
        ProgressBars::Silent
    } else {
        ProgressBars::new(id.to_string().len())
    };
    let mut progress = bars.add(id.to_string());
    let followed = tokio::select! {
        followed = tars_client::follow(client, id, &mut progress) => Some(followed),
        _ = tokio::signal::ctrl_c() => None,
    };
    bars.close();
    let Some(answer) = followed.transpose()? else {
        let server = client.server().option();
        eprintln!("\nthe job goes on; follow it with: tars jobs watch {id}{server}");
        eprintln!("or end it with: tars jobs cancel {id}{server}");
        return Ok(INTERRUPTED.into());
    };
    let job = show::print(client, &answer, json).await?;
    Ok(job.exit_code().into())
}

async fn retry(client: &Connection, id: Uuid, json: bool) -> anyhow::Result<ExitCode> {
    let answer = client.post(&path(id, "/retry")).await?;
    stdout::print(&if json {
        answer.json()
    } else {
        let again = answer.read::<Receipt>()?.job_id;
        let server = client.server().option();
        format!("job {again} repeats it\nfollow it with: tars jobs watch {again}{server}\n")
    })?;
    Ok(ExitCode::SUCCESS)
}
