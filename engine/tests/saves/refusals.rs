//! What a file does not say is asked for, and what is not known is refused by its name.

use tars_engine::catalogue;
use tars_engine::policy_file::{Given, PolicyFile};

use crate::golden::{self, Golden};

/// The first complaint about a file, whether about itself or about its environment.
fn complaint(name: &str, golden: &Golden, given: Given) -> Option<String> {
    let file: PolicyFile = match golden.read_given(name, given) {
        Ok(file) => file,
        Err(error) => return Some(error.to_string()),
    };
    let environment = catalogue::find(&golden.env)?;
    file.policy
        .fit(environment)
        .err()
        .map(|misfit| misfit.to_string())
}

/// What a refusal says, for each reason.
fn words(because: &str) -> &'static str {
    match because {
        "activation" => "--activation",
        "policy_class" => "--trust-architecture",
        "features_extractor" => "features extractor",
        "action_kind" => "takes a vector",
        "action_space" => "--rescale-actions",
        "observation_space" => "observations",
        "ambiguous" => "saves, ",
        "no_policy" => "no policy",
        "lfs_pointer" => "git lfs pull",
        "pickle" => "nothing was executed",
        "algorithm" => "has the tensor",
        other => panic!("what does a refusal because of {other} say?"),
    }
}

#[test]
fn files_are_refused_by_what_they_are_and_with_what_would_help() {
    let mut refused = 0;
    for (name, golden) in golden::load() {
        if !golden.refused {
            continue;
        }
        let message = complaint(&name, &golden, Given::default());
        let message = message.unwrap_or_else(|| panic!("{name} is accepted"));
        let words = words(golden.because.as_deref().unwrap_or_default());
        assert!(
            message.contains(words),
            "{name}: {words:?} is not in {message:?}"
        );
        refused += 1;
    }
    assert!(refused >= 30, "only {refused} files are to be refused");
}
