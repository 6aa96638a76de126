//! Results that are written with the end of their job.

use chrono::TimeDelta;

use super::claiming::{claim, failed, granted, status};
use crate::conformance::samples::{actor, baseline, result, submission};
use crate::conformance::store::fixture::Fixture;
use crate::job::{EnvironmentResult, FailureKind, Status};
use crate::store::{Claim, Comparison, Ending, Finish, Lease};

fn end(lease: Lease, results: &[(usize, EnvironmentResult)], ending: Ending) -> Finish {
    Finish {
        lease,
        results: results.to_vec(),
        ending,
    }
}

/// What was not kept before is written with the end, whatever the end is; what was kept before
/// stays.
///
/// # Panics
/// When a promise is broken.
pub async fn results_come_with_the_end(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let (acrobot, cart_pole) = (result("Acrobot-v1"), result("CartPole-v1"));
    let (kept, _) = store
        .baselines
        .insert(&baseline(100.0), &actor())
        .await
        .unwrap();
    let compared = Comparison {
        baseline_id: kept.id,
        regression: None,
    };
    for (ending, baseline_id) in [
        (Ending::Completed(vec![Some(compared), None]), Some(kept.id)),
        (Ending::Failed(failed(FailureKind::InvalidPolicy)), None),
        (Ending::Cancelled, None),
    ] {
        let submission = submission(&*clock);
        let lease = granted(&claim(&store, &submission).await);
        let leases = &store.leases;
        assert!(leases.record_result(lease, 1, &acrobot).await.unwrap());
        let unkept = [(0, cart_pole.clone())];
        let finish = end(lease, &unkept, ending.clone());
        assert!(leases.finish_one(finish).await.unwrap());
        let mut expected = [cart_pole.clone(), acrobot.clone()];
        expected[0].baseline_id = baseline_id;
        assert_eq!(
            store.jobs.results(submission.job_id).await.unwrap(),
            expected,
            "{ending:?}"
        );
    }
}

/// Whoever has lost the lease writes neither the end nor a result with it.
///
/// # Panics
/// When a promise is broken.
pub async fn an_end_writes_all_or_nothing(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let submission = submission(&*clock);
    let old = granted(&claim(&store, &submission).await);
    clock.advance(TimeDelta::seconds(6));
    let new = granted(&claim(&store, &submission).await);
    let results = [(0, result("CartPole-v1")), (1, result("Acrobot-v1"))];
    for ending in [
        Ending::Completed(Vec::new()),
        Ending::Failed(failed(FailureKind::Timeout)),
        Ending::Cancelled,
    ] {
        let leases = &store.leases;
        assert!(
            !leases
                .finish_one(end(old, &results, ending.clone()))
                .await
                .unwrap()
        );
        assert_eq!(status(&store, submission.job_id).await, Status::Running);
        assert_eq!(store.jobs.results(submission.job_id).await.unwrap(), []);
    }
    let leases = &store.leases;
    let completed = Ending::Completed(Vec::new());
    assert!(
        leases
            .finish_one(end(new, &results, completed.clone()))
            .await
            .unwrap()
    );
    let written = store.jobs.results(submission.job_id).await.unwrap();
    assert_eq!(written.len(), 2);

    // The answer to the end got lost, and the worker asks again; or it comes late.
    let changed = [(0, result("Acrobot-v1"))];
    for lease in [new, old] {
        assert!(
            !leases
                .finish_one(end(lease, &changed, completed.clone()))
                .await
                .unwrap()
        );
    }
    assert_eq!(
        store.jobs.results(submission.job_id).await.unwrap(),
        written,
        "what has ended stays"
    );
}

/// An attempt that was not charged is not the first one: what it left is not done again.
///
/// # Panics
/// When a promise is broken.
pub async fn a_job_that_was_handed_back_keeps_its_results(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let submission = submission(&*clock);
    let lease = granted(&claim(&store, &submission).await);
    let acrobot = result("Acrobot-v1");
    let leases = &store.leases;
    assert!(leases.record_result(lease, 1, &acrobot).await.unwrap());
    assert!(leases.release(lease).await.unwrap());
    match claim(&store, &submission).await {
        Claim::Granted {
            attempt, finished, ..
        } => assert_eq!((attempt, finished), (1, vec![(1, acrobot)])),
        other => panic!("not granted: {other:?}"),
    }
}
