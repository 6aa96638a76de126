//! Jobs, as clients see them.

use std::collections::BTreeSet;
use std::slice::from_ref;
use std::time::Duration;

use chrono::TimeDelta;
use tars_engine::policy_file::Algorithm;
use uuid::Uuid;

use super::claiming::{claim, granted};
use crate::artifact::Digest;
use crate::clock::Clock as _;
use crate::conformance::samples::submission;
use crate::conformance::store::fixture::Fixture;
use crate::job::{FailureKind, Progress, Status};
use crate::store::{
    Cancellation, Ending, Error, Failed, Finish, Heartbeat, Inserted, JobFilter, Renewal,
};
use crate::submission::Submission;

/// A repeated submission is recognised by its id, and its request by its hash.
///
/// # Panics
/// When a promise is broken.
pub async fn inserting_twice_changes_nothing(fixture: Fixture) {
    let jobs = fixture.store.jobs;
    let first = submission(&*fixture.clock);
    assert_eq!(
        jobs.insert(from_ref(&first)).await.unwrap(),
        [Inserted::New]
    );
    fixture.clock.advance(TimeDelta::seconds(9));
    let again = Submission {
        submitted_at: fixture.clock.now(),
        ..first.clone()
    };
    assert_eq!(jobs.insert(&[again]).await.unwrap(), [Inserted::Known]);
    assert_eq!(
        jobs.submission(first.job_id).await.unwrap(),
        Some(first),
        "the first one is kept whole"
    );
}

/// A batch is recorded whole or not at all.
///
/// # Panics
/// When a promise is broken.
pub async fn one_conflict_spoils_the_batch(fixture: Fixture) {
    let jobs = fixture.store.jobs;
    let known = submission(&*fixture.clock);
    jobs.insert(from_ref(&known)).await.unwrap();
    let new = submission(&*fixture.clock);
    let reused = Submission {
        request_hash: Digest::of(b"another"),
        ..known
    };
    let inserted = jobs.insert(&[new.clone(), reused]).await.unwrap();
    assert_eq!(inserted, [Inserted::New, Inserted::Conflict]);
    assert_eq!(
        jobs.find(new.job_id).await.unwrap(),
        None,
        "nothing of the batch is recorded"
    );
}

/// Of many that are recorded together, each is recorded for itself: what is wrong with one of them
/// changes nothing for the others.
///
/// # Panics
/// When a promise is broken.
pub async fn many_are_inserted_each_for_itself(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let known = submission(&*clock);
    store.jobs.insert(from_ref(&known)).await.unwrap();
    let mut many: Vec<_> = (0..1200).map(|_| submission(&*clock)).collect();
    let reused = |of: &Submission| Submission {
        request_hash: Digest::of(b"another"),
        ..of.clone()
    };
    many[0] = reused(&known);
    many[10] = known.clone();
    many[20] = many[19].clone();
    many[30] = reused(&many[29]);
    // Not every database takes this one.
    many[1100]
        .request
        .parameters
        .labels
        .insert("NUL".to_owned(), "\0".to_owned());

    let inserted = store.jobs.insert_all(&many).await.unwrap();
    assert_eq!(inserted.len(), many.len());
    let mut new = 0;
    for (position, inserted) in inserted.into_iter().enumerate() {
        let expected = match position {
            0 | 30 => Inserted::Conflict,
            10 | 20 => Inserted::Known,
            1100 => match inserted {
                Ok(Inserted::New) => Inserted::New,
                Err(Error::Corrupt(_)) => continue,
                other => panic!("neither taken nor refused: {other:?}"),
            },
            _ => Inserted::New,
        };
        new += u64::from(expected == Inserted::New);
        if position != 1100 {
            assert_eq!(inserted.unwrap(), expected, "{position}");
        }
    }
    assert_eq!(store.jobs.ledger().await.unwrap().total(), 1 + new);
    let last = &many[1199];
    assert_eq!(
        store.jobs.submission(last.job_id).await.unwrap().as_ref(),
        Some(last)
    );
    let again = store.jobs.insert_all(&many[500..600]).await.unwrap();
    assert!(
        again
            .iter()
            .all(|inserted| matches!(inserted, Ok(Inserted::Known))),
        "the same call may be repeated"
    );
}

