//! Profiles: which load, and what has to hold under it. One file each in `profiles/`, which the
//! driver and the k6 scripts read alike.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use crate::arrivals::Stage;
use crate::mix::{Mix, Reads};
use crate::recovery::Recovery;
use crate::threshold::Threshold;

/// A profile as its file says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    pub(crate) name: String,
    pub(crate) about: String,
    /// The whole load.
    stages: Vec<Stage>,
    /// The same shape in half a minute.
    short: Vec<Stage>,
    /// Of each job that is submitted.
    pub(crate) episodes: u32,
    pub(crate) mix: Mix,
    #[serde(default)]
    pub(crate) reads: Reads,
    pub(crate) recovery: Option<Recovery>,
    pub(crate) too_many_requests: TooManyRequests,
    pub(crate) thresholds: Thresholds,
}

/// What a 429 is, which is counted in either case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TooManyRequests {
    /// An answer that the load asks for: the service protects itself.
    Expected,
    /// An error: the limits were to fit.
    Unexpected,
}

/// What has to hold, by whose word.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Thresholds {
    /// Those of the report that the service is measured against.
    original: Vec<Threshold>,
    /// Those of this project.
    ours: Vec<Threshold>,
}

impl Thresholds {
    /// Each with whose it is.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, &Threshold)> {
        let original = self
            .original
            .iter()
            .map(|threshold| ("original", threshold));
        original.chain(self.ours.iter().map(|threshold| ("ours", threshold)))
    }
}

impl Profile {
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("in {}", path.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let profile: Self = serde_json::from_str(text)?;
        let mix = &profile.mix;
        ensure!(
            (mix.submit + mix.poll + mix.read - 1.0).abs() < 1e-9,
            "the mix does not add up to 1"
        );
        ensure!(
            mix.read == 0.0 || !profile.reads.popular_agents.is_empty(),
            "nothing to read is named"
        );
        if let Some(recovery) = &profile.recovery {
            for stages in [&profile.stages, &profile.short] {
                for named in [&recovery.before, &recovery.after] {
                    let is_there = stages.iter().any(|stage| stage.name == *named);
                    ensure!(is_there, "recovery: no stage is named {named:?}");
                }
            }
        }
        Ok(profile)
    }

    /// The stages, so many times larger.
    pub(crate) fn stages(&self, short: bool, scale: f64) -> Vec<Stage> {
        let stages = if short { &self.short } else { &self.stages };
        stages.iter().map(|stage| stage.times(scale)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Profile, TooManyRequests};
    use crate::arrivals::{Arrivals, Stage};
    use std::path::{Path, PathBuf};

    fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles")
    }

    fn profiles() -> Vec<Profile> {
        ["sustained", "spike", "read-heavy"]
            .map(|name| Profile::read(&folder().join(format!("{name}.json"))).unwrap())
            .into()
    }

    fn seconds(stages: &[Stage]) -> f64 {
        stages.iter().map(|stage| stage.seconds).sum()
    }

    #[test]
    fn every_profile_is_read_and_is_named_as_its_file() {
        let names: Vec<String> = profiles().into_iter().map(|profile| profile.name).collect();
        assert_eq!(names, ["sustained", "spike", "read-heavy"]);
        assert_eq!(
            std::fs::read_dir(folder()).unwrap().count(),
            names.len(),
            "no other profile is there"
        );
    }

    #[test]
    fn every_profile_has_the_thresholds_of_the_original_and_ours() {
        for profile in profiles() {
            for whose in ["original", "ours"] {
                assert!(
                    profile.thresholds.all().any(|(of, _)| of == whose),
                    "{}",
                    profile.name
                );
            }
        }
    }

    #[test]
    fn the_short_ones_together_leave_time_to_start_and_to_reconcile_within_four_minutes() {
        let both_scales = 2.0;
        let all: f64 = profiles()
            .iter()
            .map(|profile| seconds(&profile.stages(true, 1.0)))
            .sum();
        assert!(all * both_scales <= 150.0, "{all}");
    }

    #[test]
    fn a_short_profile_reaches_the_rates_of_the_whole_one() {
        for profile in profiles() {
            let peak = |short| Arrivals::of(&profile.stages(short, 10.0)).peak();
            assert!((peak(true) - peak(false)).abs() < 1e-9, "{}", profile.name);
        }
    }

    #[test]
    fn a_429_is_expected_in_the_spike_alone() {
        let expected = |profile: &Profile| profile.too_many_requests == TooManyRequests::Expected;
        let names: Vec<_> = profiles()
            .into_iter()
            .filter(expected)
            .map(|profile| profile.name)
            .collect();
        assert_eq!(names, ["spike"]);
    }

    #[test]
    fn a_misspelt_field_or_a_mix_that_does_not_add_up_is_refused() {
        let text = std::fs::read_to_string(folder().join("spike.json")).unwrap();
        for (from, to) in [
            ("\"mix\"", "\"mixx\""),
            ("0.5", "0.4"),
            ("\"after\": \"hold\"", "\"after\": \"holt\""),
        ] {
            assert!(
                Profile::parse(&text.replacen(from, to, 1)).is_err(),
                "{from} → {to}"
            );
        }
    }
}
