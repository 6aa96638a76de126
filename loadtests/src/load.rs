//! One load on a service, from its preparation to its reconciliation.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;
use uuid::Uuid;

use crate::arrivals::{Arrivals, Stage};
use crate::driver::{drive, real_time};
use crate::job::{self, Policies};
use crate::ledger::Ledger;
use crate::mix::{Mix, Reads};
use crate::processes::Holdings;
use crate::reconciliation::{Reconciliation, reconcile};
use crate::sample::Sample;
use crate::service::Service;
use crate::session::{Plan, Session};

/// Seconds at the peak before anything is measured: pools, caches and connections are as large as
/// the load makes them.
const WARM_UP_SECONDS: f64 = 2.0;
/// Ended jobs for those who ask before any job was accepted.
const FIRST_POLLS: usize = 5;

/// How a load is made.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Options {
    /// Connections; a request for which none is free waits, and its waiting counts
    #[arg(long, default_value_t = 128, value_name = "N")]
    connections: usize,
    /// Seconds that jobs may take to end after the load
    #[arg(long, default_value_t = 300, value_name = "SECONDS")]
    patience: u64,
}

/// What a load asks for.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    pub(crate) arrivals: Arrivals,
    pub(crate) mix: Mix,
    pub(crate) reads: Reads,
    pub(crate) episodes: u32,
}

/// What it brought.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) samples: Vec<Sample>,
    pub(crate) reconciliation: Reconciliation,
    pub(crate) before: Holdings,
    pub(crate) after: Holdings,
}

impl Load {
    /// Prepares the service, warms it up, loads it, and reconciles. `meanwhile` runs beside the
    /// load.
    pub(crate) async fn put_on(
        &self,
        service: &mut Service,
        options: Options,
        meanwhile: impl AsyncFnOnce(&mut Service),
    ) -> anyhow::Result<Outcome> {
        let policies = Policies::store(&service.client).await?;
        let (popular, others) = self.ended_jobs(service, &policies).await?;
        let plan = || {
            let run = Uuid::new_v4();
            let evaluation = job::evaluation(&policies, "DQN", self.episodes, &run.to_string());
            Arc::new(Plan {
                mix: self.mix.clone(),
                reads: self.reads.clone(),
                evaluation: evaluation.to_string().into(),
                popular: popular.clone(),
                others: others.clone(),
                ledger: Ledger::open(run),
            })
        };
        let warm_up = Stage::steady("warm-up", WARM_UP_SECONDS, self.arrivals.peak());
        let (plan_before, plan) = (plan(), plan());
        let due = Arrivals::of(&[warm_up]).due().collect();
        drive(
            due,
            Session::several(options.connections, &service.target, &plan_before),
            real_time,
        )
        .await;
        settle(service, &plan_before, options)
            .await
            .context("after the warm-up")?;

        let before = Holdings::of(&service.processes());
        let load = drive(
            self.arrivals.due().collect(),
            Session::several(options.connections, &service.target, &plan),
            real_time,
        );
        let (samples, ()) = tokio::join!(load, meanwhile(service));
        let reconciliation = settle(service, &plan, options).await?;
        let after = Holdings::of(&service.processes());
        Ok(Outcome {
            samples,
            reconciliation,
            before,
            after,
        })
    }

    /// Jobs of popular agents, and of all.
    async fn ended_jobs(
        &self,
        service: &Service,
        policies: &Policies,
    ) -> anyhow::Result<(Vec<Uuid>, Vec<Uuid>)> {
        let run = Uuid::new_v4().to_string();
        let evaluation = |agent: &str| job::evaluation(policies, agent, self.episodes, &run);
        if self.mix.read == 0.0 {
            return Ok((
                job::ended(&service.client, &vec![evaluation("DQN"); FIRST_POLLS]).await?,
                Vec::new(),
            ));
        }
        let of = |agents: &[String]| -> Vec<Value> {
            let each = |agent: &String| vec![evaluation(agent); self.reads.jobs_per_agent as usize];
            agents.iter().flat_map(each).collect()
        };
        let popular = job::ended(&service.client, &of(&self.reads.popular_agents)).await?;
        // The others read any agent's, the popular ones' among them.
        let mut all = job::ended(&service.client, &of(&self.reads.other_agents)).await?;
        all.extend(&popular);
        Ok((popular, all))
    }
}

async fn settle(
    service: &Service,
    plan: &Arc<Plan>,
    options: Options,
) -> anyhow::Result<Reconciliation> {
    let mut session = Session::new(&service.target, plan);
    reconcile(
        &service.client,
        &plan.ledger,
        &mut session,
        Duration::from_secs(options.patience),
    )
    .await
}
