//! `tars-load rate`: how often a service answers at most. Whatever answers the same three requests
//! can be measured, T.A.R.S. or not.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::backlog::read_ids;
use crate::closed_loop::{Until, saturate};
use crate::job::Work;
use crate::mix::Mix;
use crate::service::Service;
use crate::session::{Plan, Session};

/// Ask as often as answers come, and print how often that was, as JSON
#[derive(Debug, clap::Args)]
pub(crate) struct Rate {
    #[arg(long, default_value_t = 32, value_name = "N")]
    connections: usize,
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// One-episode jobs that name a stored policy
    Submissions {
        /// The label of these jobs
        #[arg(long, value_name = "NAME")]
        run: String,
    },
    /// Jobs that are there
    Polls {
        /// Their ids, one a line, as `tars-load submit` prints them
        #[arg(long, value_name = "FILE")]
        ids: PathBuf,
    },
}

impl Rate {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let service = Service::from_environment().await?;
        let plan = match &self.what {
            What::Submissions { run } => {
                Plan::submissions(&service.client, run, Work::Whole).await?
            }
            What::Polls { ids } => {
                let ids = read_ids(ids)?;
                Plan {
                    popular: ids.clone(),
                    others: ids,
                    ..Plan::only(Mix {
                        submit: 0.0,
                        poll: 0.0,
                        read: 1.0,
                    })
                }
            }
        };
        let until = Until::Elapsed(Duration::from_secs_f64(self.seconds));
        let rate = saturate(
            Session::several(self.connections, &service.target, &Arc::new(plan)),
            until,
        )
        .await;
        let mut figures = json!(rate);
        figures["generator_cores"] = json!(processor_seconds() / rate.seconds);
        println!("{figures}");
        Ok(ExitCode::SUCCESS)
    }
}

/// Processor time of this process so far: a generator that takes a whole core measures itself.
fn processor_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Fields 14 and 15 of proc(5), in ticks of 10 ms on every Linux; the name in field 2 may hold spaces.
    let fields = stat
        .rsplit_once(") ")
        .map_or("", |(_, fields)| fields)
        .split(' ');
    let ticks = fields
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}
