//! The JSON body of `POST /v1/evaluate` and its validation: every complaint names the field and the
//! fix.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use tars_engine::catalogue::KnownId;
use tars_engine::integer;
use tars_engine::policy::Activation;
use tars_engine::policy_file::{Algorithm, Format};
use uuid::Uuid;

use super::complaints::Complaints;
use super::{FieldError, Hyperparameter, Parameters, Priority, Request, Stop, limits, schema};
use crate::agent::{AgentState, Base64, Blob, Observations, PolicyOptions};
use crate::artifact::{self, Digest};
use crate::submission::default_seed;
use crate::webhook;

/// An evaluation to be made. A value that may be left out may also be null.
// Numbers are wide, so that validation can name their bounds.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Evaluation")]
pub struct Body {
    /// The algorithm that trained the agent, in any case.
    pub agent_type: Algorithm,
    /// The policy.
    pub agent_state: AgentStateBody,
    /// Numbers or texts to store with the result; at most 64.
    #[serde(default, deserialize_with = "bounded_map")]
    #[schemars(schema_with = "schema::hyperparameters")]
    pub hyperparameters: BTreeMap<String, Hyperparameter>,
    /// Ids from the catalogue, 1 to 16, none of them twice.
    #[schemars(with = "Option<Vec<KnownId>>", length(min = 1, max = limits::ENVIRONMENTS))]
    #[schemars(extend("uniqueItems" = true, "default" = ["CartPole-v1"]))]
    pub environments: Option<Vec<String>>,
    /// Episodes per environment.
    #[serde(default, deserialize_with = "integer::read_optional")]
    #[schemars(range(min = *limits::EPISODES.start(), max = *limits::EPISODES.end()))]
    #[schemars(extend("default" = limits::DEFAULT_EPISODES))]
    pub num_episodes: Option<i64>,
    /// Run 50 episodes, whatever `num_episodes` says.
    #[serde(default)]
    pub quick_mode: bool,
    /// Whether results carry a comparison with the best baseline.
    #[schemars(extend("default" = true))]
    pub compare_to_baseline: Option<bool>,
    /// Whether that comparison says if the agent regressed.
    #[schemars(extend("default" = true))]
    pub detect_regressions: Option<bool>,
    /// Episode `i` is reset with `seed + i`. Derived from the job's id by default.
    #[serde(default, deserialize_with = "integer::read_optional")]
    #[schemars(range(min = *limits::SEEDS.start(), max = *limits::SEEDS.end()))]
    pub seed: Option<i64>,
    /// Greedy or mean actions; otherwise they are sampled.
    #[schemars(extend("default" = true))]
    pub deterministic: Option<bool>,
    /// `when_decided`: end an environment as soon as its verdict against the baseline is safe.
    #[serde(default, skip_serializing_if = "Stop::is_never")]
    pub stop: Stop,
    /// Whether an equal result that is stored already may answer: that of the same policy, environment,
    /// seed, episodes, kind of actions and engine. The verdict is made anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = true))]
    pub reuse: Option<bool>,
    /// Which queue it waits in.
    #[serde(default)]
    pub priority: Priority,
    /// Wall time that each environment may take.
    #[serde(default, deserialize_with = "integer::read_optional")]
    #[schemars(range(min = *limits::TIMEOUT_SECONDS.start(), max = *limits::TIMEOUT_SECONDS.end()))]
    #[schemars(extend("default" = limits::DEFAULT_TIMEOUT_SECONDS))]
    pub timeout_seconds: Option<i64>,
    /// Free tags; at most 64.
    #[serde(default, deserialize_with = "bounded_map")]
    #[schemars(schema_with = "schema::labels")]
    pub labels: BTreeMap<String, String>,
    /// Training losses, oldest first, for `mean_loss` and `loss_trend`.
    #[serde(default)]
    #[schemars(length(max = limits::LOSSES))]
    pub losses: Vec<f64>,
    /// Where a signed message goes when the job has ended, if this service sends any: https, a public
    /// address, no credentials and no fragment.
    #[serde(default)]
    #[schemars(schema_with = "schema::callback_url")]
    pub callback_url: Option<String>,
}

