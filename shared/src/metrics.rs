//! Everything that is counted, named in one place. Scraped at `/metrics`.

use prometheus::{
    Encoder as _, Gauge, GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec,
    IntGauge, IntGaugeVec, Opts, Registry, TextEncoder, core::Collector,
};

use crate::job::{Ledger, Status};
use crate::store::{Host, Role};

/// The prefix of every name.
const NAMESPACE: &str = "tars_eval";

/// From the cost of a small lookup to the five seconds after which no request may hang.
const HTTP_BUCKETS: [f64; 13] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
];
const EVALUATION_BUCKETS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
];

/// The metrics of one process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// HTTP answers by `route`, `method` and `status`.
    pub http_requests: IntCounterVec,
    /// Seconds until an answer was ready, by `route` and `method`.
    pub http_request_duration: HistogramVec,
    /// Jobs answered with 202, by `priority`; repetitions of an idempotency key are not counted.
    pub jobs_accepted: IntCounterVec,
    /// Jobs in the store, by `status`: together, all that were ever accepted.
    pub jobs: IntGaugeVec,
    /// Messages that wait, by `priority`.
    pub queue_depth: IntGaugeVec,
    /// Deliveries by what the worker did with them: `outcome`.
    pub deliveries: IntCounterVec,
    /// Finished environments by `agent_type` and `environment`.
    pub evaluations: IntCounterVec,
    /// Seconds that one environment took, by `agent_type` and `environment`.
    pub evaluation_duration: HistogramVec,
    /// Finished episodes by `environment`.
    pub episodes: IntCounterVec,
    /// Environment steps by `environment`.
    pub steps: IntCounterVec,
    /// Failed attempts by `kind`.
    pub failures: IntCounterVec,
    /// Comparisons with a baseline by `verdict` and `severity`.
    pub verdicts: IntCounterVec,
    /// Leases that another worker took over, or that ended under their holder.
    pub leases_lost: IntCounter,
    /// Leases that this worker holds.
    pub leases_held: IntGauge,
    /// Attempts that this worker began.
    pub attempts: IntCounter,
    /// Messages published by the dispatcher.
    pub dispatched: IntCounter,
    /// Seconds that the oldest job without a message has been waiting for one.
    pub dispatch_lag: Gauge,
    /// Seconds that the oldest queued job has been waiting since its submission, by `priority`.
    pub oldest_queued: GaugeVec,
    /// Seconds of a worker's slot that queued jobs are worth, by `priority`.
    pub queued_work: GaugeVec,
    /// Jobs that have waited for longer than their priority allows, by `priority`. Not there until
    /// somebody sets it: not every process knows how long that is.
    pub jobs_overdue: IntGaugeVec,
    /// Workers that would do all there is to do within the target time. Without labels, and not
    /// there until somebody sets it: not every process knows the target.
    pub workers_wanted: IntGaugeVec,
    /// Messages that the queue gave up on, by `reason`.
    pub dead_messages: IntCounterVec,
    /// How long ago the oldest open dead letter ended; 0 where there is none.
    pub dead_letters_oldest: Gauge,
    /// In how long retention takes the first open dead letter. Without labels, and not there where
    /// nothing is taken.
    pub dead_letters_expire: GaugeVec,
    /// Connections to the store, by `host` and `state`: busy or idle.
    pub store_connections: IntGaugeVec,
    /// Whether a host of the store answers, by `host` and `role`: always 1 for what it is, 0 for
    /// what it is not.
    pub store_host: IntGaugeVec,
    /// Slots of this worker by `state`: busy or idle.
    pub worker_slots: IntGaugeVec,
    /// Policies that this worker had read before.
    pub policy_cache_hits: IntCounter,
    /// Policies that this worker read.
    pub policy_cache_misses: IntCounter,
    /// Bytes of the policies that this worker keeps.
    pub policy_cache_bytes: IntGauge,
    /// Look-ups of ended jobs by `result`: `local_hit` in this process, `shared_hit` in the cache that
    /// processes share, or `miss`.
    pub cache_requests: IntCounterVec,
    /// Attempts to deliver a webhook, by `outcome`: delivered, retried or dead.
    pub webhook_deliveries: IntCounterVec,
    /// Seconds that the oldest webhook that is due has been waiting for an attempt.
    pub webhook_lag: Gauge,
    /// Connections that were lost and made anew, by `part`: store, queue, cache.
    pub reconnects: IntCounterVec,
}

