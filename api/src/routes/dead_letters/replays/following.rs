//! `GET /v1/dead-letters/replays/{id}/events`: how far a replay has come, as it comes.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use tars_shared::replay::Replay;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;
use warp::reply::{Reply as _, Response};
use warp::sse::Event;

use super::view::{find, view};
use crate::call::Call;
use crate::context::Context;
use crate::deadline::within;
use crate::followers;
use crate::problem::Problem;

/// How often it is looked at. Replays take steps four times a second.
const INTERVAL: Duration = Duration::from_millis(500);

pub(super) async fn events(call: Call) -> Result<Response, Problem> {
    let permit = followers::permit(&call)?;
    let replay = find(&call).await?;
    let context = call.context.clone();
    let access_ended = AbortOnDropHandle::new(tokio::spawn(followers::access_ended(call, permit)));
    let shutdown = context.shutdown.clone().cancelled_owned();
    let (sender, changes) = mpsc::channel(1);
    // It ends with the stream.
    let looking = AbortOnDropHandle::new(tokio::spawn(look(context, replay, sender)));
    let stream = stream::unfold((changes, looking), async |(mut changes, looking)| {
        let replay = changes.recv().await?;
        Some((Ok::<_, Infallible>(event(replay)), (changes, looking)))
    });
    let stream = stream.take_until(access_ended).take_until(shutdown);
    Ok(warp::sse::reply(warp::sse::keep_alive().stream(stream)).into_response())
}

/// Tells of the replay as it is, and then of every change until its end.
async fn look(context: Arc<Context>, mut replay: Replay, sender: mpsc::Sender<Replay>) {
    let id = replay.id;
    while sender.send(replay.clone()).await.is_ok() && !replay.state.is_terminal() {
        match next(&context, id, &replay).await {
            Some(changed) => replay = changed,
            None => return,
        }
    }
}

/// The replay as soon as it is another than the last one. An outage is waited for; a replay that is gone ends it.
async fn next(context: &Context, id: Uuid, last: &Replay) -> Option<Replay> {
    loop {
        tokio::time::sleep(INTERVAL).await;
        let replays = context.services.store.replays.clone();
        match within(async move { replays.find(id).await }).await {
            Ok(Some(replay)) if replay != *last => return Some(replay),
            Ok(None) => return None,
            Ok(Some(_)) | Err(_) => {}
        }
    }
}

fn event(replay: Replay) -> Event {
    let name = if replay.state.is_terminal() {
        "end"
    } else {
        "progress"
    };
    let event = Event::default().event(name);
    // A view is plain data; should it ever not be, an empty event says no less than a broken stream.
    event.json_data(view(replay)).unwrap_or_default()
}
