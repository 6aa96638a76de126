//! `/auth`: logging in and out, and what administrators do to accounts.

mod audit;
mod keys;
mod service_tokens;
mod sessions;
mod users;

use crate::endpoint::Endpoint;
use crate::openapi::operation::Operation;
use crate::route::Route;

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

pub(super) fn routes() -> Vec<Route> {
    let routes = [
        sessions::routes(),
        users::routes(),
        service_tokens::routes(),
        keys::routes(),
        audit::routes(),
    ];
    routes.into_iter().flatten().collect()
}
