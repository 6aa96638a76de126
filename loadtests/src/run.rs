//! `tars-load run`: the profiles, and one table of what held.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::arrivals::Arrivals;
use crate::figures::{Counts, refusals};
use crate::latency::{lateness_ms, quantile_ms};
use crate::load::{Load, Options, Outcome};
use crate::profile::Profile;
use crate::report::{self, Report};
use crate::service::{Service, Where};
use crate::threshold::{Figures, Metric};

/// A token that fits the load: what the peak asks for, and half of it more for preparations.
const HEADROOM: f64 = 1.5;

/// Load a service as profiles say, and hold it to their thresholds
#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    /// A file of `loadtests/profiles`; may be given several times
    #[arg(long = "profile", required = true, value_name = "FILE")]
    profiles: Vec<PathBuf>,
    /// How many times larger the load is; may be several, as in `1,10`
    #[arg(long, default_value = "1", value_delimiter = ',', value_name = "TIMES")]
    scale: Vec<f64>,
    /// The same shapes in half a minute each
    #[arg(long)]
    short: bool,
    #[command(flatten)]
    service: Where,
    #[command(flatten)]
    options: Options,
}

impl Run {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let profiles: Vec<Profile> = self
            .profiles
            .iter()
            .map(|path| Profile::read(path))
            .collect::<anyhow::Result<_>>()?;
        let arrivals = |profile: &Profile, scale| Arrivals::of(&profile.stages(self.short, scale));
        let loads: Vec<(&Profile, f64)> = self
            .scale
            .iter()
            .flat_map(|scale| profiles.iter().map(|profile| (profile, *scale)))
            .collect();
        let peak = loads
            .iter()
            .map(|(profile, scale)| arrivals(profile, *scale).peak())
            .fold(10.0, f64::max);
        let mut service = self.service.open(per_minute(peak)).await?;
        println!("{} before", report::machine());
        let mut report = Report::default();
        for (profile, scale) in loads {
            let load = Load {
                arrivals: arrivals(profile, scale),
                mix: profile.mix.clone(),
                reads: profile.reads.clone(),
                episodes: profile.episodes,
            };
            let name = format!("{} ×{scale}", profile.name);
            println!("\n{name}: {}", profile.about);
            println!(
                "  {} requests are due, up to {:.0}/s",
                load.arrivals.count(),
                load.arrivals.peak()
            );
            let outcome = load
                .put_on(&mut service, self.options, async |_: &mut Service| ())
                .await?;
            describe(&outcome);
            let figures = measure(profile, &load, &outcome);
            report.judge(&name, profile.thresholds.all(), &figures);
        }
        println!("\n{}\n{} after", report.table(), report::machine());
        Ok(ExitCode::from(u8::from(report.has_failed())))
    }
}

/// The limit of a token for this peak rate.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate of a load test"
)]
pub(crate) fn per_minute(peak: f64) -> u32 {
    (peak * 60.0 * HEADROOM).ceil() as u32
}

fn measure(profile: &Profile, load: &Load, outcome: &Outcome) -> Figures {
    let samples = &outcome.samples;
    let mut figures = Counts::of(samples).figures(load.arrivals.count(), profile.too_many_requests);
    figures.set(Metric::LatencyP95, quantile_ms(samples, 0.95));
    figures.set(Metric::LatencyP99, quantile_ms(samples, 0.99));
    figures.set(
        Metric::UnaccountedJobs,
        outcome.reconciliation.unaccounted() as f64,
    );
    if let Some(p95) = outcome.reconciliation.p95_ms {
        figures.set(Metric::EvaluationP95, p95);
    }
    if let Some(seconds) = profile
        .recovery
        .as_ref()
        .and_then(|recovery| recovery.seconds(&load.arrivals, samples))
    {
        figures.set(Metric::RecoverySeconds, seconds);
    }
    if let Some((descriptors, memory)) = outcome.after.growth(&outcome.before) {
        figures.set(Metric::DescriptorGrowth, descriptors);
        figures.set(Metric::MemoryGrowthMib, memory);
    }
    figures
}

/// What is not judged, but tells where to look.
pub(crate) fn describe(outcome: &Outcome) {
    let samples = &outcome.samples;
    let at = |quantile| quantile_ms(samples, quantile);
    println!(
        "  latency p50 {:.1}, p95 {:.1}, p99 {:.1}, longest {:.1} ms; sent late p99 {:.1} ms",
        at(0.5),
        at(0.95),
        at(0.99),
        at(1.0),
        lateness_ms(samples, 0.99)
    );
    let counts = Counts::of(samples);
    println!(
        "  {} answered with 429; other refusals by status: {:?}",
        counts.limited,
        refusals(samples)
    );
    let found = &outcome.reconciliation;
    println!(
        "  ledger: {} accepted, {} missing, {} doubled, {} strangers, {} failed, {} unknown; all ended {:.1} s after the load",
        found.accepted,
        found.missing,
        found.doubled,
        found.strangers,
        found.failed,
        found.unknown,
        found.waited.as_secs_f64()
    );
    print!("{}", outcome.after.show(&outcome.before));
}
