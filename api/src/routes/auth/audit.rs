//! `GET /auth/audit`: who did what.

use chrono::{DateTime, Utc};
use tars_shared::account::AuditEntry;
use tars_shared::account::audit::AuditFilter;
use uuid::Uuid;
use warp::Filter as _;
use warp::http::StatusCode;
use warp::reply::Response;

use crate::call::Call;
use crate::deadline::within;
use crate::endpoint::Endpoint;
use crate::openapi::operation::Operation;
use crate::page::{Listing, Page};
use crate::problem::Problem;
use crate::reply::json;
use crate::route::{Route, call, route};

pub(super) fn routes() -> Vec<Route> {
    vec![route(Endpoint::ListAudit, call().then(list))]
}

pub(super) fn operations() -> Vec<(Endpoint, Operation)> {
    let list = Operation::new("accounts", "Who did what")
        .described("To accounts, keys and baselines. Entries cannot be changed or removed.")
        .answers::<Listing<AuditEntry>>(200, "The newest first.");
    vec![(Endpoint::ListAudit, list)]
}

async fn list(call: Call) -> Result<Response, Problem> {
    let values = &call.values;
    let page = Page::<(DateTime<Utc>, Uuid)>::of(values)?;
    let filter = AuditFilter {
        actor: values.text("actor").map(str::to_owned),
        action: values.find("action")?,
        before: page.after,
    };
    let (audit, limit) = (
        call.context.services.store.audit.clone(),
        page.fetch_limit(),
    );
    let found = within(async move { audit.list(&filter, limit).await }).await?;
    Ok(json(
        StatusCode::OK,
        &Listing::new(
            found,
            page.limit,
            |entry: &AuditEntry| (entry.at, entry.id),
            |entry| entry,
        ),
    ))
}
