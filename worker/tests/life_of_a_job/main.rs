//! What becomes of deliveries, on the real embedded parts and with real policies.

#![expect(
    clippy::unwrap_used,
    reason = "the functions that tests share are tests too"
)]

mod early_stop;
mod operators;
mod reuse;
mod several_environments;

use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;
use tars_engine::policy_file::Format;
use tars_engine::regression::Thresholds;
use tars_shared::agent::{AgentState, Base64, Blob, PolicyOptions};
use tars_shared::artifact::Digest;
use tars_shared::clock::{Clock as _, System};
use tars_shared::conformance::samples;
use tars_shared::dead_letter::Keeping;
use tars_shared::job::{FailureKind, Job, Status};
use tars_shared::line::{Lane, Line};
use tars_shared::services::Services;
use tars_shared::store::Cancellation;
use tars_shared::submission::Submission;
use tars_shared::webhook::Webhooks;
use tars_worker::{Config, Shutdown};
use tokio::task::JoinHandle;
use uuid::Uuid;

/// Longer than any of these jobs takes; what is not there by then is lost.
const LOST: Duration = Duration::from_mins(1);

struct Worker {
    shutdown: Shutdown,
    task: JoinHandle<()>,
}

impl Worker {
    fn start(services: &Services, name: &str) -> Self {
        Self::start_with(services, name, None)
    }

    fn start_with(services: &Services, name: &str, concurrency: Option<NonZero<u16>>) -> Self {
        let shutdown = Shutdown::default();
        let config = Config {
            concurrency,
            window: 256,
            worker_name: name.to_owned(),
            lease_seconds: 5,
            max_attempts: 5,
            grace_seconds: 60,
            keeping: Keeping::default(),
            policy_cache_mib: 64,
            webhooks: Webhooks::default(),
        };
        let run = tars_worker::run(
            services.clone(),
            config,
            Thresholds::default(),
            shutdown.clone(),
        );
        Self {
            shutdown,
            task: tokio::spawn(run),
        }
    }

    /// Requeue what is running.
    async fn stop(self) {
        self.shutdown.at_once();
        self.task.await.unwrap();
    }

    /// Finishes what is running.
    async fn drain(self) {
        self.shutdown.drain.cancel();
        self.task.await.unwrap();
    }
}

async fn services(data: &Path) -> Services {
    Services::embedded(data, Arc::new(System)).await.unwrap()
}

/// A CartPole policy with one hidden layer of this width. Wide ones are slow.
fn policy(width: usize) -> Blob {
    let hidden = json!({"weight": vec![[0.0, 0.0, 1.0, 0.5]; width], "bias": vec![0.0; width]});
    let square = json!({"weight": vec![vec![0.001; width]; width], "bias": vec![0.0; width]});
    let out = json!({"weight": [vec![-1.0; width], vec![1.0; width]], "bias": [0.0, 0.0]});
    let document = json!({"version": 1, "head": "values", "activation": "tanh", "layers": [hidden, square, out]});
    Blob::Inline(Base64(document.to_string().into_bytes()))
}

/// An evaluation of `policy` on CartPole.
fn submission(policy: Blob, episodes: u32) -> Submission {
    let mut submission = samples::submission(&System);
    submission.request.agent_state = AgentState {
        policy,
        format: Some(Format::MlpJson),
        vec_normalize: None,
        options: PolicyOptions::default(),
    };
    submission.request.parameters.environments = vec!["CartPole-v1".to_owned()];
    submission.request.parameters.num_episodes = episodes;
    submission
}

async fn submit(services: &Services, submission: &Submission) -> Uuid {
    services
        .store
        .jobs
        .insert(std::slice::from_ref(submission))
        .await
        .unwrap();
    services.queue.publish(submission).await.unwrap();
    submission.job_id
}

