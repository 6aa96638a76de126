//! Follows a job to its end: by the event stream, by long polls where streams break, and through a
//! restart of the service.

use std::time::Duration;

use futures_util::StreamExt as _;
use uuid::Uuid;

use super::events::Decoder;
use super::{Answer, Client, Error, Job, Progress};

/// Seconds of one long poll: the progress shown is at most this old.
const WAIT: [(&str, u32); 1] = [("wait", 1)];
/// A service that is away loses no job: this many seconds are given to it to come back.
const ABSENCE: u32 = 60;

/// How an event stream ended.
enum Streamed {
    /// With the job.
    Ended,
    /// Before it, after this many events.
    Broke { events: usize },
}

/// Follows a job to its end; the answer is the job with its results.
pub(crate) async fn follow(
    client: &Client,
    id: Uuid,
    progress: &mut Progress,
) -> Result<Answer, Error> {
    let path = format!("/v1/jobs/{id}");
    let mut streaming = true;
    let mut met = false;
    let mut away = 0;
    loop {
        if streaming {
            match stream(client, &path, progress).await? {
                Streamed::Ended => return client.get(&path, &()).await,
                // A proxy in between that lets no stream through would not let the next one through
                // either.
                Streamed::Broke { events } => {
                    streaming = events > 0;
                    met |= events > 0;
                }
            }
        }
        match client.get(&path, &WAIT).await {
            Ok(answer) => {
                let job: Job = answer.read()?;
                progress.show(&job);
                if job.status.is_terminal() {
                    return Ok(answer);
                }
                (met, away) = (true, 0);
            }
            Err(error) if error.is_passing() && met && away < ABSENCE => {
                away += 1;
                progress.note("the service is away; the job is safe, waiting for it to come back");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Err(error) => return Err(error),
        }
    }
}

async fn stream(client: &Client, path: &str, progress: &mut Progress) -> Result<Streamed, Error> {
    let mut events = 0;
    let request = client.http.get(client.url(&format!("{path}/events")));
    let Ok(response) = request.send().await else {
        return Ok(Streamed::Broke { events });
    };
    if !response.status().is_success() {
        // The poll asks the same and says why it is refused.
        return Ok(Streamed::Broke { events });
    }
    let mut chunks = response.bytes_stream();
    let mut decoder = Decoder::default();
    while let Some(Ok(chunk)) = chunks.next().await {
        let Ok(complete) = decoder.push(&chunk) else {
            break;
        };
        for event in complete {
            let Ok(job) = serde_json::from_str::<Job>(&event.data) else {
                return Ok(Streamed::Broke { events });
            };
            events += 1;
            progress.show(&job);
            if event.name == "end" {
                return Ok(Streamed::Ended);
            }
        }
    }
    Ok(Streamed::Broke { events })
}
