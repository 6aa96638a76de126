//! What a worker would do, without one: no test waits for another process.

use std::time::Duration;

use tars_shared::clock::{Clock as _, System};
use tars_shared::conformance::samples;
use tars_shared::job::FailureKind;
use tars_shared::store::{Claim, ClaimTerms, Ending, Failed, Finish, Store};
use uuid::Uuid;

/// Completes a queued job with made-up results.
pub(crate) async fn complete(store: &Store, id: Uuid) {
    let job = store.jobs.find(id).await.unwrap().unwrap();
    let environments = job.parameters.environments.iter();
    let results: Vec<_> = environments
        .map(|environment| samples::result(environment))
        .enumerate()
        .collect();
    let comparisons = results.iter().map(|_| None).collect();
    end(store, id, results, Ending::Completed(comparisons)).await;
}

/// Fails a queued job for good.
pub(crate) async fn fail(store: &Store, id: Uuid, reason: &str) {
    let failed = Failed {
        kind: FailureKind::Timeout,
        reason: reason.to_owned(),
    };
    end(store, id, Vec::new(), Ending::Failed(failed)).await;
}

async fn end(
    store: &Store,
    id: Uuid,
    results: Vec<(usize, tars_shared::job::EnvironmentResult)>,
    ending: Ending,
) {
    let submission = store.jobs.submission(id).await.unwrap().unwrap();
    let terms = ClaimTerms {
        worker: "w".into(),
        claim_id: System.new_id(),
        message_id: Uuid::nil(),
        observed_lease: None,
        alone: true,
        term: Duration::from_mins(1),
        max_attempts: 1,
    };
    let claim = store.leases.claim_one(&submission, terms).await.unwrap();
    let Claim::Granted { lease, .. } = claim else {
        panic!("{claim:?}")
    };
    let finish = Finish {
        results,
        ..Finish::of(lease, ending)
    };
    assert!(store.leases.finish_one(finish).await.unwrap());
}
