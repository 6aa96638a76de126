//! The ledger against the service: every 202 has exactly one end, and nothing else is there.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::ensure;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tars_client::Client;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::job::LABEL;
use crate::latency::histogram;
use crate::ledger::Ledger;
use crate::session::Session;

/// Between two looks whether all have ended.
const LOOK: Duration = Duration::from_millis(200);

/// A job as the listing shows it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Listed {
    job_id: Uuid,
    status: String,
    submitted_at: DateTime<Utc>,
    pub(crate) finished_at: Option<DateTime<Utc>>,
}

impl Listed {
    fn has_ended(&self) -> bool {
        matches!(self.status.as_str(), "completed" | "failed" | "cancelled")
    }
}

#[derive(Debug, Deserialize)]
struct Page {
    items: Vec<Listed>,
    next_cursor: Option<String>,
}

#[derive(Serialize)]
struct Query<'a> {
    label: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'a str>,
    limit: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<&'a str>,
}

/// What came out of it.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Reconciliation {
    pub(crate) accepted: usize,
    /// Promised, and not there or not ended.
    pub(crate) missing: usize,
    /// There twice: in the ledger or in the listing.
    pub(crate) doubled: usize,
    /// There, and promised to nobody.
    pub(crate) strangers: usize,
    /// Ended, and not as a completed evaluation.
    pub(crate) failed: usize,
    /// Submissions that were neither accepted nor refused, however often they were sent.
    pub(crate) unknown: usize,
    /// From acceptance to end.
    pub(crate) p95_ms: Option<f64>,
    /// How long it took until all had ended.
    pub(crate) waited: Duration,
}

impl Reconciliation {
    /// How many jobs the two do not agree on.
    pub(crate) fn unaccounted(&self) -> usize {
        self.missing + self.doubled + self.strangers + self.failed + self.unknown
    }

    fn of(accepted: &[Uuid], unknown: usize, listed: &[Listed]) -> Self {
        let mut found = Self {
            accepted: accepted.len(),
            unknown,
            ..Self::default()
        };
        let mut seen: BTreeMap<Uuid, (u32, u32)> = BTreeMap::new();
        for job in accepted {
            seen.entry(*job).or_default().0 += 1;
        }
        let mut durations = histogram();
        for job in listed {
            let times = seen.entry(job.job_id).or_default();
            times.1 += 1;
            if job.has_ended() && job.status != "completed" {
                found.failed += 1;
            }
            if let (true, Some(end)) = (job.has_ended(), job.finished_at) {
                let took = (end - job.submitted_at)
                    .num_microseconds()
                    .unwrap_or_default();
                durations.saturating_record(took.try_into().unwrap_or_default());
            } else {
                found.missing += 1;
            }
        }
        for (promised, shown) in seen.into_values() {
            found.missing += usize::from(promised > 0 && shown == 0);
            found.strangers += usize::from(promised == 0);
            found.doubled += usize::from(promised > 1 || shown > 1);
        }
        found.p95_ms =
            (!durations.is_empty()).then(|| durations.value_at_quantile(0.95) as f64 / 1000.0);
        found
    }
}

/// Sends what got no answer again, waits until no job of the run waits or runs, and compares.
pub(crate) async fn reconcile(
    client: &Client,
    ledger: &Ledger,
    session: &mut Session,
    limit: Duration,
) -> anyhow::Result<Reconciliation> {
    let begun = Instant::now();
    let end = begun + limit;
    loop {
        for number in ledger.unknown() {
            session.submit(number).await;
        }
        if ledger.unknown().is_empty() || Instant::now() > end {
            break;
        }
        sleep(LOOK).await;
    }
    let run = ledger.run().to_string();
    wait_for_ends(client, &run, ledger.accepted().last(), end).await?;
    let waited = begun.elapsed();
    let listed = listed(client, &run).await?;
    Ok(Reconciliation {
        waited,
        ..Reconciliation::of(&ledger.accepted(), ledger.unknown().len(), &listed)
    })
}

