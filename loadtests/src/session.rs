//! One simulated client: sends what the mix asks for, and keeps the ledger.

use std::sync::Arc;

use bytes::Bytes;
use hyper::{Method, StatusCode};
use tars_client::Client;
use uuid::Uuid;

use crate::connection::{Connection, Target};
use crate::driver::Sender;
use crate::job::{self, Policies, Receipt, Work};
use crate::ledger::{Fate, Ledger};
use crate::mix::{Ask, Mix, Reads};
use crate::sample::Outcome;

/// What all clients of one load share.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) mix: Mix,
    pub(crate) reads: Reads,
    /// What is submitted.
    pub(crate) evaluation: Bytes,
    /// Ended jobs of popular agents, and of all others.
    pub(crate) popular: Vec<Uuid>,
    pub(crate) others: Vec<Uuid>,
    pub(crate) ledger: Ledger,
}

impl Plan {
    /// One that asks for one kind of thing, which is still to be given.
    pub(crate) fn only(mix: Mix) -> Self {
        let ledger = Ledger::open(Uuid::new_v4());
        Self {
            mix,
            reads: Reads::default(),
            evaluation: Bytes::new(),
            popular: vec![],
            others: vec![],
            ledger,
        }
    }

    /// One that submits and nothing else, under this label.
    pub(crate) async fn submissions(
        client: &Client,
        run: &str,
        work: Work,
    ) -> anyhow::Result<Self> {
        let policies = Policies::store(client).await?;
        let evaluation = job::single(&policies, work, run).to_string().into();
        Ok(Self {
            evaluation,
            ..Self::only(Mix {
                submit: 1.0,
                poll: 0.0,
                read: 0.0,
            })
        })
    }

    fn ended(&self, popular: bool, pick: u64) -> Option<Uuid> {
        let jobs = if popular { &self.popular } else { &self.others };
        let index = pick.checked_rem(jobs.len() as u64)?;
        jobs.get(usize::try_from(index).ok()?).copied()
    }
}

/// A client with a connection of its own.
#[derive(Debug)]
pub(crate) struct Session {
    connection: Connection,
    plan: Arc<Plan>,
}

impl Session {
    /// So many, each with a connection of its own.
    pub(crate) fn several(count: usize, target: &Target, plan: &Arc<Plan>) -> Vec<Self> {
        (0..count).map(|_| Self::new(target, plan)).collect()
    }

    pub(crate) fn new(target: &Target, plan: &Arc<Plan>) -> Self {
        Self {
            connection: Connection::to(target),
            plan: plan.clone(),
        }
    }

    /// Sends a submission, for the first time or again.
    pub(crate) async fn submit(&mut self, number: u64) -> Outcome {
        let plan = self.plan.clone();
        let key = plan.ledger.note_sent(number);
        let headers = [
            ("content-type", "application/json"),
            ("idempotency-key", key.as_str()),
        ];
        let sent = self
            .connection
            .send(
                Method::POST,
                "/v1/evaluate",
                &headers,
                plan.evaluation.clone(),
            )
            .await;
        let answer = match sent {
            Ok(answer) => answer,
            Err(outcome) => return outcome,
        };
        let outcome = answer.outcome(StatusCode::ACCEPTED);
        if outcome != Outcome::Answered {
            // Behind a 5xx a job may have been kept all the same.
            if answer.status.is_client_error() {
                plan.ledger.note(number, Fate::Refused);
            }
            return outcome;
        }
        match serde_json::from_slice::<Receipt>(&answer.body) {
            Ok(receipt) => plan.ledger.note(number, Fate::Accepted(receipt.job_id)),
            // A promise that names no job is none.
            Err(_) => return Outcome::Refused(answer.status.as_u16()),
        }
        outcome
    }

    async fn show(&mut self, job: Uuid) -> (Outcome, Option<bool>) {
        let path = format!("/v1/jobs/{job}");
        match self
            .connection
            .send(Method::GET, &path, &[], Bytes::new())
            .await
        {
            Ok(answer) => (answer.outcome(StatusCode::OK), answer.cache_hit()),
            Err(outcome) => (outcome, None),
        }
    }
}

impl Sender for Session {
    async fn send(&mut self, number: u64) -> (Outcome, Option<bool>) {
        let plan = self.plan.clone();
        let job = match plan.mix.ask(number, &plan.reads) {
            Ask::Submit(number) => return (self.submit(number).await, None),
            // Before the first acceptance there is only what was prepared.
            Ask::Poll(pick) => plan.ledger.recent(pick).or_else(|| plan.ended(true, pick)),
            Ask::Read { popular, pick } => plan.ended(popular, pick),
        };
        match job {
            Some(job) => self.show(job).await,
            None => (Outcome::Refused(0), None),
        }
    }
}
