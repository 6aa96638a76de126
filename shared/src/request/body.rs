//! The JSON body of `POST /v1/evaluate` and its validation: every complaint names the field and the fix.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use tars_engine::catalogue;
use tars_engine::policy_file::{Algorithm, Format};
use uuid::Uuid;

use super::{FieldError, Hyperparameter, Parameters, Priority, Request, limits};
use crate::agent::{AgentState, Base64, Blob};
use crate::artifact::{self, Digest};
use crate::submission::default_seed;

/// What a client sends. Numbers are wide, so that validation can name their bounds.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Body {
    /// DQN, A2C, PPO or DDPG, in any case.
    pub agent_type: Algorithm,
    /// The policy.
    pub agent_state: AgentStateBody,
    /// Numbers or texts to store with the result; at most 64.
    #[serde(default, deserialize_with = "bounded_map")]
    pub hyperparameters: BTreeMap<String, Hyperparameter>,
    /// Gymnasium ids, 1 to 16; `["CartPole-v1"]` by default.
    pub environments: Option<Vec<String>>,
    /// Episodes per environment, 1 to 1000; 100 by default.
    pub num_episodes: Option<i64>,
    /// 50 episodes, whatever `num_episodes` says.
    #[serde(default)]
    pub quick_mode: bool,
    /// True by default.
    pub compare_to_baseline: Option<bool>,
    /// True by default.
    pub detect_regressions: Option<bool>,
    /// The first episode's seed; derived from the job id by default.
    pub seed: Option<i64>,
    /// Greedy actions; true by default.
    pub deterministic: Option<bool>,
    /// high, normal or low; normal by default.
    #[serde(default)]
    pub priority: Priority,
    /// Wall time per environment, 300 by default.
    pub timeout_seconds: Option<i64>,
    /// Free tags; at most 64.
    #[serde(default, deserialize_with = "bounded_map")]
    pub labels: BTreeMap<String, String>,
    /// Training losses, oldest first.
    #[serde(default)]
    pub losses: Vec<f64>,
    /// Refused as long as there are no webhooks, rather than never called.
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
    /// Base64; for `mlp-json` the JSON object itself.
    /// It stays text until its length is known: a tree of values would take a hundred times its bytes.
    pub data: Option<Box<RawValue>>,
    /// SB3's `VecNormalize` statistics.
    pub vec_normalize: Option<StatisticsBody>,
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

impl Body {
    /// Checks every value and fills in the defaults. The seed of a request without one derives from `job_id`.
    pub fn validate(self, job_id: Uuid) -> Result<Request, Vec<FieldError>> {
        let mut complaints = Complaints::default();
        let agent_state = complaints.note(self.agent_state.validate());
        let environments = self.environments.unwrap_or_else(|| vec!["CartPole-v1".to_owned()]);
        complaints.environments(&environments);
        let episodes = match self.num_episodes {
            _ if self.quick_mode => limits::QUICK_EPISODES,
            given => given.unwrap_or(limits::DEFAULT_EPISODES),
        };
        let num_episodes = complaints.number("num_episodes", episodes, &limits::EPISODES);
        let timeout = self.timeout_seconds.unwrap_or(limits::DEFAULT_TIMEOUT_SECONDS);
        let timeout_seconds = complaints.number("timeout_seconds", timeout, &limits::TIMEOUT_SECONDS);
        let seed = self.seed.map(|seed| complaints.number("seed", seed, &limits::SEEDS));
        complaints.hyperparameters(&self.hyperparameters);
        complaints.map("labels", &self.labels, |text| Some(text));
        if self.losses.len() > limits::LOSSES {
            complaints.add("losses", format!("at most {} values", limits::LOSSES));
        }
        if self.callback_url.is_some() {
            complaints.add("callback_url", "webhooks are not served yet: poll with ?wait= or follow the job's events");
        }
        let parameters = Parameters {
            agent_type: self.agent_type,
            environments,
            num_episodes,
            seed: seed.unwrap_or_else(|| default_seed(job_id)),
            deterministic: self.deterministic.unwrap_or(true),
            priority: self.priority,
            timeout_seconds,
            compare_to_baseline: self.compare_to_baseline.unwrap_or(true),
            detect_regressions: self.detect_regressions.unwrap_or(true),
            hyperparameters: self.hyperparameters,
            labels: self.labels,
            losses: self.losses,
        };
        match agent_state {
            Some(agent_state) if complaints.0.is_empty() => Ok(Request { agent_state, parameters }),
            _ => Err(complaints.0),
        }
    }
}

impl AgentStateBody {
    fn validate(self) -> Result<AgentState, FieldError> {
        let policy = match (self.artifact, self.data, self.format) {
            (Some(digest), None, _) => Blob::Artifact(digest),
            (None, Some(data), Some(format)) => Blob::Inline(policy_bytes(data.get(), format)?),
            (None, Some(_), None) => {
                return Err(FieldError::new(
                    "agent_state.format",
                    "is required with data: sb3-zip, safetensors or mlp-json",
                ));
            }
            (Some(_), Some(_), _) => return Err(FieldError::new("agent_state", "give artifact or data, not both")),
            (None, None, _) => {
                return Err(FieldError::new(
                    "agent_state",
                    r#"give {"artifact": SHA-256} or {"format": …, "data": …}"#,
                ));
            }
        };
        let vec_normalize = self.vec_normalize.map(StatisticsBody::validate).transpose()?;
        Ok(AgentState { policy, format: self.format, vec_normalize })
    }
}

