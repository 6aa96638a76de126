//! What the `PostgreSQL` store does when its hosts die, hang, or change their roles.

#![expect(
    clippy::unwrap_used,
    reason = "the functions that tests share are tests too"
)]

use std::slice::from_ref;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tars_chaos::{Endpoints, Parts, Proxy, Stack, eventually};
use tars_shared::clock::{Clock as _, Manual, System};
use tars_shared::conformance::samples::submission;
use tars_shared::job::Status;
use tars_shared::metrics::Metrics;
use tars_shared::store::postgres::{Postgres, Settings};
use tars_shared::store::{Claim, ClaimTerms, Error, Role, Store};
use uuid::Uuid;

/// Longer than anything here takes.
const LOST: Duration = Duration::from_mins(1);

async fn open(urls: &[String], follow_database_clock: bool) -> Store {
    let settings = Settings {
        urls: urls.to_vec(),
        connections: 4,
        follow_database_clock,
    };
    let store = Postgres::open(
        &settings,
        Arc::new(Manual::new()),
        &Arc::new(Metrics::new()),
    )
    .unwrap();
    store.ready(LOST).await.unwrap();
    store.migrate(None).await.unwrap();
    Arc::new(store).into_store()
}

/// The roles of all hosts, the primary's first.
async fn roles(store: &Store) -> Vec<Option<Role>> {
    store
        .hosts
        .inspect()
        .await
        .into_iter()
        .map(|host| host.role.ok())
        .collect()
}

