//! A policy with its statistics on the way to the service: inline while it is small, as an artifact
//! otherwise.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use tars_client::{Client, Error};
use tars_engine::policy_file::{self, Algorithm, Format};
use tars_shared::agent::PolicyOptions;
use tars_shared::artifact::{Digest, MAX_BYTES};
use tars_shared::request::body::{AgentStateBody, Body, StatisticsBody};
use tars_shared::request::{Priority, Stop};

use crate::{bounded_file, policy_path};

/// Files above this size go ahead of the request, so that a repetition of the request is small.
const INLINE_BYTES: usize = 256 * 1024;

/// A policy file, and the `VecNormalize` statistics that it was trained under.
#[derive(Debug)]
pub(crate) struct AgentFile {
    policy: Cow<'static, [u8]>,
    format: Format,
    vec_normalize: Option<Cow<'static, [u8]>>,
    options: PolicyOptions,
}

impl AgentFile {
    /// Reads the files. The format is told from the first bytes where it is not given.
    pub(crate) fn read(
        policy: &Path,
        format: Option<Format>,
        vec_normalize: Option<&Path>,
        options: PolicyOptions,
    ) -> anyhow::Result<Self> {
        let policy = policy_path::find(policy);
        let bytes = bounded_file::read(&policy, MAX_BYTES)?;
        let format = format
            .map_or_else(|| policy_file::detect(&bytes), Ok)
            .with_context(|| policy.display().to_string())?;
        if let Some(warning) = policy_path::forgotten_statistics(&policy)
            && vec_normalize.is_none()
        {
            eprintln!("tars: warning: {warning}");
        }
        let vec_normalize = vec_normalize
            .map(|file| bounded_file::read(file, MAX_BYTES))
            .transpose()?;
        Ok(Self {
            policy: bytes.into(),
            format,
            vec_normalize: vec_normalize.map(Cow::from),
            options,
        })
    }

    /// An SB3 policy that is part of this binary.
    pub(crate) const fn embedded(
        policy: &'static [u8],
        vec_normalize: Option<&'static [u8]>,
    ) -> Self {
        Self {
            policy: Cow::Borrowed(policy),
            format: Format::Sb3Zip,
            vec_normalize: match vec_normalize {
                Some(bytes) => Some(Cow::Borrowed(bytes)),
                None => None,
            },
            options: PolicyOptions {
                activation: None,
                trust_architecture: false,
                rescale_actions: false,
                observations: None,
            },
        }
    }

    /// The request that evaluates it, with every default. Large files are stored on the way.
    pub(crate) async fn request(
        &self,
        client: &Client,
        agent_type: Algorithm,
        environments: Vec<String>,
    ) -> Result<Body, Error> {
        Ok(Body {
            agent_type,
            agent_state: self.state(client).await?,
            hyperparameters: BTreeMap::new(),
            environments: Some(environments),
            num_episodes: None,
            quick_mode: false,
            compare_to_baseline: None,
            detect_regressions: None,
            seed: None,
            deterministic: None,
            priority: Priority::default(),
            timeout_seconds: None,
            labels: BTreeMap::new(),
            losses: Vec::new(),
            stop: Stop::Never,
            reuse: None,
            callback_url: None,
        })
    }

    async fn state(&self, client: &Client) -> Result<AgentStateBody, Error> {
        let (artifact, data) = settle(client, &self.policy).await?;
        let vec_normalize = match &self.vec_normalize {
            None => None,
            Some(bytes) => {
                let (artifact, data) = settle(client, bytes).await?;
                Some(StatisticsBody { artifact, data })
            }
        };
        Ok(AgentStateBody {
            artifact,
            format: Some(self.format),
            data: data.as_deref().map(quoted),
            vec_normalize,
            activation: self.options.activation,
            trust_architecture: flag(self.options.trust_architecture),
            rescale_actions: flag(self.options.rescale_actions),
            observations: self.options.observations,
        })
    }
}

/// The name of stored bytes, or the bytes as base64.
async fn settle(client: &Client, bytes: &[u8]) -> Result<(Option<Digest>, Option<String>), Error> {
    #[derive(Deserialize)]
    struct Stored {
        artifact: Digest,
    }
    if bytes.len() <= INLINE_BYTES {
        return Ok((None, Some(STANDARD.encode(bytes))));
    }
    let stored: Stored = client.upload(bytes.to_vec()).await?.read()?;
    Ok((Some(stored.artifact), None))
}

/// A flag that is left out where it is the default, so that older services understand the rest.
fn flag(set: bool) -> Option<bool> {
    set.then_some(true)
}

/// Text as a JSON value.
fn quoted(text: &str) -> Box<RawValue> {
    to_raw_value(text).expect("text is always JSON")
}
