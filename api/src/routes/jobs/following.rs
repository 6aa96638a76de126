//! What followers of a job see.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _, stream};
use tars_shared::job::Status;
use tokio::time::timeout;

use crate::context::Context;
use crate::job_watcher::Looked;
use crate::view::JobView;
use crate::waiting::{Code, Waiting, code, waiting};

/// How often it is looked whether a job that has not changed waits for something else than before.
const RECHECK_INTERVAL: Duration = Duration::from_secs(5);

/// What a follower sees of these changes: the job with what it waits for, also when only that
/// changes.
pub(super) fn views(
    context: Arc<Context>,
    changes: impl Stream<Item = Looked> + Send + 'static,
) -> impl Stream<Item = JobView> + Send + 'static {
    let begin = (Box::pin(changes), None::<(Looked, Option<Code>)>);
    stream::unfold(begin, move |(mut changes, mut last)| {
        let context = context.clone();
        async move {
            let looked = loop {
                let Some((seen, code)) = &last else {
                    break changes.next().await?;
                };
                if seen.job.status != Status::Queued {
                    break changes.next().await?;
                }
                match timeout(RECHECK_INTERVAL, changes.next()).await {
                    Ok(looked) => break looked?,
                    Err(_) if code_of(&context, seen).await == *code => {}
                    Err(_) => break seen.clone(),
                }
            };
            let waiting = waiting_of(&context, &looked).await;
            let code = waiting.as_ref().map(|waiting| waiting.code);
            let view = JobView::summary(looked.job.clone()).waiting(waiting);
            last = Some((looked, code));
            Some((view, (changes, last)))
        }
    })
}

/// A stream must be shared among threads, which the store's answers cannot be: a task of its own
/// waits for them.
async fn waiting_of(context: &Arc<Context>, looked: &Looked) -> Option<Waiting> {
    let (context, looked) = (context.clone(), looked.clone());
    let waiting = tokio::spawn(async move { waiting(&context, &looked).await });
    waiting.await.ok()?
}

async fn code_of(context: &Arc<Context>, looked: &Looked) -> Option<Code> {
    let (context, looked) = (context.clone(), looked.clone());
    let code = tokio::spawn(async move { code(&context, &looked).await });
    code.await.ok()?
}
