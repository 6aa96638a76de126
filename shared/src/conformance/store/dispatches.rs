//! Jobs, as the dispatcher finds them.

use std::slice::from_ref;
use std::time::Duration;

use chrono::TimeDelta;

use super::claiming::{attempt, claim, due, failed, granted, insert_unpublished, status};
use crate::clock::Clock as _;
use crate::conformance::samples::{in_line, submission, with_priority};
use crate::conformance::store::fixture::Fixture;
use crate::job::{FailureKind, Status};
use crate::line::{Lane, Line};
use crate::request::Priority;
use crate::store::{Ending, Finish};

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
    let recorded = [published.clone(), running.clone()];
    store.jobs.insert(&recorded).await.unwrap();
    insert_unpublished(&store, from_ref(&forgotten)).await;
    let lease = granted(&claim(&store, &running).await);
    assert_eq!(
        due(&store, grace, 10).await,
        [],
        "the API may still publish it"
    );
    assert_eq!(
        store.dispatches.expired(10).await.unwrap(),
        [],
        "its holder may still renew"
    );
    clock.advance(TimeDelta::seconds(3));
    assert_eq!(due(&store, grace, 10).await, from_ref(&forgotten));
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
    assert_eq!(due(&store, grace, 10).await, []);
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
    assert_eq!(due(&store, grace, 10).await, [], "which is another matter");
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
            .finish_one(Finish::of(lease, Ending::Cancelled))
            .await
            .unwrap(),
        "its former holder writes nothing"
    );
    assert_eq!(attempt(&claim(&store, &running).await), 2);
}

/// A queue that lost its messages does not say so: jobs that stay queued for too long can be asked
/// for, in each priority for itself.
///
/// # Panics
/// When a promise is broken.
pub async fn jobs_whose_messages_were_lost_are_found(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let (lost, urgent, later, running) = (
        submission(&*clock),
        with_priority(&*clock, Priority::High),
        submission(&*clock),
        submission(&*clock),
    );
    let all = [&lost, &urgent, &later, &running];
    store.jobs.insert(&all.map(Clone::clone)).await.unwrap();
    let lease = granted(&claim(&store, &later).await);
    let retry_at = clock.now() + TimeDelta::minutes(5);
    let failure = failed(FailureKind::Evaluation);
    let queued = store.leases.retry_later(lease, &failure, retry_at).await;
    assert!(queued.unwrap());
    let ids = all.map(|submission| submission.job_id);
    store.dispatches.mark_dispatched(&ids).await.unwrap();
    claim(&store, &running).await;
    let overdue = async |priority, before| {
        let lanes = [Lane::FIRST];
        let overdue = store.dispatches.overdue(priority, &lanes, before, 10);
        overdue.await.unwrap()
    };

    let dispatched_at = clock.now();
    clock.advance(TimeDelta::seconds(61));
    let before = dispatched_at - TimeDelta::microseconds(1);
    assert_eq!(
        overdue(Priority::Normal, before).await,
        [],
        "they were dispatched after that"
    );
    assert_eq!(
        overdue(Priority::Normal, dispatched_at).await,
        from_ref(&lost),
        "of this priority one is queued and due"
    );
    assert_eq!(
        overdue(Priority::High, dispatched_at).await,
        from_ref(&urgent)
    );
    assert_eq!(overdue(Priority::Low, clock.now()).await, []);
    store
        .dispatches
        .mark_dispatched(&[lost.job_id])
        .await
        .unwrap();
    assert_eq!(
        overdue(Priority::Normal, dispatched_at).await,
        [],
        "it has a message again"
    );
}

/// What waits in one lane says nothing of the others: jobs that are still queued can be asked for
/// in each lane for itself, and the oldest of a priority is the oldest of all its lanes.
///
/// # Panics
/// When a promise is broken.
pub async fn lost_jobs_are_found_in_their_lanes(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let lanes = [Lane::FIRST, Lane::ALL[2], Lane::ALL[3]];
    let mut jobs = Vec::new();
    for lane in lanes {
        let priority = Priority::Normal;
        jobs.push(in_line(&*clock, Line { priority, lane }));
        clock.advance(TimeDelta::seconds(10));
    }
    store.jobs.insert(&jobs).await.unwrap();
    for job in &jobs {
        let stored = store.jobs.submission(job.job_id).await.unwrap();
        assert_eq!(stored.as_ref(), Some(job), "a job keeps its lane");
    }
    let overdue = async |lanes: &[Lane]| {
        let overdue = store
            .dispatches
            .overdue(Priority::Normal, lanes, clock.now(), 10);
        overdue.await.unwrap()
    };
    assert_eq!(overdue(&[]).await, []);
    assert_eq!(overdue(&lanes[1..2]).await, jobs[1..2]);
    assert_eq!(overdue(&lanes).await, jobs, "the oldest first");
    assert_eq!(overdue(&Lane::ALL[1..2]).await, []);

    let oldest = async || {
        let oldest = store.dispatches.oldest_queued(Priority::Normal).await;
        oldest.unwrap().as_secs()
    };
    assert_eq!(oldest().await, 30);
    granted(&claim(&store, &jobs[0]).await);
    assert_eq!(oldest().await, 20);
}

