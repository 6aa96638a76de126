//! Workers, and what there is to do for them.

use chrono::TimeDelta;

use super::claiming::{claim, granted};
use crate::conformance::samples::{submission, with_priority};
use crate::conformance::store::fixture::Fixture;
use crate::request::Priority;
use crate::store::{Demand, Ending, Finish, Work, WorkerReport};

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

    let report = |name: &str, busy| WorkerReport {
        name: name.to_owned(),
        slots: 4,
        busy,
        episodes: 100.0,
        seconds: 10.0,
    };
    store.workers.report(&report("one", 0)).await.unwrap();
    store.workers.report(&report("two", 3)).await.unwrap();
    store.workers.report(&report("two", 4)).await.unwrap();
    let demand = store.workers.demand().await.unwrap();
    let who = |demand: &Demand| (demand.workers, demand.busy_workers, demand.slots);
    assert_eq!(who(&demand), (2, 1, 8));
    assert_eq!(demand.seconds_per_episode, Some(0.1));
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
