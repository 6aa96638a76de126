//! Pauses, and the jobs that are set aside for them.

use std::slice::from_ref;
use std::time::Duration;

use chrono::TimeDelta;
use uuid::Uuid;

use super::claiming::{claim, due, granted, insert_unpublished, status};
use crate::account::Action;
use crate::account::audit::AuditFilter;
use crate::artifact::Digest;
use crate::clock::Clock as _;
use crate::conformance::samples::{actor, submission, with_priority};
use crate::conformance::store::fixture::Fixture;
use crate::job::Status;
use crate::line::Lane;
use crate::pause::{MAX_PAUSES, NewPause, Pause, Scope};
use crate::request::Priority;
use crate::store::{Aside, Demand, Hold, Store};
use crate::submission::Submission;

const GRACE: Duration = Duration::from_secs(2);

fn everything() -> NewPause {
    NewPause {
        scope: Scope::All,
        reason: "maintenance".to_owned(),
        until: None,
    }
}

async fn begun(store: &Store, pause: &NewPause) -> Pause {
    let begun = store.pauses.pause(pause, &actor()).await.unwrap();
    begun.expect("there is room for it")
}

async fn set_aside(store: &Store, job: &Submission, pause: Uuid) -> Aside {
    let answers = store.pauses.set_aside(&[Hold::of(job, pause)]).await;
    answers.unwrap()[0]
}

async fn release(store: &Store, pause: Uuid) -> u64 {
    store.pauses.release_held(&[pause], 10).await.unwrap()
}

/// Pauses are listed for as long as they are in force; each beginning and end is audited.
///
/// # Panics
/// When a promise is broken.
pub async fn pauses_begin_and_end_and_are_audited(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let until = clock.now() + TimeDelta::minutes(10);
    let limited = NewPause {
        scope: Scope::Environment("CartPole-v1".to_owned()),
        reason: "a defect \0".to_owned(),
        until: Some(until),
    };
    let first = begun(&store, &limited).await;
    assert_eq!(
        (&first.scope, first.until, &*first.paused_by),
        (&limited.scope, Some(until), "user:ada")
    );
    clock.advance(TimeDelta::seconds(1));
    let second = begun(&store, &everything()).await;
    let paused = store.pauses.paused().await.unwrap();
    assert_eq!(paused.in_force, [first.clone(), second.clone()]);
    assert!(paused.over.is_empty());

    let ended = store.pauses.resume(second.id, &actor()).await.unwrap();
    assert_eq!(ended.map(|pause| pause.id), Some(second.id));
    let again = store.pauses.resume(second.id, &actor()).await.unwrap();
    assert_eq!(again, None, "it has ended already");
    clock.advance(TimeDelta::minutes(10));
    let paused = store.pauses.paused().await.unwrap();
    assert_eq!(paused.in_force, [], "one by its time, one by somebody");
    assert_eq!(paused.over, [first.id, second.id]);
    let late = store.pauses.resume(first.id, &actor()).await.unwrap();
    assert_eq!(late, None, "it has ended by itself");

    let entries = store.audit.list(&AuditFilter::default(), 10).await.unwrap();
    let entries: Vec<_> = entries
        .iter()
        .map(|entry| (entry.action, entry.target.clone()))
        .collect();
    let (first, second) = (first.id.to_string(), second.id.to_string());
    assert_eq!(
        entries,
        [
            (Action::PauseEnded, second.clone()),
            (Action::PauseBegun, second),
            (Action::PauseBegun, first),
        ]
    );
    let both = paused.over;
    assert_eq!(store.pauses.release_held(&both, 10).await.unwrap(), 0);
    clock.advance(TimeDelta::minutes(2));
    assert_eq!(store.pauses.release_held(&both, 10).await.unwrap(), 0);
    let paused = store.pauses.paused().await.unwrap();
    assert!(paused.over.is_empty(), "they are forgotten after a while");
}

/// There is a bound for what every delivery is compared with.
///
/// # Panics
/// When a promise is broken.
pub async fn pauses_are_bounded(fixture: Fixture) {
    let store = fixture.store;
    let mut last = None;
    for _ in 0..MAX_PAUSES {
        last = Some(begun(&store, &everything()).await);
    }
    let more = store.pauses.pause(&everything(), &actor()).await.unwrap();
    assert_eq!(more, None);
    let last = last.expect("there are some").id;
    store.pauses.resume(last, &actor()).await.unwrap();
    begun(&store, &everything()).await;
}

