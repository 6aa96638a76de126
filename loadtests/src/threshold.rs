//! What has to hold, and whether it did.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

/// What is measured under a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Metric {
    /// The share of requests that were not answered as they should be.
    ErrorRate,
    #[serde(rename = "latency_p95_ms")]
    LatencyP95,
    #[serde(rename = "latency_p99_ms")]
    LatencyP99,
    /// The share of requests that were answered as they should be; a 429 is not, expected or not.
    CheckRate,
    /// From the acceptance of a job to its end, as the service dates them.
    #[serde(rename = "evaluation_p95_ms")]
    EvaluationP95,
    /// The share of answers that came from a cache, of those that say so.
    CacheHitRate,
    ConnectionErrors,
    Timeouts,
    RecoverySeconds,
    /// Jobs that the ledger and the service do not agree on.
    UnaccountedJobs,
    /// File descriptors that one process of the service has more than before.
    DescriptorGrowth,
    /// Memory that one process of the service has more than before.
    MemoryGrowthMib,
    /// The p95 of the last quarter divided by that of the first.
    LatencyDrift,
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ErrorRate => "errors",
            Self::LatencyP95 => "latency p95",
            Self::LatencyP99 => "latency p99",
            Self::CheckRate => "answered as expected",
            Self::EvaluationP95 => "accepted to ended, p95",
            Self::CacheHitRate => "cache hits",
            Self::ConnectionErrors => "connection errors",
            Self::Timeouts => "timeouts",
            Self::RecoverySeconds => "recovery",
            Self::UnaccountedJobs => "jobs not accounted for",
            Self::DescriptorGrowth => "growth of descriptors",
            Self::MemoryGrowthMib => "growth of memory",
            Self::LatencyDrift => "p95, last quarter / first",
        })
    }
}

impl Metric {
    /// A limit of it, for people: as exact as it was given.
    fn limit(self, limit: f64) -> String {
        match self {
            // In binary, 0.07 × 100 is not quite 7.
            Self::ErrorRate | Self::CheckRate | Self::CacheHitRate => {
                format!("{} %", (limit * 1e8).round() / 1e6)
            }
            Self::LatencyP95 | Self::LatencyP99 | Self::EvaluationP95 => format!("{limit} ms"),
            Self::RecoverySeconds => format!("{limit} s"),
            Self::MemoryGrowthMib => format!("{limit} MiB"),
            _ => limit.to_string(),
        }
    }

    /// A figure of it, for people.
    pub(crate) fn show(self, figure: f64) -> String {
        match self {
            Self::ErrorRate | Self::CheckRate | Self::CacheHitRate => {
                format!("{:.2} %", figure * 100.0)
            }
            Self::LatencyP95 | Self::LatencyP99 | Self::EvaluationP95 => format!("{figure:.1} ms"),
            Self::RecoverySeconds => format!("{figure:.1} s"),
            Self::MemoryGrowthMib => format!("{figure:.0} MiB"),
            Self::LatencyDrift => format!("{figure:.2}"),
            Self::ConnectionErrors
            | Self::Timeouts
            | Self::UnaccountedJobs
            | Self::DescriptorGrowth => {
                format!("{figure:.0}")
            }
        }
    }
}

/// A bound that a figure has to keep.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Threshold {
    pub(crate) metric: Metric,
    #[serde(flatten)]
    bound: Bound,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Bound {
    Below(f64),
    AtMost(f64),
    Above(f64),
}

/// Whether a threshold holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judgement {
    Pass,
    Fail,
    /// It was not measured here: no header says it, or the processes are elsewhere.
    Unknown,
}

impl Threshold {
    pub(crate) fn below(metric: Metric, limit: f64) -> Self {
        Self {
            metric,
            bound: Bound::Below(limit),
        }
    }

    pub(crate) fn at_most(metric: Metric, limit: f64) -> Self {
        Self {
            metric,
            bound: Bound::AtMost(limit),
        }
    }

    pub(crate) fn judge(&self, figures: &Figures) -> Judgement {
        let Some(figure) = figures.of(self.metric) else {
            return Judgement::Unknown;
        };
        let holds = match self.bound {
            Bound::Below(limit) => figure < limit,
            Bound::AtMost(limit) => figure <= limit,
            Bound::Above(limit) => figure > limit,
        };
        if holds {
            Judgement::Pass
        } else {
            Judgement::Fail
        }
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, limit) = match self.bound {
            Bound::Below(limit) => ("<", limit),
            Bound::AtMost(limit) => ("≤", limit),
            Bound::Above(limit) => (">", limit),
        };
        write!(f, "{} {sign} {}", self.metric, self.metric.limit(limit))
    }
}

/// What was measured.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures(BTreeMap<Metric, f64>);

impl Figures {
    pub(crate) fn set(&mut self, metric: Metric, figure: f64) {
        self.0.insert(metric, figure);
    }

    pub(crate) fn of(&self, metric: Metric) -> Option<f64> {
        self.0.get(&metric).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::{Figures, Judgement, Metric, Threshold};

    fn judge(threshold: &str, figure: Option<f64>) -> Judgement {
        let threshold: Threshold = serde_json::from_str(threshold).unwrap();
        let mut figures = Figures::default();
        if let Some(figure) = figure {
            figures.set(threshold.metric, figure);
        }
        threshold.judge(&figures)
    }

    #[test]
    fn a_bound_holds_on_its_side() {
        let below = r#"{"metric": "latency_p95_ms", "below": 10}"#;
        let at_most = r#"{"metric": "unaccounted_jobs", "at_most": 0}"#;
        let above = r#"{"metric": "cache_hit_rate", "above": 0.99}"#;
        for (threshold, figure, judgement) in [
            (below, 9.99, Judgement::Pass),
            (below, 10.0, Judgement::Fail),
            (at_most, 0.0, Judgement::Pass),
            (at_most, 1.0, Judgement::Fail),
            (above, 0.991, Judgement::Pass),
            (above, 0.99, Judgement::Fail),
            (below, f64::NAN, Judgement::Fail),
        ] {
            assert_eq!(
                judge(threshold, Some(figure)),
                judgement,
                "{threshold} {figure}"
            );
        }
    }

    #[test]
    fn what_was_not_measured_neither_passes_nor_fails() {
        assert_eq!(
            judge(r#"{"metric": "cache_hit_rate", "above": 0.8}"#, None),
            Judgement::Unknown
        );
    }

    #[test]
    fn a_threshold_reads_as_a_sentence_with_units() {
        let threshold: Threshold =
            serde_json::from_str(r#"{"metric": "error_rate", "below": 0.01}"#).unwrap();
        assert_eq!(threshold.to_string(), "errors < 1 %");
        assert_eq!(
            Threshold::below(Metric::RecoverySeconds, 1.0).to_string(),
            "recovery < 1 s"
        );
    }
}
