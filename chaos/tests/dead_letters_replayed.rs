//! Many dead letters are replayed, twice over, while workers and the API are killed and the broker is restarted: each
//! letter becomes at most one job, each job comes to one end, and every look finds every letter counted once.
//!
//! `TARS_CHAOS_LETTERS=100000` makes it as large as it gets.

#![expect(
    clippy::unwrap_used,
    reason = "the functions that tests share are tests too"
)]

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tars_chaos::workload::{evaluation, policy};
use tars_chaos::{Client, Fleet, Parts, Process, Stack, report};

const LIMIT: Duration = Duration::from_mins(20);
/// Somebody is killed after so many looks.
const LOOKS_PER_KILL: usize = 30;

/// Kinds and reasons of a fifth of the letters each, and what becomes of their replays.
const REASONS: [(&str, &str, &str); 5] = [
    (
        "timeout",
        "CartPole-v1 took longer than ' || n || ' s",
        "runs",
    ),
    (
        "evaluation",
        "the disk was full at byte ' || n || '",
        "runs",
    ),
    ("worker_lost", "worker host-' || n || ' vanished", "runs"),
    (
        "missing_artifact",
        "no artifact ' || n || ' is stored",
        "lacks its policy",
    ),
    (
        "invalid_policy",
        "the policy file ends after ' || n || ' bytes",
        "fails again",
    ),
];

fn letters() -> usize {
    let asked = std::env::var("TARS_CHAOS_LETTERS").ok();
    asked.map_or(3000, |asked| asked.parse().unwrap())
}

fn fleet() -> Fleet {
    let parts = Parts::default()
        .with_postgres()
        .with_rabbitmq()
        .with_redis();
    Fleet::start(Stack::start(&parts).unwrap()).unwrap()
}

fn query(fleet: &Fleet, sql: &str) -> String {
    fleet.stack().postgres().query(sql).unwrap()
}

fn count(fleet: &Fleet, what: &str) -> usize {
    query(fleet, &format!("SELECT count(*) FROM {what}"))
        .parse()
        .unwrap()
}

/// Failed jobs as a release before this one left them: copies of a job that was really submitted.
fn bury(fleet: &Fleet, template: &str, letters: usize) {
    for (kind, reason, _) in REASONS {
        let agent_state = match kind {
            "missing_artifact" => format!(
                "jsonb_set(agent_state::jsonb, '{{policy}}', '{{\"artifact\": \"{}\"}}')::json",
                "0".repeat(64)
            ),
            "invalid_policy" => {
                r#"'{"policy": {"inline": "AAAA"}, "format": "mlp-json", "vec_normalize": null}'::json"#
                    .to_owned()
            }
            _ => "agent_state".to_owned(),
        };
        let copies = letters / REASONS.len();
        query(
            fleet,
            &format!(
                "WITH copy AS (INSERT INTO jobs (id, version, subject, request_hash, agent_type, priority, parameters, \
                 agent_state, status, attempt, submitted_at, started_at, finished_at, episodes_total) \
                 SELECT gen_random_uuid(), version, subject, request_hash, agent_type, priority, parameters, {agent_state}, \
                 'failed', 1, now() - interval '1 day', now(), now(), episodes_total \
                 FROM jobs, generate_series(1, {copies}) WHERE id = '{template}' RETURNING id), \
                 numbered AS (SELECT id, row_number() OVER (ORDER BY id) AS n FROM copy), \
                 named AS (INSERT INTO evaluations (job_id, position, environment) SELECT id, 0, 'CartPole-v1' FROM copy), \
                 noted AS (INSERT INTO job_failures (job_id, attempt, at, kind, reason) \
                 SELECT id, 1, now(), '{kind}', '{reason}' FROM numbered) \
                 INSERT INTO dead_letters (id, job_id, at, kind, reason) \
                 SELECT id, id, now() - n * interval '1 millisecond', '{kind}', '{reason}' FROM numbered"
            ),
        );
    }
    query(fleet, "ANALYZE");
}

/// Begins a replay; gives its path.
async fn begin(client: &Client, key: &str, body: &Value) -> String {
    let path = "/v1/dead-letters/replays";
    let replay = client.insist(path, key, body, LIMIT).await;
    replay["links"]["self"].as_str().unwrap().to_owned()
}

/// Every letter is counted once.
fn check(replay: &Value) {
    let counts = &replay["counts"];
    let number = |name: &str| counts[name].as_u64().unwrap();
    let counted = ["queued", "succeeded", "failed", "refused", "remaining"];
    let counted: u64 = counted.into_iter().map(number).sum();
    assert_eq!(number("total"), counted, "{counts}");
    let refusals = replay["refusals"].as_object().unwrap().values();
    let refused: u64 = refusals.map(|number| number.as_u64().unwrap()).sum();
    assert_eq!(number("refused"), refused, "{replay}");
}

/// Whoever is killed next: workers and the API by turns, and the broker once.
struct Killer {
    workers: Vec<Process>,
    killed: usize,
}

impl Killer {
    fn start(fleet: &Fleet) -> Self {
        let worker = |number: usize| fleet.worker(&format!("worker-{number}"), 2, &[]).unwrap();
        Self {
            workers: (0..2).map(worker).collect(),
            killed: 0,
        }
    }

