//! `GET /metrics`.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tars_shared::request::Priority;
use tars_shared::store::Error;
use tokio::time::Instant;
use warp::Filter as _;
use warp::http::{HeaderValue, header};
use warp::reply::Response;

use crate::call::Call;
use crate::context::Context;
use crate::endpoint::Endpoint;
use crate::openapi::operation::Operation;
use crate::problem::Problem;
use crate::route::{Route, call, route};

/// How old the gauges may be.
const MAX_AGE: Duration = Duration::from_millis(500);

/// A part that hangs must not keep the others' figures from the scraper.
const READ_TIMEOUT: Duration = Duration::from_millis(800);

pub(super) fn routes() -> Vec<Route> {
    vec![route(Endpoint::Metrics, call().then(metrics))]
}

pub(super) fn operations() -> Vec<(Endpoint, Operation)> {
    let metrics = Operation::new("operations", "Figures for Prometheus").answers_text(
        200,
        "In the text format of Prometheus.",
        "text/plain",
    );
    vec![(Endpoint::Metrics, metrics)]
}

/// Gauges of the store and queue are read when they are asked for; a part that is away leaves its
/// last values.
async fn metrics(call: Call) -> Result<Response, Problem> {
    let services = &call.context.services;
    {
        // Anybody may ask, so the parts are asked once for all who do so at one time.
        let mut read = call.context.gauges_read.lock().await;
        if read.is_none_or(|at| at.elapsed() >= MAX_AGE) {
            read_gauges(&call.context).await;
            *read = Some(Instant::now());
        }
    }
    let text = services.metrics.render().map_err(|error| {
        tracing::error!(%error, "metrics cannot be rendered");
        Problem::internal()
    })?;
    let mut response = Response::new(text.into());
    let content_type = HeaderValue::from_static("text/plain; version=0.0.4");
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    Ok(response)
}

async fn read_gauges(context: &Context) {
    let services = &context.services;
    let overdue = async {
        let allowed = context.allowed_waits?;
        context.outlook.overdue(services, allowed).await
    };
    let (ledger, demand, webhook_lag, depths, hosts, oldest, overdue, ()) = tokio::join!(
        tokio::time::timeout(READ_TIMEOUT, services.store.jobs.ledger()),
        tokio::time::timeout(READ_TIMEOUT, services.store.workers.demand()),
        tokio::time::timeout(READ_TIMEOUT, services.store.webhooks.lag()),
        tokio::time::timeout(READ_TIMEOUT, services.queue.depths()),
        tokio::time::timeout(READ_TIMEOUT, services.store.hosts.inspect()),
        tokio::time::timeout(READ_TIMEOUT, services.store.dead_letters.oldest_open()),
        overdue,
        read_oldest_queued(context),
    );
    if let Some(overdue) = overdue {
        for priority in Priority::ALL {
            let jobs = i64::try_from(overdue[priority as usize]).unwrap_or(i64::MAX);
            let gauge = &services.metrics.jobs_overdue;
            gauge.with_label_values(&[priority.as_str()]).set(jobs);
        }
    }
    if let Ok(Ok(ledger)) = ledger {
        services.metrics.set_ledger(&ledger);
    }
    if let Ok(Ok(demand)) = demand {
        for priority in Priority::ALL {
            services
                .metrics
                .queued_work
                .with_label_values(&[priority.as_str()])
                .set(demand.queued_seconds(priority));
        }
        if let Some(target) = context.scale_target {
            let wanted = demand.workers_wanted(target).into();
            let gauge = &services.metrics.workers_wanted;
            gauge.with_label_values::<&str>(&[]).set(wanted);
        }
    }
    if let Ok(Ok(lag)) = webhook_lag {
        services.metrics.webhook_lag.set(lag.as_secs_f64());
    }
    if let Ok(Ok(depths)) = depths {
        for priority in Priority::ALL {
            let of_priority = depths.iter().filter(|(line, _)| line.priority == priority);
            let depth = of_priority.map(|(_, depth)| depth).sum::<u64>();
            let depth = i64::try_from(depth).unwrap_or(i64::MAX);
            services
                .metrics
                .queue_depth
                .with_label_values(&[priority.as_str()])
                .set(depth);
        }
    }
    if let Ok(Ok(oldest)) = oldest {
        set_oldest(context, oldest);
    }
    if let Ok(hosts) = hosts {
        services.metrics.set_hosts(&hosts);
    }
}

/// How long jobs wait, as workers say it too: whoever looks at the API alone sees it there.
async fn read_oldest_queued(context: &Context) {
    let (store, gauge) = (
        &context.services.store,
        &context.services.metrics.oldest_queued,
    );
    let reading = async {
        for priority in Priority::ALL {
            let age = store.dispatches.oldest_queued(priority).await?;
            let gauge = gauge.with_label_values(&[priority.as_str()]);
            gauge.set(age.as_secs_f64());
        }
        Ok::<_, Error>(())
    };
    if !matches!(
        tokio::time::timeout(READ_TIMEOUT, reading).await,
        Ok(Ok(()))
    ) {
        tracing::debug!("how long jobs wait is not known");
    }
}

/// How old the oldest open dead letter is, and when retention takes it.
fn set_oldest(context: &Context, oldest: Option<DateTime<Utc>>) {
    let (metrics, now) = (&context.services.metrics, context.services.clock.now());
    let seconds = |span: TimeDelta| span.as_seconds_f64().max(0.0);
    let age = oldest.map_or(0.0, |oldest| seconds(now - oldest));
    metrics.dead_letters_oldest.set(age);
    let expires = oldest.and_then(|oldest| context.keeping.expires_at(oldest));
    let expiry = &metrics.dead_letters_expire;
    match expires {
        Some(moment) => expiry
            .with_label_values::<&str>(&[])
            .set(seconds(moment - now)),
        None => expiry.reset(),
    }
}
