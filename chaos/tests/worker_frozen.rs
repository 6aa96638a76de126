//! A worker that stands still past its lease loses its job to another one, and writes nothing when
//! it wakes.

use std::time::{Duration, Instant};

use tars_chaos::workload::{evaluation, policy};
use tars_chaos::{Fleet, Parts, Stack, has_ended, report};

const LOST: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_worker_loses_its_job_and_overwrites_nothing() {
    let stack = Stack::start(
        &Parts::default()
            .with_postgres()
            .with_rabbitmq()
            .with_redis(),
    )
    .unwrap();
    let fleet = Fleet::start(stack).unwrap();
    let client = fleet.client();
    let agent = client.store(&policy(300)).await;
    let frozen = fleet.worker("frozen", 1, &[]).unwrap();
    let id = client.submit(&evaluation(&agent, 1000)).await.unwrap();
    client
        .follow(&id, LOST, |job| {
            job["progress"]["episodes_done"].as_u64() > Some(0)
        })
        .await;
    frozen.freeze().unwrap();
    let freeze = Instant::now();
    let _other = fleet.worker("other", 1, &[]).unwrap();
    client.follow(&id, LOST, |job| job["attempt"] == 2).await;
    report(format_args!(
        "retake after a freeze: {:.1?}",
        freeze.elapsed()
    ));
    let ended = client.follow(&id, LOST, has_ended).await;
    client.ledger().note_end(&id, &ended);

    frozen.thaw().unwrap();
    // The sleeper goes on where it was, with a lease that has expired, and says so when it notices.
    let noticed = || {
        let log = frozen.log_text();
        log.contains("lease lost") || log.contains("another worker owns the job now")
    };
    assert!(
        tars_chaos::eventually(LOST, noticed),
        "{}",
        frozen.log_tail()
    );
    // It takes up work again like any other.
    let next = client.submit(&evaluation(&agent, 20)).await.unwrap();
    client.follow(&next, LOST, has_ended).await;
    let jobs = client.hold_to_account(LOST).await;
    assert!(jobs.iter().all(|job| job["status"] == "completed"));
}
