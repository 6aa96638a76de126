//! Figures from the text that Prometheus scrapes.

use serde::Serialize;
use tars_shared::job::{Ledger, Status};
use tars_shared::request::Priority;

/// The figures that are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Figures {
    pub(super) jobs: Ledger,
    /// By [`Priority`].
    pub(super) waiting: [Waiting; 3],
}

/// What waits at one priority. What the service does not say is unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(super) struct Waiting {
    /// Messages that wait for a worker.
    pub(super) queued: Option<u64>,
    /// How long the oldest queued job has been waiting; 0 where there is none.
    pub(super) oldest_seconds: Option<f64>,
    pub(super) overdue: Option<u64>,
}

impl Figures {
    /// Reads them; nothing where this is no text of the service.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut figures = Self::default();
        let mut counted = 0;
        for (name, label, number) in text.lines().filter_map(sample) {
            if name == "jobs" {
                if let Some(status) = Status::ALL.into_iter().find(|one| one.as_str() == label) {
                    figures.jobs.add(status, whole(number));
                    counted += 1;
                }
                continue;
            }
            let Some(priority) = Priority::ALL.into_iter().find(|one| one.as_str() == label) else {
                continue;
            };
            let waiting = &mut figures.waiting[priority as usize];
            match name {
                "queue_depth" => waiting.queued = Some(whole(number)),
                "oldest_queued_seconds" => waiting.oldest_seconds = Some(number),
                "jobs_overdue" => waiting.overdue = Some(whole(number)),
                _ => {}
            }
        }
        (counted > 0).then_some(figures)
    }
}

/// The name without its prefix, the value of the only label, and the number of a line.
fn sample(line: &str) -> Option<(&str, &str, f64)> {
    let (name, rest) = line.strip_prefix("tars_eval_")?.split_once('{')?;
    let (label, number) = rest.rsplit_once("} ")?;
    let (_, value) = label.split_once("=\"")?;
    let value = value.strip_suffix('"')?;
    let number: f64 = number.trim().parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some((name, value, number))
}

/// Counts are written as floating-point numbers.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is neither negative nor infinite, and a cast of what is too large gives the largest"
)]
fn whole(number: f64) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_from_what_prometheus_scrapes() {
        let text = "# HELP tars_eval_jobs Jobs in the store.\n\
            # TYPE tars_eval_jobs gauge\n\
            tars_eval_jobs{status=\"queued\"} 3\n\
            tars_eval_jobs{status=\"completed\"} 1200\n\
            tars_eval_queue_depth{priority=\"low\"} 2\n\
            tars_eval_oldest_queued_seconds{priority=\"low\"} 7.5\n\
            tars_eval_jobs_overdue{priority=\"high\"} 1\n\
            tars_eval_jobs_overdue{priority=\"low\"} NaN\n\
            tars_eval_http_requests_total{method=\"GET\",route=\"/v1/jobs\",status=\"200\"} 9\n\
            other_jobs{status=\"queued\"} 5\n";
        let figures = Figures::read(text).unwrap();
        assert_eq!(figures.jobs.count(Status::Queued), 3);
        assert_eq!(figures.jobs.total(), 1203);
        let [high, normal, low] = figures.waiting;
        assert_eq!((high.overdue, high.queued), (Some(1), None));
        assert_eq!(normal, Waiting::default());
        let expected = Waiting {
            queued: Some(2),
            oldest_seconds: Some(7.5),
            overdue: None,
        };
        assert_eq!(low, expected);
    }

    #[test]
    fn other_text_holds_no_figures() {
        assert_eq!(Figures::read("<html>tars_eval_jobs{</html>"), None);
        assert_eq!(Figures::read(""), None);
    }
}
