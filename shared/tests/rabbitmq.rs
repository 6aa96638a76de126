//! The RabbitMQ queue passes the suite of its port, and keeps its own promises, on real brokers.
#![expect(
    clippy::unwrap_used,
    reason = "the functions that tests share are tests too"
)]

#[path = "rabbitmq/messages.rs"]
mod messages;
#[path = "rabbitmq/opening.rs"]
mod opening;
#[path = "rabbitmq/outages.rs"]
mod outages;

use std::sync::Arc;
use std::time::Duration;

use tars_chaos::Endpoints;
use tars_shared::conformance::queue;
use tars_shared::metrics::Metrics;
use tars_shared::queue::rabbitmq::RabbitMq;

/// Far longer than anything takes on a busy machine.
const LIMIT: Duration = Duration::from_mins(1);

/// The URL of an empty virtual host of the broker that the tests share.
async fn vhost() -> String {
    tokio::task::spawn_blocking(|| Endpoints::for_suites().queue())
        .await
        .unwrap()
        .unwrap()
}

/// A queue that is connected.
async fn connect(url: &str) -> RabbitMq {
    let queue = RabbitMq::open(url, Arc::new(Metrics::new())).unwrap();
    queue.ready(LIMIT).await.unwrap();
    queue
}

/// One test per check of the queue's suite, each on a virtual host of its own.
macro_rules! rabbitmq_passes {
    ($($check:ident),* $(,)?) => {
        mod suite {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $check() {
                    let queue = super::connect(&super::vhost().await).await;
                    super::queue::$check(&queue).await;
                }
            )*
        }
    };
}

tars_shared::every_queue_check!(rabbitmq_passes);
