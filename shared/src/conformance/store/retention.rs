//! What is kept for a while and then goes.

use chrono::TimeDelta;

use super::claiming::{claim, failed, granted};
use crate::artifact::Digest;
use crate::conformance::samples::submission;
use crate::conformance::store::fixture::Fixture;
use crate::dead_letter::DeadLetterFilter;
use crate::job::{FailureKind, Status};
use crate::store::{Ending, Finish, JobFilter, Pruned};

/// Old jobs go with all that is theirs, and stay counted; what has not ended, or is young, stays.
///
/// # Panics
/// When a promise is broken.
pub async fn what_is_old_is_pruned(fixture: Fixture) {
    use crate::clock::Clock as _;
    let Fixture { store, clock } = fixture;
    let old: Vec<_> = (0..3).map(|_| submission(&*clock)).collect();
    store.jobs.insert(&old).await.unwrap();
    let lost = Ending::Failed(failed(FailureKind::Timeout));
    for (job, ending) in old.iter().zip([Ending::Completed(Vec::new()), lost]) {
        let lease = granted(&claim(&store, job).await);
        let finish = Finish::of(lease, ending);
        assert!(store.leases.finish_one(finish).await.unwrap());
    }
    clock.advance(TimeDelta::days(30));
    let young = submission(&*clock);
    store
        .jobs
        .insert(std::slice::from_ref(&young))
        .await
        .unwrap();
    store.jobs.cancel(young.job_id).await.unwrap();

    let ledger = store.jobs.ledger().await.unwrap();
    let before = clock.now() - TimeDelta::days(7);
    let prune = async |limit| store.retention.prune(before, limit).await.unwrap().jobs;
    assert_eq!(prune(1).await, 1, "no more than it was asked for");
    assert_eq!(prune(10).await, 1);
    assert_eq!(prune(10).await, 0);
    let left = store.jobs.list(&JobFilter::default(), 10).await.unwrap();
    let left: Vec<_> = left.iter().map(|job| job.id).collect();
    assert_eq!(left, [young.job_id, old[2].job_id]);
    assert_eq!(store.jobs.results(old[0].job_id).await.unwrap(), []);
    let all = DeadLetterFilter::default();
    assert_eq!(store.dead_letters.list(&all, None, 10).await.unwrap(), []);
    assert_eq!(
        store.jobs.ledger().await.unwrap(),
        ledger,
        "they were accepted"
    );
    assert_eq!(ledger.count(Status::Failed), 1);
    store.jobs.cancel(old[2].job_id).await.unwrap();
    assert_eq!(prune(10).await, 0, "it is old, but its end is not");
}

/// An artifact goes when no job has named it for as long as jobs are kept, and none that has not
/// ended may name it.
///
/// # Panics
/// When a promise is broken.
pub async fn artifacts_that_no_job_names_are_pruned(fixture: Fixture) {
    use crate::clock::Clock as _;
    let Fixture { store, clock } = fixture;
    let [forgotten, named, put_again] = [b"forgotten", b"named....", b"put again"];
    for bytes in [forgotten, named, put_again] {
        store.artifacts.put(Digest::of(bytes), bytes).await.unwrap();
    }
    let waits = submission(&*clock);
    store
        .jobs
        .insert(std::slice::from_ref(&waits))
        .await
        .unwrap();
    clock.advance(TimeDelta::days(30));
    assert!(store.artifacts.contains(Digest::of(named)).await.unwrap());
    assert!(
        !store
            .artifacts
            .put(Digest::of(put_again), put_again)
            .await
            .unwrap()
    );
    let before = clock.now() - TimeDelta::days(7);
    let prune = async || store.retention.prune(before, 10).await.unwrap();
    assert_eq!(
        prune().await,
        Pruned::default(),
        "a job that waits may name any"
    );
    store.jobs.cancel(waits.job_id).await.unwrap();
    assert_eq!(prune().await.artifacts, 1);
    for (bytes, there) in [(forgotten, false), (named, true), (put_again, true)] {
        let digest = Digest::of(bytes);
        assert_eq!(store.artifacts.find(digest).await.unwrap().is_some(), there);
    }
}
