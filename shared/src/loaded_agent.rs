//! Loads the agent of a request: fetches its blobs, reads its policy.

use crate::agent::{AgentState, Blob};
use crate::artifact::Digest;
use crate::job::EvaluatedPolicy;
use crate::request::Request;
use crate::store::{Artifacts, Error};
use tars_engine::policy::{Dense, Policy};
use tars_engine::policy_file::{self, Format, Given, PolicyFile};

/// Why an agent cannot be evaluated, now or ever.
#[derive(Debug, Clone)]
pub enum AgentError {
    /// No such artifact is stored.
    Missing(Digest),
    /// The policy or its statistics cannot be read.
    Unreadable(String),
}

impl std::fmt::Display for AgentError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing(digest) => write!(
                f,
                "no artifact {digest} is stored: upload it and retry the job"
            ),
            Self::Unreadable(reason) => f.write_str(reason),
        }
    }
}

/// An agent, ready to act.
#[derive(Debug)]
pub struct Agent {
    sha256: Digest,
    format: Format,
    file: PolicyFile,
    /// The bytes that it was read from.
    read_bytes: usize,
}

impl Agent {
    /// What it acts by.
    pub fn policy(&self) -> &Policy {
        &self.file.policy
    }

    /// About how many bytes it takes: its layers, and as much as the files it was read from for
    /// all the rest.
    pub fn bytes(&self) -> usize {
        let numbers = |layer: &Dense| layer.weight.len() + layer.bias.len();
        let numbers: usize = self.file.policy.layers.iter().map(numbers).sum();
        numbers * size_of::<f32>() + self.read_bytes
    }

    /// What was read of it, for the result of an environment.
    pub fn describe(&self, environment: &str) -> Option<EvaluatedPolicy> {
        EvaluatedPolicy::of(self.sha256, self.format, &self.file, environment)
    }
}

/// Fetches and reads the agent. The outer error is the store's, the inner one the client's.
pub async fn load(
    artifacts: &dyn Artifacts,
    request: &Request,
) -> Result<Result<Agent, AgentError>, Error> {
    let state = &request.agent_state;
    let policy = match fetch(artifacts, &state.policy).await? {
        Ok(bytes) => bytes,
        Err(missing) => return Ok(Err(missing)),
    };
    let statistics = match &state.vec_normalize {
        None => None,
        Some(blob) => match fetch(artifacts, blob).await? {
            Ok(bytes) => Some(bytes),
            Err(missing) => return Ok(Err(missing)),
        },
    };
    let given = state.options.given(Some(request.parameters.agent_type));
    let format = state.format;
    // Reading is bounded but can take milliseconds: not on the async runtime.
    let read =
        tokio::task::spawn_blocking(move || read(format, given, &policy, statistics.as_deref()));
    let read = read
        .await
        .unwrap_or_else(|panic| Err(format!("the policy reader broke down: {panic}")));
    Ok(read.map_err(AgentError::Unreadable))
}

fn read(
    format: Option<Format>,
    given: Given,
    policy: &[u8],
    statistics: Option<&[u8]>,
) -> Result<Agent, String> {
    let format = format.map_or_else(|| policy_file::detect(policy), Ok);
    let agent = format.and_then(|format| {
        Ok(Agent {
            sha256: Digest::of(policy),
            format,
            file: policy_file::read(format, &given, policy)?,
            read_bytes: policy.len() + statistics.map_or(0, <[u8]>::len),
        })
    });
    let agent = agent.map_err(|error| error.to_string())?;
    let Some(statistics) = statistics else {
        return Ok(agent);
    };
    let normalized = match policy_file::read_vec_normalize(statistics) {
        Ok(Some(normalizer)) => agent.file.normalized_by(normalizer),
        Ok(None) => Ok(agent.file),
        Err(error) => Err(error),
    };
    let file = normalized.map_err(|error| format!("vec_normalize: {error}"))?;
    Ok(Agent { file, ..agent })
}

async fn fetch(
    artifacts: &dyn Artifacts,
    blob: &Blob,
) -> Result<Result<Vec<u8>, AgentError>, Error> {
    match blob {
        Blob::Inline(bytes) => Ok(Ok(bytes.0.clone())),
        Blob::Artifact(digest) => Ok(artifacts
            .find(*digest)
            .await?
            .ok_or(AgentError::Missing(*digest))),
    }
}

/// What decides how a policy is read: its own hash and that of its statistics, and all that the
/// request says about it.
pub fn identity(request: &Request) -> Result<Digest, Error> {
    let named = |blob: &Blob| match blob {
        Blob::Artifact(digest) => Blob::Artifact(*digest),
        Blob::Inline(bytes) => Blob::Artifact(Digest::of(&bytes.0)),
    };
    let state = &request.agent_state;
    let named = AgentState {
        policy: named(&state.policy),
        format: state.format,
        vec_normalize: state.vec_normalize.as_ref().map(named),
        options: state.options,
    };
    let text = serde_json::to_vec(&(request.parameters.agent_type, named));
    text.map(|text| Digest::of(&text))
        .map_err(|error| Error::Corrupt(format!("agent_state: {error}")))
}
