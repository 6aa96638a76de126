//! The evaluation of one environment as a block of text: a table of numbers, the returns'
//! histogram, the verdict.

use comfy_table::{Cell, CellAlignment, Table};
use tars_engine::episode::Episode;
use tars_engine::metrics::Metrics;
use tars_engine::regression::{Baseline, Regression, Verdict};
use tars_engine::statistics::Interval;
use tars_shared::job::EvaluatedPolicy;

use super::histogram::Bins;
use super::number::{Decimals, count, percent, percentage_points};
use super::palette::{Ink, Palette};
use super::verdict;

/// How many characters a histogram takes.
const HISTOGRAM: usize = 40;

/// What is to be shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Evaluation<'a> {
    /// Gymnasium's id.
    pub(crate) environment: &'a str,
    /// What was read from the policy file. Results of older releases lack it.
    pub(crate) policy: Option<&'a EvaluatedPolicy>,
    /// Statistics of the episodes.
    pub(crate) metrics: &'a Metrics,
    /// In seed order, at least one.
    pub(crate) episodes: &'a [Episode],
    /// What it was compared with.
    pub(crate) baseline: Option<&'a Baseline>,
    /// What the comparison says.
    pub(crate) regression: Option<&'a Regression>,
}

impl Evaluation<'_> {
    /// The block, ending in a newline. `aside` stands behind the title.
    pub(crate) fn write(&self, aside: &str, palette: Palette) -> String {
        let title = palette.paint(Ink::Strong, self.environment);
        let aside = palette.paint(Ink::Faint, &format!("{}{aside}", self.seeds()));
        let mut text = format!("{title}  {aside}\n");
        if let Some(policy) = self.policy {
            let policy = palette.paint(Ink::Faint, &super::policy::describe(policy));
            text += &format!("  {policy}\n");
        }
        text += "\n";
        text.extend(
            self.table(palette)
                .lines()
                .map(|line| format!(" {}\n", line.trim_end())),
        );
        text += "\n";
        text += &self.histograms(palette);
        if let Some(regression) = self.regression {
            text += "\n";
            text += &verdict::write(regression, palette);
        }
        text
    }

    fn seeds(&self) -> String {
        let episodes = count(self.episodes.len() as u64);
        match self.episodes {
            [] => "no episodes".to_owned(),
            [only] => format!("1 episode, seed {}", only.seed),
            [first, .., last] => {
                format!("{episodes} episodes, seeds {} to {}", first.seed, last.seed)
            }
        }
    }

    fn decimals(&self) -> Decimals {
        let metrics = self.metrics;
        Decimals::of_scale(metrics.min_reward.abs().max(metrics.max_reward.abs()))
    }

    fn table(&self, palette: Palette) -> Table {
        let metrics = self.metrics;
        let rewards = self.decimals();
        let steps = Decimals::of_scale(100.0);
        let known = self.baseline;
        let interval =
            |interval: Option<Interval>| interval.map(|interval| rewards.write_interval(interval));
        let difference =
            |ours: f64, theirs: fn(&Baseline) -> f64| known.map(|known| ours - theirs(known));

        let mut rows = Rows::new(palette, known.is_some());
        rows.push(Row {
            name: "mean reward",
            value: rewards.write(metrics.mean_reward),
            interval: interval(metrics.mean_reward_ci95),
            baseline: known.map(|known| rewards.write(known.mean_reward)),
            difference: difference(metrics.mean_reward, |known| known.mean_reward)
                .map(|difference| rewards.write_signed(difference)),
        });
        rows.push(Row {
            interval: interval(metrics.iqm_reward_ci95),
            ..Row::new("interquartile mean", rewards.write(metrics.iqm_reward))
        });
        rows.push(Row {
            baseline: known.map(|known| rewards.write(known.std_reward)),
            difference: difference(metrics.std_reward, |known| known.std_reward)
                .map(|difference| rewards.write_signed(difference)),
            ..Row::new("standard deviation", rewards.write(metrics.std_reward))
        });
        rows.push(Row {
            baseline: known.map(|known| known.success_rate.map_or("unknown".to_owned(), percent)),
            difference: known
                .and_then(|known| known.success_rate)
                .map(|known| percentage_points(metrics.success_rate - known)),
            ..Row::new("success rate", percent(metrics.success_rate))
        });
        rows.push(Row::new("mean steps", steps.write(metrics.mean_steps)));
        if let Some(entropy) = metrics.action_entropy {
            let entropy = format!("{} nats", Decimals::of_scale(1.0).write(entropy));
            rows.push(Row::new("action entropy", entropy));
        }
        if let Some(baseline) = known {
            rows.push(Row {
                baseline: Some(count(baseline.n.into())),
                ..Row::new("episodes", count(self.episodes.len() as u64))
            });
        }
        rows.table
    }

    /// The returns over the same range as the baseline's, if those are known.
    fn histograms(&self, palette: Palette) -> String {
        let ours = self.episodes.iter().map(|episode| episode.total_reward);
        let known = self
            .baseline
            .and_then(|baseline| baseline.returns.as_deref());
        let theirs = known
            .unwrap_or_default()
            .iter()
            .map(|episode| episode.total_reward);
        let decimals = self.decimals();
        let Some(bins) = Bins::over(ours.clone().chain(theirs.clone()), HISTOGRAM) else {
            let only = decimals.write(self.metrics.mean_reward);
            return format!("  every return is {only}\n");
        };
        let row = |name: &str, bars: &str| {
            let low = palette.paint(Ink::Faint, &decimals.write(bins.low));
            let high = palette.paint(Ink::Faint, &decimals.write(bins.high));
            format!("  {name:<10} {low} {bars} {high}\n")
        };
        let mut text = row("returns", &bins.draw(ours));
        if known.is_some() {
            text += &row("baseline", &bins.draw(theirs));
        }
        text
    }
}