/// A policy: an artifact, or bytes in a named format.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentStateBody {
    /// The SHA-256 of a stored artifact.
    pub artifact: Option<Digest>,
    /// Required with `data`.
    pub format: Option<Format>,
    /// Base64; for `mlp-json` the JSON object itself. It stays text until its length is known: a
    /// tree of values would take a hundred times its bytes.
    pub data: Option<Box<RawValue>>,
    /// SB3's `VecNormalize` statistics.
    pub vec_normalize: Option<StatisticsBody>,
    /// See [`PolicyOptions`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
    /// See [`PolicyOptions`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust_architecture: Option<bool>,
    /// See [`PolicyOptions`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rescale_actions: Option<bool>,
    /// See [`PolicyOptions`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observations: Option<Observations>,
}

/// `VecNormalize` statistics: an artifact, or base64.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatisticsBody {
    /// The SHA-256 of a stored artifact.
    pub artifact: Option<Digest>,
    /// Base64 of the `.pkl` file.
    pub data: Option<String>,
}

impl JsonSchema for AgentStateBody {
    fn schema_name() -> Cow<'static, str> {
        "AgentState".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let statistics = generator.subschema_for::<Option<StatisticsBody>>();
        schema::agent_state(generator, &statistics)
    }
}

impl JsonSchema for StatisticsBody {
    fn schema_name() -> Cow<'static, str> {
        "VecNormalize".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        schema::statistics(generator)
    }
}

impl Body {
    /// Checks every value and fills in the defaults. The seed of a request without one derives from
    /// `job_id`.
    pub fn validate(self, job_id: Uuid) -> Result<Request, Vec<FieldError>> {
        let mut complaints = Complaints::default();
        let agent_state = complaints.note(self.agent_state.validate());
        let environments = self
            .environments
            .unwrap_or_else(|| vec!["CartPole-v1".to_owned()]);
        complaints.environments(&environments);
        let episodes = match self.num_episodes {
            _ if self.quick_mode => limits::QUICK_EPISODES,
            given => given.unwrap_or(limits::DEFAULT_EPISODES),
        };
        let num_episodes = complaints.number("num_episodes", episodes, &limits::EPISODES);
        let timeout = self
            .timeout_seconds
            .unwrap_or(limits::DEFAULT_TIMEOUT_SECONDS);
        let timeout_seconds =
            complaints.number("timeout_seconds", timeout, &limits::TIMEOUT_SECONDS);
        let seed = self
            .seed
            .map(|seed| complaints.number("seed", seed, &limits::SEEDS));
        complaints.hyperparameters(&self.hyperparameters);
        complaints.map("labels", &self.labels, |text| Some(text));
        if self.losses.len() > limits::LOSSES {
            complaints.add("losses", format!("at most {} values", limits::LOSSES));
        }
        let (compare, detect) = (self.compare_to_baseline, self.detect_regressions);
        let has_verdict = compare.unwrap_or(true) && detect.unwrap_or(true);
        if self.stop == Stop::WhenDecided && !has_verdict {
            complaints.add(
                "stop",
                "when_decided needs a verdict: leave compare_to_baseline and detect_regressions true",
            );
        }
        if let Some(Err(complaint)) = self.callback_url.as_deref().map(webhook::parse) {
            complaints.add("callback_url", complaint);
        }
        let parameters = Parameters {
            agent_type: self.agent_type,
            environments,
            num_episodes,
            seed: seed.unwrap_or_else(|| default_seed(job_id)),
            deterministic: self.deterministic.unwrap_or(true),
            priority: self.priority,
            timeout_seconds,
            compare_to_baseline: compare.unwrap_or(true),
            detect_regressions: detect.unwrap_or(true),
            hyperparameters: self.hyperparameters,
            labels: self.labels,
            losses: self.losses,
            callback_url: self.callback_url,
            stop: self.stop,
            reuse: self.reuse.unwrap_or(true),
        };
        match agent_state {
            Some(agent_state) if complaints.0.is_empty() => Ok(Request {
                agent_state,
                parameters,
            }),
            _ => Err(complaints.0),
        }
    }
}

