//! How many messages wait.

use std::time::Duration;

use lapin::Channel;
use tokio::sync::Mutex;

use super::link::{Link, with_timeout};
use super::topology;
use crate::line::Line;
use crate::queue::Error;

/// How long all counts may take together.
const COUNT_TIMEOUT: Duration = Duration::from_millis(400);

/// Asks on a channel of its own: a question that the broker refuses costs the channel, and nobody
/// else's work shall go with it.
#[derive(Debug)]
pub(super) struct Depths {
    link: Link,
    channel: Mutex<Option<Channel>>,
}

impl Depths {
    /// Opens its channel when it is first asked.
    pub(super) fn new(link: Link) -> Self {
        Self {
            link,
            channel: Mutex::new(None),
        }
    }

    /// The messages that wait in each line.
    pub(super) async fn count(&self) -> Result<Vec<(Line, u64)>, Error> {
        let session = self.link.session()?;
        let counted = async {
            // Held while the broker is asked, so that callers ask one after the other, within one
            // and the same timeout.
            let mut kept = self.channel.lock().await;
            let channel = match kept.take().filter(|channel| channel.status().connected()) {
                Some(channel) => channel,
                None => session.channel(COUNT_TIMEOUT).await?,
            };
            let (channel, waiting) = if let Ok(waiting) = waiting(&channel).await {
                (channel, waiting)
            } else {
                // The question costs the channel where somebody has deleted a queue, which is
                // brought back here. Without it all consumers would fail, because each of them
                // asks every queue.
                let channel = session.channel(COUNT_TIMEOUT).await?;
                let declared = topology::declare_jobs(&channel);
                with_timeout(COUNT_TIMEOUT, "declaring queues", declared).await?;
                let waiting = waiting(&channel).await?;
                (channel, waiting)
            };
            // Only a channel whose every answer was read is used again.
            *kept = Some(channel);
            Ok(Line::all().zip(waiting.map(u64::from)).collect())
        };
        let late = || {
            Err(Error::Unavailable(format!(
                "counting messages took more than {COUNT_TIMEOUT:?}"
            )))
        };
        tokio::time::timeout(COUNT_TIMEOUT, counted)
            .await
            .unwrap_or_else(|_| late())
    }
}

async fn waiting(channel: &Channel) -> Result<[u32; Line::COUNT], Error> {
    with_timeout(
        COUNT_TIMEOUT,
        "counting messages",
        topology::waiting(channel),
    )
    .await
}
