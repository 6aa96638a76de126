//! Postgres and its replica.

use crate::traces::{has_segment, segments_of};
use crate::{LIMIT, freeze_silences, refuses_connections};
use std::thread;
use tars_chaos::{Endpoints, Parts, Stack, eventually};

/// `SSLRequest`: a length of 8 and a code. The answer is one byte.
const GREETING: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Runs on its processor without looking whether the server is still there. It ends at last, so
/// that a broken kill is a failure and not a test without an end.
const BUSY: &str =
    "do $$ begin loop exit when clock_timestamp() > now() + interval '20 s'; end loop; end $$";

#[test]
fn a_postgres_is_frozen_thawed_killed_and_stopped_and_keeps_what_was_committed() {
    let stack = Stack::start(&Parts::default().with_postgres()).unwrap();
    let postgres = stack.postgres();
    assert_eq!(postgres.query("show fsync").unwrap(), "on");
    postgres
        .query("create table kept as select 42 as answer")
        .unwrap();

    freeze_silences(postgres, &GREETING);

    thread::scope(|scope| {
        let busy = scope.spawn(|| postgres.query(BUSY));
        let active = "select count(*) from pg_stat_activity where query like 'do $$%' and pid <> pg_backend_pid()";
        assert!(eventually(LIMIT, || postgres.query(active).unwrap() == "1"));
        postgres.kill().unwrap();
        assert!(refuses_connections(&postgres.address()));
        assert!(!postgres.is_running());
        // This fails while a process of the former server lives.
        postgres.start().unwrap();
        busy.join().unwrap().expect_err("its server was killed");
    });
    assert_eq!(postgres.query("select answer from kept").unwrap(), "42");
    postgres.stop().unwrap();
    assert!(refuses_connections(&postgres.address()));
    postgres.start().unwrap();
    assert_eq!(postgres.query("select answer from kept").unwrap(), "42");
    postgres.start().expect_err("it runs already");
}

#[test]
fn a_replica_follows_is_promoted_and_the_former_primary_follows_it() {
    let stack = Stack::start(&Parts::default().with_replica()).unwrap();
    let (primary, replica) = (stack.postgres(), stack.replica());
    primary
        .query("create table kept as select 42 as answer")
        .unwrap();
    replica.catch_up_with(primary, LIMIT).unwrap();
    assert_eq!(replica.query("select answer from kept").unwrap(), "42");
    let refusal = replica
        .query("insert into kept values (1)")
        .unwrap_err()
        .to_string();
    assert!(refusal.contains("read-only"), "{refusal}");

    primary.kill().unwrap();
    replica.promote().unwrap();
    replica.query("insert into kept values (43)").unwrap();

    // It comes back as it was: a primary that knows nothing of the other.
    primary.start().unwrap();
    assert_eq!(
        primary
            .query("select pg_is_in_recovery(), count(*) from kept")
            .unwrap(),
        "f|1"
    );

    primary.kill().unwrap();
    let segments = segments_of(stack.sandbox().path());
    assert_eq!(segments.len(), 2);
    primary.follow(replica).unwrap();
    primary.catch_up_with(replica, LIMIT).unwrap();
    assert_eq!(
        primary
            .query("select pg_is_in_recovery(), count(*) from kept")
            .unwrap(),
        "t|2"
    );

    drop(stack);
    assert!(
        !segments.iter().any(|id| has_segment(id)),
        "shared memory of a former server is left"
    );
}

#[test]
fn suites_share_a_server_and_each_has_a_database_of_its_own() {
    let shared = Endpoints::for_suites();
    let (one, other) = (shared.database().unwrap(), shared.database().unwrap());
    one.query("create table mine as select 1").unwrap();
    other
        .query("select * from mine")
        .expect_err("it is in the other database");
    assert_eq!(one.query("select current_database()").unwrap(), one.name);
    let server = "select inet_server_addr(), inet_server_port()";
    assert_eq!(one.query(server).unwrap(), other.query(server).unwrap());
}
