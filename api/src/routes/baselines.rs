//! `/v1/baselines`: list, the best of an agent type, add.

use std::collections::BTreeMap;
use std::str::FromStr as _;
use std::sync::Arc;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tars_engine::catalogue;
use tars_engine::policy_file::Algorithm;
use tars_engine::regression::{self, SeededReturn};
use tars_engine::whole;
use tars_shared::baseline::{Baseline, NewBaseline};
use tars_shared::request::{self, Hyperparameter};
use tars_shared::store::BaselineFilter;
use warp::Filter as _;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::reply::Response;

use super::{Context, json, route, with};
use crate::access::{self, Role, Subject};
use crate::body;
use crate::deadline::within;
use crate::page::{Listing, Page};
use crate::problem::Problem;
use crate::query::{EnvironmentId, Query, query};

/// A thousand returns with their seeds, and room for hyperparameters.
const BODY_BYTES: usize = 256 * 1024;
/// Ranks that one answer shows.
const MAX_TOP: u32 = 100;

pub(super) fn routes(context: &Arc<Context>) -> BoxedFilter<(Response,)> {
    let list = warp::path!("v1" / "baselines")
        .and(warp::get())
        .and(access::require(Role::Viewer))
        .and(query())
        .and(with(context))
        .then(list);
    let top = warp::path!("v1" / "baselines" / String)
        .and(warp::get())
        .and(access::require(Role::Viewer))
        .and(query())
        .and(with(context))
        .then(top);
    let add = warp::path!("v1" / "baselines")
        .and(warp::post())
        .and(access::require(Role::Admin))
        .and(body::read("application/json", BODY_BYTES))
        .and(with(context))
        .then(add);
    route(context, ("GET", "/v1/baselines"), list)
        .or(route(context, ("GET", "/v1/baselines/{agent_type}"), top))
        .unify()
        .or(route(context, ("POST", "/v1/baselines"), add))
        .unify()
        .boxed()
}

/// Without raw returns: a listing shows many baselines, and `n` says how many returns there are.
fn without_returns(mut baseline: Baseline) -> Baseline {
    baseline.content.statistics.returns = None;
    baseline
}

async fn list(_: Subject, mut query: Query, context: Arc<Context>) -> Result<Response, Problem> {
    let page = Page::<(Algorithm, String, u32)>::take(&mut query)?;
    let filter = BaselineFilter {
        agent_type: query.take("agent_type")?,
        environment: query.take::<EnvironmentId>("environment")?.map(|id| id.0),
        max_rank: None,
        after: page.after.clone(),
    };
    query.finish()?;
    let fetch_limit = page.fetch_limit();
    let baselines = context.services.store.baselines.clone();
    let found = within(async move { baselines.list(&filter, fetch_limit).await }).await?;
    let place =
        |baseline: &Baseline| (baseline.content.agent_type, baseline.content.environment.clone(), baseline.rank);
    Ok(json(StatusCode::OK, &Listing::new(found, page.limit, place, without_returns)))
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BestBaselines")]
struct Top {
    items: Vec<Baseline>,
}

async fn top(agent_type: String, _: Subject, mut query: Query, context: Arc<Context>) -> Result<Response, Problem> {
    let agent_type =
        Algorithm::from_str(&agent_type).map_err(|error| Problem::invalid_field("agent_type", error.to_string()))?;
    let filter = BaselineFilter {
        agent_type: Some(agent_type),
        environment: query.take::<EnvironmentId>("environment")?.map(|id| id.0),
        max_rank: Some(query.take_number("top_n", 1..=MAX_TOP, 10)?),
        after: None,
    };
    query.finish()?;
    let baselines = context.services.store.baselines.clone();
    let limit = MAX_TOP * u32::try_from(catalogue::native().len()).unwrap_or(1);
    let items = within(async move { baselines.list(&filter, limit).await }).await?;
    Ok(json(StatusCode::OK, &Top { items }))
}

/// A baseline from elsewhere.
// Its fields are those of `NewBaseline`, spelt out so that errors can name them.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "BaselineAddition")]
struct Addition {
    /// The algorithm of the agent.
    agent_type: Algorithm,
    /// An id from the catalogue.
    #[schemars(with = "catalogue::KnownId")]
    environment: String,
    /// Mean return.
    #[schemars(range(min = -regression::MAX_MAGNITUDE, max = regression::MAX_MAGNITUDE))]
    mean_reward: f64,
    /// Population standard deviation of the returns (divisor n).
    #[schemars(range(min = 0.0, max = regression::MAX_MAGNITUDE))]
    std_reward: f64,
    /// Share of successful episodes.
    #[schemars(range(min = 0.0, max = 1.0))]
    success_rate: f64,
    /// How many episodes there were.
    #[serde(deserialize_with = "whole::read")]
    #[schemars(range(min = 1, max = regression::MAX_EPISODES))]
    n: u32,
    /// Each episode's return, where they are known: `n` of them on different seeds, with the mean and deviation above.
    #[schemars(length(min = 1))]
    returns: Option<Vec<SeededReturn>>,
    #[serde(default)]
    /// Stored beside it.
    #[schemars(schema_with = "request::hyperparameters_schema")]
    hyperparameters: BTreeMap<String, Hyperparameter>,
}

impl Addition {
    fn validate(self) -> Result<NewBaseline, Problem> {
        if catalogue::find(&self.environment).is_none() {
            return Err(Problem::invalid_field("environment", "is not in the catalogue: see GET /v1/environments"));
        }
        let statistics = regression::Baseline {
            mean_reward: self.mean_reward,
            std_reward: self.std_reward,
            success_rate: self.success_rate,
            n: self.n,
            returns: self.returns,
        };
        statistics.check().map_err(|error| Problem::invalid_field(error.field, error.message))?;
        request::check_hyperparameters(&self.hyperparameters).map_err(Problem::invalid)?;
        Ok(NewBaseline {
            agent_type: self.agent_type,
            environment: self.environment,
            statistics,
            hyperparameters: self.hyperparameters,
            source_job: None,
        })
    }
}

async fn add(_: Subject, bytes: Result<Bytes, Problem>, context: Arc<Context>) -> Result<Response, Problem> {
    let baseline = body::parse::<Addition>(bytes?).await?.validate()?;
    let baselines = context.services.store.baselines.clone();
    let (baseline, _) = within(async move { baselines.insert(&baseline).await }).await?;
    Ok(json(StatusCode::CREATED, &baseline))
}