/// A job that is set aside is queued, and no dispatcher finds it, until its pause is over.
///
/// # Panics
/// When a promise is broken.
pub async fn what_is_set_aside_waits_for_the_end_of_its_pause(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let (held, free) = (submission(&*clock), submission(&*clock));
    insert_unpublished(&store, &[held.clone(), free.clone()]).await;
    let pause = begun(&store, &everything()).await;
    for _ in 0..2 {
        assert_eq!(set_aside(&store, &held, pause.id).await, Aside::Held);
    }
    assert_eq!(status(&store, held.job_id).await, Status::Queued);
    clock.advance(TimeDelta::hours(1));
    assert_eq!(due(&store, GRACE, 10).await, from_ref(&free));

    // Notes of what was published before come late.
    let ids = [held.job_id, free.job_id];
    store.dispatches.mark_dispatched(&ids).await.unwrap();
    clock.advance(TimeDelta::hours(1));
    let normal = Priority::Normal;
    let overdue = store
        .dispatches
        .overdue(normal, &Lane::ALL, clock.now(), 10)
        .await;
    assert_eq!(overdue.unwrap(), from_ref(&free));
    store.dispatches.mark_unpublished(&ids).await.unwrap();
    assert_eq!(due(&store, GRACE, 10).await, from_ref(&free));
    assert_eq!(store.dispatches.orphan_all().await.unwrap(), 1);
    store.jobs.cancel(free.job_id).await.unwrap();
    assert_eq!(due(&store, GRACE, 10).await, []);
    let oldest = store.dispatches.oldest_queued(normal).await.unwrap();
    let lag = store.dispatches.lag().await.unwrap();
    assert_eq!((oldest, lag), (Duration::ZERO, Duration::ZERO));
    let demand = store.workers.demand().await.unwrap();
    assert_eq!(demand, Demand::default(), "nobody is wanted for it");
    assert_eq!(store.pauses.held().await.unwrap()[&pause.id], 1);

    assert_eq!(release(&store, pause.id).await, 0, "it is in force");
    store.pauses.resume(pause.id, &actor()).await.unwrap();
    assert_eq!(due(&store, GRACE, 10).await, []);
    assert_eq!(release(&store, pause.id).await, 1);
    assert_eq!(release(&store, pause.id).await, 0);
    assert_eq!(due(&store, GRACE, 10).await, from_ref(&held));
    assert_eq!(store.pauses.held().await.unwrap().len(), 0);
    granted(&claim(&store, &held).await);
}

/// What is not queued, or not to be paused any more, is left to whoever decides about it.
///
/// # Panics
/// When a promise is broken.
pub async fn only_queued_jobs_are_set_aside(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let pause = begun(&store, &everything()).await.id;
    let job = submission(&*clock);
    assert_eq!(set_aside(&store, &job, pause).await, Aside::Unknown);
    store.jobs.insert(from_ref(&job)).await.unwrap();
    let other = Submission {
        request_hash: Digest::of(b"another"),
        ..job.clone()
    };
    assert_eq!(set_aside(&store, &other, pause).await, Aside::Claim);
    let never = Uuid::from_u128(5);
    assert_eq!(set_aside(&store, &job, never).await, Aside::Over);

    let lease = granted(&claim(&store, &job).await);
    assert_eq!(set_aside(&store, &job, pause).await, Aside::NotQueued);
    store.jobs.cancel(job.job_id).await.unwrap();
    assert!(store.leases.release(lease).await.unwrap());
    assert_eq!(
        set_aside(&store, &job, pause).await,
        Aside::Claim,
        "its owner wants its end"
    );
    claim(&store, &job).await;
    assert_eq!(status(&store, job.job_id).await, Status::Cancelled);
    assert_eq!(set_aside(&store, &job, pause).await, Aside::NotQueued);

    // Of a batch, each for itself.
    let (one, two) = (submission(&*clock), with_priority(&*clock, Priority::Low));
    store
        .jobs
        .insert(&[one.clone(), two.clone()])
        .await
        .unwrap();
    let batch = [&one, &job, &two, &one].map(|job| Hold::of(job, pause));
    let answers = store.pauses.set_aside(&batch).await.unwrap();
    assert_eq!(
        answers,
        [Aside::Held, Aside::NotQueued, Aside::Held, Aside::Held]
    );
    store.pauses.resume(pause, &actor()).await.unwrap();
    assert_eq!(set_aside(&store, &one, pause).await, Aside::Over);
}

