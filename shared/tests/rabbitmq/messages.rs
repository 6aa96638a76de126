//! What becomes of messages that are not as usual.

use futures_util::StreamExt as _;
use lapin::options::{
    BasicConsumeOptions, BasicPublishOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use tars_shared::clock::System;
use tars_shared::conformance::samples::{in_line, submission, with_priority};
use tars_shared::line::{Lane, Line};
use tars_shared::queue::{Error, Queue as _, RetryTier};
use tars_shared::request::Priority;
use tars_shared::submission::Submission;
use tokio::time::timeout;

use crate::{LIMIT, connect, vhost};

/// Another program's channel.
async fn channel(url: &str) -> (Connection, Channel) {
    let connection = Connection::connect(url, ConnectionProperties::default())
        .await
        .unwrap();
    let channel = connection.create_channel().await.unwrap();
    (connection, channel)
}

async fn put(channel: &Channel, key: &str, body: &[u8]) {
    let options = BasicPublishOptions::default();
    let published = channel.basic_publish(
        "tars.jobs".into(),
        key.into(),
        options,
        body,
        BasicProperties::default(),
    );
    published.await.unwrap().await.unwrap();
}

async fn delete(channel: &Channel, queue: &str) {
    channel
        .queue_delete(queue.into(), QueueDeleteOptions::default())
        .await
        .unwrap();
}

async fn count(channel: &Channel, queue: &str) -> u32 {
    let options = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::default()
    };
    channel
        .queue_declare(queue.into(), options, FieldTable::default())
        .await
        .unwrap()
        .message_count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_is_worked_off_by_weight_whatever_order_it_came_in() {
    let queue = connect(&vhost().await).await;
    for _ in 0..12 {
        for priority in [Priority::Low, Priority::High, Priority::Normal] {
            queue
                .publish(&with_priority(&System, priority))
                .await
                .unwrap();
        }
    }
    let mut consumer = queue.consume().await.unwrap();
    let mut order = String::new();
    for _ in 0..36 {
        let delivery = consumer.next().await.unwrap();
        let priority = delivery.submission.request.parameters.priority;
        order.push_str(&priority.as_str()[..1]);
        assert!(delivery.ack().await.unwrap());
    }
    // Twelve, three and one of sixteen; then three and one of four; then what is left.
    assert_eq!(order, "hhnhhhlhhnhhhnhhnnlnnnlnnnlnllllllll");
}

/// The retry tiers know no lanes: a message goes back by the key that it came with.
#[tokio::test(flavor = "multi_thread")]
async fn a_retry_waits_in_its_own_line_again() {
    let url = vhost().await;
    let queue = connect(&url).await;
    let (priority, lane) = (Priority::Low, Lane::ALL[2]);
    let message = in_line(&System, Line { priority, lane });
    queue
        .publish_later(&message, RetryTier::Second)
        .await
        .unwrap();
    let (_connection, channel) = channel(&url).await;
    let mut messages = channel
        .basic_consume(
            "tars.v1.jobs.low.2".into(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        )
        .await
        .unwrap();
    let delivered = timeout(LIMIT, messages.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    let delivered: Submission = serde_json::from_slice(&delivered.data).unwrap();
    assert_eq!(delivered, message);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_dead_and_stands_in_nobody_s_way() {
    let url = vhost().await;
    let queue = connect(&url).await;
    let (_connection, channel) = channel(&url).await;
    put(&channel, "high", b"{\xff").await;
    let readable = submission(&System);
    queue.publish(&readable).await.unwrap();
    let mut consumer = queue.consume().await.unwrap();
    let delivery = consumer.next().await.unwrap();
    assert_eq!(*delivery.submission, readable);
    let mut dead = queue.consume_dead().await.unwrap().unwrap();
    let message = timeout(LIMIT, dead.next()).await.unwrap().unwrap();
    assert_eq!(
        (&message.body[..], message.reason.as_str()),
        (&b"{\xff"[..], "rejected")
    );
    assert!(message.submission.is_err());
    drop(dead);
    let mut again = queue.consume_dead().await.unwrap().unwrap();
    assert_eq!(
        timeout(LIMIT, again.next()).await.unwrap().unwrap(),
        message,
        "it stays until it is acknowledged"
    );
    assert!(again.ack().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_without_an_id_has_the_same_one_at_each_delivery() {
    let url = vhost().await;
    let queue = connect(&url).await;
    let (_connection, channel) = channel(&url).await;
    put(
        &channel,
        "normal",
        &serde_json::to_vec(&submission(&System)).unwrap(),
    )
    .await;
    let mut consumer = queue.consume().await.unwrap();
    let first = timeout(LIMIT, consumer.next()).await.unwrap().unwrap();
    let first_id = first.message_id;
    drop((first, consumer));
    let second = timeout(LIMIT, queue.consume().await.unwrap().next())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(first_id, second.message_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_comes_back_with_its_priority_and_its_reason_is_not_that_of_its_wait() {
    let url = vhost().await;
    let queue = connect(&url).await;
    let low = with_priority(&System, Priority::Low);
    queue.publish_later(&low, RetryTier::Second).await.unwrap();
    let mut consumer = queue.consume().await.unwrap();
    let mut dead = queue.consume_dead().await.unwrap().unwrap();
    let mut delivery = timeout(LIMIT, consumer.next()).await.unwrap().unwrap();
    let given_up = loop {
        assert_eq!(*delivery.submission, low);
        delivery.requeue().await.unwrap();
        tokio::select! {
            again = consumer.next() => delivery = again.unwrap(),
            given_up = dead.next() => break given_up.unwrap(),
        }
    };
    assert_eq!(given_up.reason, "delivery_limit");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_queue_takes_is_kept_and_without_any_place_it_is_not_confirmed() {
    let url = vhost().await;
    let queue = connect(&url).await;
    let (_connection, channel) = channel(&url).await;
    delete(&channel, "tars.v1.jobs.low").await;
    queue
        .publish(&with_priority(&System, Priority::Low))
        .await
        .unwrap();
    assert_eq!(
        count(&channel, "tars.unrouted").await,
        1,
        "it is kept for a person to see"
    );

    delete(&channel, "tars.unrouted").await;
    // Beside others, so that the returned message arrives among their confirms.
    let publications = (0..200).map(|number| {
        let priority = if number % 2 == 0 {
            Priority::Low
        } else {
            Priority::High
        };
        let queue = queue.clone();
        tokio::spawn(async move {
            (
                priority,
                queue.publish(&with_priority(&System, priority)).await,
            )
        })
    });
    for publication in publications.collect::<Vec<_>>() {
        let (priority, published) = publication.await.unwrap();
        assert_eq!(
            published.is_ok(),
            priority == Priority::High,
            "{priority}: {published:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_consumer_whose_queue_vanishes_says_so() {
    let url = vhost().await;
    let queue = connect(&url).await;
    let (_connection, channel) = channel(&url).await;
    let mut consumer = queue.consume().await.unwrap();
    let waiting = tokio::spawn(async move { consumer.next().await });
    let subscribed = async {
        let options = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        let ask =
            || channel.queue_declare("tars.v1.jobs.low".into(), options, FieldTable::default());
        while ask().await.unwrap().consumer_count() == 0 {}
    };
    timeout(LIMIT, subscribed).await.unwrap();
    delete(&channel, "tars.v1.jobs.low").await;
    let error = timeout(LIMIT, waiting)
        .await
        .expect("it does not hang")
        .unwrap()
        .unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)));
}