/// Waits until no job of this run waits or runs, or until `end`. `last` is one that was accepted
/// late: as long as it has not ended, there is no need to search among all jobs, which costs the
/// service more than what is measured.
pub(crate) async fn wait_for_ends(
    client: &Client,
    run: &str,
    last: Option<&Uuid>,
    end: Instant,
) -> anyhow::Result<()> {
    loop {
        let none = match last {
            Some(job) if !has_ended(client, *job).await.unwrap_or(false) => Ok(false),
            _ => unfinished(client, run).await.map(|some| !some),
        };
        match none {
            Ok(true) => return Ok(()),
            Ok(false) if Instant::now() > end => return Ok(()),
            // A service that is as busy as this program makes it may not answer a search in time.
            Err(error) if Instant::now() > end => return Err(error),
            _ => sleep(LOOK).await,
        }
    }
}

async fn has_ended(client: &Client, job: Uuid) -> anyhow::Result<bool> {
    let job: Listed = client.get(&format!("/v1/jobs/{job}"), &()).await?.read()?;
    Ok(job.has_ended())
}

/// Whether a job of this run waits or runs.
async fn unfinished(client: &Client, run: &str) -> anyhow::Result<bool> {
    let label = format!("{LABEL}:{run}");
    // One that is taken up between the two looks is seen by the second; one that is given back is
    // seen by the third.
    for status in ["queued", "running", "queued"] {
        let query = Query {
            label: &label,
            status: Some(status),
            limit: 1,
            cursor: None,
        };
        let page: Page = client.get("/v1/jobs", &query).await?.read()?;
        if !page.items.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// All jobs of this run.
pub(crate) async fn listed(client: &Client, run: &str) -> anyhow::Result<Vec<Listed>> {
    let label = format!("{LABEL}:{run}");
    let mut jobs = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let query = Query {
            label: &label,
            status: None,
            limit: 200,
            cursor: cursor.as_deref(),
        };
        let page: Page = client.get("/v1/jobs", &query).await?.read()?;
        jobs.extend(page.items);
        ensure!(
            page.next_cursor.is_none() || page.next_cursor != cursor,
            "the listing goes round in circles"
        );
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(jobs);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Listed, Reconciliation};
    use uuid::Uuid;

    fn job(number: u128, status: &str) -> Listed {
        let time = |second: u32| format!("2026-01-01T00:00:0{second}Z").parse().unwrap();
        let finished_at = (status != "queued").then(|| time(3));
        Listed {
            job_id: Uuid::from_u128(number),
            status: status.to_owned(),
            submitted_at: time(1),
            finished_at,
        }
    }

    fn found(accepted: &[u128], listed: &[Listed]) -> Reconciliation {
        let accepted: Vec<Uuid> = accepted.iter().copied().map(Uuid::from_u128).collect();
        Reconciliation::of(&accepted, 0, listed)
    }

    #[test]
    fn each_promise_with_one_end_is_accounted_for() {
        let found = found(&[1, 2], &[job(2, "completed"), job(1, "completed")]);
        assert_eq!((found.accepted, found.unaccounted()), (2, 0));
        assert!((found.p95_ms.unwrap() - 2000.0).abs() < 2.0);
    }

    #[test]
    fn each_way_to_break_a_promise_is_told_apart() {
        let done = |number| job(number, "completed");
        for (accepted, listed, kind) in [
            (vec![1, 2], vec![done(1)], "missing"),
            (vec![1], vec![job(1, "queued")], "missing"),
            (vec![1], vec![done(1), done(1)], "doubled"),
            (vec![1, 1], vec![done(1)], "doubled"),
            (vec![1], vec![done(1), done(2)], "strangers"),
            (vec![1], vec![job(1, "failed")], "failed"),
        ] {
            let found = found(&accepted, &listed);
            let counts = [
                ("missing", found.missing),
                ("doubled", found.doubled),
                ("strangers", found.strangers),
                ("failed", found.failed),
            ];
            for (name, count) in counts {
                assert_eq!(count, usize::from(name == kind), "{name}: {found:?}");
            }
        }
    }
}