impl StatisticsBody {
    fn validate(self) -> Result<Blob, FieldError> {
        match (self.artifact, self.data) {
            (Some(digest), None) => Ok(Blob::Artifact(digest)),
            (None, Some(data)) => decode("agent_state.vec_normalize.data", &data).map(Blob::Inline),
            _ => Err(FieldError::new("agent_state.vec_normalize", "give either artifact or data")),
        }
    }
}

/// The policy in a JSON value: base64 in a text, or the `mlp-json` object itself.
fn policy_bytes(json: &str, format: Format) -> Result<Base64, FieldError> {
    const FIELD: &str = "agent_state.data";
    match (json.as_bytes().first(), format) {
        (Some(b'"'), _) => {
            let text: String = serde_json::from_str(json).map_err(|error| FieldError::new(FIELD, error.to_string()))?;
            decode(FIELD, &text)
        }
        (Some(b'{'), Format::MlpJson) => bounded(FIELD, Base64(json.as_bytes().to_vec())),
        (_, Format::MlpJson) => Err(FieldError::new(FIELD, "must be the JSON object itself, or its base64")),
        _ => Err(FieldError::new(FIELD, "must be base64 text")),
    }
}

fn decode(field: &str, text: &str) -> Result<Base64, FieldError> {
    let bytes = Base64::decode(text).map_err(|error| FieldError::new(field, format!("is not base64: {error}")))?;
    bounded(field, bytes)
}

fn bounded(field: &str, bytes: Base64) -> Result<Base64, FieldError> {
    match bytes.0.len() {
        0 => Err(FieldError::new(field, "is empty")),
        1..=artifact::MAX_BYTES => Ok(bytes),
        _ => Err(FieldError::new(field, "may have at most 10 MiB after decoding")),
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
                    return Err(de::Error::custom(format_args!("at most {} entries", limits::MAP_ENTRIES)));
                }
            }
            Ok(map)
        }
    }
    deserializer.deserialize_map(Bounded(PhantomData))
}

/// Checks hyperparameters that do not come with an evaluation.
pub fn check_hyperparameters(map: &BTreeMap<String, Hyperparameter>) -> Result<(), Vec<FieldError>> {
    let mut complaints = Complaints::default();
    complaints.hyperparameters(map);
    if complaints.0.is_empty() { Ok(()) } else { Err(complaints.0) }
}

/// Everything wrong with a body, so that a client can mend it in one go.
#[derive(Default)]
struct Complaints(Vec<FieldError>);

impl Complaints {
    fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(FieldError::new(field, message));
    }

    fn note<T>(&mut self, result: Result<T, FieldError>) -> Option<T> {
        result.map_err(|error| self.0.push(error)).ok()
    }

    fn number<T: TryFrom<i64> + Default>(
        &mut self,
        field: &str,
        value: i64,
        bounds: &std::ops::RangeInclusive<i64>,
    ) -> T {
        match T::try_from(value) {
            Ok(number) if bounds.contains(&value) => number,
            _ => {
                self.add(field, format!("must be from {} to {}, not {value}", bounds.start(), bounds.end()));
                T::default()
            }
        }
    }

    fn environments(&mut self, ids: &[String]) {
        if ids.is_empty() || ids.len() > limits::ENVIRONMENTS {
            self.add("environments", format!("name 1 to {} environments, not {}", limits::ENVIRONMENTS, ids.len()));
            return;
        }
        let mut seen = BTreeSet::new();
        for (index, id) in ids.iter().enumerate() {
            if catalogue::find(id).is_none() {
                let known: Vec<_> = catalogue::native().iter().map(|spec| &*spec.id).collect();
                self.add(
                    format!("environments[{index}]"),
                    format!("{:?} is not in the catalogue: {}", shortened(id), known.join(", ")),
                );
            } else if !seen.insert(id) {
                self.add(format!("environments[{index}]"), format!("{id} is named twice"));
            }
        }
    }

    fn hyperparameters(&mut self, map: &BTreeMap<String, Hyperparameter>) {
        self.map("hyperparameters", map, |value| match value {
            Hyperparameter::Text(text) => Some(text),
            Hyperparameter::Number(_) => None,
        });
    }

    fn map<V>(&mut self, field: &str, map: &BTreeMap<String, V>, text: impl Fn(&V) -> Option<&String>) {
        if map.len() > limits::MAP_ENTRIES {
            self.add(field, format!("at most {} entries, not {}", limits::MAP_ENTRIES, map.len()));
        }
        for (key, value) in map {
            if key.is_empty() || key.chars().count() > limits::KEY_CHARACTERS {
                self.add(field, format!("a key must have 1 to {} characters", limits::KEY_CHARACTERS));
            } else if key.contains('\0') || text(value).is_some_and(|text| text.contains('\0')) {
                self.add(field, "NUL characters cannot be stored");
            } else if text(value).is_some_and(|text| text.chars().count() > limits::VALUE_CHARACTERS) {
                self.add(format!("{field}.{key}"), format!("at most {} characters", limits::VALUE_CHARACTERS));
            }
        }
    }
}

/// Enough of a client's text to recognise it by.
fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}