/// The job as soon as `seen` says that it has come far enough.
async fn until(services: &Services, id: Uuid, seen: impl Fn(&Job) -> bool) -> Job {
    let look = async {
        loop {
            let job = services.store.jobs.find(id).await.unwrap().unwrap();
            if seen(&job) {
                return job;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LOST, look)
        .await
        .expect("the job comes that far")
}

async fn ended(services: &Services, id: Uuid) -> Job {
    until(services, id, |job| job.status.is_terminal()).await
}

async fn waiting(services: &Services) -> u64 {
    tokio::task::yield_now().await;
    services
        .queue
        .depths()
        .await
        .unwrap()
        .iter()
        .map(|(_, depth)| depth)
        .sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_share_the_jobs_and_run_none_twice() {
    let data = tempfile::tempdir().unwrap();
    let services = services(data.path()).await;
    let mut ids = Vec::new();
    for _ in 0..40 {
        ids.push(submit(&services, &submission(policy(8), 20)).await);
    }
    let workers = [
        Worker::start(&services, "one"),
        Worker::start(&services, "two"),
    ];
    let mut results = Vec::new();
    for id in ids {
        let job = ended(&services, id).await;
        assert_eq!(
            (job.status, job.attempt),
            (Status::Completed, 1),
            "{:?}",
            job.failures
        );
        results.push(services.store.jobs.results(id).await.unwrap());
    }
    assert!(
        results.windows(2).all(|pair| pair[0] == pair[1]),
        "the same request gives the same result"
    );
    assert_eq!(results[0][0].episodes.len(), 20);
    let drained = async { while waiting(&services).await > 0 {} };
    tokio::time::timeout(LOST, drained)
        .await
        .expect("every delivery is acknowledged, spare copies too");
    for worker in workers {
        worker.stop().await;
    }
    assert_eq!(waiting(&services).await, 0, "and none is requeued");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_never_work_fails_at_once_with_its_reason() {
    let data = tempfile::tempdir().unwrap();
    let services = services(data.path()).await;
    let worker = Worker::start(&services, "worker");
    let garbage = Blob::Inline(Base64(b"no policy".to_vec()));
    let missing = Blob::Artifact(Digest::of(b"never stored"));
    let mut elsewhere = submission(policy(8), 5);
    elsewhere.request.parameters.environments =
        vec!["CartPole-v1".to_owned(), "Acrobot-v1".to_owned()];
    let mut unknown = submission(policy(8), 5);
    unknown.request.parameters.environments = vec!["Nowhere-v0".to_owned()];
    for (submission, kind, reason) in [
        (
            submission(garbage, 5),
            FailureKind::InvalidPolicy,
            "mlp-json",
        ),
        (
            submission(missing, 5),
            FailureKind::MissingArtifact,
            "upload it",
        ),
        (
            elsewhere,
            FailureKind::InvalidPolicy,
            "observations of 4 values, Acrobot-v1 gives 6",
        ),
        (unknown, FailureKind::UnknownEnvironment, "Nowhere-v0"),
    ] {
        let job = ended(&services, submit(&services, &submission).await).await;
        assert_eq!(
            (job.status, job.attempt, job.failures.len()),
            (Status::Failed, 1, 1)
        );
        assert_eq!(job.failures[0].kind, kind);
        assert!(
            job.failures[0].reason.contains(reason),
            "{}",
            job.failures[0].reason
        );
        assert_eq!(
            services.store.jobs.results(job.id).await.unwrap(),
            [],
            "nothing ran"
        );
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_that_takes_too_long_fails_its_job() {
    let data = tempfile::tempdir().unwrap();
    let services = services(data.path()).await;
    let worker = Worker::start(&services, "worker");
    let mut slow = submission(policy(700), 1000);
    slow.request.parameters.timeout_seconds = 1;
    let job = ended(&services, submit(&services, &slow).await).await;
    assert_eq!(
        (job.status, job.failures[0].kind),
        (Status::Failed, FailureKind::Timeout)
    );
    assert!(
        job.finished_at.unwrap() - job.started_at.unwrap() >= TimeDelta::seconds(1),
        "it had its time"
    );
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_job_shows_progress_and_obeys_its_owner() {
    let data = tempfile::tempdir().unwrap();
    let services = services(data.path()).await;
    let worker = Worker::start(&services, "worker");
    let id = submit(&services, &submission(policy(400), 1000)).await;
    let running = until(&services, id, |job| job.progress.episodes_done > 0).await;
    assert_eq!(
        (running.status, running.progress.episodes_total),
        (Status::Running, 1000)
    );
    assert_eq!(
        services.store.jobs.cancel(id).await.unwrap(),
        Some(Cancellation::Requested)
    );
    let job = ended(&services, id).await;
    assert_eq!(job.status, Status::Cancelled);
    assert!(job.progress.episodes_done < 1000, "it stopped on the way");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_stops_hands_its_job_back_unharmed() {
    let data = tempfile::tempdir().unwrap();
    let services = services(data.path()).await;
    let first = Worker::start(&services, "first");
    let id = submit(&services, &submission(policy(700), 1000)).await;
    until(&services, id, |job| job.status == Status::Running).await;
    first.stop().await;
    let job = services.store.jobs.find(id).await.unwrap().unwrap();
    assert_eq!(
        (job.status, job.attempt, job.failures.len()),
        (Status::Queued, 0, 0)
    );

    let second = Worker::start(&services, "second");
    let job = until(&services, id, |job| job.status == Status::Running).await;
    assert_eq!(
        job.attempt, 1,
        "the delivery was requeued too, and the attempt was not charged"
    );
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_drains_finishes_its_job_and_takes_no_other() {
    let data = tempfile::tempdir().unwrap();
    let services = services(data.path()).await;
    // More jobs than any machine has slots: some of them are running, the others wait.
    let policy = policy(150);
    let mut ids = Vec::new();
    for _ in 0..100 {
        ids.push(submit(&services, &submission(policy.clone(), 50)).await);
    }
    let worker = Worker::start(&services, "worker");
    until(&services, ids[0], |job| job.status != Status::Queued).await;
    worker.drain().await;
    let mut ended = 0;
    for id in ids {
        let job = services.store.jobs.find(id).await.unwrap().unwrap();
        assert!(
            matches!(job.status, Status::Completed | Status::Queued),
            "{}",
            job.status
        );
        assert_eq!(job.failures, []);
        ended += u32::from(job.status == Status::Completed);
    }
    assert!(ended > 0, "what was running is finished");
    assert!(ended < 100, "what was waiting still waits");
}

/// The queue was away when the job was recorded.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_could_not_be_published_is_found_by_the_dispatcher() {
    let data = tempfile::tempdir().unwrap();
    let services = services(data.path()).await;
    let submission = submission(policy(8), 5);
    services
        .store
        .jobs
        .insert(std::slice::from_ref(&submission))
        .await
        .unwrap();
    let unpublished = [submission.job_id];
    let marked = services.store.dispatches.mark_unpublished(&unpublished);
    marked.await.unwrap();
    let worker = Worker::start(&services, "worker");
    assert_eq!(
        ended(&services, submission.job_id).await.status,
        Status::Completed
    );
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_in_a_long_lane_is_not_taken_for_lost() {
    let data = tempfile::tempdir().unwrap();
    let services = services(data.path()).await;
    let worker = Worker::start_with(&services, "busy", NonZero::new(1));
    let slow = submit(&services, &submission(policy(512), 1000)).await;
    until(&services, slow, |job| job.status == Status::Running).await;
    // All were dispatched long ago; of the last one the message is gone.
    let [mut waiting, mut lost] = [1, 2].map(|lane| {
        let mut old = submission(policy(4), 1);
        old.lane = Lane::ALL[lane];
        old
    });
    let lines = [&waiting, &lost].map(Submission::line);
    for age in [5, 4, 3] {
        waiting.job_id = System.new_id();
        waiting.submitted_at = System.now() - TimeDelta::minutes(age);
        submit(&services, &waiting).await;
    }
    lost.submitted_at = System.now() - TimeDelta::minutes(2);
    services.store.jobs.insert(&[lost]).await.unwrap();

    let depth = async |line: Line| {
        tokio::task::yield_now().await;
        let depths = services.queue.depths().await.unwrap();
        depths[line.index()].1
    };
    let found = async { while depth(lines[1]).await == 0 {} };
    let found = tokio::time::timeout(LOST, found).await;
    found.expect("the lost message is made up for");
    assert_eq!(depth(lines[0]).await, 3, "and no other one");
    worker.stop().await;
}
