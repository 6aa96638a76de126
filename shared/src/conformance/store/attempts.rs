//! How attempts end, and what stays of them.

use std::slice::from_ref;
use std::time::Duration;

use chrono::TimeDelta;
use tars_engine::regression;

use super::claiming::{TERM, TERMS, attempt, claim, due, failed, granted, held, status};
use crate::clock::Clock as _;
use crate::conformance::samples::{actor, baseline, result, submission};
use crate::conformance::store::fixture::Fixture;
use crate::job::{FailureKind, Progress, Status};
use crate::store::{Claim, Comparison, Ending, Finish, Heartbeat, Renewal};

/// Results stay when an attempt does not, and the next one is told of them.
///
/// # Panics
/// When a promise is broken.
pub async fn finished_environments_survive_their_attempt(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let submission = submission(&*clock);
    let first = granted(&claim(&store, &submission).await);
    clock.advance(TimeDelta::seconds(4));
    store
        .leases
        .renew(
            TERM,
            &[Heartbeat {
                lease: first,
                episodes_done: 10,
            }],
        )
        .await
        .unwrap();
    clock.advance(TimeDelta::seconds(4));
    held(claim(&store, &submission).await);
    let acrobot = result("Acrobot-v1");
    assert!(
        store
            .leases
            .record_result(first, 1, &acrobot)
            .await
            .unwrap()
    );
    clock.advance(TimeDelta::seconds(6));

    let second = claim(&store, &submission).await;
    let Claim::Granted {
        lease, finished, ..
    } = second
    else {
        panic!("not granted: {second:?}")
    };
    assert_eq!(finished, [(1, acrobot.clone())]);
    let cart_pole = result("CartPole-v1");
    store
        .leases
        .record_result(lease, 0, &cart_pole)
        .await
        .unwrap();

    let (kept, _) = store
        .baselines
        .insert(&baseline(100.0), &actor())
        .await
        .unwrap();
    let comparison = regression::judge(
        &[regression::Candidate {
            environment: "CartPole-v1",
            episodes: &cart_pole.episodes,
            metrics: &cart_pole.metrics,
            baseline: &kept.content.statistics,
            losses: &[],
            stopping: None,
        }],
        &regression::Thresholds::default(),
    )
    .remove(0);
    let verdict = comparison.verdict;
    let compared = Comparison {
        baseline_id: kept.id,
        regression: Some(comparison.clone()),
    };
    assert!(
        store
            .leases
            .finish_one(Finish::of(
                lease,
                Ending::Completed(vec![Some(compared), None])
            ))
            .await
            .unwrap()
    );
    let results = store.jobs.results(submission.job_id).await.unwrap();
    assert_eq!(
        results[0].regression,
        Some(comparison),
        "comparisons come with the end"
    );
    assert_eq!(results[0].baseline_id, Some(kept.id));
    assert_eq!(
        results[1], acrobot,
        "results come in the order of the request, and come back whole"
    );
    let job = store.jobs.find(submission.job_id).await.unwrap().unwrap();
    assert_eq!(
        (job.status, job.verdict),
        (Status::Completed, Some(verdict))
    );
    assert_eq!(
        job.progress,
        Progress {
            episodes_done: 20,
            episodes_total: 20
        }
    );
}

/// A failed attempt waits for its moment and keeps its reason.
///
/// # Panics
/// When a promise is broken.
pub async fn a_failed_attempt_is_queued_again_and_remembered(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let submission = submission(&*clock);
    let lease = granted(&claim(&store, &submission).await);
    let moment = clock.now() + TimeDelta::seconds(30);
    assert!(
        store
            .leases
            .retry_later(lease, &failed(FailureKind::Evaluation), moment)
            .await
            .unwrap()
    );
    let job = store.jobs.find(submission.job_id).await.unwrap().unwrap();
    assert_eq!(
        (job.status, job.attempt, job.not_before),
        (Status::Queued, 1, Some(moment))
    );
    assert_eq!(
        job.failures,
        [failed(FailureKind::Evaluation).at(1, clock.now(), &TERMS.worker)]
    );
    assert_eq!(
        due(&store, Duration::ZERO, 10).await,
        [],
        "it is not due yet"
    );
    clock.advance(TimeDelta::seconds(30));
    assert_eq!(
        due(&store, Duration::ZERO, 10).await,
        from_ref(&submission),
        "now it is"
    );
    assert_eq!(attempt(&claim(&store, &submission).await), 2);
}

