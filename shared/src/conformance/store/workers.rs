//! Workers, and what there is to do for them.

use chrono::TimeDelta;

use uuid::Uuid;

use super::claiming::{claim, granted};
use crate::account::Action;
use crate::account::audit::AuditFilter;
use crate::clock::Clock;
use crate::conformance::samples::{actor, submission, with_priority};
use crate::conformance::store::fixture::Fixture;
use crate::request::Priority;
use crate::store::{Demand, Ending, Finish, Work, Worker, WorkerFilter, WorkerReport};

/// A worker with four slots, so many of them busy.
fn report(clock: &dyn Clock, name: &str, busy: u32) -> WorkerReport {
    WorkerReport {
        name: name.to_owned(),
        host: "machine".to_owned(),
        version: "1.2.3".to_owned(),
        started_at: clock.now(),
        slots: 4,
        busy,
        running: vec![Uuid::from_u128(9)],
        draining: false,
        episodes: 100.0,
        seconds: 10.0,
    }
}

/// What waits and what runs is known in episodes, and who works in slots.
///
/// # Panics
/// When a promise is broken.
pub async fn the_demand_is_known(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    assert_eq!(store.workers.demand().await.unwrap(), Demand::default());
    let jobs = [
        submission(&*clock),
        submission(&*clock),
        with_priority(&*clock, Priority::High),
    ];
    let each = u64::from(jobs[0].request.parameters.episodes_total());
    let work = |jobs| Work {
        jobs,
        episodes: jobs * each,
    };
    store.jobs.insert(&jobs).await.unwrap();
    let demand = store.workers.demand().await.unwrap();
    assert_eq!(
        (demand.queued, demand.running),
        ([work(1), work(2), work(0)], work(0))
    );

    let lease = granted(&claim(&store, &jobs[0]).await);
    let demand = store.workers.demand().await.unwrap();
    assert_eq!(
        (demand.queued, demand.running),
        ([work(1), work(1), work(0)], work(1))
    );
    assert!(store.leases.release(lease).await.unwrap());
    let demand = store.workers.demand().await.unwrap();
    assert_eq!(demand.queued, [work(1), work(2), work(0)], "it waits again");
    let lease = granted(&claim(&store, &jobs[0]).await);
    let ended = Finish::of(lease, Ending::Completed(Vec::new()));
    assert!(store.leases.finish_one(ended).await.unwrap());
    store.jobs.cancel(jobs[2].job_id).await.unwrap();
    let demand = store.workers.demand().await.unwrap();
    assert_eq!(
        (demand.queued, demand.running),
        ([work(0), work(1), work(0)], work(0))
    );

    let report = |name: &str, busy| report(&*clock, name, busy);
    store.workers.report(&report("one", 0)).await.unwrap();
    store.workers.report(&report("two", 3)).await.unwrap();
    store.workers.report(&report("two", 4)).await.unwrap();
    let demand = store.workers.demand().await.unwrap();
    let who = |demand: &Demand| (demand.workers, demand.busy_workers, demand.slots);
    assert_eq!(who(&demand), (2, 1, 8));
    assert_eq!(demand.seconds_per_episode, Some(0.1));
    assert_eq!(
        (demand.busy_slots, demand.last_seen),
        (4, Some(clock.now()))
    );
    let draining = WorkerReport {
        draining: true,
        ..report("three", 2)
    };
    store.workers.report(&draining).await.unwrap();
    let demand = store.workers.demand().await.unwrap();
    assert_eq!(who(&demand), (2, 2, 8), "one that drains begins nothing");
    store.workers.leave("three").await.unwrap();
    store.workers.leave("two").await.unwrap();
    let demand = store.workers.demand().await.unwrap();
    assert_eq!(who(&demand), (1, 0, 4), "one has gone");
    clock.advance(TimeDelta::seconds(20));
    let demand = store.workers.demand().await.unwrap();
    assert_eq!(who(&demand), (0, 0, 0), "one was not seen any more");
    assert_eq!(
        demand.seconds_per_episode,
        Some(0.1),
        "what they did is still known"
    );
}

/// Workers are listed by name while they are seen; those that have gone, for a day when they are
/// asked for.
///
/// # Panics
/// When a promise is broken.
pub async fn workers_are_listed(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let began = clock.now();
    for (name, busy) in [("b", 1), ("a", 0), ("c", 0)] {
        let report = report(&*clock, name, busy);
        assert!(!store.workers.report(&report).await.unwrap());
    }
    let list = async |gone, after: Option<&str>, limit| {
        let filter = WorkerFilter {
            gone,
            after: after.map(str::to_owned),
        };
        store.workers.list(&filter, limit).await.unwrap()
    };
    let names = |workers: &[Worker]| {
        let named = workers.iter().map(|one| (one.name.clone(), one.alive));
        named.collect::<Vec<_>>()
    };
    let seen = |name: &str, alive| (name.to_owned(), alive);
    let all = list(false, None, 10).await;
    assert_eq!(
        all[1],
        Worker {
            name: "b".to_owned(),
            alive: true,
            seen_at: began,
            host: Some("machine".to_owned()),
            version: Some("1.2.3".to_owned()),
            started_at: Some(began),
            slots: 4,
            busy: 1,
            running: vec![Uuid::from_u128(9)],
            draining: false,
            drain_requested_at: None,
        }
    );
    assert_eq!(names(&list(false, None, 2).await), names(&all[..2]));
    assert_eq!(names(&list(false, Some("a"), 10).await), names(&all[1..]));
    store.workers.leave("a").await.unwrap();
    clock.advance(TimeDelta::seconds(10));
    store
        .workers
        .report(&report(&*clock, "c", 0))
        .await
        .unwrap();
    clock.advance(TimeDelta::seconds(10));
    assert_eq!(names(&list(false, None, 10).await), [seen("c", true)]);
    let gone = list(true, None, 10).await;
    assert_eq!(
        names(&gone),
        [seen("a", false), seen("b", false), seen("c", true)]
    );
    clock.advance(TimeDelta::days(2));
    assert_eq!(list(true, None, 10).await, []);
}

/// A worker hears at its next report that it is to drain; the next one of its name does not.
///
/// # Panics
/// When a promise is broken.
pub async fn a_worker_is_asked_to_drain_once(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let (one, two) = (report(&*clock, "one", 0), report(&*clock, "two", 0));
    store.workers.report(&one).await.unwrap();
    store.workers.report(&two).await.unwrap();
    assert_eq!(store.workers.drain("none", &actor()).await.unwrap(), None);
    for _ in 0..2 {
        let asked = store.workers.drain("one", &actor()).await.unwrap();
        let asked = asked.expect("it is there");
        assert_eq!(asked.drain_requested_at, Some(clock.now()));
    }
    let entries = store.audit.list(&AuditFilter::default(), 10).await.unwrap();
    let entries: Vec<_> = entries
        .iter()
        .map(|entry| (entry.action, &*entry.target))
        .collect();
    assert_eq!(entries, [(Action::WorkerDrained, "one")]);
    for _ in 0..2 {
        assert!(store.workers.report(&one).await.unwrap());
        assert!(!store.workers.report(&two).await.unwrap());
    }
    clock.advance(TimeDelta::seconds(1));
    let next = report(&*clock, "one", 0);
    assert!(!store.workers.report(&next).await.unwrap());
    clock.advance(TimeDelta::minutes(1));
    let late = store.workers.drain("one", &actor()).await.unwrap();
    assert_eq!(late, None, "it was not seen lately");
}
