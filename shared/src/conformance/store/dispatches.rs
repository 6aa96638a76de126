//! Jobs, as the dispatcher finds them.

use std::slice::from_ref;
use std::time::Duration;

use chrono::TimeDelta;

use super::Fixture;
use super::leases::{attempt, claim, failed, granted, status};
use crate::clock::Clock as _;
use crate::conformance::samples::{submission, with_priority};
use crate::job::{FailureKind, Status};
use crate::request::Priority;
use crate::store::Ending;

/// Rows never published and rows with an expired lease are due, and only those.
///
/// # Panics
/// When a promise is broken.
pub async fn the_dispatcher_finds_what_no_message_stands_for(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let grace = Duration::from_secs(2);
    let (forgotten, published, running) = (
        submission(&*clock),
        submission(&*clock),
        submission(&*clock),
    );
    store
        .jobs
        .insert(&[forgotten.clone(), published.clone(), running.clone()])
        .await
        .unwrap();
    store
        .dispatches
        .mark_dispatched(&[published.job_id])
        .await
        .unwrap();
    let lease = granted(&claim(&store, &running).await);
    assert_eq!(
        store.dispatches.due(grace, 10).await.unwrap(),
        [],
        "the API may still publish it"
    );
    assert_eq!(
        store.dispatches.expired(10).await.unwrap(),
        [],
        "its holder may still renew"
    );
    clock.advance(TimeDelta::seconds(3));
    assert_eq!(
        store.dispatches.due(grace, 10).await.unwrap(),
        from_ref(&forgotten)
    );
    assert_eq!(
        store.dispatches.lag().await.unwrap(),
        Duration::from_secs(3),
        "it has been waiting since its submission"
    );
    store
        .dispatches
        .mark_dispatched(&[forgotten.job_id])
        .await
        .unwrap();
    assert_eq!(store.dispatches.due(grace, 10).await.unwrap(), []);
    assert_eq!(
        store.dispatches.lag().await.unwrap(),
        Duration::ZERO,
        "nothing waits"
    );

    clock.advance(TimeDelta::seconds(3));
    assert_eq!(
        store.dispatches.expired(10).await.unwrap(),
        from_ref(&running),
        "its lease expired"
    );
    assert_eq!(
        store.dispatches.lag().await.unwrap(),
        Duration::from_secs(1),
        "since then it waits"
    );
    assert_eq!(
        store.dispatches.due(grace, 10).await.unwrap(),
        [],
        "which is another matter"
    );
    store
        .dispatches
        .mark_dispatched(&[running.job_id])
        .await
        .unwrap();
    assert_eq!(
        status(&store, running.job_id).await,
        Status::Running,
        "a message alone takes nothing from anybody"
    );
    store
        .dispatches
        .expire_leases(&[running.job_id, forgotten.job_id])
        .await
        .unwrap();
    assert_eq!(
        store.dispatches.expired(10).await.unwrap(),
        [],
        "it is dispatched once, not at every look"
    );
    assert_eq!(status(&store, running.job_id).await, Status::Queued);
    assert!(
        !store
            .leases
            .finish(lease, &Ending::Cancelled)
            .await
            .unwrap(),
        "its former holder writes nothing"
    );
    assert_eq!(attempt(&claim(&store, &running).await), 2);
}

/// A queue that lost its messages does not say so: jobs that stay queued for too long can be asked
/// for.
///
/// # Panics
/// When a promise is broken.
pub async fn jobs_whose_messages_were_lost_are_found(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let minute = Duration::from_mins(1);
    let (lost, later, running) = (
        submission(&*clock),
        submission(&*clock),
        submission(&*clock),
    );
    store
        .jobs
        .insert(&[lost.clone(), later.clone(), running.clone()])
        .await
        .unwrap();
    let lease = granted(&claim(&store, &later).await);
    store
        .leases
        .retry_later(
            lease,
            &failed(FailureKind::Evaluation),
            clock.now() + minute * 5,
        )
        .await
        .unwrap();
    store
        .dispatches
        .mark_dispatched(&[lost.job_id, later.job_id, running.job_id])
        .await
        .unwrap();
    claim(&store, &running).await;
    assert_eq!(
        store.dispatches.overdue(minute, 10).await.unwrap(),
        [],
        "they may still be under way"
    );
    clock.advance(TimeDelta::seconds(61));
    assert_eq!(
        store.dispatches.overdue(minute, 10).await.unwrap(),
        from_ref(&lost),
        "the retry is not due yet"
    );
    store
        .dispatches
        .mark_dispatched(&[lost.job_id])
        .await
        .unwrap();
    assert_eq!(
        store.dispatches.overdue(minute, 10).await.unwrap(),
        [],
        "it has a message again"
    );
}

/// Urgent jobs do not wait behind a backlog.
///
/// # Panics
/// When a promise is broken.
pub async fn the_dispatcher_takes_urgent_jobs_first(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let mut expected = Vec::new();
    for priority in [Priority::Low, Priority::Normal, Priority::High] {
        for _ in 0..2 {
            clock.advance(TimeDelta::seconds(1));
            expected.push(with_priority(&*clock, priority));
        }
    }
    store.jobs.insert(&expected).await.unwrap();
    expected.sort_by_key(|submission| {
        (
            submission.request.parameters.priority,
            submission.submitted_at,
        )
    });
    assert_eq!(
        store.dispatches.due(Duration::ZERO, 10).await.unwrap(),
        expected
    );
    assert_eq!(
        store.dispatches.due(Duration::ZERO, 2).await.unwrap(),
        expected[..2]
    );
}

/// After the end of a process whose queue forgets, every unfinished job is due at once.
///
/// # Panics
/// When a promise is broken.
pub async fn a_restarted_queue_finds_every_unfinished_job(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let (queued, running, ended) = (
        submission(&*clock),
        submission(&*clock),
        submission(&*clock),
    );
    store
        .jobs
        .insert(&[queued.clone(), running.clone(), ended.clone()])
        .await
        .unwrap();
    store
        .dispatches
        .mark_dispatched(&[queued.job_id, running.job_id, ended.job_id])
        .await
        .unwrap();
    claim(&store, &running).await;
    store.jobs.cancel(ended.job_id).await.unwrap();
    assert_eq!(store.dispatches.orphan_all().await.unwrap(), 2);
    assert_eq!(
        store.dispatches.due(Duration::ZERO, 10).await.unwrap(),
        [queued, running.clone()]
    );
    assert_eq!(
        attempt(&claim(&store, &running).await),
        2,
        "nobody has to wait for the lease to expire"
    );
}
