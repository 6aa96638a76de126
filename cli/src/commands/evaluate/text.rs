//! The results for people, and what would make an open question easier to answer.

use std::fmt::Write as _;

use tars_engine::regression::{Regression, Test, Verdict};

use crate::render::evaluation::{Evaluation, overall};
use crate::render::{Ink, Palette};

use super::Evaluate;
use super::agent::Agent;
use super::reference::Reference;
use super::rolling::Rolled;

impl Evaluate {
    /// The policy in one line, then a block per environment.
    pub(super) fn text(
        &self,
        agent: &Agent,
        rolled: &[Rolled],
        references: Option<&[Reference]>,
        judged: &[Regression],
    ) -> anyhow::Result<String> {
        let palette = Palette::of_stdout();
        let mut text = format!("{}\n", palette.paint(Ink::Strong, agent.name()));
        if let Some(path) = self.baseline.as_ref().or(self.against.as_ref()) {
            let path = palette.paint(Ink::Strong, &path.display().to_string());
            writeln!(text, "against {path}")?;
        }
        for (index, rolled) in rolled.iter().enumerate() {
            let reference = references.map(|references| &references[index]);
            let regression = judged.get(index);
            let policy = agent.evaluated(&rolled.environment);
            let evaluation = Evaluation {
                policy: policy.as_ref(),
                environment: &rolled.environment,
                metrics: &rolled.metrics,
                episodes: &rolled.episodes,
                baseline: reference.map(|reference| &reference.statistics),
                regression,
            };
            let sampled = if self.stochastic {
                ", sampled actions"
            } else {
                ""
            };
            let aside = format!("{sampled} ({})", rolled.pace());
            write!(text, "\n{}", evaluation.write(&aside, palette))?;
            if let (Some(reference), Some(regression)) = (reference, regression)
                && let Some(hint) = self.hint(reference, regression)
            {
                writeln!(text, "    hint: {hint}")?;
            }
        }
        if judged.len() > 1 {
            write!(text, "\n{}", overall(judged, palette))?;
        }
        Ok(text)
    }

    /// What would make an open question easier to answer.
    fn hint(&self, reference: &Reference, regression: &Regression) -> Option<String> {
        if regression.verdict != Verdict::Inconclusive {
            return None;
        }
        let known = reference.statistics.returns.as_deref().unwrap_or_default();
        let first = known.iter().map(|episode| episode.seed).min();
        if let (Test::Welch, Some(first)) = (regression.comparison.test, first) {
            let n = known.len();
            return Some(format!(
                "with --seed {first} --episodes {n} the baseline's own seeds are compared one by one, which often tells more"
            ));
        }
        let more = self.episodes.saturating_mul(4).min(1_000_000);
        let needed = regression.comparison.episodes_needed.unwrap_or(more);
        (needed > self.episodes).then(|| {
            let with = if self.against.is_some() {
                ""
            } else {
                ", with a baseline of as many"
            };
            format!("try --episodes {needed}{with}")
        })
    }
}
