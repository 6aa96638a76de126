//! Messages are lost while others keep waiting: what they stood for is found all the same.

#![expect(
    clippy::unwrap_used,
    reason = "the functions that tests share are tests too"
)]

use std::time::{Duration, Instant};

use lapin::options::QueueDeleteOptions;
use lapin::{Connection, ConnectionProperties};
use serde_json::{Value, json};
use tars_chaos::workload::{evaluation, policy, small_evaluation};
use tars_chaos::{Client, Fleet, Parts, Stack, report};

/// Half a minute after its dispatch a job that is still queued is looked at.
const FOUND: Duration = Duration::from_secs(90);

const URGENT: usize = 100;
/// More than a worker gets through meanwhile.
const BACKLOG: usize = 400;

fn with_priority(mut body: Value, priority: &str) -> Value {
    body["priority"] = json!(priority);
    body
}

async fn queued(client: &Client, priority: &str) -> u64 {
    let metrics = client.get("/metrics").await.unwrap().text().await.unwrap();
    let line = format!("tars_eval_queue_depth{{priority=\"{priority}\"}} ");
    let depth = metrics.lines().find_map(|text| text.strip_prefix(&line));
    depth.unwrap().parse().unwrap()
}

/// Deletes the queues of all lanes of a priority.
async fn delete_queues(broker: &str, priority: &str) {
    let properties = ConnectionProperties::default();
    let connection = Connection::connect(broker, properties).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let mut deleted = 0;
    for lane in ["", ".1", ".2", ".3"] {
        let name = format!("tars.v1.jobs.{priority}{lane}");
        let options = QueueDeleteOptions::default();
        deleted += channel.queue_delete(name.into(), options).await.unwrap();
    }
    assert_eq!(
        usize::try_from(deleted),
        Ok(URGENT),
        "they were in these queues"
    );
}

/// Somebody deletes the queues of one priority, with all that is in it, while another one is never
/// empty.
#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_queue_is_made_up_for_while_another_one_has_a_backlog() {
    let parts = Parts::default().with_postgres().with_rabbitmq();
    let fleet = Fleet::start(Stack::start(&parts).unwrap()).unwrap();
    let client = fleet.client();
    let agent = client.store(&policy(256)).await;
    for _ in 0..BACKLOG {
        let slow = with_priority(evaluation(&agent, 1000), "normal");
        client.submit(&slow).await.unwrap();
    }
    let mut urgent = Vec::new();
    for _ in 0..URGENT {
        let small = with_priority(small_evaluation(), "high");
        urgent.push(client.submit(&small).await.unwrap());
    }
    delete_queues(&fleet.stack().rabbitmq().url(), "high").await;
    let lost = Instant::now();
    let _worker = fleet.worker("worker", 1, &[]).unwrap();
    for id in &urgent {
        let left = FOUND.saturating_sub(lost.elapsed());
        let job = client.follow(id, left, |job| job["status"] == "completed");
        assert_eq!(job.await["attempt"], 1);
    }
    report(format_args!(
        "{URGENT} lost messages were made up for {:.0?} after their queue was deleted",
        lost.elapsed()
    ));
    let waiting = queued(&client, "normal").await;
    assert!(waiting > 0, "the backlog waited all the while");
}
