//! One submitter queues ten thousand jobs, and another one then a single job.

#![expect(
    clippy::unwrap_used,
    reason = "the functions that tests share are tests too"
)]

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tars_chaos::workload::{evaluation, policy};
use tars_chaos::{Client, Fleet, Parts, Stack, has_ended, report};

/// Longer than all ten thousand take.
const LOST: Duration = Duration::from_mins(5);

const JOBS: usize = 10_000;
/// The most of one request.
const BATCH: usize = 100;
/// What is done before the other submitter comes: by then the worker holds as many as it likes to.
const UNDER_WAY: u64 = 500;

/// How it went for the one who came later.
struct Wait {
    passed: Duration,
    /// Jobs of the other submitter that ended meanwhile.
    overtaken: usize,
}

/// A moment of a job, so that it compares with others.
fn moment<'a>(job: &'a Value, field: &str) -> &'a str {
    job[field].as_str().unwrap().trim_end_matches('Z')
}

/// How many completed jobs ended between the submission of this one and its end.
async fn ended_meanwhile(client: &Client, job: &Value) -> usize {
    let meanwhile = moment(job, "submitted_at")..moment(job, "finished_at");
    let (mut ended, mut cursor) = (0, String::new());
    loop {
        let path = format!("/v1/jobs?status=completed&limit=100{cursor}");
        let (_, page) = client.ask(Method::GET, &path, None).await.unwrap();
        let jobs = page["items"].as_array().unwrap().iter();
        ended += jobs
            .filter(|other| meanwhile.contains(&moment(other, "finished_at")))
            .count();
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return ended,
        }
    }
}

async fn submit_all(client: &Client, job: &Value) {
    let batch = json!({"evaluations": vec![job; BATCH]});
    for _ in 0..JOBS / BATCH {
        let answer = client.ask(Method::POST, "/v1/evaluate/batch", Some(&batch));
        let (status, answer) = answer.await.unwrap();
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    }
}

/// With so many lanes, on parts of their own.
async fn wait_behind_ten_thousand(lanes: &'static str) -> Wait {
    let parts = Parts::default().with_postgres().with_rabbitmq();
    let stack = Stack::start(&parts).unwrap();
    let fleet = Fleet::start_with(stack, &[("EVAL_LANES", lanes)]).unwrap();
    let (many, one) = (
        fleet.submitter("many").unwrap(),
        fleet.submitter("one").unwrap(),
    );
    let agent = many.store(&policy(16)).await;
    let job = evaluation(&agent, 50);
    submit_all(&many, &job).await;
    let _worker = fleet.worker("worker", 1, &[]).unwrap();
    while many.conservation().await.unwrap().count("completed") < UNDER_WAY {}
    let start = Instant::now();
    let id = one.submit(&job).await.unwrap();
    let ended = one.follow(&id, LOST, has_ended).await;
    let passed = start.elapsed();
    assert_eq!(ended["status"], "completed", "{ended}");
    let overtaken = ended_meanwhile(&many, &ended).await;
    report(format_args!(
        "{lanes} lanes: the one job ended {passed:.2?} after its submission, and {overtaken} of {JOBS} others before it"
    ));
    Wait { passed, overtaken }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_jobs_do_not_starve_another_submitters_one() {
    let before = wait_behind_ten_thousand("1").await;
    assert!(
        before.overtaken > JOBS / 2,
        "in one line it waits for all of them: {}",
        before.overtaken
    );
    let after = wait_behind_ten_thousand("4").await;
    assert!(
        after.overtaken < JOBS / 10,
        "in a lane of its own it waits for those in hand: {}",
        after.overtaken
    );
    report(format_args!(
        "waited {:.2?} in one line, {:.2?} with lanes",
        before.passed, after.passed
    ));
}
