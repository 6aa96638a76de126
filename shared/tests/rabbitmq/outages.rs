//! The broker dies, freezes or times a consumer out. Each test breaks a broker of its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tars_chaos::{Parts, RabbitMqOptions, Stack};
use tars_shared::clock::System;
use tars_shared::conformance::samples::submission;
use tars_shared::metrics::Metrics;
use tars_shared::queue::Queue as _;
use tars_shared::queue::rabbitmq::RabbitMq;
use tokio::time::timeout;

use crate::LIMIT;

/// Within this the API must be able to say that the queue is away.
const PROMPT: Duration = Duration::from_secs(1);

async fn stack(options: RabbitMqOptions) -> Arc<Stack> {
    let start = move || {
        Stack::start(&Parts {
            rabbitmq: Some(options),
            ..Parts::default()
        })
    };
    Arc::new(tokio::task::spawn_blocking(start).await.unwrap().unwrap())
}

/// Does something to the broker without standing in the way of other tasks.
async fn with(
    stack: &Arc<Stack>,
    act: impl FnOnce(&Stack) -> Result<(), tars_chaos::Error> + Send + 'static,
) {
    let stack = stack.clone();
    tokio::task::spawn_blocking(move || act(&stack))
        .await
        .unwrap()
        .unwrap();
}

async fn prompt<T>(what: &str, call: impl Future<Output = T>) -> T {
    let start = Instant::now();
    let answer = call.await;
    assert!(
        start.elapsed() < PROMPT,
        "{what} took {:?}",
        start.elapsed()
    );
    answer
}

/// Every call says at once that the queue is away.
async fn everything_fails_fast(queue: &RabbitMq) {
    prompt("publish", queue.publish(&submission(&System)))
        .await
        .unwrap_err();
    prompt("consume", queue.consume())
        .await
        .err()
        .expect("no consumer");
    prompt("consume_dead", queue.consume_dead())
        .await
        .err()
        .expect("no consumer");
    prompt("depths", queue.depths()).await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_survive_the_broker_and_the_queue_comes_back_by_itself() {
    let stack = stack(RabbitMqOptions::default()).await;
    let metrics = Arc::new(Metrics::new());
    let queue = RabbitMq::open(&stack.rabbitmq().url(), metrics.clone()).unwrap();
    queue.ready(LIMIT).await.unwrap();
    let (held, waiting) = (submission(&System), submission(&System));
    queue.publish(&held).await.unwrap();
    let mut busy = queue.consume().await.unwrap();
    let first = busy.next().await.unwrap();
    let first_id = first.message_id;
    queue.publish(&waiting).await.unwrap();

    let mut idle = queue.consume().await.unwrap();
    let delivery = idle.next().await.unwrap();
    assert_eq!(*delivery.submission, waiting);
    assert!(delivery.requeue().await.unwrap());
    let mut dead = queue.consume_dead().await.unwrap().unwrap();
    let (dead_waits, killed) = (
        tokio::spawn(async move { dead.next().await }),
        with(&stack, |s| s.rabbitmq().kill()),
    );
    killed.await;

    timeout(LIMIT, dead_waits)
        .await
        .expect("it does not hang")
        .unwrap()
        .unwrap_err();
    assert!(
        !first.ack().await.unwrap(),
        "the delivery is not ours any more"
    );
    prompt("next", idle.next()).await.unwrap_err();
    everything_fails_fast(&queue).await;

    with(&stack, |stack| stack.rabbitmq().start()).await;
    queue.ready(LIMIT).await.unwrap();
    assert!(
        metrics.reconnects.with_label_values(&["queue"]).get() >= 1,
        "the reconnection is counted"
    );
    let mut consumer = queue.consume().await.unwrap();
    let mut again = Vec::new();
    for _ in 0..2 {
        let delivery = timeout(LIMIT, consumer.next()).await.unwrap().unwrap();
        again.push((delivery.submission.job_id, delivery.message_id));
        assert!(delivery.ack().await.unwrap());
    }
    let mut jobs: Vec<_> = again.iter().map(|(job_id, _)| *job_id).collect();
    jobs.sort_unstable();
    assert_eq!(
        jobs,
        [held.job_id, waiting.job_id],
        "what was confirmed is there"
    );
    assert!(
        again.iter().any(|(_, message_id)| *message_id == first_id),
        "under the same id"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_broker_holds_nobody_up() {
    let stack = stack(RabbitMqOptions::default()).await;
    let queue = RabbitMq::open(&stack.rabbitmq().url(), Arc::new(Metrics::new())).unwrap();
    queue.ready(LIMIT).await.unwrap();
    queue.publish(&submission(&System)).await.unwrap();
    let mut consumer = queue.consume().await.unwrap();
    let delivery = consumer.next().await.unwrap();
    delivery.ack().await.unwrap();
    let waiting = tokio::spawn(async move { consumer.next().await });

    stack.rabbitmq().freeze().unwrap();
    prompt("publish", queue.publish(&submission(&System)))
        .await
        .unwrap_err();
    prompt("depths", queue.depths()).await.unwrap_err();
    timeout(LIMIT, waiting)
        .await
        .expect("the silence is noticed")
        .unwrap()
        .unwrap_err();
    let noticed = async { while !matches!(timeout(PROMPT, queue.consume()).await, Ok(Err(_))) {} };
    timeout(LIMIT, noticed)
        .await
        .expect("two heartbeats later the connection is given up");
    everything_fails_fast(&queue).await;

    stack.rabbitmq().thaw().unwrap();
    queue
        .ready(LIMIT)
        .await
        .expect("the queue comes back by itself");
    queue.publish(&submission(&System)).await.unwrap();
    let mut consumer = queue.consume().await.unwrap();
    timeout(LIMIT, consumer.next()).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_took_too_long_is_told_and_is_made_anew() {
    let limit = Some(Duration::from_secs(1));
    let stack = stack(RabbitMqOptions {
        consumer_timeout: limit,
        ..RabbitMqOptions::default()
    })
    .await;
    let metrics = Arc::new(Metrics::new());
    let queue = RabbitMq::open(&stack.rabbitmq().url(), metrics.clone()).unwrap();
    queue.ready(LIMIT).await.unwrap();
    queue.publish(&submission(&System)).await.unwrap();
    let mut slow = queue.consume().await.unwrap();
    let first = slow.next().await.unwrap();

    // While it works, and does nothing else, the broker takes the delivery from it.
    let mut other = queue.consume().await.unwrap();
    let second = timeout(LIMIT, other.next()).await.unwrap().unwrap();
    assert_eq!(second.message_id, first.message_id);
    assert!(second.ack().await.unwrap());
    assert!(
        !first.ack().await.unwrap(),
        "a late acknowledgement is noticed"
    );
    prompt("next", slow.next()).await.unwrap_err();

    let mut anew = queue.consume().await.unwrap();
    let next = submission(&System);
    queue.publish(&next).await.unwrap();
    let delivery = timeout(LIMIT, anew.next()).await.unwrap().unwrap();
    assert_eq!(*delivery.submission, next);
    assert_eq!(
        metrics.reconnects.with_label_values(&["queue"]).get(),
        0,
        "nothing but the channel was lost"
    );
}
