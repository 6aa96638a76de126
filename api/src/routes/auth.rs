//! `/auth`: logging in and out, and what administrators do to accounts.

mod audit;
mod keys;
mod service_tokens;
mod sessions;
mod users;

use std::sync::Arc;

use super::{Call, Context, Route, enter, json, nothing, route};
use crate::endpoint::Endpoint;
use crate::openapi::operation::Operation;

pub(super) fn operations() -> Vec<(Endpoint, Operation)> {
    let operations = [
        sessions::operations(),
        users::operations(),
        service_tokens::operations(),
        keys::operations(),
        audit::operations(),
    ];
    operations.into_iter().flatten().collect()
}

/// A form of accounts is small.
const BODY_BYTES: usize = 16 * 1024;

pub(super) fn routes(context: &Arc<Context>) -> Vec<Route> {
    let routes = [
        sessions::routes(context),
        users::routes(context),
        service_tokens::routes(context),
        keys::routes(context),
        audit::routes(context),
    ];
    routes.into_iter().flatten().collect()
}