/// A job is found as it was submitted, and listings filter, order and page.
///
/// # Panics
/// When a promise is broken.
pub async fn jobs_are_found_and_listed(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let mut ids = Vec::new();
    for number in 0..5 {
        clock.advance(TimeDelta::seconds(1));
        let mut submission = submission(&*clock);
        let parameters = &mut submission.request.parameters;
        if number == 3 {
            parameters.agent_type = Algorithm::Ppo;
            parameters.environments = vec!["Pendulum-v1".to_owned()];
            parameters
                .labels
                .insert("team".to_owned(), "red".to_owned());
        }
        let expected = parameters.clone();
        store.jobs.insert(from_ref(&submission)).await.unwrap();
        let job = store
            .jobs
            .find(submission.job_id)
            .await
            .unwrap()
            .expect("it is found");
        assert_eq!(
            (job.parameters, job.status, job.attempt),
            (expected, Status::Queued, 0)
        );
        assert_eq!(
            (job.submitted_at, job.started_at, job.finished_at),
            (clock.now(), None, None)
        );
        ids.insert(0, submission.job_id);
    }
    assert_eq!(store.jobs.find(Uuid::nil()).await.unwrap(), None);

    let mut filter = JobFilter::default();
    let mut seen = Vec::new();
    loop {
        let page = store.jobs.list(&filter, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        filter.before = Some((last.submitted_at, last.id));
        seen.extend(page.into_iter().map(|job| job.id));
    }
    assert_eq!(seen, ids, "the newest first, without gap or overlap");

    let odd_one = [ids[1]];
    let others = [ids[0], ids[2], ids[3], ids[4]];
    let by = |set: &dyn Fn(&mut JobFilter)| {
        let mut filter = JobFilter::default();
        set(&mut filter);
        filter
    };
    let team = |name: &str| Some(("team".to_owned(), name.to_owned()));
    let pendulum = "Pendulum-v1".to_owned();
    let acrobot = "Acrobot-v1".to_owned();
    let cases: [(_, &[Uuid]); 7] = [
        (by(&|f| f.agent_type = Some(Algorithm::Ppo)), &odd_one),
        (by(&|f| f.environment = Some(pendulum.clone())), &odd_one),
        (by(&|f| f.environment = Some(acrobot.clone())), &others),
        (by(&|f| f.label = team("red")), &odd_one),
        (by(&|f| f.label = team("blue")), &others),
        (by(&|f| f.status = Some(Status::Running)), &[]),
        (by(&|f| f.status = Some(Status::Queued)), &ids),
    ];
    for (filter, expected) in cases {
        let found: Vec<_> = store
            .jobs
            .list(&filter, 10)
            .await
            .unwrap()
            .into_iter()
            .map(|job| job.id)
            .collect();
        assert_eq!(found, expected, "{filter:?}");
    }
}

/// Many jobs are found in one call as each is found alone: once each, whatever it is asked for.
///
/// # Panics
/// When a promise is broken.
pub async fn many_jobs_are_found_at_once(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let submissions: Vec<_> = (0..1300).map(|_| submission(&*clock)).collect();
    store.jobs.insert_all(&submissions).await.unwrap();
    let (failing, ended) = (&submissions[7], &submissions[1299]);
    let lease = granted(&claim(&store, failing).await);
    let failure = Failed {
        kind: FailureKind::Evaluation,
        reason: "it broke down".to_owned(),
    };
    store
        .leases
        .retry_later(lease, &failure, clock.now())
        .await
        .unwrap();
    store.jobs.cancel(ended.job_id).await.unwrap();

    assert_eq!(store.jobs.find_many(&[]).await.unwrap(), []);
    let nobody = [Uuid::nil(), clock.new_id()];
    assert_eq!(store.jobs.find_many(&nobody).await.unwrap(), []);
    let mut ids: Vec<_> = submissions.iter().map(|one| one.job_id).collect();
    for asked in [1, 2, 3, 511, 512, 513, 1300] {
        let ids = &ids[ids.len() - asked..];
        let found = store.jobs.find_many(ids).await.unwrap();
        let found: BTreeSet<_> = found.iter().map(|job| job.id).collect();
        assert_eq!(found, ids.iter().copied().collect(), "{asked} at once");
    }
    ids.extend_from_slice(&ids.clone());
    ids.extend(nobody);
    let found = store.jobs.find_many(&ids).await.unwrap();
    assert_eq!(found.len(), submissions.len(), "each once");
    for one in [failing, ended, &submissions[0]] {
        let alone = store.jobs.find(one.job_id).await.unwrap();
        let among = found.iter().find(|job| job.id == one.job_id);
        assert_eq!(among, alone.as_ref(), "as it is found alone");
    }
}

/// A queued job is cancelled at once, a running one through its worker, an ended one not at all.
///
/// # Panics
/// When a promise is broken.
pub async fn cancelling_ends_queued_jobs_and_asks_running_ones(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let (queued, running) = (submission(&*clock), submission(&*clock));
    store
        .jobs
        .insert(&[queued.clone(), running.clone()])
        .await
        .unwrap();
    assert_eq!(store.jobs.cancel(Uuid::nil()).await.unwrap(), None);
    assert_eq!(
        store.jobs.cancel(queued.job_id).await.unwrap(),
        Some(Cancellation::Cancelled)
    );
    let ended = Some(Cancellation::Ended(Status::Cancelled));
    assert_eq!(
        store.jobs.cancel(queued.job_id).await.unwrap(),
        ended,
        "cancelling twice changes nothing"
    );

    let lease = granted(&claim(&store, &running).await);
    assert_eq!(
        store.jobs.cancel(running.job_id).await.unwrap(),
        Some(Cancellation::Requested)
    );
    let job = store.jobs.find(running.job_id).await.unwrap().unwrap();
    assert_eq!((job.status, job.cancel_requested), (Status::Running, true));
    let heartbeat = Heartbeat {
        lease,
        episodes_done: 4,
    };
    let standings = store
        .leases
        .renew(Duration::from_secs(5), &[heartbeat])
        .await
        .unwrap();
    assert_eq!(
        standings,
        [Renewal::CancelRequested],
        "its worker hears of it"
    );
    assert!(
        store
            .leases
            .finish_one(Finish::of(lease, Ending::Cancelled))
            .await
            .unwrap()
    );
    let job = store.jobs.find(running.job_id).await.unwrap().unwrap();
    assert_eq!(
        (job.status, job.finished_at),
        (Status::Cancelled, Some(clock.now()))
    );
    assert_eq!(
        job.progress,
        Progress {
            episodes_done: 4,
            episodes_total: 20
        }
    );
}

/// Accepted = queued + running + completed + failed + cancelled.
///
/// # Panics
/// When a promise is broken.
pub async fn the_ledger_counts_every_job_once(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let submissions: Vec<_> = (0..6).map(|_| submission(&*clock)).collect();
    store.jobs.insert(&submissions).await.unwrap();
    store.jobs.cancel(submissions[0].job_id).await.unwrap();
    let lease = granted(&claim(&store, &submissions[1]).await);
    store
        .leases
        .finish_one(Finish::of(lease, Ending::Completed(Vec::new())))
        .await
        .unwrap();
    claim(&store, &submissions[2]).await;
    let ledger = store.jobs.ledger().await.unwrap();
    assert_eq!(
        Status::ALL.map(|status| ledger.count(status)),
        [3, 1, 1, 0, 1]
    );
    assert_eq!(ledger.total(), 6);
}
