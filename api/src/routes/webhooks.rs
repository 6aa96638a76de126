//! Webhooks: what became of them, and sending them again.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use tars_shared::webhook::{self, Attempt, Delivery, DeliveryFilter, DeliveryState, Event};
use uuid::Uuid;
use warp::Filter as _;
use warp::http::StatusCode;
use warp::reply::Response;

use crate::call::Call;
use crate::deadline::within;
use crate::endpoint::Endpoint;
use crate::job_watcher::JobWatcher;
use crate::openapi::operation::Operation;
use crate::page::{Listing, Page};
use crate::problem::Problem;
use crate::reply::json;
use crate::route::{Route, call, route};
use crate::view::location;

pub(super) fn routes() -> Vec<Route> {
    vec![
        route(Endpoint::ListJobWebhooks, call().then(of_job)),
        route(Endpoint::ListWebhooks, call().then(list)),
        route(Endpoint::RedeliverWebhook, call().then(redeliver)),
    ]
}

pub(super) fn operations() -> Vec<(Endpoint, Operation)> {
    let of_job = Operation::new("webhooks", "List the webhooks of a job")
        .described("Empty as long as the job has not ended, and if it named no `callback_url`.")
        .answers::<OfJob>(200, "With their attempts.")
        .fails(404, "There is no such job.");
    let list = Operation::new("webhooks", "List webhooks")
        .answers::<Listing<View>>(200, "The newest first, with their attempts.");
    let redeliver = Operation::new("webhooks", "Send a webhook again")
        .described(
            "Under its id, as soon as a worker finds it, and as often as a new one; whatever became of it before.",
        )
        .answers::<View>(202, "It is due.")
        .fails(404, "There is no such webhook.");
    vec![
        (Endpoint::ListJobWebhooks, of_job),
        (Endpoint::ListWebhooks, list),
        (Endpoint::RedeliverWebhook, redeliver),
    ]
}

/// A webhook and what became of it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Webhook")]
struct View {
    /// The same at every attempt: `webhook-id`.
    id: Uuid,
    job_id: Uuid,
    /// What it tells.
    event: Event,
    /// Where it goes. What stands behind the question mark may be a secret of the receiver, and is
    /// not shown.
    url: String,
    state: DeliveryState,
    /// When the job ended.
    created_at: DateTime<Utc>,
    /// When the next attempt is due; null where none is.
    next_attempt_at: Option<DateTime<Utc>>,
    /// How often it was begun.
    attempt: u32,
    /// Attempts whose end is known, oldest first.
    attempts: Vec<Attempt>,
    /// Why the latest of them failed; null where it did not.
    last_error: Option<String>,
    /// Where the job is.
    job: String,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "JobWebhooks")]
struct OfJob {
    items: Vec<View>,
}

fn view(delivery: Delivery) -> View {
    let last = delivery.attempts.last();
    let is_pending = delivery.state == DeliveryState::Pending;
    View {
        id: delivery.id,
        job_id: delivery.job_id,
        event: delivery.event,
        url: webhook::shown(&delivery.url),
        state: delivery.state,
        created_at: delivery.created_at,
        next_attempt_at: is_pending.then_some(delivery.due_at),
        attempt: delivery.attempt,
        last_error: last.and_then(|attempt| attempt.error.clone()),
        attempts: delivery.attempts,
        job: location(delivery.job_id),
    }
}

async fn of_job(call: Call) -> Result<Response, Problem> {
    let id = call.values.id()?;
    let webhooks = call.context.services.store.webhooks.clone();
    let deliveries = within(async move { webhooks.of_job(id).await }).await?;
    if deliveries.is_empty() {
        // It may have no row yet.
        JobWatcher::new(&call.context, id).load().await?;
    }
    let items = deliveries.into_iter().map(view).collect();
    Ok(json(StatusCode::OK, &OfJob { items }))
}

async fn list(call: Call) -> Result<Response, Problem> {
    let page = Page::<(DateTime<Utc>, Uuid)>::of(&call.values)?;
    let filter = DeliveryFilter {
        state: call.values.find("state")?,
        before: page.after,
    };
    let fetch_limit = page.fetch_limit();
    let webhooks = call.context.services.store.webhooks.clone();
    let found = within(async move { webhooks.list(&filter, fetch_limit).await }).await?;
    let position = |delivery: &Delivery| (delivery.created_at, delivery.id);
    let listing = Listing::new(found, page.limit, position, view);
    Ok(json(StatusCode::OK, &listing))
}

async fn redeliver(call: Call) -> Result<Response, Problem> {
    let (id, by) = (call.values.id()?, call.caller.actor());
    let webhooks = call.context.services.store.webhooks.clone();
    let redelivered = within(async move { webhooks.redeliver(id, &by).await }).await?;
    let delivery =
        redelivered.ok_or_else(|| Problem::not_found(format!("there is no webhook {id}")))?;
    Ok(json(StatusCode::ACCEPTED, &view(delivery)))
}