impl Metrics {
    /// All metrics at zero.
    ///
    /// # Panics
    /// When two metrics share a name, which every test would show.
    #[expect(
        clippy::too_many_lines,
        reason = "one list of every metric, in one place"
    )]
    pub fn new() -> Self {
        let registry = Registry::new();
        let register = Register(&registry);
        let build = register.gauge_by(
            "build_info",
            "The version that is running; always 1.",
            &["version"],
        );
        build
            .with_label_values(&[env!("CARGO_PKG_VERSION")])
            .set(1.0);
        Self {
            http_requests: register.counters(
                "http_requests_total",
                "HTTP answers.",
                &["route", "method", "status"],
            ),
            http_request_duration: register.histograms(
                "http_request_duration_seconds",
                "Time until an HTTP answer was ready.",
                &["route", "method"],
                &HTTP_BUCKETS,
            ),
            jobs_accepted: register.counters(
                "jobs_accepted_total",
                "Jobs answered with 202.",
                &["priority"],
            ),
            jobs: register.gauges(
                "jobs",
                "Jobs in the store: together, all that were ever accepted.",
                &["status"],
            ),
            queue_depth: register.gauges(
                "queue_depth",
                "Messages that wait for a worker.",
                &["priority"],
            ),
            deliveries: register.counters(
                "deliveries_total",
                "Deliveries by what became of them.",
                &["outcome"],
            ),
            evaluations: register.counters(
                "evaluations_total",
                "Finished environments.",
                &["agent_type", "environment"],
            ),
            evaluation_duration: register.histograms(
                "evaluation_duration_seconds",
                "Time that one environment took.",
                &["agent_type", "environment"],
                &EVALUATION_BUCKETS,
            ),
            episodes: register.counters("episodes_total", "Finished episodes.", &["environment"]),
            steps: register.counters("steps_total", "Environment steps.", &["environment"]),
            failures: register.counters("failures_total", "Failed attempts.", &["kind"]),
            verdicts: register.counters(
                "verdicts_total",
                "Comparisons with a baseline.",
                &["verdict", "severity"],
            ),
            leases_lost: register.counter(
                "leases_lost_total",
                "Leases lost to another worker or to the job's end.",
            ),
            leases_held: register.gauge("leases_held", "Leases that this worker holds."),
            attempts: register.counter("attempts_total", "Attempts that this worker began."),
            dispatched: register
                .counter("dispatched_total", "Messages published by the dispatcher."),
            dispatch_lag: register.seconds(
                "dispatch_lag_seconds",
                "How long the oldest job without a message has been waiting for one.",
            ),
            oldest_queued: register.gauge_by(
                "oldest_queued_seconds",
                "How long the oldest queued job has been waiting since its submission.",
                &["priority"],
            ),
            queued_work: register.gauge_by(
                "queued_work_seconds",
                "Seconds of a worker's slot that queued jobs are worth, at the pace of late.",
                &["priority"],
            ),
            jobs_overdue: register.gauges(
                "jobs_overdue",
                "Queued jobs that have waited for longer than their priority allows, paused ones not counted.",
                &["priority"],
            ),
            workers_wanted: register.gauges(
                "workers_wanted",
                "Workers that would do all there is to do within the target time.",
                &[],
            ),
            dead_messages: register.counters(
                "dead_messages_total",
                "Messages that the queue gave up on.",
                &["reason"],
            ),
            dead_letters_oldest: register.seconds(
                "dead_letters_oldest_seconds",
                "How long ago the oldest open dead letter ended; 0 where there is none.",
            ),
            dead_letters_expire: register.gauge_by(
                "dead_letters_expire_seconds",
                "In how long retention takes the first open dead letter.",
                &[],
            ),
            store_connections: register.gauges(
                "store_connections",
                "Connections to the store.",
                &["host", "state"],
            ),
            store_host: register.gauges(
                "store_host",
                "What each host of the store is.",
                &["host", "role"],
            ),
            worker_slots: register.gauges("worker_slots", "Slots of this worker.", &["state"]),
            policy_cache_hits: register.counter(
                "policy_cache_hits_total",
                "Policies that this worker had read before.",
            ),
            policy_cache_misses: register.counter(
                "policy_cache_misses_total",
                "Policies that this worker read.",
            ),
            policy_cache_bytes: register.gauge(
                "policy_cache_bytes",
                "Bytes of the policies that this worker keeps.",
            ),
            cache_requests: register.counters(
                "cache_requests_total",
                "Look-ups of ended jobs: in this process, in the shared cache, or in neither.",
                &["result"],
            ),
            webhook_deliveries: register.counters(
                "webhook_deliveries_total",
                "Attempts to deliver a webhook, by what became of them.",
                &["outcome"],
            ),
            webhook_lag: register.seconds(
                "webhook_lag_seconds",
                "How long the oldest webhook that is due has been waiting for an attempt.",
            ),
            reconnects: register.counters(
                "reconnects_total",
                "Connections that were lost and made anew.",
                &["part"],
            ),
            registry,
        }
    }

    /// Notes how many jobs are in each status.
    pub fn set_ledger(&self, ledger: &Ledger) {
        for status in Status::ALL {
            let jobs = i64::try_from(ledger.count(status)).unwrap_or(i64::MAX);
            self.jobs.with_label_values(&[status.as_str()]).set(jobs);
        }
    }

    /// Notes what each host of the store is.
    pub fn set_hosts(&self, hosts: &[Host]) {
        for host in hosts {
            let connections = [("busy", host.connections.0), ("idle", host.connections.1)];
            for (state, connections) in connections {
                self.store_connections
                    .with_label_values(&[&host.name, state])
                    .set(connections.into());
            }
            for (role, is) in [
                ("primary", host.role == Ok(Role::Primary)),
                ("replica", host.role == Ok(Role::Replica)),
                ("away", host.role.is_err()),
            ] {
                self.store_host
                    .with_label_values(&[&host.name, role])
                    .set(is.into());
            }
        }
    }

    /// The text that Prometheus scrapes.
    pub fn render(&self) -> Result<Vec<u8>, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