impl AgentStateBody {
    fn options(&self) -> PolicyOptions {
        PolicyOptions {
            activation: self.activation,
            trust_architecture: self.trust_architecture.unwrap_or_default(),
            rescale_actions: self.rescale_actions.unwrap_or_default(),
            observations: self.observations,
        }
    }

    fn validate(self) -> Result<AgentState, FieldError> {
        let options = self.options();
        let policy = match (self.artifact, self.data, self.format) {
            (Some(digest), None, _) => Blob::Artifact(digest),
            (None, Some(data), Some(format)) => Blob::Inline(policy_bytes(data.get(), format)?),
            (None, Some(_), None) => {
                return Err(FieldError::new(
                    "agent_state.format",
                    "is required with data: sb3-zip, torch, safetensors or mlp-json",
                ));
            }
            (Some(_), Some(_), _) => {
                return Err(FieldError::new(
                    "agent_state",
                    "give artifact or data, not both",
                ));
            }
            (None, None, _) => {
                return Err(FieldError::new(
                    "agent_state",
                    r#"give {"artifact": SHA-256} or {"format": …, "data": …}"#,
                ));
            }
        };
        let vec_normalize = self
            .vec_normalize
            .map(StatisticsBody::validate)
            .transpose()?;
        Ok(AgentState {
            policy,
            format: self.format,
            vec_normalize,
            options,
        })
    }
}

impl StatisticsBody {
    fn validate(self) -> Result<Blob, FieldError> {
        match (self.artifact, self.data) {
            (Some(digest), None) => Ok(Blob::Artifact(digest)),
            (None, Some(data)) => decode("agent_state.vec_normalize.data", &data).map(Blob::Inline),
            _ => Err(FieldError::new(
                "agent_state.vec_normalize",
                "give either artifact or data",
            )),
        }
    }
}

/// The policy in a JSON value: base64 in a text, or the `mlp-json` object itself.
fn policy_bytes(json: &str, format: Format) -> Result<Base64, FieldError> {
    const FIELD: &str = "agent_state.data";
    match (json.as_bytes().first(), format) {
        (Some(b'"'), _) => {
            let text: String = serde_json::from_str(json)
                .map_err(|error| FieldError::new(FIELD, error.to_string()))?;
            decode(FIELD, &text)
        }
        (Some(b'{'), Format::MlpJson) => bounded(FIELD, Base64(json.as_bytes().to_vec())),
        (_, Format::MlpJson) => Err(FieldError::new(
            FIELD,
            "must be the JSON object itself, or its base64",
        )),
        _ => Err(FieldError::new(FIELD, "must be base64 text")),
    }
}

fn decode(field: &str, text: &str) -> Result<Base64, FieldError> {
    let bytes = Base64::decode(text)
        .map_err(|error| FieldError::new(field, format!("is not base64: {error}")))?;
    bounded(field, bytes)
}

fn bounded(field: &str, bytes: Base64) -> Result<Base64, FieldError> {
    match bytes.0.len() {
        0 => Err(FieldError::new(field, "is empty")),
        1..=artifact::MAX_BYTES => Ok(bytes),
        _ => Err(FieldError::new(
            field,
            "may have at most 10 MiB after decoding",
        )),
    }
}

/// Reads a map and stops at the first entry too many, however many follow.
fn bounded_map<'de, D: Deserializer<'de>, V: Deserialize<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, V>, D::Error> {
    struct Bounded<V>(PhantomData<V>);
    impl<'de, V: Deserialize<'de>> Visitor<'de> for Bounded<V> {
        type Value = BTreeMap<String, V>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "an object with at most {} entries", limits::MAP_ENTRIES)
        }

        fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
            let mut map = BTreeMap::new();
            while let Some((key, value)) = entries.next_entry()? {
                map.insert(key, value);
                if map.len() > limits::MAP_ENTRIES {
                    return Err(de::Error::custom(format_args!(
                        "at most {} entries",
                        limits::MAP_ENTRIES
                    )));
                }
            }
            Ok(map)
        }
    }
    deserializer.deserialize_map(Bounded(PhantomData))
}
