//! Archives that are damaged, ambiguous or far larger inside than outside.

use super::assert_refused;
use super::craft::{self, Entry, Save, deflated_zeros, zip};
use tars_engine::policy_file::Format;

const DEFLATE: u16 = 8;

fn assert_zip_refused(entries: &[Entry], reason: &str) {
    assert_refused(Format::Sb3Zip, &zip(entries), reason);
}

/// The highest memory use of this process so far.
#[cfg(target_os = "linux")]
fn peak_memory_mebibytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .expect("Linux has it");
    let kibibytes: u64 = line
        .split_whitespace()
        .nth(1)
        .and_then(|it| it.parse().ok())
        .expect("a number");
    kibibytes / 1024
}

#[test]
#[cfg(target_os = "linux")]
fn a_zip_bomb_is_refused_within_bounded_memory() {
    let mut bomb = Entry {
        stored: deflated_zeros(1536),
        method: DEFLATE,
        ..Entry::new("policy.pth", b"")
    };
    assert!(bomb.stored.len() < 10 << 20);
    // One bomb is honest about its size, the other is not.
    let too_large = "the content of the policy file up to its entry \"policy.pth\" \
                     exceeds the limit of 33554432 bytes";
    for (declared_size, reason) in [(1536 << 20, too_large), (100, "larger than its declared")] {
        bomb.declared_size = declared_size;
        assert_zip_refused(&[Entry::new("data", b"{}"), bomb.clone()], reason);
    }
    // Unpacked, the bomb alone would take six times this.
    assert!(
        peak_memory_mebibytes() < 256,
        "{} MiB",
        peak_memory_mebibytes()
    );
}

#[test]
fn bombs_inside_the_torch_archive_are_refused_too() {
    let save = Save::new();
    let mut entries = vec![Entry::new("archive/data.pkl", &save.pickle())];
    let honest = Entry {
        stored: deflated_zeros(40),
        declared_size: 40 << 20,
        method: DEFLATE,
        ..Entry::new("archive/data/0", b"")
    };
    entries.push(honest);
    let bytes = save.with_policy(&zip(&entries));
    assert_refused(
        Format::Sb3Zip,
        &bytes,
        "exceeds the limit of 33554432 bytes",
    );
    entries[1].declared_size = 24;
    let bytes = save.with_policy(&zip(&entries));
    assert_refused(Format::Sb3Zip, &bytes, "larger than its declared");
}

#[test]
fn storages_that_are_only_together_too_large_are_refused() {
    let mut save = Save::new();
    for layer in 1..10 {
        let name = format!("mlp_extractor.policy_net.{}", 2 * layer);
        save.dense(&name, 3, 3);
        let weight = save.named(&format!("{name}.weight"));
        (weight.storage, weight.storage_elements) = ("shared".to_owned(), 1 << 20);
    }
    save.storages
        .push(("shared".to_owned(), vec![0.0; 1 << 20]));
    // Nine readings of 4 MiB.
    assert_refused(
        Format::Sb3Zip,
        &save.bytes(),
        "exceeds the limit of 33554432 bytes",
    );
}

#[test]
fn the_crafted_deflate_stream_is_valid() {
    // So that the bombs are refused for their size and not for being damaged.
    let zeros = Entry {
        stored: deflated_zeros(1),
        declared_size: (1 << 20) / 258 * 258 + 1,
        method: DEFLATE,
        ..Entry::new("policy.pth", b"")
    };
    assert_zip_refused(&[Entry::new("data", b"{}"), zeros], "Invalid checksum");
}

#[test]
fn entries_of_the_same_name_are_refused() {
    let twice = [Entry::new("data", b"{}"), Entry::new("data", b"{}")];
    assert_zip_refused(&twice, "two of its entries have the same name");
}

