//! Runs the episodes of one environment and shows how far they are.

use std::ops::ControlFlow;
use std::sync::Once;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tars_engine::environment::{self, Error};
use tars_engine::episode::Episode;
use tars_engine::metrics::{self, Metrics};
use tars_engine::policy::Policy;
use tars_engine::regression::Sequential;
use tars_engine::rollout::{self, Plan, Progress};

use crate::render::number;

/// Most evaluations are over before anybody would have read a progress bar.
const PROGRESS_BAR_DELAY: Duration = Duration::from_millis(300);

/// The episodes of one environment.
pub(super) struct Rolled {
    pub(super) environment: String,
    pub(super) episodes: Vec<Episode>,
    pub(super) metrics: Metrics,
    pub(super) stopped_early: bool,
    steps: u64,
    elapsed: Duration,
}

impl Rolled {
    /// How long it took, for people.
    pub(super) fn pace(&self) -> String {
        let seconds = self.elapsed.as_secs_f64();
        let took = if seconds < 1.0 {
            format!("{:.0} ms", seconds * 1e3)
        } else {
            format!("{seconds:.1} s")
        };
        let pace = number::large(self.steps as f64 / seconds.max(1e-9));
        format!("{took}, {pace} steps/s")
    }
}

/// Runs the episodes; `name` stands in front of the progress bar.
pub(super) fn roll(
    environment: &str,
    policy: &Policy,
    plan: &Plan,
    rule: Option<&Sequential<'_>>,
    name: &str,
) -> anyhow::Result<Rolled> {
    let make = |lanes: usize| {
        environment::native(environment, lanes).ok_or_else(|| Error::Failed {
            id: environment.to_owned(),
            reason: "it is not a native environment".to_owned(),
        })
    };
    let start = Instant::now();
    let bar = hidden_bar(environment, plan, name);
    let shown = Once::new();
    let watch = |progress: Progress| {
        if start.elapsed() > PROGRESS_BAR_DELAY {
            // Standard error swallows it where that is not a terminal.
            shown.call_once(|| bar.set_draw_target(ProgressDrawTarget::stderr()));
            bar.set_message(number::large(
                progress.steps as f64 / start.elapsed().as_secs_f64(),
            ));
            bar.set_position(progress.episodes_done.into());
        }
        ControlFlow::Continue(())
    };
    let rolled = match rule {
        None => rollout::run(&make, policy, plan, &watch),
        Some(rule) => rollout::run_until(&make, policy, plan, rule, &watch),
    };
    bar.finish_and_clear();
    let rolled = rolled?;
    Ok(Rolled {
        environment: environment.to_owned(),
        stopped_early: rolled.episodes.len() < plan.episodes as usize,
        metrics: metrics::summarize(&rolled.episodes, rolled.action_counts.as_deref(), &[]),
        episodes: rolled.episodes,
        steps: rolled.steps,
        elapsed: start.elapsed(),
    })
}

fn hidden_bar(environment: &str, plan: &Plan, name: &str) -> ProgressBar {
    let style = "{prefix} {bar:30} {human_pos}/{human_len} episodes, {msg} steps/s, {eta} left";
    let style = ProgressStyle::with_template(style).expect("the template is constant and valid");
    ProgressBar::with_draw_target(Some(plan.episodes.into()), ProgressDrawTarget::hidden())
        .with_style(style.progress_chars("━╸ "))
        .with_prefix(format!("{environment} {name}"))
}
