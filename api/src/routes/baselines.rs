//! `/v1/baselines`: list, the best of an agent type, add.

use std::collections::BTreeMap;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json as value;
use tars_engine::catalogue;
use tars_engine::integer;
use tars_engine::policy_file::Algorithm;
use tars_engine::regression::{self, SeededReturn};
use tars_shared::baseline::{Baseline, NewBaseline};
use tars_shared::request::{self, Hyperparameter};
use tars_shared::store::BaselineFilter;
use warp::Filter as _;
use warp::http::StatusCode;
use warp::reply::Response;

use crate::body;
use crate::call::Call;
use crate::deadline::within;
use crate::endpoint::Endpoint;
use crate::openapi::operation::Operation;
use crate::page::{Listing, Page};
use crate::problem::Problem;
use crate::reply::json;
use crate::route::{Route, call, route};

/// A thousand returns with their seeds, and room for hyperparameters.
const BODY_BYTES: usize = 256 * 1024;
/// Ranks that one answer shows.
const MAX_TOP: u32 = 100;
/// Ranks that it shows unless it is asked for another number.
const DEFAULT_TOP: u32 = 10;

pub(super) fn routes() -> Vec<Route> {
    let body = body::read("application/json", BODY_BYTES);
    vec![
        route(Endpoint::ListBaselines, call().then(list)),
        route(Endpoint::TopBaselines, call().then(top)),
        route(Endpoint::AddBaseline, call().and(body).then(add)),
    ]
}

pub(super) fn operations() -> Vec<(Endpoint, Operation)> {
    let list = Operation::new("baselines", "List baselines")
        .described("By agent type, environment and rank; without raw returns.")
        .answers::<Listing<Baseline>>(200, "A page of them.");
    let top = Operation::new("baselines", "The best baselines of an algorithm")
        .answers::<Top>(200, "The best of each environment, the best first.");
    let add = Operation::new("baselines", "Add a baseline")
        .described("A baseline from elsewhere. It takes its rank by its mean reward, and the others move down.")
        .takes::<Addition>(value!({
            "agent_type": "DQN",
            "environment": "CartPole-v1",
            "mean_reward": 487.5,
            "std_reward": 12.5,
            "success_rate": 1.0,
            "n": 100,
        }))
        .answers::<Baseline>(201, "It is added.");
    vec![
        (Endpoint::ListBaselines, list),
        (Endpoint::TopBaselines, top),
        (Endpoint::AddBaseline, add),
    ]
}

/// Without raw returns: a listing shows many baselines, and `n` says how many returns there are.
fn without_returns(mut baseline: Baseline) -> Baseline {
    baseline.content.statistics.returns = None;
    baseline
}

async fn list(call: Call) -> Result<Response, Problem> {
    let page = Page::<(Algorithm, String, u32)>::of(&call.values)?;
    let filter = BaselineFilter {
        agent_type: call.values.find("agent_type")?,
        environment: call.values.find("environment")?,
        max_rank: None,
        after: page.after.clone(),
    };
    let fetch_limit = page.fetch_limit();
    let baselines = call.context.services.store.baselines.clone();
    let found = within(async move { baselines.list(&filter, fetch_limit).await }).await?;
    let position = |baseline: &Baseline| {
        (
            baseline.content.agent_type,
            baseline.content.environment.clone(),
            baseline.rank,
        )
    };
    Ok(json(
        StatusCode::OK,
        &Listing::new(found, page.limit, position, without_returns),
    ))
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BestBaselines")]
struct Top {
    items: Vec<Baseline>,
}

async fn top(call: Call) -> Result<Response, Problem> {
    let filter = BaselineFilter {
        agent_type: Some(call.values.of_path("agent_type")?),
        environment: call.values.find("environment")?,
        max_rank: Some(call.values.number("top_n", DEFAULT_TOP)?),
        after: None,
    };
    let baselines = call.context.services.store.baselines.clone();
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
    /// Share of successful episodes; null where it is unknown, as of published results.
    #[schemars(range(min = 0.0, max = 1.0))]
    success_rate: Option<f64>,
    /// How many episodes there were.
    #[serde(deserialize_with = "integer::read")]
    #[schemars(range(min = 1, max = regression::MAX_EPISODES))]
    n: u32,
    /// Each episode's return, where they are known: `n` of them on different seeds, with the mean
    /// and deviation above.
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
            return Err(Problem::invalid_field(
                "environment",
                "is not in the catalogue: see GET /v1/environments",
            ));
        }
        let statistics = regression::Baseline {
            mean_reward: self.mean_reward,
            std_reward: self.std_reward,
            success_rate: self.success_rate,
            n: self.n,
            returns: self.returns,
        };
        statistics
            .check()
            .map_err(|error| Problem::invalid_field(error.field, error.message))?;
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

async fn add(call: Call, bytes: Result<Bytes, Problem>) -> Result<Response, Problem> {
    let baseline = body::parse::<Addition>(bytes?).await?.validate()?;
    let (baselines, actor) = (
        call.context.services.store.baselines.clone(),
        call.caller.actor(),
    );
    let (baseline, _) = within(async move { baselines.insert(&baseline, &actor).await }).await?;
    Ok(json(StatusCode::CREATED, &baseline))
}
