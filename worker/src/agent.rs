//! Loads the agent of a request: fetches its blobs, reads its policy.

use tars_engine::policy::Policy;
use tars_engine::policy_file::{self, Format};
use tars_shared::agent::Blob;
use tars_shared::artifact::Digest;
use tars_shared::request::Request;
use tars_shared::services::Services;
use tars_shared::store::Error;

/// Why an agent cannot be evaluated, now or ever.
#[derive(Debug)]
pub(crate) enum AgentError {
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

/// Fetches and reads the agent. The outer error is the store's, the inner one the client's.
pub(crate) async fn load(
    services: &Services,
    request: &Request,
) -> Result<Result<Policy, AgentError>, Error> {
    let state = &request.agent_state;
    let policy = match fetch(services, &state.policy).await? {
        Ok(bytes) => bytes,
        Err(missing) => return Ok(Err(missing)),
    };
    let statistics = match &state.vec_normalize {
        None => None,
        Some(blob) => match fetch(services, blob).await? {
            Ok(bytes) => Some(bytes),
            Err(missing) => return Ok(Err(missing)),
        },
    };
    let (format, algorithm) = (state.format, request.parameters.agent_type);
    // Reading is bounded but can take milliseconds: not on the async runtime.
    let read = tokio::task::spawn_blocking(move || {
        let format = format.or_else(|| Format::detect(&policy));
        let format =
            format.ok_or("the artifact is no sb3-zip, safetensors or mlp-json file".to_owned())?;
        let file = policy_file::read(format, Some(algorithm), &policy)
            .map_err(|error| error.to_string())?;
        let Some(statistics) = statistics else {
            return Ok(file.policy);
        };
        let normalizer = policy_file::read_vec_normalize(&statistics);
        let file = normalizer.and_then(|normalizer| match normalizer {
            Some(normalizer) => file.normalized_by(normalizer),
            None => Ok(file),
        });
        Ok(file
            .map_err(|error| format!("vec_normalize: {error}"))?
            .policy)
    });
    let read = read
        .await
        .unwrap_or_else(|panic| Err(format!("the policy reader broke down: {panic}")));
    Ok(read.map_err(AgentError::Unreadable))
}

async fn fetch(services: &Services, blob: &Blob) -> Result<Result<Vec<u8>, AgentError>, Error> {
    match blob {
        Blob::Inline(bytes) => Ok(Ok(bytes.0.clone())),
        Blob::Artifact(digest) => Ok(services
            .store
            .artifacts
            .find(*digest)
            .await?
            .ok_or(AgentError::Missing(*digest))),
    }
}
