//! Redis.

use crate::{freeze_silences, refuses_connections};
use tars_chaos::{Parts, RedisOptions, Stack};

fn with(append_only: bool) -> Stack {
    Stack::start(&Parts {
        redis: Some(RedisOptions { append_only }),
        ..Parts::default()
    })
    .unwrap()
}

#[test]
fn a_restart_forgets_unless_it_was_asked_to_remember() {
    for (append_only, answer) in [(false, ""), (true, "value")] {
        let stack = with(append_only);
        let redis = stack.redis();
        redis.command(&["SET", "key", "value"]).unwrap();
        assert_eq!(redis.command(&["GET", "key"]).unwrap(), "value");
        redis.kill().unwrap();
        assert!(refuses_connections(&redis.address()));
        redis.start().unwrap();
        assert_eq!(
            redis.command(&["GET", "key"]).unwrap(),
            answer,
            "append_only: {append_only}"
        );
    }
}

#[test]
fn restarted_empty_it_is_empty() {
    let stack = with(true);
    stack.redis().command(&["SET", "key", "value"]).unwrap();
    stack.redis().restart_empty().unwrap();
    assert_eq!(stack.redis().command(&["DBSIZE"]).unwrap(), "0");
}

#[test]
fn a_frozen_redis_answers_nothing_until_it_is_thawed() {
    freeze_silences(with(false).redis(), b"PING\r\n");
}

#[test]
fn each_database_is_nobody_else_s() {
    let stack = with(false);
    let urls = [
        stack.redis().url(),
        stack.redis().database().unwrap(),
        stack.redis().database().unwrap(),
    ];
    assert!(urls[0].ends_with("/0") && urls[1].ends_with("/1") && urls[2].ends_with("/2"));
}
