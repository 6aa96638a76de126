//! Follows a job, or another thing that comes to an end: by the event stream, by long polls where streams break, and through a
//! restart of the service.

use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::Method;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::answer::Answer;
use crate::client::Client;
use crate::error::Error;
use crate::events::Decoder;

/// The time between two polls, or that one waits: what is observed is at most this old.
const WAIT: Duration = Duration::from_secs(1);
/// A service that is away loses no job: this many seconds are given to it to come back.
const ABSENCE: u32 = 60;

/// Who hears of its progress.
pub trait Observer {
    /// What is followed, as the service shows it.
    type Followed: DeserializeOwned;

    /// It has changed. True: it has ended, or enough was seen.
    fn show(&mut self, followed: &Self::Followed) -> bool;

    /// The service is away, and is waited for.
    fn service_is_away(&mut self);
}

/// How an event stream ended.
enum Streamed {
    /// With the job.
    Ended,
    /// Before it, after this many events.
    Broke { events: usize },
}

/// Follows a job to its end; the answer is the job with its results.
pub async fn follow<O: Observer>(
    client: &Client,
    id: Uuid,
    observer: &mut O,
) -> Result<Answer, Error> {
    let wait = [("wait", WAIT.as_secs())];
    let poll = async |path: &str| client.get(path, &wait).await;
    follow_path(client, &format!("/v1/jobs/{id}"), poll, observer).await
}

/// Follows a replay of dead letters to its end; the answer is the replay.
pub async fn follow_replay<O: Observer>(
    client: &Client,
    id: Uuid,
    observer: &mut O,
) -> Result<Answer, Error> {
    let poll = async |path: &str| {
        tokio::time::sleep(WAIT).await;
        client.get(path, &()).await
    };
    let path = format!("/v1/dead-letters/replays/{id}");
    follow_path(client, &path, poll, observer).await
}

async fn follow_path<O: Observer>(
    client: &Client,
    path: &str,
    poll: impl AsyncFn(&str) -> Result<Answer, Error>,
    observer: &mut O,
) -> Result<Answer, Error> {
    let mut streaming = true;
    let mut met = false;
    let mut away = 0;
    loop {
        if streaming {
            match stream(client, path, observer).await {
                Streamed::Ended => return client.get(path, &()).await,
                // A proxy in between that lets no stream through would not let the next one through
                // either.
                Streamed::Broke { events } => {
                    streaming = events > 0;
                    met |= events > 0;
                }
            }
        }
        match poll(path).await {
            Ok(answer) => {
                if observer.show(&answer.read()?) {
                    return Ok(answer);
                }
                (met, away) = (true, 0);
            }
            Err(error) if error.is_passing() && met && away < ABSENCE => {
                away += 1;
                observer.service_is_away();
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Err(error) => return Err(error),
        }
    }
}

async fn stream<O: Observer>(client: &Client, path: &str, observer: &mut O) -> Streamed {
    let mut events = 0;
    let request = client.request(Method::GET, &format!("{path}/events"));
    let Ok(response) = request.send().await else {
        return Streamed::Broke { events };
    };
    if !response.status().is_success() {
        // The poll asks the same and says why it is refused.
        return Streamed::Broke { events };
    }
    let mut chunks = response.bytes_stream();
    let mut decoder = Decoder::default();
    while let Some(Ok(chunk)) = chunks.next().await {
        let Ok(complete) = decoder.push(&chunk) else {
            break;
        };
        for event in complete {
            let Ok(followed) = serde_json::from_str(&event.data) else {
                return Streamed::Broke { events };
            };
            events += 1;
            if observer.show(&followed) || event.name == "end" {
                return Streamed::Ended;
            }
        }
    }
    Streamed::Broke { events }
}
