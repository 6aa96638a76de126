//! A job that kills every worker that runs it ends in the dead letters, and takes nobody with it.

#![expect(
    clippy::unwrap_used,
    reason = "the functions that tests share are tests too"
)]

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tars_chaos::workload::{evaluation, policy, small_evaluation};
use tars_chaos::{Client, Fleet, Parts, Process, Stack, report};

const LOST: Duration = Duration::from_mins(3);
const INNOCENT: usize = 50;

/// Does what an orchestrator does: starts a worker again whenever it has died, until the job has
/// ended. Gives the deaths.
async fn keep_workers(fleet: &Fleet, client: &Client, poison: &str) -> usize {
    let start = |number: usize| fleet.worker(&format!("worker-{number}"), 2, &[]).unwrap();
    let mut workers: Vec<Process> = (0..2).map(start).collect();
    let mut deaths = 0;
    while client
        .job(poison)
        .await
        .is_none_or(|job| job["status"] != "failed")
    {
        for worker in &mut workers {
            if !worker.is_running() {
                deaths += 1;
                *worker = start(deaths + 2);
            }
        }
    }
    client.settle(LOST).await;
    for id in client.ledger().accepted() {
        client.follow(&id, LOST, tars_chaos::has_ended).await;
    }
    deaths
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poison_job_is_dead_lettered_and_the_innocent_ones_around_it_are_not_charged() {
    let stack = Stack::start(
        &Parts::default()
            .with_postgres()
            .with_rabbitmq()
            .with_redis(),
    )
    .unwrap();
    let fleet = Fleet::start(stack).unwrap();
    let client = fleet.client();
    let agent = client.store(&policy(64)).await;
    for _ in 0..INNOCENT / 2 {
        client.submit(&evaluation(&agent, 100)).await.unwrap();
    }
    let mut body = small_evaluation();
    body["labels"] = json!({"fault": "kill_worker"});
    let poison = client.submit(&body).await.unwrap();
    for _ in 0..INNOCENT / 2 {
        client.submit(&evaluation(&agent, 100)).await.unwrap();
    }
    let deaths = keep_workers(&fleet, &client, &poison).await;

    let jobs = client.hold_to_account(LOST).await;
    let (dead, innocent): (Vec<_>, Vec<_>) = jobs.iter().partition(|job| job["job_id"] == *poison);
    let dead = dead[0];
    let (attempt, interruptions) = (&dead["attempt"], &dead["interruptions"]);
    report(format_args!(
        "{deaths} workers died of a job with {attempt} attempts and {interruptions} interruptions"
    ));
    assert_eq!(
        (&dead["status"], &dead["attempt"]),
        (&json!("failed"), &json!(5)),
        "after its own attempts"
    );
    assert_eq!(innocent.len(), INNOCENT);
    for job in innocent {
        assert_eq!(
            (&job["status"], &job["attempt"]),
            (&json!("completed"), &json!(1)),
            "{}",
            job["job_id"]
        );
        assert_eq!(job["failures"], json!([]), "nobody else is charged");
    }
    let (_, letters) = client
        .ask(Method::GET, "/v1/dead-letters", None)
        .await
        .unwrap();
    let letters = letters["items"].as_array().unwrap();
    assert_eq!(letters.len(), 1, "it alone is a dead letter");
    assert_eq!(
        (&letters[0]["job_id"], &letters[0]["kind"]),
        (&json!(poison), &json!("worker_lost"))
    );
}
