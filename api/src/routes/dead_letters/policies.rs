//! Whether the policies of a dry run are stored, can be read, and fit: each is looked at once.

use std::collections::HashMap;
use std::sync::Arc;

use tars_engine::catalogue;
use tars_shared::agent::Blob;
use tars_shared::artifact::Digest;
use tars_shared::loaded_agent::{self, Agent, AgentError};
use tars_shared::replay::Refusal;
use tars_shared::replay::judging::Refused;
use tars_shared::submission::Submission;

use crate::context::Context;
use crate::deadline::within;
use crate::problem::Problem;

/// So many different policies are read; of others it is only asked whether they are stored.
const POLICIES: usize = 32;

#[derive(Default)]
pub(super) struct Policies {
    read: HashMap<Digest, Result<Arc<Agent>, Refused>>,
    stored: HashMap<Digest, bool>,
}

impl Policies {
    /// The submission, or why it would fail like the one before.
    pub(super) async fn check(
        &mut self,
        context: &Context,
        submission: Submission,
    ) -> Result<Result<Submission, Refused>, Problem> {
        let agent = &submission.request.agent_state;
        for blob in [Some(&agent.policy), agent.vec_normalize.as_ref()] {
            if let Some(Blob::Artifact(digest)) = blob
                && !self.is_stored(context, *digest).await?
            {
                return Ok(Err(missing(*digest)));
            }
        }
        let identity = loaded_agent::identity(&submission.request)?;
        if !self.read.contains_key(&identity) && self.read.len() < POLICIES {
            let read = read(context, &submission).await?;
            self.read.insert(identity, read);
        }
        Ok(match self.read.get(&identity) {
            Some(Ok(agent)) => misfit(agent, &submission).map_or(Ok(submission), Err),
            Some(Err(refused)) => Err(refused.clone()),
            None => Ok(submission),
        })
    }

    async fn is_stored(&mut self, context: &Context, digest: Digest) -> Result<bool, Problem> {
        if let Some(known) = self.stored.get(&digest) {
            return Ok(*known);
        }
        let artifacts = context.services.store.artifacts.clone();
        let stored = within(async move { artifacts.contains(digest).await }).await?;
        self.stored.insert(digest, stored);
        Ok(stored)
    }
}

fn missing(digest: Digest) -> Refused {
    let detail = format!("no artifact {digest} is stored");
    Refused::new(Refusal::ArtifactGone, detail)
}

async fn read(
    context: &Context,
    submission: &Submission,
) -> Result<Result<Arc<Agent>, Refused>, Problem> {
    let (artifacts, request) = (
        context.services.store.artifacts.clone(),
        submission.request.clone(),
    );
    let loaded = within(async move { loaded_agent::load(&*artifacts, &request).await }).await?;
    Ok(match loaded {
        Ok(agent) => Ok(Arc::new(agent)),
        Err(AgentError::Missing(digest)) => Err(missing(digest)),
        Err(AgentError::Unreadable(reason)) => Err(Refused::new(Refusal::Invalid, reason)),
    })
}

fn misfit(agent: &Agent, submission: &Submission) -> Option<Refused> {
    let environments = &submission.request.parameters.environments;
    let known = environments.iter().filter_map(|id| catalogue::find(id));
    let mut misfits = known.filter_map(|environment| agent.policy().fit(environment).err());
    let misfit = misfits.next()?;
    Some(Refused::new(Refusal::Invalid, misfit.to_string()))
}
