//! `GET /v1/dead-letters/replays/{id}/items` and `/items.csv`: what became of each letter, as JSON or CSV.

use bytes::Bytes;
use tars_shared::replay::{Item, Outcome};
use uuid::Uuid;
use warp::Filter as _;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

use super::view::{find, location};
use crate::call::Call;
use crate::deadline::within;
use crate::endpoint::Endpoint;
use crate::openapi::operation::Operation;
use crate::page::{Listing, Page};
use crate::problem::Problem;
use crate::reply::{self, json};
use crate::route::{Route, call, route};

pub(super) fn routes() -> Vec<Route> {
    vec![
        route(Endpoint::ListReplayItems, call().then(list)),
        route(Endpoint::ExportReplayItems, call().then(export)),
    ]
}

pub(super) fn operations() -> Vec<(Endpoint, Operation)> {
    const NONE: &str = "There is no such replay.";
    let list = Operation::new("dead letters", "List the letters of a replay")
        .answers::<Listing<Item>>(200, "A page of them, in the order of their turn.")
        .fails(404, NONE);
    let export = Operation::new("dead letters", "List the letters of a replay as CSV")
        .answers_text(200, "A page of them (RFC 4180).", "text/csv")
        .with_header("Link", "Where the next page is; not on the last one.")
        .fails(404, NONE);
    vec![
        (Endpoint::ListReplayItems, list),
        (Endpoint::ExportReplayItems, export),
    ]
}

async fn page(call: &Call) -> Result<(Uuid, Listing<Item>), Problem> {
    let page = Page::<u64>::of(&call.values)?;
    let outcome: Option<Outcome> = call.values.find("outcome")?;
    let id = find(call).await?.id;
    let replays = call.context.services.store.replays.clone();
    let (after, limit) = (page.after, page.fetch_limit());
    let found = within(async move { replays.items(id, outcome, after, limit).await }).await?;
    let position = |item: &Item| item.position;
    Ok((id, Listing::new(found, page.limit, position, |item| item)))
}

async fn list(call: Call) -> Result<Response, Problem> {
    let (_, listing) = page(&call).await?;
    Ok(json(StatusCode::OK, &listing))
}

async fn export(call: Call) -> Result<Response, Problem> {
    let (id, listing) = page(&call).await?;
    let mut text = "position,letter_id,outcome,refusal,detail,job_id\r\n".to_owned();
    for item in &listing.items {
        text.push_str(&row(item));
    }
    let mut response = reply::bytes("text/csv", Bytes::from(text));
    if let Some(cursor) = listing.next_cursor {
        let mut given = String::new();
        for name in ["outcome", "limit"] {
            if let Some(text) = call.values.text(name) {
                given.push_str(&format!("&{name}={text}"));
            }
        }
        let link = format!(
            "<{}/items.csv?cursor={cursor}{given}>; rel=\"next\"",
            location(id)
        );
        let link = HeaderValue::try_from(link).map_err(|_| Problem::internal())?;
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

fn row(item: &Item) -> String {
    let refusal = item.refusal.map_or("", |refusal| refusal.as_str());
    let detail = item.detail.as_deref().map(quoted).unwrap_or_default();
    let job = item.job_id.map(|id| id.to_string()).unwrap_or_default();
    let (position, letter, outcome) = (item.position, item.letter_id, item.outcome);
    format!("{position},{letter},{outcome},{refusal},{detail},{job}\r\n")
}

/// A text as a field. What a spreadsheet would take for a formula is marked as text.
fn quoted(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let mark = if formula { "'" } else { "" };
    format!("\"{mark}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_fields_whatever_they_hold() {
        assert_eq!(quoted("a, \"b\"\nc"), "\"a, \"\"b\"\"\nc\"");
        assert_eq!(quoted("=1+1"), "\"'=1+1\"");
    }
}
