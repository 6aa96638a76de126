//! What a program that starts can say about its queue.

use std::sync::Arc;
use std::time::Duration;

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use tars_shared::metrics::Metrics;
use tars_shared::queue::Queue as _;
use tars_shared::queue::rabbitmq::{NotReady, RabbitMq};

use crate::{LIMIT, vhost};

async fn not_ready(url: &str, timeout: Duration) -> NotReady {
    let queue = RabbitMq::open(url, Arc::new(Metrics::new())).unwrap();
    queue.ready(timeout).await.unwrap_err()
}

/// The part of a URL that must never be shown.
fn password(url: &str) -> &str {
    url.split_once("//")
        .unwrap()
        .1
        .split_once('@')
        .unwrap()
        .0
        .split_once(':')
        .unwrap()
        .1
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_must_mend_is_told_at_once_and_in_one_line() {
    let url = vhost().await;
    let wrong_password = url.replacen(password(&url), "wrong-secret", 1);
    let (server, _) = url.rsplit_once('/').unwrap();
    let no_such_vhost = format!("{server}/nowhere");
    for (url, expected) in [
        (&wrong_password, "access is refused"),
        (&no_such_vhost, "virtual host"),
    ] {
        let error = not_ready(url, LIMIT).await;
        assert!(matches!(error, NotReady::Refused(_)), "{error}");
        let line = error.to_string();
        assert!(
            line.contains(expected) && !line.contains('\n') && !line.contains(password(url)),
            "{line}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_of_another_shape_is_told() {
    let url = vhost().await;
    let connection = Connection::connect(&url, ConnectionProperties::default())
        .await
        .unwrap();
    let channel = connection.create_channel().await.unwrap();
    let options = QueueDeclareOptions {
        durable: true,
        ..QueueDeclareOptions::default()
    };
    channel
        .queue_declare("tars.v1.jobs.low".into(), options, FieldTable::default())
        .await
        .unwrap();
    let error = not_ready(&url, LIMIT).await;
    assert!(
        matches!(error, NotReady::Refused(_)) && error.to_string().contains("tars.v1.jobs.low"),
        "{error}"
    );
}

#[tokio::test]
async fn a_broker_that_is_not_there_is_unreachable_and_every_call_says_so() {
    // Port 1 of this machine is nobody's.
    let queue = RabbitMq::open("amqp://me:secret@127.0.0.1:1", Arc::new(Metrics::new())).unwrap();
    let error = queue.ready(Duration::from_millis(200)).await.unwrap_err();
    assert!(matches!(error, NotReady::Unreachable(_)), "{error}");
    let error = queue.depths().await.unwrap_err().to_string();
    assert!(
        error.contains("127.0.0.1:1") && !error.contains("secret"),
        "{error}"
    );
}
