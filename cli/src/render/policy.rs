//! The policy of a result in a few words: what was read from its file.

use tars_engine::policy_file::{ActivationSource, ObservationsAre};
use tars_shared::job::EvaluatedPolicy;

/// Algorithm, architecture, activation and who says so, what happens to observations and actions,
/// and the file.
pub(crate) fn describe(policy: &EvaluatedPolicy) -> String {
    let summary = &policy.summary;
    let mut facts: Vec<String> = summary.algorithm.iter().map(ToString::to_string).collect();
    let widths: Vec<String> = summary.architecture.iter().map(usize::to_string).collect();
    facts.push(widths.join("-"));
    let activation = summary.activation;
    facts.push(match summary.activation_source {
        ActivationSource::NotNeeded => "linear".to_owned(),
        ActivationSource::File => format!("{activation} (the file says so)"),
        ActivationSource::Given => format!("{activation} (as given)"),
        ActivationSource::LibraryDefault => format!("{activation} (default of its class)"),
    });
    let observations = match summary.observations {
        ObservationsAre::Raw => "raw",
        ObservationsAre::Normalized => "normalized",
        ObservationsAre::Rescaled => "rescaled",
        ObservationsAre::RescaledAndNormalized => "rescaled and normalized",
    };
    facts.push(format!("observations: {observations}"));
    if let Some(bounds) = &summary.action_bounds {
        facts.push(match &summary.actions_rescaled_from {
            Some(trained) => format!("actions: {bounds}, rescaled from {trained}"),
            None => format!("actions: {bounds}"),
        });
    }
    let hash = policy.sha256.to_string();
    facts.push(format!("{}, sha256 {}…", summary.format, &hash[..16]));
    facts.extend(summary.place.clone());
    facts.join(", ")
}
