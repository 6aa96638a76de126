//! Every exchange, queue and binding, declared anew on each connection.
//!
//! The arguments of a declared queue cannot be changed, so its name carries a version: another
//! shape is another name, and the old queue is drained by the old version's workers.
//!
//! ```text
//! tars.jobs (direct) ─ high | high.1 | … | low.3 ─► tars.v1.jobs.{high,high.1,…} ─ given up ─► tars.dead ─► tars.v1.dead
//!     │ ▲ no route                                                                               (fanout)
//!     │ └───────────────── expired, original routing key ─┐
//!     ▼                                                   │
//! tars.unrouted (fanout) ─► tars.unrouted      tars.v1.retry.{1s…} (fanout) ─► tars.v1.retry.{1s…}
//! ```

use futures_util::future::try_join_all;
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, ExchangeKind};

use crate::line::{LANES, Line};
use crate::queue::RetryTier;
use crate::request::Priority;

/// Where jobs are published, with the key of their line.
pub(super) const JOBS: &str = "tars.jobs";
/// Where a message goes that no binding of [`JOBS`] takes: kept for a person to see, rather than
/// dropped.
const UNROUTED: &str = "tars.unrouted";
/// Where the broker puts what it gives up on.
const DEAD_EXCHANGE: &str = "tars.dead";
/// The queue of what the broker gave up on.
pub(super) const DEAD: &str = "tars.v1.dead";

/// After so many returns a message is given up. A backstop against a loop that no attempt is
/// counted in: attempts are counted where jobs are claimed, in the store, and end long before.
const DELIVERY_LIMIT: i32 = 100;

const TIERS: [RetryTier; 5] = [
    RetryTier::Second,
    RetryTier::FiveSeconds,
    RetryTier::HalfMinute,
    RetryTier::TwoMinutes,
    RetryTier::TenMinutes,
];

/// The names of a priority's lanes. The first is that of the priority itself, which is all that the
/// release before knows.
macro_rules! lanes {
    ($first:literal) => {
        [
            $first,
            concat!($first, ".1"),
            concat!($first, ".2"),
            concat!($first, ".3"),
        ]
    };
}

/// The queue of a line. One for each priority, because quorum queues refuse `x-max-priority`; one
/// for each lane, because a queue gives its messages in one order.
pub(super) fn jobs_queue(line: Line) -> &'static str {
    const HIGH: [&str; LANES] = lanes!("tars.v1.jobs.high");
    const NORMAL: [&str; LANES] = lanes!("tars.v1.jobs.normal");
    const LOW: [&str; LANES] = lanes!("tars.v1.jobs.low");
    let lanes = match line.priority {
        Priority::High => HIGH,
        Priority::Normal => NORMAL,
        Priority::Low => LOW,
    };
    lanes[line.lane.index()]
}

/// The routing key of a line.
pub(super) fn jobs_key(line: Line) -> &'static str {
    const HIGH: [&str; LANES] = lanes!("high");
    const NORMAL: [&str; LANES] = lanes!("normal");
    const LOW: [&str; LANES] = lanes!("low");
    let lanes = match line.priority {
        Priority::High => HIGH,
        Priority::Normal => NORMAL,
        Priority::Low => LOW,
    };
    lanes[line.lane.index()]
}

/// The exchange and the queue of a retry tier, which share their name.
pub(super) fn retry(tier: RetryTier) -> &'static str {
    match tier {
        RetryTier::Second => "tars.v1.retry.1s",
        RetryTier::FiveSeconds => "tars.v1.retry.5s",
        RetryTier::HalfMinute => "tars.v1.retry.30s",
        RetryTier::TwoMinutes => "tars.v1.retry.2m",
        RetryTier::TenMinutes => "tars.v1.retry.10m",
    }
}

