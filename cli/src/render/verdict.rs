//! A verdict in words.

use tars_engine::regression::{Check, CheckName, Regression, Verdict};

use super::number::{Decimals, percent, percentage_points};
use super::palette::{Ink, Palette};

/// Reasons are sentences: they are broken into lines of this many characters.
const LINE: usize = 92;

/// The verdict, its reason and the checks that failed, indented.
pub(crate) fn write(regression: &Regression, palette: Palette) -> String {
    let (ink, sign) = sign(regression.verdict);
    let mut title = format!("{sign} {}", regression.verdict.as_str());
    if regression.detected {
        title += ", severity ";
        title += regression.severity.as_str();
    }
    let advice = if regression.should_rollback {
        " (roll back)"
    } else {
        ""
    };
    let mut text = format!("  {}{advice}\n", palette.paint(ink, &title));
    text.extend(
        wrap(&regression.reason)
            .iter()
            .map(|line| format!("    {line}\n")),
    );
    let failed = regression.checks.iter().filter(|check| check.failed);
    text.extend(failed.enumerate().map(|(index, check)| {
        let heading = if index == 0 { "failed checks:" } else { "" };
        format!("    {heading:<14} {}\n", describe(check))
    }));
    text
}

/// How a verdict is marked.
pub(crate) fn sign(verdict: Verdict) -> (Ink, char) {
    match verdict {
        Verdict::Pass => (Ink::Good, '✔'),
        Verdict::Regression => (Ink::Bad, '✘'),
        Verdict::Inconclusive => (Ink::Unsure, '?'),
    }
}

fn describe(check: &Check) -> String {
    let (observed, threshold) = (check.observed, check.threshold);
    let ratio = |ratio: f64| format!("{}×", Decimals::of_scale(100.0).write(ratio));
    let (observed, threshold) = match check.name {
        CheckName::RewardDrop | CheckName::LossTrend => (percent(observed), percent(threshold)),
        CheckName::FailureRate => (percentage_points(observed), percentage_points(threshold)),
        CheckName::Variance => (ratio(observed), ratio(threshold)),
    };
    format!(
        "{:<12} {observed} (at most {threshold})",
        check.name.as_str()
    )
}

fn wrap(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= LINE => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_broken_between_words() {
        let text = "word ".repeat(40);
        let lines = wrap(&text);
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|line| line.len() <= LINE));
        assert_eq!(lines.join(" "), text.trim());
        assert_eq!(wrap(&"x".repeat(200)).len(), 1, "a long word stays whole");
    }
}
