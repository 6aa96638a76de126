//! Policy files that are damaged or malicious are refused with their reason, execute nothing and
//! cost little.

mod craft;
mod documents;
mod pickles;
mod tensors;
mod zips;

use std::fs;
use std::path::PathBuf;

use craft::Save;
use tars_engine::policy_file::{self, Format, Given, MAX_FILE_BYTES};

/// The message with which these bytes are refused.
fn refusal(format: Format, bytes: &[u8]) -> String {
    match policy_file::read(format, &Given::default(), bytes) {
        Ok(file) => panic!("accepted as {file:?}"),
        Err(error) => error.to_string(),
    }
}

fn assert_refused(format: Format, bytes: &[u8], reason: &str) {
    let message = refusal(format, bytes);
    assert!(
        message.contains(reason),
        "expected {reason:?} in {message:?}"
    );
}

fn assert_save_refused(save: &Save, reason: &str) {
    assert_refused(Format::Sb3Zip, &save.bytes(), reason);
}

fn fixture(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden/policies");
    fs::read(folder.join(name)).expect("the fixture is in the repository")
}

/// One small file of each format.
fn samples() -> [(Format, Vec<u8>); 3] {
    [
        (Format::Sb3Zip, fixture("dqn-mountaincar-linear.zip")),
        (
            Format::Safetensors,
            fixture("dqn-mountaincar-linear.safetensors"),
        ),
        (Format::MlpJson, documents::MLP_JSON.into()),
    ]
}

#[test]
fn the_crafted_save_is_accepted_so_that_refusals_have_one_cause() {
    let file = policy_file::read(Format::Sb3Zip, &Given::default(), &Save::new().bytes()).unwrap();
    let widths: Vec<usize> = file
        .policy
        .layers
        .iter()
        .map(|layer| layer.outputs)
        .collect();
    assert_eq!(widths, [3, 2]);
}

#[test]
fn a_file_cut_off_anywhere_is_refused() {
    for (format, bytes) in samples() {
        for end in 0..bytes.len() {
            let result = policy_file::read(format, &Given::default(), &bytes[..end]);
            assert!(
                result.is_err(),
                "{format} cut off at {end} of {}",
                bytes.len()
            );
        }
    }
    let statistics = fixture("vecnormalize-pendulum.pkl");
    for end in 0..statistics.len() {
        assert!(
            policy_file::read_vec_normalize(&statistics[..end]).is_err(),
            "cut off at {end}"
        );
    }
}

#[test]
fn a_changed_byte_never_gives_numbers_that_are_not_finite() {
    for (format, mut bytes) in samples() {
        for place in 0..bytes.len() {
            let original = bytes[place];
            bytes[place] = if place % 2 == 0 {
                original ^ 0xff
            } else {
                original.wrapping_add(1)
            };
            if let Ok(file) = policy_file::read(format, &Given::default(), &bytes) {
                let mut numbers = file
                    .policy
                    .layers
                    .iter()
                    .flat_map(|layer| layer.weight.iter().chain(&layer.bias));
                assert!(
                    numbers.all(|number| number.is_finite()),
                    "{format} changed at {place}"
                );
            }
            bytes[place] = original;
        }
    }
}

#[test]
fn a_file_over_the_limit_is_refused_unread() {
    let bytes = vec![b'{'; MAX_FILE_BYTES + 1];
    for format in Format::ALL {
        assert_refused(
            format,
            &bytes,
            "the policy file exceeds the limit of 134217728 bytes",
        );
    }
    let error = policy_file::read_vec_normalize(&bytes)
        .unwrap_err()
        .to_string();
    assert!(error.contains("exceeds the limit"), "{error}");
}

#[test]
fn a_file_of_one_format_is_refused_as_another() {
    for (format, bytes) in samples() {
        for other in Format::ALL {
            assert_eq!(
                policy_file::read(other, &Given::default(), &bytes).is_ok(),
                other == format,
                "{format} as {other}"
            );
        }
    }
}
