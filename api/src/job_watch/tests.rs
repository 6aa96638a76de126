//! Time is tokio's own and stands still, so every interval is exact.

use std::slice::from_ref;

use tars_shared::clock::System;
use tars_shared::conformance::samples;
use tokio::time::sleep;

use super::*;
use crate::accepted_job::AcceptedJob;

/// A store of jobs that keeps what it was asked, and when.
#[derive(Default)]
struct Store {
    jobs: Mutex<HashMap<Uuid, Job>>,
    asked: Mutex<Vec<(Instant, Vec<Uuid>)>>,
    away: Mutex<bool>,
    /// How long an answer takes.
    latency: Duration,
}

impl Store {
    fn add(&self) -> Job {
        let job = AcceptedJob::of(&samples::submission(&System)).queued();
        self.put(&job);
        job
    }

    fn put(&self, job: &Job) {
        self.jobs.lock().unwrap().insert(job.id, job.clone());
    }

    fn becomes(&self, job: &Job, status: Status) -> Job {
        let job = Job {
            status,
            ..job.clone()
        };
        self.put(&job);
        job
    }

    fn asked(&self) -> Vec<(Instant, Vec<Uuid>)> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    async fn find(&self, ids: Vec<Uuid>) -> Result<Vec<Job>, Error> {
        self.asked
            .lock()
            .unwrap()
            .push((Instant::now(), ids.clone()));
        let found = {
            let jobs = self.jobs.lock().unwrap();
            ids.iter().filter_map(|id| jobs.get(id).cloned()).collect()
        };
        sleep(self.latency).await;
        if *self.away.lock().unwrap() {
            return Err(Error::Unavailable("away".to_owned()));
        }
        Ok(found)
    }
}

/// A watch over a store, looking until the test ends.
fn watch_over(store: Store) -> (Arc<JobWatch>, Arc<Store>) {
    let (watch, store) = (Arc::new(JobWatch::default()), Arc::new(store));
    let (looking, asked) = (watch.clone(), store.clone());
    tokio::spawn(async move {
        let find = |ids| asked.find(ids);
        looking.run(find, CancellationToken::new()).await;
    });
    (watch, store)
}

fn ended(found: &Found) -> bool {
    status(found).is_some_and(Status::is_terminal)
}

/// So many milliseconds apart were these looks.
fn gaps(asked: &[(Instant, Vec<Uuid>)]) -> Vec<u128> {
    asked
        .windows(2)
        .map(|pair| (pair[1].0 - pair[0].0).as_millis())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_is_asked_for_together_and_a_job_of_many_once() {
    let (watch, store) = watch_over(Store::default());
    let jobs: Vec<_> = (0..100).map(|_| store.add()).collect();
    let mut crowd: Vec<_> = (0..3)
        .flat_map(|_| jobs.iter().map(|job| watch.watch(job.id)))
        .collect();
    for watching in &mut crowd {
        assert_eq!(
            status(&watching.next(|_| true).await),
            Some(Status::Queued),
            "everybody hears of their job"
        );
    }
    let asked = store.asked();
    assert_eq!(asked.len(), 1, "in one call");
    let mut ids = asked[0].1.clone();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), asked[0].1.len()), (100, 100), "each job once");

    for job in &jobs {
        store.becomes(job, Status::Completed);
    }
    for watching in &mut crowd {
        assert!(ended(&watching.next(ended).await));
    }
    assert_eq!(store.asked().len(), 1, "and so they hear of the end");
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_and_nothing_is_asked() {
    let (watch, store) = watch_over(Store::default());
    sleep(Duration::from_hours(1)).await;
    let (job, other) = (store.add(), store.add());
    let mut watching = [watch.watch(job.id), watch.watch(other.id)];
    for watching in &mut watching {
        watching.next(|_| true).await.unwrap();
    }
    drop(watching);
    drop(watch.watch(job.id));
    store.asked();
    sleep(Duration::from_hours(1)).await;
    assert!(store.asked().is_empty(), "whoever waited has gone");
    assert!(watch.state().jobs.is_empty());

    store.becomes(&job, Status::Completed);
    let mut watching = watch.watch(job.id);
    assert!(ended(&watching.next(|_| true).await));
    sleep(Duration::from_hours(1)).await;
    assert_eq!(store.asked().len(), 1, "what has ended never changes");
}

#[tokio::test(start_paused = true)]
async fn looks_follow_each_other_within_milliseconds_and_then_every_quarter_of_a_second() {
    let (watch, store) = watch_over(Store::default());
    let job = store.add();
    let mut watching = watch.watch(job.id);
    watching.next(|_| true).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    let expected = [5, 10, 20, 40, 80, 160, 250, 250];
    assert_eq!(gaps(&store.asked())[..8], expected);
    store.becomes(&job, Status::Running);
    let running = |found: &Found| status(found) == Some(Status::Running);
    watching.next(running).await.unwrap();
    sleep(Duration::from_millis(100)).await;
    let gaps = gaps(&store.asked());
    assert_eq!(
        gaps[gaps.len() - 4..],
        [5, 10, 20, 40],
        "what has just begun may end as soon"
    );
    drop(watch.watch(job.id));
    sleep(Duration::from_secs(1)).await;
    assert!(
        !store.asked().is_empty(),
        "one who goes takes nothing from the others"
    );
}

/// What a look under way finds may be older than what a newcomer knows: their job may have been
/// accepted since.
#[tokio::test(start_paused = true)]
async fn a_look_that_began_before_counts_for_nothing() {
    let (watch, store) = watch_over(Store {
        latency: Duration::from_millis(50),
        ..Store::default()
    });
    let job = AcceptedJob::of(&samples::submission(&System)).queued();
    let mut early = watch.watch(job.id);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(store.asked().len(), 1, "the look is under way");
    store.put(&job);
    let mut late = watch.watch(job.id);
    assert_eq!(early.next(|_| true).await.unwrap(), None);
    assert_eq!(late.next(|_| true).await.unwrap().as_deref(), Some(&job));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_is_asked_again() {
    let (watch, store) = watch_over(Store::default());
    *store.away.lock().unwrap() = true;
    let job = store.add();
    let mut watching = watch.watch(job.id);
    assert!(watching.next(|_| true).await.is_err(), "they are told");
    store.becomes(&job, Status::Completed);
    sleep(Duration::from_mins(1)).await;
    let most_recent = store.asked();
    assert!(most_recent.len() < 300, "at most four times a second");
    assert!(
        most_recent
            .iter()
            .all(|(_, ids)| ids[..] == *from_ref(&job.id))
    );
    *store.away.lock().unwrap() = false;
    assert!(ended(&watching.next(ended).await), "and nothing has ended");
}
