//! What the way around a small evaluation costs the database: statements, commits and syncs for
//! each job that ends.

#![expect(
    clippy::unwrap_used,
    reason = "the functions that tests share are tests too"
)]

use std::time::{Duration, Instant};

use tars_chaos::workload::{evaluation, policy};
use tars_chaos::{Client, Fleet, Parts, PostgresOptions, Stack, report};

const LOST: Duration = Duration::from_mins(2);
const JOBS: u32 = 300;

/// Calls of every statement that most jobs make, dearest first; what is asked now and then, by
/// probes, gauges and this test, is left out.
const CALLS: &str = "SELECT calls, round(total_exec_time::numeric / calls, 3), left(regexp_replace(query, '\\s+', ' ', 'g'), 60) \
                     FROM pg_stat_statements WHERE calls >= 250 AND query NOT LIKE 'SELECT count(*)%' \
                     ORDER BY total_exec_time DESC";

/// Commits in every database, and syncs of the log, so far.
const SO_FAR: &str =
    "SELECT sum(xact_commit), (SELECT wal_sync FROM pg_stat_wal) FROM pg_stat_database";

const ENDED: &str = "SELECT count(*) FROM jobs WHERE status = 'completed'";

const BACKENDS: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'";

fn fleet() -> Fleet {
    let postgres = PostgresOptions {
        settings: vec![(
            "shared_preload_libraries".to_owned(),
            "pg_stat_statements".to_owned(),
        )],
        ..PostgresOptions::default()
    };
    let parts = Parts {
        postgres: Some(postgres),
        ..Parts::default().with_rabbitmq().with_redis()
    };
    let fleet = Fleet::start(Stack::start(&parts).unwrap()).unwrap();
    let postgres = fleet.stack().postgres();
    postgres
        .query("CREATE EXTENSION pg_stat_statements")
        .unwrap();
    fleet
}

fn so_far(fleet: &Fleet) -> [f64; 2] {
    let counts = fleet.stack().postgres().query(SO_FAR).unwrap();
    let counts: Vec<_> = counts
        .split('|')
        .map(|count| count.trim().parse().unwrap())
        .collect();
    counts.try_into().unwrap()
}

/// Ends a backlog and says what each of its jobs cost; gives the statements for each.
async fn count(fleet: &Fleet, client: &Client, jobs: u32) -> f64 {
    let body = evaluation(&client.store(&policy(64)).await, 1);
    for _ in 0..jobs {
        client.submit(&body).await.unwrap();
    }
    let postgres = fleet.stack().postgres();
    postgres.query("SELECT pg_stat_statements_reset()").unwrap();
    let [commits, syncs] = so_far(fleet);
    let backends: u32 = postgres.query(BACKENDS).unwrap().parse().unwrap();
    let worker = fleet.worker("one", 1, &[]).unwrap();
    let start = Instant::now();
    // Asked of the database alone: the API's own looks are not what is counted.
    let all = jobs.to_string();
    let ended = tars_chaos::eventually(LOST, || postgres.query(ENDED).is_ok_and(|n| n == all));
    assert!(ended, "{}", worker.log_tail());
    let elapsed = start.elapsed();
    drop(worker);
    // A backend hands in what it counted when it ends, with the worker.
    let gone = || postgres.query(BACKENDS).unwrap().parse::<u32>().unwrap() <= backends;
    assert!(
        tars_chaos::eventually(LOST, gone),
        "the worker's connections stay"
    );
    let [commits_after, syncs_after] = so_far(fleet);
    let calls = postgres.query(CALLS).unwrap();
    let rows = calls.lines().filter_map(|row| row.split('|').next());
    let statements = rows.map(|calls| calls.parse::<f64>().unwrap()).sum::<f64>() / f64::from(jobs);
    let each = |before: f64, after: f64| (after - before) / f64::from(jobs);
    report(format_args!(
        "{jobs} jobs in {elapsed:.2?}, each: {statements:.1} statements, {:.1} commits, {:.1} syncs\n{calls}",
        each(commits, commits_after),
        each(syncs, syncs_after),
    ));
    statements
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_job_costs_few_statements() {
    let fleet = fleet();
    let client = fleet.client();
    let statements = count(&fleet, &client, JOBS).await;
    // Its claim, its baseline and its end.
    assert!(statements < 4.0, "{statements:.1} statements for each job");
    client.hold_to_account(LOST).await;
}
