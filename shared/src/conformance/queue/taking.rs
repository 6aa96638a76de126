//! How the checks take deliveries.

use std::time::Duration;

use crate::queue::{Consumer, Delivery};

/// Far longer than any delivery takes; a queue that is silent for so long has lost something.
const LOST: Duration = Duration::from_secs(30);

pub(super) async fn next(consumer: &mut dyn Consumer) -> Delivery {
    let delivery = tokio::time::timeout(LOST, consumer.next()).await;
    delivery
        .expect("a message that was published is delivered")
        .expect("the consumer works")
}