    fn strike(&mut self, fleet: &mut Fleet) {
        self.killed += 1;
        match self.killed {
            4 => {
                let broker = fleet.stack().rabbitmq();
                broker.kill().unwrap();
                broker.start().unwrap();
            }
            number if number % 3 == 0 => {
                fleet.kill_api().unwrap();
                fleet.start_api().unwrap();
            }
            number => {
                let worker = &mut self.workers[number % 2];
                worker.kill().unwrap();
                *worker = fleet.worker(&format!("heir-{number}"), 2, &[]).unwrap();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_become_one_job_each_whoever_is_killed() {
    let letters = letters();
    let mut fleet = fleet();
    let client = fleet.client();
    let agent = client.store(&policy(4)).await;
    let template = client.submit(&evaluation(&agent, 1)).await.unwrap();
    let mut killer = Killer::start(&fleet);
    client.follow(&template, LIMIT, tars_chaos::has_ended).await;
    bury(&fleet, &template, letters);

    let start = Instant::now();
    let careful =
        json!({"all": true, "canary": 20, "rate_per_second": 5000, "stop_at_failure_rate": 0.6});
    let overlapping = json!({"filter": {"kind": "timeout"}, "stop_at_failure_rate": 1});
    let replays = [
        begin(&client, "careful", &careful).await,
        begin(&client, "overlapping", &overlapping).await,
    ];
    let mut looks = 0;
    let mut ended = Vec::new();
    for path in &replays {
        loop {
            let replay = client
                .watch(path, LIMIT, |replay| {
                    check(replay);
                    assert_ne!(replay["state"], "stopped", "{replay}");
                    looks += 1;
                    replay["state"] == "finished" || looks % LOOKS_PER_KILL == 0
                })
                .await;
            if replay["state"] == "finished" {
                ended.push(replay);
                break;
            }
            if killer.killed < 9 {
                killer.strike(&mut fleet);
            }
        }
    }
    let took = start.elapsed();
    report(format_args!(
        "{letters} letters replayed in {took:.2?} ({:.0}/s) through {} kills, {looks} looks",
        letters as f64 / took.as_secs_f64(),
        killer.killed
    ));

    let fifth = letters as u64 / 5;
    let [careful, overlapping] = &ended[..] else {
        panic!("there are two")
    };
    for replay in &ended {
        report(format_args!("{}: {}", replay["counts"], replay["refusals"]));
    }
    assert_eq!(careful["counts"]["total"], 5 * fifth);
    assert_eq!(careful["refusals"]["artifact_gone"], fifth);
    assert_eq!(careful["counts"]["failed"], fifth);
    assert_eq!(overlapping["counts"]["total"], fifth);
    let succeeded = |replay: &Value| replay["counts"]["succeeded"].as_u64().unwrap();
    assert_eq!(succeeded(careful) + succeeded(overlapping), 3 * fifth);

    let new = "jobs WHERE retry_of IS NOT NULL";
    assert_eq!(count(&fleet, new), 4 * fifth as usize);
    let twice = "(SELECT FROM jobs WHERE retry_of IS NOT NULL GROUP BY retry_of HAVING count(*) > 1) AS twice";
    assert_eq!(count(&fleet, twice), 0, "no letter leads to two jobs");
    let alive = format!("{new} AND status NOT IN ('completed', 'failed')");
    assert_eq!(count(&fleet, &alive), 0, "every job has its end");
    let named = "dead_letters AS letter JOIN jobs ON jobs.id = letter.replayed_as AND jobs.retry_of = letter.job_id";
    assert_eq!(
        count(&fleet, named),
        4 * fifth as usize,
        "each letter names its job"
    );
    let conservation = client.conservation().await.unwrap();
    assert_eq!(
        conservation.total(),
        1 + 5 * fifth + 4 * fifth,
        "{conservation:?}"
    );
    let (_, summary) = client
        .ask(Method::GET, "/v1/dead-letters/summary", None)
        .await
        .unwrap();
    let groups = summary["groups"].as_array().unwrap();
    // The invalid ones of the first and of the second round read alike, unless the reader says it otherwise.
    assert!((5..=6).contains(&groups.len()), "{summary}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_of_poison_stops_itself_and_its_workers_live() {
    let fleet = fleet();
    let client = fleet.client();
    let agent = client.store(&policy(4)).await;
    let template = client.submit(&evaluation(&agent, 1)).await.unwrap();
    let worker = fleet.worker("worker", 2, &[]).unwrap();
    client.follow(&template, LIMIT, tars_chaos::has_ended).await;
    bury(&fleet, &template, 1000);
    let poison = json!({"filter": {"kind": "invalid_policy"}});
    let path = begin(&client, "poison", &poison).await;
    let stopped = client
        .watch(&path, LIMIT, |replay| {
            check(replay);
            assert_ne!(replay["state"], "finished", "{replay}");
            replay["state"] == "stopped"
        })
        .await;
    report(format_args!("{}: {}", stopped["reason"], stopped["counts"]));
    assert!(
        stopped["counts"]["failed"].as_u64().unwrap() <= 20,
        "{stopped}"
    );
    assert!(worker.is_running());
    let after = client.submit(&evaluation(&agent, 1)).await.unwrap();
    let job = client.follow(&after, LIMIT, tars_chaos::has_ended).await;
    assert_eq!(job["status"], "completed");
}
