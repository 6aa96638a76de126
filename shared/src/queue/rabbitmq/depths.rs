//! How many messages wait.

use std::time::Duration;

use lapin::Channel;
use tokio::sync::Mutex;

use super::link::{Link, with_timeout};
use super::topology;
use crate::queue::Error;
use crate::request::Priority;

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

    /// The messages that wait in each priority.
    pub(super) async fn count(&self) -> Result<Vec<(Priority, u64)>, Error> {
        let session = self.link.session()?;
        let counted = async {
            // Held while the broker is asked, so that callers ask one after the other, within one
            // and the same timeout.
            let mut kept = self.channel.lock().await;
            let channel = match kept.take().filter(|channel| channel.status().connected()) {
                Some(channel) => channel,
                None => session.channel(COUNT_TIMEOUT).await?,
            };
            let mut depths = Vec::with_capacity(Priority::ALL.len());
            for priority in Priority::ALL {
                // Declaring it also brings back a queue that somebody has deleted. Without it all
                // consumers would fail, because each of them asks every queue.
                let declared = topology::declare_jobs(&channel, priority);
                let waiting = with_timeout(COUNT_TIMEOUT, "counting messages", declared).await?;
                depths.push((priority, u64::from(waiting)));
            }
            // Only a channel whose every answer was read is used again.
            *kept = Some(channel);
            Ok(depths)
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
