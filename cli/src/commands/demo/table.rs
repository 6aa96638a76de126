//! The demo's tables.

use comfy_table::{Cell, CellAlignment, Table};
use tars_engine::regression::Verdict;
use tars_shared::job::Status;

use super::round::Outcome;
use crate::render::number::{Decimals, count, large, percent};
use crate::render::verdict;
use crate::render::{Ink, Palette};

/// What later jobs are compared with.
pub(super) fn baselines(outcomes: &[Outcome], palette: Palette) -> String {
    let mut table = palette.table();
    let header = ["AGENT", "ENVIRONMENT", "MEAN", "STD", "SUCCESS", "EPISODES"];
    table.set_header(header.map(|name| Palette::cell(Ink::Faint, name)));
    for outcome in outcomes {
        let Some(result) = outcome.result() else {
            continue;
        };
        let metrics = &result.metrics;
        let decimals = Decimals::of_scale(metrics.mean_reward);
        table.add_row([
            outcome.job.agent_type.to_string(),
            result.environment.clone(),
            decimals.write(metrics.mean_reward),
            decimals.write(metrics.std_reward),
            percent(metrics.success_rate),
            count(result.episodes.len() as u64),
        ]);
    }
    lines(table, 2..=5)
}

/// A verdict per candidate.
pub(super) fn verdicts(outcomes: &[Outcome], palette: Palette) -> String {
    let mut table = palette.table();
    let header = ["CANDIDATE", "ENVIRONMENT", "MEAN", "BASELINE", "VERDICT"];
    table.set_header(header.map(|name| Palette::cell(Ink::Faint, name)));
    for outcome in outcomes {
        let mean = outcome.result().map(|result| result.metrics.mean_reward);
        let baseline = outcome
            .regression()
            .map(|regression| regression.comparison.baseline_mean);
        let number = |number: Option<f64>| {
            number.map_or_else(
                || "-".to_owned(),
                |number| Decimals::of_scale(number).write(number),
            )
        };
        table.add_row([
            Cell::new(outcome.plan.name),
            Cell::new(outcome.plan.environment),
            Cell::new(number(mean)),
            Cell::new(number(baseline)),
            judgement(outcome),
        ]);
    }
    lines(table, 2..=3)
}

fn judgement(outcome: &Outcome) -> Cell {
    match outcome.regression() {
        Some(regression) => {
            let (ink, sign) = verdict::sign(regression.verdict);
            let verdict = regression.verdict.as_str();
            let text = if regression.detected {
                format!("{sign} {verdict}, {}", regression.severity.as_str())
            } else {
                format!("{sign} {verdict}")
            };
            Palette::cell(ink, &text)
        }
        None if outcome.job.status == Status::Failed => Palette::cell(Ink::Bad, "✘ failed"),
        None => Cell::new(outcome.job.status),
    }
}

/// The grounds of everything that did not simply pass.
pub(super) fn reasons(outcomes: &[Outcome], palette: Palette) -> String {
    outcomes
        .iter()
        .filter_map(|outcome| reason(outcome, palette))
        .collect()
}

fn reason(outcome: &Outcome, palette: Palette) -> Option<String> {
    let name = palette.paint(Ink::Strong, outcome.plan.name);
    match outcome.regression() {
        Some(regression) if regression.verdict == Verdict::Pass => None,
        Some(regression) => Some(format!("  {name}\n{}", verdict::write(regression, palette))),
        None => {
            let status = palette.paint(Ink::Bad, &format!("✘ {}", outcome.job.status));
            Some(format!(
                "  {name}\n  {status}\n    {}\n",
                outcome.job.explanation
            ))
        }
    }
}

/// How much that was.
pub(super) fn totals(outcomes: &[Outcome], seconds: f64) -> String {
    let results = || outcomes.iter().filter_map(Outcome::result);
    let episodes: usize = results().map(|result| result.episodes.len()).sum();
    let steps: u64 = results()
        .flat_map(|result| &result.episodes)
        .map(|episode| u64::from(episode.steps))
        .sum();
    let (jobs, episodes, steps) = (outcomes.len(), count(episodes as u64), large(steps as f64));
    format!(
        "{jobs} jobs with {episodes} episodes and {steps} steps in {seconds:.1} s, every result on disk."
    )
}

fn lines(mut table: Table, numbers: std::ops::RangeInclusive<usize>) -> String {
    for column in numbers {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines = table
        .lines()
        .map(|line| " ".to_owned() + line.trim_end() + "\n");
    lines.collect()
}
