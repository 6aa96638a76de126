//! HTTP in, job accepted, answer out.
//!
//! Nothing here evaluates: an accepted job is a row and a message, and a worker finds it.

mod accept;
mod accepted_job;
mod auth;
mod body;
mod call;
mod client_address;
pub mod config;
mod content_digest;
mod context;
mod deadline;
mod docs_ui;
mod ended_jobs;
mod endpoint;
mod error;
mod fairness;
mod first_admin;
mod followers;
mod gateway;
mod inserts;
mod job_watch;
mod job_watcher;
mod json_error;
mod keyed_semaphore;
mod known_artifacts;
mod label;
mod lanes;
mod limits;
mod lingering_stream;
mod moment;
mod open_jobs;
mod openapi;
mod outlook;
mod page;
mod pending_inserts;
mod problem;
mod query;
mod reply;
mod route;
mod routes;
mod server;
mod view;
mod waiting;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tars_shared::account::secret::Secret;
use tars_shared::account::{NewUser, Role};
use tars_shared::mode::Mode;
use tars_shared::services::Services;
use tars_shared::store;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::cors::CorsLayer;
use uuid::Uuid;
use warp::http::{HeaderName, HeaderValue, Method, header};

pub use crate::auth::REFRESH_LIFE as REFRESH_TOKEN_LIFE;
pub use crate::config::Config;
use crate::context::{Context, Duty, Settings};
use crate::deadline::{CALL_TIMEOUT, in_time};
use crate::endpoint::{Access, Endpoint};
pub use crate::error::Error;
use crate::gateway::Gateway;
use crate::limits::Limits;
use crate::routes::Routes;
use crate::server::Capacity;

/// Every endpoint and the least role that may use it; `None` needs no account.
pub fn access() -> impl Iterator<Item = (&'static str, &'static str, Option<Role>)> {
    Endpoint::ALL.iter().map(|endpoint| {
        let rule = endpoint.rule();
        let least = match rule.access {
            Access::Public => None,
            Access::AtLeast(least) => Some(least),
        };
        (rule.method, rule.path, least)
    })
}

/// The OpenAPI 3.1 document of this API, as `/openapi.json` serves it.
pub fn openapi() -> String {
    openapi::text(routes::operations())
}

/// How long requests under way may take after the shutdown began.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the headers of a request to a worker may take.
const OPERATIONS_HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// The API, bound to its address and ready to serve.
#[derive(Debug)]
pub struct Api {
    context: Arc<Context>,
    /// Who is added when there is no user yet and the store is back.
    first_admin: Option<NewUser>,
    cors: Option<CorsLayer>,
    capacity: Capacity,
    listener: TcpListener,
    address: SocketAddr,
}

impl Api {
    /// Takes the address, so that the caller can print it before the first request comes. Adds the
    /// first administrator, if one is named and there is no user yet.
    pub async fn bind(services: Services, config: &Config, mode: Mode) -> Result<Self, Error> {
        let secret = config.secrets.token_secret(mode).map_err(Error::Secret)?;
        let first_admin = first_admin::prepare(&services, &config.secrets).await?;
        let context = Context::open(
            Duty::Accept,
            services,
            &secret,
            Settings {
                limits: config.limits.clone(),
                fairness: config.fairness,
                proxies: config.trusted_proxies.clone(),
                scale_target: Some(Duration::from_secs(config.scale_target_seconds.into())),
                keeping: config.keeping,
                allowed_waits: Some(config.allowed_waits()),
                job_cache_bytes: u64::from(config.job_cache_mib) * 1024 * 1024,
                webhooks: config.webhooks.clone(),
            },
        );
        let capacity = Capacity {
            connections: config.max_connections as usize,
            per_address: config.max_connections_per_address as usize,
            headers: Duration::from_secs(config.header_timeout_seconds.into()),
        };
        let address = SocketAddr::new(config.host, config.port);
        Ok(Self {
            first_admin,
            cors: cors(&config.cors_origins),
            ..Self::listen(context, capacity, address).await?
        })
    }

