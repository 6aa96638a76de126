//! How long jobs wait, and for how many others.

use chrono::TimeDelta;

use crate::clock::Clock as _;
use crate::conformance::samples::{actor, submission, with_priority};
use crate::conformance::store::fixture::Fixture;
use crate::line::Lane;
use crate::pause::{NewPause, Scope};
use crate::request::Priority;
use crate::store::{Ahead, Hold};
use crate::submission::Submission;

/// The jobs before another one are counted as far as was asked.
///
/// # Panics
/// When a promise is broken.
pub async fn the_jobs_before_another_are_known(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let mut jobs = Vec::new();
    for _ in 0..4 {
        jobs.push(submission(&*clock));
        clock.advance(TimeDelta::seconds(1));
    }
    jobs.push(with_priority(&*clock, Priority::High));
    store.jobs.insert(&jobs).await.unwrap();
    let last = jobs[3].job_id;
    let ahead = async |limit| store.waits.ahead(last, limit).await.unwrap();
    let found = |jobs, more| Ahead { jobs, more };
    assert_eq!(ahead(10).await, found(3, false));
    assert_eq!(ahead(3).await, found(3, false));
    assert_eq!(ahead(2).await, found(2, true));
    let first = store.waits.ahead(jobs[0].job_id, 10).await;
    assert_eq!(first.unwrap(), found(0, false));

    store.jobs.cancel(jobs[0].job_id).await.unwrap();
    let everything = NewPause {
        scope: Scope::All,
        reason: "maintenance".to_owned(),
        until: None,
    };
    let pause = store.pauses.pause(&everything, &actor()).await.unwrap();
    let pause = pause.expect("there is room").id;
    let aside = [Hold::of(&jobs[1], pause)];
    store.pauses.set_aside(&aside).await.unwrap();
    assert_eq!(ahead(10).await, found(1, false), "one ended, one is held");
}

/// Lanes take turns: a long one keeps no job of another lane waiting for all of it.
///
/// # Panics
/// When a promise is broken.
pub async fn a_long_lane_is_not_before_the_jobs_of_another(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let in_lane = |place: usize| {
        clock.advance(TimeDelta::seconds(1));
        Submission {
            lane: Lane::ALL[place],
            ..submission(&*clock)
        }
    };
    let jobs = [0, 0, 0, 0, 2, 1, 1, 0].map(in_lane);
    store.jobs.insert(&jobs).await.unwrap();
    let ahead = async |place: usize, limit| {
        let ahead = store.waits.ahead(jobs[place].job_id, limit).await.unwrap();
        (ahead.jobs, ahead.more)
    };
    assert_eq!(ahead(5, 10).await, (2, false), "one of each other lane");
    assert_eq!(ahead(6, 10).await, (4, false), "its own, two and one");
    assert_eq!(ahead(7, 10).await, (7, false), "all were there before");
    assert_eq!(ahead(5, 2).await, (2, false), "as many as may be before it");
    assert_eq!(ahead(7, 3).await, (6, true));

    let limit = clock.now() + TimeDelta::seconds(1);
    let stale = async |most| store.waits.stale(Priority::Normal, limit, most).await;
    assert_eq!(stale(10).await.unwrap(), 8, "those of every lane");
    assert_eq!(stale(2).await.unwrap(), 2);
}

/// Jobs that wait for too long are counted, unless they are paused.
///
/// # Panics
/// When a promise is broken.
pub async fn what_waits_for_too_long_is_counted_unless_it_is_paused(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let old = [submission(&*clock), submission(&*clock)];
    store.jobs.insert(&old).await.unwrap();
    clock.advance(TimeDelta::hours(1));
    let limit = clock.now();
    let young = submission(&*clock);
    store.jobs.insert(&[young]).await.unwrap();
    let stale = async |priority, most| store.waits.stale(priority, limit, most).await.unwrap();
    assert_eq!(stale(Priority::Normal, 10).await, 2);
    assert_eq!(stale(Priority::Normal, 1).await, 1, "no further than asked");
    assert_eq!(stale(Priority::High, 10).await, 0);

    let others = ["Acrobot-v1", "MountainCar-v0"];
    for (scope, counted) in [
        (Scope::All, 0),
        (Scope::Priority(Priority::Normal), 0),
        (Scope::Priority(Priority::High), 2),
        (Scope::Environment(others[0].to_owned()), 0),
        (Scope::Environment(others[1].to_owned()), 2),
        (Scope::Submitter("somebody".to_owned()), 0),
        (Scope::Submitter("nobody".to_owned()), 2),
    ] {
        let pause = NewPause {
            scope: scope.clone(),
            reason: "maintenance".to_owned(),
            until: Some(clock.now() + TimeDelta::hours(1)),
        };
        let pause = store.pauses.pause(&pause, &actor()).await.unwrap();
        let pause = pause.expect("there is room").id;
        assert_eq!(stale(Priority::Normal, 10).await, counted, "{scope:?}");
        store.pauses.resume(pause, &actor()).await.unwrap();
    }
    let everything = NewPause {
        scope: Scope::All,
        reason: "maintenance".to_owned(),
        until: None,
    };
    let pause = store.pauses.pause(&everything, &actor()).await.unwrap();
    let pause = pause.expect("there is room").id;
    let aside = [Hold::of(&old[0], pause)];
    store.pauses.set_aside(&aside).await.unwrap();
    store.pauses.resume(pause, &actor()).await.unwrap();
    assert_eq!(
        stale(Priority::Normal, 10).await,
        1,
        "what is held waits for a dispatcher alone"
    );
}