fn opts(name: &str, help: &str) -> Opts {
    Opts::new(name, help).namespace(NAMESPACE)
}

/// Makes and registers metrics. Names are constants, so what could fail would fail in every test.
struct Register<'a>(&'a Registry);

impl Register<'_> {
    fn add(&self, collector: impl Collector + 'static) {
        self.0
            .register(Box::new(collector))
            .expect("every name is registered once");
    }

    fn counter(&self, name: &str, help: &str) -> IntCounter {
        let counter = IntCounter::with_opts(opts(name, help)).expect("the name is valid");
        self.add(counter.clone());
        counter
    }

    fn gauge(&self, name: &str, help: &str) -> IntGauge {
        let gauge = IntGauge::with_opts(opts(name, help)).expect("the name is valid");
        self.add(gauge.clone());
        gauge
    }

    fn seconds(&self, name: &str, help: &str) -> Gauge {
        let gauge = Gauge::with_opts(opts(name, help)).expect("the name is valid");
        self.add(gauge.clone());
        gauge
    }

    fn gauge_by(&self, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
        let gauges = GaugeVec::new(opts(name, help), labels).expect("name and labels are valid");
        self.add(gauges.clone());
        gauges
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        let counters =
            IntCounterVec::new(opts(name, help), labels).expect("name and labels are valid");
        self.add(counters.clone());
        counters
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        let gauges = IntGaugeVec::new(opts(name, help), labels).expect("name and labels are valid");
        self.add(gauges.clone());
        gauges
    }

    fn histograms(&self, name: &str, help: &str, labels: &[&str], buckets: &[f64]) -> HistogramVec {
        let opts = HistogramOpts {
            common_opts: opts(name, help),
            buckets: buckets.to_vec(),
        };
        let histograms = HistogramVec::new(opts, labels).expect("name and labels are valid");
        self.add(histograms.clone());
        histograms
    }
}
