//! What operators do to workers and to the jobs that wait for them.

use tars_shared::account::Actor;
use tars_shared::pause::{NewPause, Pause, Scope};
use tars_shared::request::Priority;
use tars_shared::store::WorkerFilter;

use super::*;

async fn pause(services: &Services, scope: Scope) -> Pause {
    let pause = NewPause {
        scope,
        reason: "maintenance".to_owned(),
        until: None,
    };
    let pauses = &services.store.pauses;
    let begun = pauses.pause(&pause, &Actor::command()).await.unwrap();
    begun.unwrap()
}

async fn resume(services: &Services, pause: &Pause) {
    let (pauses, by) = (&services.store.pauses, Actor::command());
    pauses.resume(pause.id, &by).await.unwrap().unwrap();
}

/// How many jobs are set aside, as soon as there are so many.
async fn held(services: &Services, pause: &Pause, jobs: u64) {
    let look = async {
        while services.store.pauses.held().await.unwrap().get(&pause.id) != Some(&jobs) {
            tokio::task::yield_now().await;
        }
    };
    let held = tokio::time::timeout(LOST, look).await;
    held.expect("so many jobs are set aside");
}

async fn status(services: &Services, id: Uuid) -> (Status, u32) {
    let job = services.store.jobs.find(id).await.unwrap().unwrap();
    (job.status, job.attempt)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_paused_waits_beside_what_is_not_and_runs_afterwards() {
    let data = tempfile::tempdir().unwrap();
    let services = services(data.path()).await;
    let begun = pause(&services, Scope::Priority(Priority::High)).await;
    let mut urgent = submission(policy(8), 5);
    urgent.request.parameters.priority = Priority::High;
    // One is known by its message alone.
    services.queue.publish(&urgent).await.unwrap();
    let mut paused = vec![urgent.job_id];
    for _ in 0..20 {
        let mut urgent = submission(policy(8), 5);
        urgent.request.parameters.priority = Priority::High;
        paused.push(submit(&services, &urgent).await);
    }
    let other = submit(&services, &submission(policy(8), 5)).await;
    let worker = Worker::start(&services, "worker");
    assert_eq!(ended(&services, other).await.status, Status::Completed);
    held(&services, &begun, 21).await;
    assert_eq!(waiting(&services).await, 0, "no message of theirs is left");
    for id in &paused {
        assert_eq!(status(&services, *id).await, (Status::Queued, 0));
    }
    resume(&services, &begun).await;
    for id in paused {
        let job = ended(&services, id).await;
        assert_eq!((job.status, job.attempt), (Status::Completed, 1));
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_everything_is_paused_messages_stay_where_they_are() {
    let data = tempfile::tempdir().unwrap();
    let services = services(data.path()).await;
    let begun = pause(&services, Scope::All).await;
    let id = submit(&services, &submission(policy(8), 5)).await;
    let worker = Worker::start(&services, "worker");
    let reported = async {
        while services.store.workers.demand().await.unwrap().workers == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LOST, reported).await.unwrap();
    assert_eq!(waiting(&services).await, 1);
    assert_eq!(status(&services, id).await, (Status::Queued, 0));
    resume(&services, &begun).await;
    assert_eq!(ended(&services, id).await.status, Status::Completed);

    // A worker that takes jobs already stops.
    let begun = pause(&services, Scope::All).await;
    let mut ids = Vec::new();
    let stopped = async {
        while services.store.pauses.held().await.unwrap().is_empty() {
            ids.push(submit(&services, &submission(policy(8), 5)).await);
            if waiting(&services).await > 50 {
                return;
            }
        }
    };
    tokio::time::timeout(LOST, stopped).await.unwrap();
    resume(&services, &begun).await;
    for id in ids {
        assert_eq!(ended(&services, id).await.status, Status::Completed);
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_says_what_it_runs_and_ends_when_an_operator_drains_it() {
    let data = tempfile::tempdir().unwrap();
    let services = services(data.path()).await;
    let worker = Worker::start(&services, "odd name/");
    let id = submit(&services, &submission(policy(700), 1000)).await;
    let seen = async {
        loop {
            let workers = services
                .store
                .workers
                .list(&WorkerFilter::default(), 10)
                .await;
            if let Some(worker) = workers.unwrap().pop().filter(|one| one.running == [id]) {
                return worker;
            }
            tokio::task::yield_now().await;
        }
    };
    let seen = tokio::time::timeout(LOST, seen).await.unwrap();
    assert!(seen.name.starts_with("odd-name--"), "{}", seen.name);
    assert!(seen.alive && !seen.draining && seen.busy == 1, "{seen:?}");
    assert_eq!(seen.version.as_deref(), Some(env!("CARGO_PKG_VERSION")));
    let (workers, by) = (&services.store.workers, Actor::command());
    let drained = workers.drain(&seen.name, &by).await.unwrap();
    assert!(drained.is_some());
    let ended = tokio::time::timeout(LOST, worker.task).await;
    ended.expect("it ends by itself").unwrap();
    let ran = status(&services, id).await;
    assert_eq!(ran, (Status::Completed, 1), "what it ran is finished");
    let left = services
        .store
        .workers
        .list(&WorkerFilter::default(), 10)
        .await;
    assert_eq!(left.unwrap(), []);
}