#[test]
fn two_pickles_in_one_torch_archive_are_refused() {
    let save = Save::new();
    let [one, other] = ["a/data.pkl", "b/data.pkl"].map(|name| Entry::new(name, &save.pickle()));
    let bytes = save.with_policy(&zip(&[one, other]));
    assert_refused(Format::Sb3Zip, &bytes, "it has more than one data.pkl");
}

#[test]
fn thousands_of_entries_are_refused() {
    let entries: Vec<Entry> = (0..5_000)
        .map(|number| Entry::new(&number.to_string(), b""))
        .collect();
    assert_zip_refused(
        &entries,
        "the table of contents of the policy file exceeds the limit of 512 entries",
    );
}

#[test]
fn an_archive_behind_other_bytes_is_refused() {
    let mut bytes = b"#!/bin/sh\n".to_vec();
    bytes.extend(Save::new().bytes());
    assert_refused(
        Format::Sb3Zip,
        &bytes,
        "the policy file is not a readable zip archive",
    );
}

#[test]
fn damaged_encrypted_and_oddly_compressed_entries_are_refused() {
    let data = Entry::new("data", b"{}");
    let refused = |data: Entry, reason: &str| {
        assert_zip_refused(&[data, Entry::new("policy.pth", b"")], reason);
    };
    let damaged = Entry {
        crc: 1,
        ..data.clone()
    };
    refused(damaged, "the entry \"data\" is damaged");
    let encrypted = Entry {
        flags: 1,
        ..data.clone()
    };
    refused(encrypted, "Password required");
    let lzma = Entry { method: 14, ..data };
    refused(lzma, "not supported");
}

#[test]
fn zips_of_something_else_are_refused_by_what_they_lack() {
    let advice = "is it a Stable-Baselines3 save?";
    assert_zip_refused(&[], advice);
    assert_zip_refused(&[Entry::new("data", b"{}")], "this zip has no policy.pth");
    let policy = Entry::new("policy.pth", b"");
    assert_zip_refused(&[policy], "this zip has no data:");
}

#[test]
fn policies_that_are_no_torch_zip_are_refused_by_what_they_are() {
    let save = Save::new();
    let refused = |policy: &[u8], reason: &str| {
        assert_refused(Format::Sb3Zip, &save.with_policy(policy), reason);
    };
    refused(b"hello", "neither a zip archive nor a pickle");
    refused(b"", "neither a zip archive nor a pickle");
    refused(&zip(&[Entry::new("other", b"")]), "it has no data.pkl");
    let pickle = Entry::new("archive/data.pkl", &save.pickle());
    let big_endian = Entry::new("archive/byteorder", b"big");
    refused(
        &zip(&[pickle, big_endian]),
        "not in little-endian byte order",
    );
}

#[test]
fn data_that_is_not_what_sb3_writes_is_refused() {
    let refused = |data: &str, reason: &str| {
        let save = Save {
            data: data.to_owned(),
            ..Save::new()
        };
        super::assert_save_refused(&save, reason);
    };
    refused(
        "[",
        "the entry data of the Stable-Baselines3 save is not valid: EOF",
    );
    // Nested this deep, what is skipped costs nothing and what is read hits the parser's limit.
    refused(
        &format!("{{\"x\": {}", "[".repeat(1 << 20)),
        "EOF while parsing a list",
    );
    refused(
        &format!("{{\"policy_kwargs\": {}", "[".repeat(1 << 20)),
        "is not valid: invalid ",
    );
    refused(
        "{\"policy_kwargs\": {\"activation_fn\": 7}}",
        "invalid type",
    );
    refused(
        &craft::DATA.replacen(
            '{',
            "{\"policy_kwargs\": {\"activation_fn\": \"<class 'evil.Tanh'>\"}, ",
            1,
        ),
        "the activation function is \"<class 'evil.Tanh'>\", and only those of torch.nn",
    );
    refused(
        "{\"policy_kwargs\": {\"features_extractor_class\": \"<class 'custom.Net'>\"}}",
        "the policy has the features extractor \"<class 'custom.Net'>\"",
    );
}