async fn until_roles(store: &Store, expected: &[Option<Role>]) {
    let look = async {
        while roles(store).await != expected {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LOST, look)
        .await
        .unwrap_or_else(|_| panic!("the roles do not become {expected:?}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_follow_the_primary_and_an_old_one_that_comes_back_is_not_believed() {
    let stack = Stack::start(&Parts::default().with_replica()).unwrap();
    let (old, new) = (stack.postgres(), stack.replica());
    let store = open(&[old.url(), new.url()], false).await;
    let (before, between, after) = (
        submission(&System),
        submission(&System),
        submission(&System),
    );
    store.jobs.insert(from_ref(&before)).await.unwrap();
    new.catch_up_with(old, LOST).unwrap();
    until_roles(&store, &[Some(Role::Primary), Some(Role::Replica)]).await;
    assert!(!store.hosts.reads_from_replica());

    old.kill().unwrap();
    assert!(
        eventually(LOST, || store.hosts.reads_from_replica()),
        "reads go on from the replica"
    );
    assert!(store.jobs.find(before.job_id).await.unwrap().is_some());
    let refused = store.jobs.insert(from_ref(&between)).await;
    assert!(
        matches!(refused, Err(Error::Unavailable(_))),
        "writes do not: {refused:?}"
    );

    new.promote().unwrap();
    assert!(
        eventually(LOST, || store.hosts.is_writable()),
        "writes follow the promotion by themselves"
    );
    store.jobs.insert(from_ref(&after)).await.unwrap();

    // The old primary does not know that it is one no more.
    old.start().unwrap();
    until_roles(&store, &[Some(Role::Primary), Some(Role::Primary)]).await;
    store.jobs.insert(from_ref(&between)).await.unwrap();
    let count = |id: Uuid| format!("select count(*) from jobs where id = '{id}'");
    assert_eq!(
        new.query(&count(between.job_id)).unwrap(),
        "1",
        "of two primaries the later one is right"
    );
    assert_eq!(old.query(&count(between.job_id)).unwrap(), "0");

    old.follow(new).unwrap();
    until_roles(&store, &[Some(Role::Primary), Some(Role::Replica)]).await;
    for submission in [&before, &between, &after] {
        assert!(
            store.jobs.find(submission.job_id).await.unwrap().is_some(),
            "nothing is lost"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_hangs_is_known_to_be_away_and_comes_back() {
    let stack = Stack::start(&Parts::default().with_postgres()).unwrap();
    let store = open(&[stack.postgres().url()], false).await;
    let known = submission(&System);
    store.jobs.insert(from_ref(&known)).await.unwrap();
    stack.postgres().freeze().unwrap();
    // Callers that are caught by the freeze hold every connection of the pool when their own
    // deadlines end them.
    let caught: Vec<_> = (0..6)
        .map(|_| {
            let (jobs, id) = (store.jobs.clone(), known.job_id);
            tokio::spawn(async move {
                tokio::time::timeout(Duration::from_millis(300), jobs.find(id)).await
            })
        })
        .collect();
    for caught in caught {
        assert!(
            !matches!(caught.await.unwrap(), Ok(Ok(_))),
            "nobody answers"
        );
    }
    assert!(
        eventually(LOST, || !store.hosts.is_writable()),
        "soon everyone knows"
    );
    let refused = tokio::time::timeout(LOST, store.jobs.find(known.job_id))
        .await
        .expect("and is told at once");
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");

    stack.postgres().thaw().unwrap();
    assert!(eventually(LOST, || store.hosts.is_writable()));
    let found = tokio::time::timeout(LOST, store.jobs.find(known.job_id))
        .await
        .expect("no connection is stuck");
    assert_eq!(found.unwrap().unwrap().status, Status::Queued);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_a_network_swallowed_are_left_behind() {
    let stack = Stack::start(&Parts::default().with_postgres()).unwrap();
    let network = Proxy::before(&stack.postgres().address()).unwrap();
    let store = open(&[network.url(&stack.postgres().url())], false).await;
    let known = submission(&System);
    store.jobs.insert(from_ref(&known)).await.unwrap();
    // Enough callers at once that every connection of the pool is open.
    futures_util::future::join_all((0..32).map(|_| store.jobs.find(known.job_id))).await;
    network.stall();
    let swallowed = (0..8)
        .map(|_| tokio::time::timeout(Duration::from_millis(300), store.jobs.find(known.job_id)));
    for swallowed in futures_util::future::join_all(swallowed).await {
        assert!(!matches!(swallowed, Ok(Ok(_))), "nobody answers");
    }
    assert!(eventually(LOST, || !store.hosts.is_writable()));
    network.strand();
    assert!(
        eventually(LOST, || store.hosts.is_writable()),
        "the host is there again, on new connections"
    );
    let found = tokio::time::timeout(LOST, store.jobs.find(known.job_id))
        .await
        .expect("nobody waits for the old ones");
    assert!(found.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_is_dropped_half_way_leaves_no_connection_in_doubt() {
    let database = Endpoints::for_suites().database().unwrap();
    let store = open(std::slice::from_ref(&database.url), false).await;
    for polls in 0..40 {
        let submissions = [submission(&System), submission(&System)];
        let mut write = store.jobs.insert(&submissions);
        for _ in 0..polls {
            if futures_util::poll!(&mut write).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(write);
        // Were it left inside the transaction of before, this write would vanish with it.
        let kept = submission(&System);
        store.jobs.insert(from_ref(&kept)).await.unwrap();
        let count = database
            .query(&format!(
                "select count(*) from jobs where id = '{}'",
                kept.job_id
            ))
            .unwrap();
        assert_eq!(count, "1", "after {polls} polls");
    }
    let idle = database
        .query("select count(*) from pg_stat_activity where state like 'idle in transaction%'")
        .unwrap();
    assert_eq!(idle, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn leases_go_by_the_databases_clock() {
    let store = open(&[Endpoints::for_suites().database().unwrap().url], true).await;
    // This worker's own clock stands still in January.
    let submission = submission(&Manual::new());
    let terms = ClaimTerms {
        worker: "w".into(),
        claim_id: Uuid::nil(),
        message_id: Uuid::nil(),
        observed_lease: None,
        alone: true,
        term: Duration::from_secs(5),
        max_attempts: 1,
    };
    let claim = store
        .leases
        .claim_one(&submission, terms.clone())
        .await
        .unwrap();
    assert!(matches!(claim, Claim::Granted { .. }));
    let job = store.jobs.find(submission.job_id).await.unwrap().unwrap();
    let skew = (System.now() - job.started_at.unwrap()).abs();
    assert!(
        skew < TimeDelta::minutes(1),
        "the attempt began {skew} from now"
    );
}
