//! What a person reads of a run.

use std::fs;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use crate::threshold::{Figures, Judgement, Threshold};

/// The machine, and what else it was doing: the latter shows in every figure.
pub(crate) fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let average = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let average = average.split(' ').next().unwrap_or_default().to_owned();
    format!("{cores} cores, load average {average}")
}

/// Rows of the one table of a run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    rows: Vec<[String; 5]>,
    failed: bool,
}

impl Report {
    /// Judges what was measured under one load.
    pub(crate) fn judge<'a>(
        &mut self,
        load: &str,
        thresholds: impl Iterator<Item = (&'static str, &'a Threshold)>,
        figures: &Figures,
    ) {
        for (whose, threshold) in thresholds {
            let judgement = threshold.judge(figures);
            self.failed |= judgement == Judgement::Fail;
            let figure = figures.of(threshold.metric);
            self.rows.push([
                load.to_owned(),
                threshold.to_string(),
                whose.to_owned(),
                figure.map_or_else(|| "–".to_owned(), |figure| threshold.metric.show(figure)),
                match judgement {
                    Judgement::Pass => "pass",
                    Judgement::Fail => "FAIL",
                    Judgement::Unknown => "not measured",
                }
                .to_owned(),
            ]);
        }
    }

    /// Whether a threshold did not hold.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed
    }

    pub(crate) fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(NOTHING);
        table.set_header(["LOAD", "THRESHOLD", "WHOSE", "FIGURE", ""]);
        table.add_rows(&self.rows);
        if let Some(column) = table.column_mut(3) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::Report;
    use crate::threshold::{Figures, Metric, Threshold};

    fn report(figure: Option<f64>) -> Report {
        let mut figures = Figures::default();
        if let Some(figure) = figure {
            figures.set(Metric::Timeouts, figure);
        }
        let threshold = Threshold::below(Metric::Timeouts, 20.0);
        let mut report = Report::default();
        report.judge("spike", [("original", &threshold)].into_iter(), &figures);
        report
    }

    #[test]
    fn one_threshold_that_does_not_hold_fails_the_run() {
        for (figure, fails, word) in [
            (Some(19.0), false, "pass"),
            (Some(20.0), true, "FAIL"),
            (None, false, "not measured"),
        ] {
            let report = report(figure);
            assert_eq!(report.has_failed(), fails);
            assert!(report.table().contains(word), "{}", report.table());
        }
    }
}
