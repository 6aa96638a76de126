//! What a file does not say is asked for, and what is not known is refused by its name.

use tars_engine::catalogue;
use tars_engine::policy_file::{Given, PolicyFile};

use crate::golden::{self, Golden};

/// The first complaint about a file, whether about itself or about its environment.
fn complaint(name: &str, golden: &Golden, given: &Given) -> Option<String> {
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

#[test]
fn files_that_cannot_be_read_are_refused_by_what_they_are() {
    let mut refused = 0;
    for (name, golden) in golden::load() {
        if golden.refused != Some(true) {
            continue;
        }
        let message = complaint(&name, &golden, &golden.given());
        let message = message.unwrap_or_else(|| panic!("{name} is accepted"));
        let because = golden.because.as_deref().unwrap_or_default();
        assert!(
            message.contains(because),
            "{name}: {because:?} is not in {message:?}"
        );
        refused += 1;
    }
    assert!(refused >= 3, "only {refused} files are to be refused");
}

#[test]
fn nothing_is_guessed_where_an_option_has_to_be_given() {
    let mut asked = 0;
    for (name, golden) in golden::load() {
        if golden.refused == Some(true) || golden.given() == Given::default() {
            continue;
        }
        let message = complaint(&name, &golden, &Given::default());
        let message = message.unwrap_or_else(|| panic!("{name} is read without its options"));
        assert!(
            [
                "activation",
                "architecture",
                "rescale_actions",
                "observations"
            ]
            .iter()
            .any(|word| message.contains(word)),
            "{name}: {message:?} does not say what to give"
        );
        asked += 1;
    }
    assert!(asked >= 8, "only {asked} files need an option");
}
