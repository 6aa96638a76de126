//! Many jobs taken back at once.

use super::claiming::{claim, granted, status};
use crate::account::Action;
use crate::account::audit::AuditFilter;
use crate::conformance::samples::{actor, submission, with_priority};
use crate::conformance::store::fixture::Fixture;
use crate::job::Status;
use crate::request::Priority;
use crate::store::{Cancelled, Ending, Finish, JobFilter};
use crate::submission::Submission;

/// A cancellation by filter meets what fits and has not ended, once, in as many calls as it takes.
///
/// # Panics
/// When a promise is broken.
pub async fn many_jobs_are_cancelled_by_what_they_are(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let urgent = with_priority(&*clock, Priority::High);
    let of = |subject: &str| Submission {
        subject: subject.to_owned(),
        ..submission(&*clock)
    };
    let mine: Vec<_> = (0..5).map(|_| of("user:ada")).collect();
    let other = of("user:bob");
    store.jobs.insert(&mine).await.unwrap();
    store
        .jobs
        .insert(&[urgent.clone(), other.clone()])
        .await
        .unwrap();
    let lease = granted(&claim(&store, &mine[0]).await);
    let ended = granted(&claim(&store, &mine[1]).await);
    let completed = Finish::of(ended, Ending::Completed(Vec::new()));
    assert!(store.leases.finish_one(completed).await.unwrap());

    let filter = JobFilter {
        submitter: Some("user:ada".to_owned()),
        ..JobFilter::default()
    };
    let (jobs, by) = (&store.cancellations, actor());
    let count = async |filter: &JobFilter| jobs.would_cancel(filter, 10).await.unwrap();
    assert_eq!(count(&filter).await, 4);
    assert_eq!(jobs.would_cancel(&filter, 3).await.unwrap(), 3);
    let some = jobs.some_of_them(&filter, 2).await.unwrap();
    assert_eq!(some.len(), 2);
    assert!(some.iter().all(|job| job.subject == "user:ada"));
    for (filter, expected) in [
        (JobFilter::default(), 6),
        (
            JobFilter {
                priority: Some(Priority::High),
                ..JobFilter::default()
            },
            1,
        ),
        (
            JobFilter {
                status: Some(Status::Running),
                ..JobFilter::default()
            },
            1,
        ),
        (
            JobFilter {
                status: Some(Status::Completed),
                ..JobFilter::default()
            },
            0,
        ),
        (
            JobFilter {
                environment: Some("Nowhere-v0".to_owned()),
                ..JobFilter::default()
            },
            0,
        ),
        (
            JobFilter {
                submitted_before: Some(mine[0].submitted_at),
                ..JobFilter::default()
            },
            0,
        ),
    ] {
        assert_eq!(count(&filter).await, expected, "{filter:?}");
    }

    let mut done = Cancelled::default();
    let mut calls = 0;
    loop {
        let some = jobs.cancel_some(&filter, 2, &by).await.unwrap();
        if some == Cancelled::default() {
            break;
        }
        done.cancelled += some.cancelled;
        done.requested += some.requested;
        calls += 1;
    }
    let expected = Cancelled {
        cancelled: 3,
        requested: 1,
    };
    assert_eq!((done, calls), (expected, 2));
    assert_eq!(status(&store, mine[0].job_id).await, Status::Running);
    assert_eq!(status(&store, mine[1].job_id).await, Status::Completed);
    assert_eq!(status(&store, mine[2].job_id).await, Status::Cancelled);
    assert_eq!(status(&store, other.job_id).await, Status::Queued);
    assert!(
        store
            .jobs
            .find(mine[0].job_id)
            .await
            .unwrap()
            .unwrap()
            .cancel_requested
    );
    assert!(
        store
            .leases
            .finish_one(Finish::of(lease, Ending::Cancelled))
            .await
            .unwrap()
    );
    let audited = AuditFilter {
        action: Some(Action::JobsCancelled),
        ..AuditFilter::default()
    };
    let entries = store.audit.list(&audited, 10).await.unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0].detail["filter"]["submitter"], "user:ada");
}
