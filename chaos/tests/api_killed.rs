//! The API dies by `kill -9` while clients submit: what it promised holds, what it did not say is
//! settled by its key.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tars_chaos::workload::small_evaluation;
use tars_chaos::{Fate, Fleet, Parts, Stack, report};

const LOST: Duration = Duration::from_mins(2);
const KILLS: u32 = 4;
const CLIENTS: u32 = 4;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_promised_holds_when_the_api_is_killed_under_load() {
    let stack = Stack::start(
        &Parts::default()
            .with_postgres()
            .with_rabbitmq()
            .with_redis(),
    )
    .unwrap();
    let mut fleet = Fleet::start(stack).unwrap();
    let client = fleet.client();
    let _worker = fleet.worker("worker", 2, &[]).unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let submitting: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (client, over) = (client.clone(), over.clone());
            tokio::spawn(async move { client.keep_submitting(&small_evaluation(), &over).await })
        })
        .collect();
    for _ in 0..KILLS {
        let before = client.ledger().accepted().len();
        while client.ledger().accepted().len() < before + 25 {
            tokio::task::yield_now().await;
        }
        fleet.kill_api().unwrap();
        fleet.start_api().unwrap();
    }
    over.store(true, Ordering::Relaxed);
    for client in submitting {
        client.await.unwrap();
    }
    let entries = client.ledger().entries();
    let unknown = entries
        .iter()
        .filter(|(_, entry)| entry.fate == Fate::Unknown)
        .count();
    report(format_args!(
        "{} submissions, {KILLS} kills, {unknown} without an answer",
        entries.len()
    ));
    assert!(unknown > 0, "the kills met submissions under way");
    let jobs = client.hold_to_account(LOST).await;
    assert!(jobs.iter().all(|job| job["status"] == "completed"));
}
