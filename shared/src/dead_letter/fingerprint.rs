//! Which dead letters are alike.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::job::FailureKind;

/// From so many characters on, a word of letters and digits is taken for an id rather than a name such as `v1`.
const ID_CHARACTERS: usize = 5;

/// The name of a group: 16 hexadecimal digits.
pub fn fingerprint<'a>(
    kind: FailureKind,
    reason: &str,
    agent_type: &str,
    environments: impl IntoIterator<Item = &'a str>,
) -> String {
    let mut hash = Sha256::new();
    for part in [kind.as_str(), &folded(reason), agent_type] {
        hash.update(part);
        hash.update([0]);
    }
    for environment in environments {
        hash.update(environment);
        hash.update([0]);
    }
    hex::encode(&hash.finalize()[..8])
}

/// A reason with `#` for each number and id.
pub fn folded(reason: &str) -> String {
    let mut folded = String::with_capacity(reason.len());
    let mut rest = reason;
    while let Some(first) = rest.chars().next() {
        let length = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        if length == 0 {
            folded.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let (word, behind) = rest.split_at(length);
        rest = behind;
        let sentence_end = word.len() - word.trim_end_matches('.').len();
        let (word, dots) = word.split_at(word.len() - sentence_end);
        fold_word(word, &mut folded);
        folded.push_str(dots);
    }
    folded
}

/// Whether a character may belong to a number or an id.
fn belongs(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '.' | '_')
}

fn fold_word(word: &str, folded: &mut String) {
    if Uuid::try_parse(word).is_ok() || is_number(word) {
        folded.push('#');
        return;
    }
    let mut last_was_id = false;
    for (index, part) in word.split('-').enumerate() {
        let is_id = is_number(part) || is_id(part);
        if is_id && last_was_id {
            continue;
        }
        if index > 0 {
            folded.push('-');
        }
        folded.push_str(if is_id { "#" } else { part });
        last_was_id = is_id;
    }
}

fn is_number(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '.')
        && word.parse::<f64>().is_ok()
}

fn is_id(word: &str) -> bool {
    word.len() >= ID_CHARACTERS
        && word.chars().all(|c| c.is_ascii_alphanumeric())
        && word.contains(|c: char| c.is_ascii_digit())
        && word.contains(|c: char| c.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_ids_are_folded_and_names_are_not() {
        for (reason, expected) in [
            (
                "worker host-4711-9f3ab2 vanished while it ran this job alone",
                "worker host-# vanished while it ran this job alone",
            ),
            (
                "CartPole-v1 took longer than 300 s.",
                "CartPole-v1 took longer than # s.",
            ),
            (
                "the key of job 0190a1b2-4f0c-7c58-9d8e-3f5d8b640e01 was used",
                "the key of job # was used",
            ),
            (
                "no artifact 9f86d081884c7d659a2feaa0c55ad015 is stored",
                "no artifact # is stored",
            ),
            ("expected 4 inputs, got 8.5e3", "expected # inputs, got #"),
            (
                "layer q_net.0.weight is missing",
                "layer q_net.0.weight is missing",
            ),
            ("größer als 10 µs", "größer als # µs"),
            ("", ""),
        ] {
            assert_eq!(folded(reason), expected);
        }
    }

    #[test]
    fn a_group_is_told_by_kind_reason_agent_and_environments() {
        let of = |kind, reason, agent, environments: &[&str]| {
            fingerprint(kind, reason, agent, environments.iter().copied())
        };
        let one = of(FailureKind::Timeout, "after 3 s", "PPO", &["CartPole-v1"]);
        assert_eq!(one.len(), 16);
        assert_eq!(
            one,
            of(FailureKind::Timeout, "after 4 s", "PPO", &["CartPole-v1"])
        );
        for other in [
            of(
                FailureKind::Evaluation,
                "after 3 s",
                "PPO",
                &["CartPole-v1"],
            ),
            of(FailureKind::Timeout, "before 3 s", "PPO", &["CartPole-v1"]),
            of(FailureKind::Timeout, "after 3 s", "DQN", &["CartPole-v1"]),
            of(
                FailureKind::Timeout,
                "after 3 s",
                "PPO",
                &["CartPole-v1", "Acrobot-v1"],
            ),
        ] {
            assert_ne!(one, other);
        }
    }
}