/// The verdict over several environments in one line.
pub(crate) fn overall(judged: &[Regression], palette: Palette) -> String {
    let of = |verdict| {
        judged
            .iter()
            .filter(|regression| regression.verdict == verdict)
            .count()
    };
    let all = judged.len();
    let (verdict, words) = match (of(Verdict::Regression), of(Verdict::Inconclusive)) {
        (0, 0) => (Verdict::Pass, format!("all {all} environments pass")),
        (0, unsure) => (
            Verdict::Inconclusive,
            format!("{unsure} of {all} environments are undecided"),
        ),
        (worse, _) => (
            Verdict::Regression,
            format!("regression in {worse} of {all} environments"),
        ),
    };
    let (ink, sign) = verdict::sign(verdict);
    format!("{}\n", palette.paint(ink, &format!("{sign} {words}")))
}

/// One line of the table.
struct Row {
    name: &'static str,
    value: String,
    interval: Option<String>,
    baseline: Option<String>,
    difference: Option<String>,
}

impl Row {
    fn new(name: &'static str, value: String) -> Self {
        Self {
            name,
            value,
            interval: None,
            baseline: None,
            difference: None,
        }
    }
}

/// The table under construction.
struct Rows {
    table: Table,
    with_baseline: bool,
}

impl Rows {
    fn new(palette: Palette, with_baseline: bool) -> Self {
        let mut rows = Self {
            table: palette.table(),
            with_baseline,
        };
        let heading =
            |text: &str| Palette::cell(Ink::Faint, text).set_alignment(CellAlignment::Right);
        rows.table.set_header(
            rows.columns(["", "policy", "95 % interval", "baseline", "difference"].map(heading)),
        );
        rows
    }

    fn columns(&self, cells: [Cell; 5]) -> Vec<Cell> {
        cells
            .into_iter()
            .take(if self.with_baseline { 5 } else { 3 })
            .collect()
    }

    fn push(&mut self, row: Row) {
        let right = |text: Option<String>| {
            Cell::new(text.unwrap_or_default()).set_alignment(CellAlignment::Right)
        };
        let cells = [
            Cell::new(row.name),
            Palette::cell(Ink::Strong, &row.value).set_alignment(CellAlignment::Right),
            right(row.interval),
            right(row.baseline),
            right(row.difference),
        ];
        self.table.add_row(self.columns(cells));
    }
}

#[cfg(test)]
mod tests {
    use tars_engine::metrics::summarize;
    use tars_engine::regression::{Candidate, Thresholds, judge};

    use super::*;

    fn episodes(returns: impl Iterator<Item = f64>) -> Vec<Episode> {
        let episode = |(episode_num, total_reward): (u32, f64)| Episode {
            episode_num,
            seed: episode_num.into(),
            total_reward,
            steps: 200,
            success: total_reward > 0.0,
        };
        (0..).zip(returns).map(episode).collect()
    }

    /// Judges these mean returns against a baseline around 100.
    fn judged(means: &[f64]) -> Vec<Regression> {
        let around = |mean: f64| episodes((0..50).map(move |index| mean + f64::from(index % 5)));
        let baseline = around(100.0);
        let baseline = Baseline::of(&summarize(&baseline, None, &[]), &baseline);
        let all: Vec<_> = means.iter().map(|&mean| around(mean)).collect();
        let metrics: Vec<_> = all
            .iter()
            .map(|episodes| summarize(episodes, None, &[]))
            .collect();
        let candidate = |(episodes, metrics)| Candidate {
            environment: "Test-v0",
            episodes,
            metrics,
            baseline: &baseline,
            losses: &[],
            stopping: None,
        };
        let candidates: Vec<_> = all
            .iter()
            .map(Vec::as_slice)
            .zip(&metrics)
            .map(candidate)
            .collect();
        judge(&candidates, &Thresholds::default())
    }

    #[test]
    fn one_regression_among_several_environments_is_one() {
        let plain = Palette::plain();
        assert_eq!(
            overall(&judged(&[100.0, 120.0]), plain),
            "✔ all 2 environments pass\n"
        );
        let mixed = overall(&judged(&[100.0, 50.0, 120.0]), plain);
        assert_eq!(mixed, "✘ regression in 1 of 3 environments\n");
    }

    #[test]
    fn a_single_episode_has_no_interval_and_no_range() {
        let episodes = episodes([-1.5].into_iter());
        let evaluation = Evaluation {
            policy: None,
            environment: "Test-v0",
            metrics: &summarize(&episodes, None, &[]),
            episodes: &episodes,
            baseline: None,
            regression: None,
        };
        let text = evaluation.write("", Palette::plain());
        assert!(text.starts_with("Test-v0  1 episode, seed 0\n"), "{text}");
        assert!(text.contains("every return is -1.500"), "{text}");
        assert!(!text.contains('['), "{text}");
    }
}