    /// Only health and metrics, for a worker: it takes no jobs over HTTP, but orchestrators and
    /// Prometheus ask it too.
    pub async fn bind_operations(services: Services, address: SocketAddr) -> Result<Self, Error> {
        // Nobody logs in here.
        let secret = Secret::service().map_err(Error::Secret)?;
        let limits = Limits {
            public: Limits::default().probes,
            ..Limits::default()
        };
        let settings = Settings {
            limits,
            ..Settings::default()
        };
        let context = Context::open(Duty::Work, services, secret.expose(), settings);
        Self::listen(
            context,
            Capacity {
                connections: 64,
                per_address: 64,
                headers: OPERATIONS_HEADER_TIMEOUT,
            },
            address,
        )
        .await
    }

    async fn listen(
        context: Arc<Context>,
        capacity: Capacity,
        address: SocketAddr,
    ) -> Result<Self, Error> {
        let listen = async {
            let listener = TcpListener::bind(address).await?;
            listener.local_addr().map(|bound| (listener, bound))
        };
        let (listener, address) = listen
            .await
            .map_err(|reason| Error::Listen { address, reason })?;
        Ok(Self {
            context,
            first_admin: None,
            cors: None,
            capacity,
            listener,
            address,
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown`, then lets the requests under way finish.
    pub async fn run(self, shutdown: CancellationToken) {
        let context = self.context;
        tracing::info!(address = %self.address, "listening");
        let (routes, endpoints) = match context.duty {
            Duty::Accept => (Routes::all(), Endpoint::ALL),
            Duty::Work => (Routes::operations(), Endpoint::OPERATIONS),
        };
        let gateway = Gateway::new(context.clone(), routes, endpoints);
        let ending = async {
            shutdown.cancelled().await;
            context.shutdown.cancel();
        };
        let serving = server::serve(
            self.listener,
            gateway,
            self.cors,
            self.capacity,
            shutdown.clone(),
        );
        let recording = context
            .pending_inserts
            .record(&context.services, shutdown.clone());
        let watching = async {
            // Who takes no jobs is asked nothing about them.
            if context.duty == Duty::Accept {
                let pausing = context
                    .outlook
                    .watch_pauses(&context.services, shutdown.clone());
                tokio::join!(watch_jobs(&context, shutdown.clone()), pausing);
            }
        };
        let adding = first_admin::add(&context.services, self.first_admin, shutdown.clone());
        let timed_out = async {
            shutdown.cancelled().await;
            tokio::time::sleep(SHUTDOWN_TIMEOUT).await;
        };
        tokio::select! {
            ((), (), (), (), ()) = async { tokio::join!(serving, recording, watching, adding, ending) } => {}
            () = timed_out => tracing::warn!(timeout = ?SHUTDOWN_TIMEOUT, "closing connections that are still in use"),
        }
    }
}

/// Asks the store for the jobs that somebody waits for.
async fn watch_jobs(context: &Context, shutdown: CancellationToken) {
    let find = async |ids: Vec<Uuid>| {
        let jobs = context.services.store.jobs.clone();
        let found = in_time(CALL_TIMEOUT, async move { jobs.find_many(&ids).await }).await;
        if matches!(found, Err(store::Error::Unavailable(_))) {
            context.pending_inserts.note_outage();
        }
        found
    };
    context.job_watch.run(find, shutdown).await;
}

/// What browsers are told about pages of other sites. Without origins they are told nothing, and so
/// refuse them.
fn cors(origins: &[String]) -> Option<CorsLayer> {
    let origins: Vec<_> = origins
        .iter()
        .filter_map(|origin| HeaderValue::try_from(origin).ok())
        .collect();
    if origins.is_empty() {
        return None;
    }
    let name = HeaderName::from_static;
    Some(
        CorsLayer::new()
            .allow_origin(origins)
            .allow_methods([
                Method::GET,
                Method::POST,
                Method::PUT,
                Method::PATCH,
                Method::DELETE,
            ])
            .allow_headers([
                header::AUTHORIZATION,
                header::CONTENT_TYPE,
                header::IF_NONE_MATCH,
                name("idempotency-key"),
            ])
            .expose_headers([
                header::ETAG,
                header::LOCATION,
                header::RETRY_AFTER,
                name("x-cache"),
                name("x-ratelimit-limit"),
                name("x-ratelimit-remaining"),
                name("x-ratelimit-reset"),
                name("x-tars-read-from"),
                name("x-token-expires-in"),
            ])
            .max_age(Duration::from_mins(10)),
    )
}
