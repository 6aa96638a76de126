//! What submitters have under way.

use super::claiming::{claim, failed, granted};
use crate::clock::Clock as _;
use crate::conformance::samples::submission;
use crate::conformance::store::fixture::Fixture;
use crate::job::FailureKind;
use crate::store::{Ending, Finish};
use crate::submission::Submission;

/// The jobs of a submitter that have not ended are counted, whatever they go through meanwhile.
///
/// # Panics
/// When a promise is broken.
pub async fn open_jobs_are_counted_by_submitter(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let of = |subject: &str| Submission {
        subject: subject.to_owned(),
        ..submission(&*clock)
    };
    let open = async || {
        let mut open = Vec::new();
        for subject in ["ada", "grace", "nobody"] {
            open.push(store.submitters.open_jobs(subject).await.unwrap());
        }
        open
    };
    assert_eq!(open().await, [0, 0, 0]);
    let jobs = [of("ada"), of("ada"), of("grace"), of("ada")];
    store.jobs.insert(&jobs[..3]).await.unwrap();
    store.jobs.insert_all(&jobs).await.unwrap();
    assert_eq!(open().await, [3, 1, 0], "what is known already counts once");

    let lease = granted(&claim(&store, &jobs[0]).await);
    assert_eq!(open().await, [3, 1, 0], "what runs is open");
    assert!(store.leases.release(lease).await.unwrap());
    let lease = granted(&claim(&store, &jobs[0]).await);
    let failure = failed(FailureKind::Evaluation);
    let retry_at = clock.now();
    assert!(
        store
            .leases
            .retry_later(lease, &failure, retry_at)
            .await
            .unwrap()
    );
    assert_eq!(open().await, [3, 1, 0], "what waits for a retry is open");

    for (job, ending) in [
        (&jobs[0], Ending::Completed(Vec::new())),
        (&jobs[2], Ending::Failed(failure)),
    ] {
        let lease = granted(&claim(&store, job).await);
        assert!(
            store
                .leases
                .finish_one(Finish::of(lease, ending))
                .await
                .unwrap()
        );
    }
    assert_eq!(open().await, [2, 0, 0]);
    store.jobs.cancel(jobs[1].job_id).await.unwrap();
    assert_eq!(open().await, [1, 0, 0]);
    let by_message = of("grace");
    granted(&claim(&store, &by_message).await);
    assert_eq!(open().await, [1, 1, 0], "its row was made by its claim");
}