/// Declares everything. What is there already in the same shape stays as it is.
pub(super) async fn declare(channel: &Channel) -> lapin::Result<()> {
    let mut alternate = FieldTable::default();
    alternate.insert("alternate-exchange".into(), text(UNROUTED));
    let fanout = |name| exchange(channel, name, ExchangeKind::Fanout, FieldTable::default());
    try_join_all(
        [UNROUTED, DEAD_EXCHANGE]
            .into_iter()
            .chain(TIERS.map(retry))
            .map(fanout),
    )
    .await?;
    exchange(channel, JOBS, ExchangeKind::Direct, alternate).await?;

    // Targets before sources: what a source gives up finds its place from the first moment.
    queue(channel, UNROUTED, arguments([])).await?;
    queue(channel, DEAD, arguments([])).await?;
    bind(channel, UNROUTED, UNROUTED, "").await?;
    bind(channel, DEAD, DEAD_EXCHANGE, "").await?;
    declare_jobs(channel).await?;
    let retries = try_join_all(TIERS.map(async |tier| {
        let delay = i64::try_from(tier.delay().as_millis()).unwrap_or(i64::MAX);
        let limits = [("x-message-ttl", AMQPValue::LongLongInt(delay))];
        queue(channel, retry(tier), dead_lettering(JOBS, limits)).await?;
        bind(channel, retry(tier), retry(tier), "").await
    }));
    retries.await.map(drop)
}

/// Declares the queue of every line with its binding. What somebody has deleted is there again, but
/// for its messages.
pub(super) async fn declare_jobs(channel: &Channel) -> lapin::Result<()> {
    let declared = try_join_all(Line::all().map(async |line| {
        let limits = [("x-delivery-limit", AMQPValue::LongInt(DELIVERY_LIMIT))];
        let name = jobs_queue(line);
        queue(channel, name, dead_lettering(DEAD_EXCHANGE, limits)).await?;
        // A retry tier keeps this key, so a retry comes back to where it was.
        bind(channel, name, JOBS, jobs_key(line)).await
    }));
    declared.await.map(drop)
}

/// How many messages wait in each line. All queues are asked at once, and none is changed: that is a
/// round trip, and no entry in any queue's log. The channel is lost where one does not exist.
pub(super) async fn waiting(channel: &Channel) -> lapin::Result<[u32; Line::COUNT]> {
    let options = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::default()
    };
    let counted = try_join_all(Line::all().map(async |line| {
        let name = jobs_queue(line).into();
        let declared = channel.queue_declare(name, options, FieldTable::default());
        Ok::<_, lapin::Error>((line, declared.await?.message_count()))
    }));
    let mut waiting = [0; Line::COUNT];
    for (line, messages) in counted.await? {
        waiting[line.index()] = messages;
    }
    Ok(waiting)
}

async fn exchange(
    channel: &Channel,
    name: &'static str,
    kind: ExchangeKind,
    arguments: FieldTable,
) -> lapin::Result<()> {
    let options = ExchangeDeclareOptions {
        durable: true,
        ..ExchangeDeclareOptions::default()
    };
    channel
        .exchange_declare(name.into(), kind, options, arguments)
        .await
}

async fn queue(channel: &Channel, name: &'static str, arguments: FieldTable) -> lapin::Result<()> {
    let options = QueueDeclareOptions {
        durable: true,
        ..QueueDeclareOptions::default()
    };
    let declared = channel.queue_declare(name.into(), options, arguments);
    declared.await.map(drop)
}

async fn bind(
    channel: &Channel,
    queue: &'static str,
    exchange: &'static str,
    key: &'static str,
) -> lapin::Result<()> {
    let options = QueueBindOptions::default();
    channel
        .queue_bind(
            queue.into(),
            exchange.into(),
            key.into(),
            options,
            FieldTable::default(),
        )
        .await
}

/// A queue that hands on what leaves it unacknowledged, and keeps it until the target has confirmed
/// it.
fn dead_lettering<const N: usize>(target: &str, limits: [(&str, AMQPValue); N]) -> FieldTable {
    let mut arguments = arguments(limits);
    for (name, value) in [
        ("x-dead-letter-exchange", target),
        ("x-dead-letter-strategy", "at-least-once"),
        // Dead-lettering at least once requires it: a queue at its limit must refuse rather than
        // drop.
        ("x-overflow", "reject-publish"),
    ] {
        arguments.insert(name.into(), text(value));
    }
    arguments
}

/// Every queue is replicated where there are several brokers, and survives a crash of one.
fn arguments<const N: usize>(more: [(&str, AMQPValue); N]) -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), text("quorum"));
    for (name, value) in more {
        arguments.insert(name.into(), value);
    }
    arguments
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}