/// A job that takes its workers with it ends after its own attempts.
///
/// # Panics
/// When a promise is broken.
pub async fn attempts_are_spent_and_then_the_job_fails(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let submission = submission(&*clock);
    for number in 1..=TERMS.max_attempts {
        assert_eq!(attempt(&claim(&store, &submission).await), number);
        clock.advance(TimeDelta::seconds(6));
    }
    assert_eq!(claim(&store, &submission).await, Claim::Exhausted);
    assert_eq!(
        claim(&store, &submission).await,
        Claim::Ended(Status::Failed)
    );
    let job = store.jobs.find(submission.job_id).await.unwrap().unwrap();
    assert_eq!(
        (job.status, job.attempt, job.failures.len()),
        (Status::Failed, 3, 3)
    );
    assert_eq!(job.finished_at, Some(clock.now()));
}

/// A worker that goes in peace costs the job nothing.
///
/// # Panics
/// When a promise is broken.
pub async fn releasing_is_free(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let submission = submission(&*clock);
    let lease = granted(&claim(&store, &submission).await);
    assert!(store.leases.release(lease).await.unwrap());
    assert_eq!(status(&store, submission.job_id).await, Status::Queued);
    let again = claim(&store, &submission).await;
    assert_eq!(attempt(&again), 1, "the attempt was not charged");
    assert!(
        granted(&again).epoch > lease.epoch,
        "but the old lease has expired"
    );
}

/// What has ended stays as it ended.
///
/// # Panics
/// When a promise is broken.
pub async fn a_terminal_job_never_changes(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    for ending in [
        Ending::Completed(Vec::new()),
        Ending::Failed(failed(FailureKind::InvalidPolicy)),
        Ending::Cancelled,
    ] {
        let submission = submission(&*clock);
        let lease = granted(&claim(&store, &submission).await);
        assert!(
            store
                .leases
                .finish_one(Finish::of(lease, ending.clone()))
                .await
                .unwrap()
        );
        let ended = store.jobs.find(submission.job_id).await.unwrap().unwrap();
        assert!(ended.status.is_terminal());

        clock.advance(TimeDelta::seconds(60));
        let claim = claim(&store, &submission).await;
        assert_eq!(
            claim,
            Claim::Ended(ended.status),
            "a late delivery finds it ended"
        );
        for late in [
            Ending::Completed(Vec::new()),
            Ending::Failed(failed(FailureKind::Timeout)),
            Ending::Cancelled,
        ] {
            assert!(
                !store
                    .leases
                    .finish_one(Finish::of(lease, late.clone()))
                    .await
                    .unwrap(),
                "even its own lease has ended"
            );
        }
        assert!(
            !store
                .leases
                .record_result(lease, 0, &result("CartPole-v1"))
                .await
                .unwrap()
        );
        store.jobs.cancel(submission.job_id).await.unwrap();
        store
            .dispatches
            .mark_dispatched(&[submission.job_id])
            .await
            .unwrap();
        store
            .dispatches
            .expire_leases(&[submission.job_id])
            .await
            .unwrap();
        store.dispatches.orphan_all().await.unwrap();
        assert_eq!(due(&store, Duration::ZERO, 10).await, []);
        assert_eq!(
            store.jobs.find(submission.job_id).await.unwrap().unwrap(),
            ended,
            "nothing of it changed"
        );
    }
}

/// Whoever held a lease that was given to another writes nothing any more.
///
/// # Panics
/// When a promise is broken.
pub async fn a_lost_lease_writes_nothing(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let submission = submission(&*clock);
    let old = granted(&claim(&store, &submission).await);
    clock.advance(TimeDelta::seconds(6));
    let new = granted(&claim(&store, &submission).await);
    assert!(new.epoch > old.epoch, "epochs grow");

    let leases = &store.leases;
    let beats = [
        Heartbeat {
            lease: old,
            episodes_done: 9,
        },
        Heartbeat {
            lease: new,
            episodes_done: 3,
        },
    ];
    assert_eq!(
        leases.renew(TERM, &beats).await.unwrap(),
        [Renewal::Lost, Renewal::Renewed]
    );
    assert!(
        !leases
            .record_result(old, 0, &result("CartPole-v1"))
            .await
            .unwrap()
    );
    assert!(
        !leases
            .finish_one(Finish::of(old, Ending::Completed(Vec::new())))
            .await
            .unwrap()
    );
    assert!(
        !leases
            .retry_later(old, &failed(FailureKind::Evaluation), clock.now())
            .await
            .unwrap()
    );
    assert!(!leases.release(old).await.unwrap());
    let job = store.jobs.find(submission.job_id).await.unwrap().unwrap();
    assert_eq!(
        (job.status, job.attempt, job.progress.episodes_done),
        (Status::Running, 2, 3)
    );
    assert_eq!(store.jobs.results(submission.job_id).await.unwrap(), []);
    assert!(
        leases
            .finish_one(Finish::of(new, Ending::Completed(Vec::new())))
            .await
            .unwrap(),
        "the new holder writes"
    );
}