/// How long the oldest queued job waits is known for each priority.
///
/// # Panics
/// When a promise is broken.
pub async fn the_oldest_queued_job_of_each_priority_is_known(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let ages = async || {
        let mut ages = Vec::new();
        for priority in Priority::ALL {
            ages.push(store.dispatches.oldest_queued(priority).await.unwrap());
        }
        ages.iter().map(Duration::as_secs).collect::<Vec<_>>()
    };
    assert_eq!(ages().await, [0, 0, 0], "nothing waits");
    let first = submission(&*clock);
    store.jobs.insert(from_ref(&first)).await.unwrap();
    clock.advance(TimeDelta::seconds(10));
    let second = submission(&*clock);
    let urgent = with_priority(&*clock, Priority::High);
    let both = [second.clone(), urgent.clone()];
    store.jobs.insert(&both).await.unwrap();
    clock.advance(TimeDelta::seconds(5));
    assert_eq!(ages().await, [5, 15, 0]);
    let ids = [first.job_id, second.job_id, urgent.job_id];
    store.dispatches.mark_dispatched(&ids).await.unwrap();
    assert_eq!(ages().await, [5, 15, 0], "a message is not a worker");

    let lease = granted(&claim(&store, &first).await);
    assert_eq!(ages().await, [5, 5, 0], "what runs does not wait");
    let retry_at = clock.now() + TimeDelta::seconds(30);
    let failure = failed(FailureKind::Evaluation);
    let queued = store.leases.retry_later(lease, &failure, retry_at).await;
    assert!(queued.unwrap());
    assert_eq!(ages().await, [5, 5, 0], "nor does what is to wait");
    clock.advance(TimeDelta::seconds(30));
    assert_eq!(ages().await, [35, 45, 0], "until its moment comes");
}

/// Dispatchers and the API note the same jobs at the same time, each in an order of its own: none
/// of the notes is lost.
///
/// # Panics
/// When a promise is broken.
pub async fn notes_of_dispatch_made_at_once_are_all_kept(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let submissions: Vec<_> = (0..100).map(|_| submission(&*clock)).collect();
    insert_unpublished(&store, &submissions).await;
    let ids: Vec<_> = submissions.iter().map(|one| one.job_id).collect();
    for _ in 0..5 {
        let notes = [0, 1, 2, 3].map(|number| {
            let (dispatches, mut ids) = (store.dispatches.clone(), ids.clone());
            ids.rotate_left(number * 25);
            if number % 2 == 1 {
                ids.reverse();
            }
            tokio::spawn(async move {
                if number == 0 {
                    dispatches.mark_unpublished(&ids).await?;
                }
                dispatches.mark_dispatched(&ids).await
            })
        });
        for note in notes {
            note.await.unwrap().expect("no note fails");
        }
    }
    assert_eq!(due(&store, Duration::ZERO, 200).await, []);
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
    insert_unpublished(&store, &expected).await;
    expected.sort_by_key(|submission| {
        (
            submission.request.parameters.priority,
            submission.submitted_at,
        )
    });
    assert_eq!(due(&store, Duration::ZERO, 10).await, expected);
    assert_eq!(due(&store, Duration::ZERO, 2).await, expected[..2]);
}

/// What one dispatcher takes, no other is given meanwhile; what it could not publish is there again
/// at once, and what it left behind after its time.
///
/// # Panics
/// When a promise is broken.
pub async fn dispatchers_share_what_is_due(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let all: Vec<_> = (0..30).map(|_| submission(&*clock)).collect();
    insert_unpublished(&store, &all).await;
    let minute = Duration::from_mins(1);
    let dispatchers = (0..4).map(|_| {
        let dispatches = store.dispatches.clone();
        tokio::spawn(async move { dispatches.take_due(Duration::ZERO, minute, 10).await })
    });
    let mut taken = Vec::new();
    for dispatcher in dispatchers.collect::<Vec<_>>() {
        let batch = dispatcher.await.unwrap().unwrap();
        assert!(batch.len() <= 10);
        taken.extend(batch.into_iter().map(|submission| submission.job_id));
    }
    let left = due(&store, Duration::ZERO, 30).await;
    taken.extend(left.iter().map(|submission| submission.job_id));
    taken.sort_unstable();
    let mut ids: Vec<_> = all.iter().map(|submission| submission.job_id).collect();
    ids.sort_unstable();
    assert_eq!(taken, ids, "each is taken once");

    let left = async || {
        let taken = store.dispatches.take_due(Duration::ZERO, minute, 30).await;
        taken.unwrap().len()
    };
    left().await;
    assert_eq!(left().await, 0, "all are in hand");
    store.dispatches.mark_unpublished(&ids[..7]).await.unwrap();
    assert_eq!(left().await, 7);
    store.dispatches.mark_dispatched(&ids[..5]).await.unwrap();
    clock.advance(TimeDelta::minutes(1));
    assert_eq!(left().await, 25, "whoever had them is gone");
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
        due(&store, Duration::ZERO, 10).await,
        [queued, running.clone()]
    );
    assert_eq!(
        attempt(&claim(&store, &running).await),
        2,
        "nobody has to wait for the lease to expire"
    );
}
