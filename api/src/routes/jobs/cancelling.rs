//! `POST /v1/jobs/cancel`: many jobs taken back at once.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json as value;
use tars_engine::integer;
use tars_engine::policy_file::Algorithm;
use tars_shared::job::Status;
use tars_shared::request::Priority;
use tars_shared::store::{Cancelled, JobFilter};
use tokio::time::Instant;
use warp::http::StatusCode;
use warp::reply::Response;

use crate::body;
use crate::call::Call;
use crate::deadline::within;
use crate::label;
use crate::openapi::operation::Operation;
use crate::problem::Problem;
use crate::reply::json;
use crate::view::JobView;

/// Jobs of one transaction.
const CHUNK: u32 = 500;
/// After so long, what is left is left to the next request.
const TIME: Duration = Duration::from_secs(2);
/// Jobs that a dry run counts, and shows.
const COUNTED: u32 = 10_000;
const SHOWN: u32 = 10;

const TEXT_CHARACTERS: usize = 320;
const MAX_SECONDS: u32 = 315_360_000;

/// One line, for those who read the document.
const LINE_FORM: &str = r"^[^\x00-\x1f\x7f-\x9f]{0,320}$";

pub(super) fn operation() -> Operation {
    Operation::new("operations", "Cancel many jobs")
        .described(
            "Those that fit every part of the filter and have not ended. Queued ones are cancelled, the workers of running \
             ones are asked to stop. It goes on for two seconds; `more` asks for the same request again, with the \
             `submitted_before` of the answer, so that it ends although jobs are submitted meanwhile.",
        )
        .takes::<Request>(value!({
            "filter": {"status": "queued", "label": "sweep:7", "older_than_seconds": 3600},
            "dry_run": true,
        }))
        .answers::<Outcome>(200, "What it did; of a dry run, what it would do.")
}

