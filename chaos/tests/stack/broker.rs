//! `RabbitMQ`, in one test, because it boots for many seconds.

use crate::amqp::Client;
use crate::{freeze_silences, refuses_connections};
use tars_chaos::{Parts, Stack};

#[test]
fn rabbitmq_freezes_dies_comes_back_and_is_emptied() {
    let stack = Stack::start(&Parts::default().with_rabbitmq()).unwrap();
    let rabbitmq = stack.rabbitmq();
    let (one, other) = (rabbitmq.vhost().unwrap(), rabbitmq.vhost().unwrap());
    Client::open(&one).unwrap().declare("kept").unwrap();
    assert!(Client::open(&one).unwrap().has("kept"));
    assert!(
        !Client::open(&other).unwrap().has("kept"),
        "each virtual host is nobody else's"
    );
    assert!(!Client::open(&rabbitmq.url()).unwrap().has("kept"));
    assert!(
        Client::open(&one.replacen("tars:", "tars:not", 1)).is_err(),
        "the password is asked for"
    );

    let counters = rabbitmq.counters().unwrap();
    assert!(counters.contains("messages_received_total"), "{counters}");

    freeze_silences(rabbitmq, b"AMQP\x00\x00\x09\x01");

    rabbitmq.kill().unwrap();
    assert!(refuses_connections(&rabbitmq.address()));
    rabbitmq.start().unwrap();
    assert!(
        Client::open(&one).unwrap().has("kept"),
        "a durable queue survives"
    );

    rabbitmq.restart_empty().unwrap();
    assert!(
        !Client::open(&one).unwrap().has("kept"),
        "nothing survives an emptied data folder"
    );
}