/// A job whose worker is gone is set aside like others, and no message of it gets lost.
///
/// # Panics
/// When a promise is broken.
pub async fn a_job_whose_worker_is_gone_is_set_aside(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let jobs = [submission(&*clock), submission(&*clock)];
    store.jobs.insert(&jobs).await.unwrap();
    let [job, cancelled] = &jobs;
    let lease = granted(&claim(&store, job).await);
    granted(&claim(&store, cancelled).await);
    let pause = begun(&store, &everything()).await.id;
    assert_eq!(set_aside(&store, job, pause).await, Aside::NotQueued);
    store.jobs.cancel(cancelled.job_id).await.unwrap();

    // A dispatcher publishes what expired before it notes that.
    clock.advance(TimeDelta::hours(1));
    assert_eq!(store.dispatches.expired(10).await.unwrap().len(), 2);
    let twice = [job, job].map(|job| Hold::of(job, pause));
    let answers = store.pauses.set_aside(&twice).await.unwrap();
    assert_eq!(answers, [Aside::Held, Aside::Held]);
    store.dispatches.expire_leases(&[job.job_id]).await.unwrap();
    assert_eq!(status(&store, job.job_id).await, Status::Queued);
    assert_eq!(store.pauses.held().await.unwrap()[&pause], 1);
    assert!(
        !store.leases.release(lease).await.unwrap(),
        "it is another's"
    );
    assert_eq!(
        set_aside(&store, cancelled, pause).await,
        Aside::Claim,
        "its owner wants its end"
    );

    store.pauses.resume(pause, &actor()).await.unwrap();
    assert_eq!(set_aside(&store, cancelled, pause).await, Aside::Claim);
    assert_eq!(release(&store, pause).await, 1);
    assert_eq!(due(&store, GRACE, 10).await, from_ref(job));
}

/// A job that is set aside can be cancelled, claimed by a worker that has not heard of the pause,
/// and held by another pause when the first one ends.
///
/// # Panics
/// When a promise is broken.
pub async fn what_is_set_aside_is_a_job_like_others(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let (first, second) = (
        begun(&store, &everything()).await.id,
        begun(&store, &everything()).await.id,
    );
    let jobs = [
        submission(&*clock),
        submission(&*clock),
        submission(&*clock),
    ];
    store.jobs.insert(&jobs).await.unwrap();
    let [cancelled, begun, held] = &jobs;
    for job in &jobs {
        assert_eq!(set_aside(&store, job, first).await, Aside::Held);
    }
    store.jobs.cancel(cancelled.job_id).await.unwrap();
    assert_eq!(store.pauses.held().await.unwrap()[&first], 2);
    let lease = granted(&claim(&store, begun).await);
    assert_eq!(store.pauses.held().await.unwrap()[&first], 1);
    assert!(store.leases.release(lease).await.unwrap());
    assert_eq!(store.pauses.held().await.unwrap()[&first], 1);
    let demand = store.workers.demand().await.unwrap();
    let wanted: u64 = demand.queued.iter().map(|work| work.jobs).sum();
    assert_eq!(wanted, 1, "the one that was begun and given back");
    granted(&claim(&store, begun).await);
    assert_eq!(set_aside(&store, held, second).await, Aside::Held);

    store.pauses.resume(first, &actor()).await.unwrap();
    clock.advance(TimeDelta::minutes(1));
    release(&store, first).await;
    assert_eq!(status(&store, cancelled.job_id).await, Status::Cancelled);
    assert_eq!(status(&store, begun.job_id).await, Status::Running);
    assert_eq!(due(&store, GRACE, 10).await, []);
    store.pauses.resume(second, &actor()).await.unwrap();
    assert_eq!(release(&store, second).await, 1);
    assert_eq!(due(&store, GRACE, 10).await, from_ref(held));
}