/// Which jobs to cancel.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CancellationRequest")]
pub(super) struct Request {
    /// What they have in common.
    #[serde(default)]
    filter: Filter,
    /// Every job that has not ended: for a request without a filter.
    #[serde(default)]
    all: bool,
    /// Only jobs that were submitted before this moment: that of the request, unless another one is
    /// given.
    submitted_before: Option<DateTime<Utc>>,
    /// Count them and show some, and change nothing.
    #[serde(default)]
    dry_run: bool,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CancellationFilter")]
struct Filter {
    /// `queued` or `running`.
    status: Option<Status>,
    /// Only jobs of this algorithm.
    agent_type: Option<Algorithm>,
    /// Only jobs that name this environment.
    #[schemars(length(max = TEXT_CHARACTERS), extend("pattern" = LINE_FORM))]
    environment: Option<String>,
    /// Only jobs with this label, as `name:value`.
    #[schemars(length(max = TEXT_CHARACTERS), extend("pattern" = label::FORM))]
    label: Option<String>,
    /// Only jobs of this account: `user:NAME`, or `token:ID` for a service token.
    #[schemars(length(max = TEXT_CHARACTERS), extend("pattern" = LINE_FORM))]
    submitter: Option<String>,
    /// Only jobs of this priority.
    priority: Option<Priority>,
    /// Only jobs that were submitted longer ago.
    #[serde(default, deserialize_with = "integer::read_optional")]
    #[schemars(range(max = MAX_SECONDS))]
    older_than_seconds: Option<u32>,
}

/// What a cancellation did, or would do.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CancellationOutcome")]
struct Outcome {
    /// Only jobs that were submitted before this moment were met: for the same request again.
    submitted_before: DateTime<Utc>,
    /// Jobs that were queued, and are cancelled.
    cancelled: u64,
    /// Jobs that run, and whose workers have been asked to stop.
    requested: u64,
    /// Of a dry run: the jobs that would be met.
    #[serde(skip_serializing_if = "Option::is_none")]
    matched: Option<u64>,
    /// Whether there are more: ask again. Of a dry run: whether there are more than were counted.
    more: bool,
    /// Of a dry run: some of the jobs.
    #[serde(skip_serializing_if = "Option::is_none")]
    sample: Option<Vec<JobView>>,
}

impl Request {
    /// The filter without the moment before which jobs were submitted, and that moment.
    fn filter(self, now: DateTime<Utc>) -> Result<(JobFilter, DateTime<Utc>), Problem> {
        let filter = self.filter;
        let label = filter.label.as_deref().map(label::parse);
        if label == Some(None) {
            return Err(Problem::invalid_field("filter.label", "must be name:value"));
        }
        for (field, text) in [
            ("filter.environment", &filter.environment),
            ("filter.submitter", &filter.submitter),
        ] {
            let text = text.as_deref().unwrap_or_default();
            if text.chars().count() > TEXT_CHARACTERS || text.chars().any(char::is_control) {
                let complaint = format!("must be one line of at most {TEXT_CHARACTERS} characters");
                return Err(Problem::invalid_field(field, complaint));
            }
        }
        if filter.status.is_some_and(Status::is_terminal) {
            let complaint = "must be queued or running: others have ended";
            return Err(Problem::invalid_field("filter.status", complaint));
        }
        if filter.older_than_seconds > Some(MAX_SECONDS) {
            let complaint = format!("must be at most {MAX_SECONDS}");
            return Err(Problem::invalid_field(
                "filter.older_than_seconds",
                complaint,
            ));
        }
        let age = TimeDelta::seconds(filter.older_than_seconds.unwrap_or_default().into());
        let is_aged = filter.older_than_seconds.is_some();
        let submitted_before = self.submitted_before.unwrap_or(now).min(now - age);
        let wanted = JobFilter {
            status: filter.status,
            agent_type: filter.agent_type,
            environment: filter.environment,
            label: label.flatten(),
            submitter: filter.submitter,
            priority: filter.priority,
            submitted_before: None,
            before: None,
        };
        match (wanted == JobFilter::default() && !is_aged, self.all) {
            (true, false) => {
                let complaint = "give a filter, or \"all\": true for every job that has not ended";
                Err(Problem::invalid_field("filter", complaint))
            }
            (false, true) => Err(Problem::invalid_field("all", "contradicts the filter")),
            _ => Ok((wanted, submitted_before)),
        }
    }
}

pub(super) async fn cancel(call: Call, bytes: Result<Bytes, Problem>) -> Result<Response, Problem> {
    let wanted: Request = body::parse(bytes?).await?;
    let dry_run = wanted.dry_run;
    let (filter, submitted_before) = wanted.filter(call.context.services.clock.now())?;
    let filter = JobFilter {
        submitted_before: Some(submitted_before),
        ..filter
    };
    let outcome = Outcome {
        submitted_before,
        cancelled: 0,
        requested: 0,
        matched: None,
        more: true,
        sample: None,
    };
    let outcome = if dry_run {
        look(&call, filter, outcome).await?
    } else {
        carry_out(&call, &filter, outcome).await?
    };
    Ok(json(StatusCode::OK, &outcome))
}

async fn look(call: &Call, filter: JobFilter, outcome: Outcome) -> Result<Outcome, Problem> {
    let jobs = call.context.services.store.cancellations.clone();
    let looking = async move {
        let matched = jobs.would_cancel(&filter, COUNTED + 1).await?;
        Ok((matched, jobs.some_of_them(&filter, SHOWN).await?))
    };
    let (matched, sample) = within(looking).await?;
    Ok(Outcome {
        matched: Some(matched.min(COUNTED.into())),
        more: matched > COUNTED.into(),
        sample: Some(sample.into_iter().map(JobView::summary).collect()),
        ..outcome
    })
}

async fn carry_out(
    call: &Call,
    filter: &JobFilter,
    mut outcome: Outcome,
) -> Result<Outcome, Problem> {
    let end = Instant::now() + TIME;
    while outcome.more && Instant::now() < end {
        let (jobs, filter, actor) = (
            call.context.services.store.cancellations.clone(),
            filter.clone(),
            call.caller.actor(),
        );
        let some = within(async move { jobs.cancel_some(&filter, CHUNK, &actor).await });
        match some.await {
            Ok(some) => {
                outcome.cancelled += some.cancelled;
                outcome.requested += some.requested;
                outcome.more = some != Cancelled::default();
            }
            // What was done is told; the same request goes on with the rest.
            Err(_) if outcome.cancelled + outcome.requested > 0 => break,
            Err(problem) => return Err(problem),
        }
    }
    Ok(outcome)
}
