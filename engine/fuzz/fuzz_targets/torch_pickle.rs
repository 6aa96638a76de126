//! Any `data.pkl` inside an otherwise genuine save, and as a file of torch.save of its own: random
//! bytes alone would hardly ever pass the zips' checksums.
#![no_main]

use std::io::{Cursor, Read, Write};
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tars_engine::policy_file::{self, Format};
use tars_engine_fuzz::{assert_usable, given};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

type Entries = Vec<(String, Vec<u8>)>;

static SAVE: LazyLock<Entries> =
    LazyLock::new(|| unpack(include_bytes!("../../golden/policies/ppo-two-joints.zip")));
static POLICY: LazyLock<Entries> = LazyLock::new(|| {
    let (_, policy) = SAVE.iter().find(|(name, _)| name == "policy.pth").expect("it is a save");
    unpack(policy)
});

fuzz_target!(|pickle: &[u8]| {
    let policy = pack(&POLICY, "archive/data.pkl", pickle);
    let save = pack(&SAVE, "policy.pth", &policy);
    for (format, bytes) in [(Format::Sb3Zip, &save), (Format::Torch, &policy)] {
        if let Ok(file) = policy_file::read(format, &given(), bytes) {
            assert_usable(&file);
        }
    }
});

fn unpack(bytes: &[u8]) -> Entries {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).expect("the fixture is a zip");
    let mut entries = Vec::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).expect("the fixture is intact");
        let name = entry.name().expect("names are UTF-8").into_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).expect("the fixture is intact");
        entries.push((name, content));
    }
    entries
}

/// The entries as a zip, with one of them replaced.
fn pack(entries: &Entries, replaced: &str, by: &[u8]) -> Vec<u8> {
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        let content = if name == replaced { by } else { content };
        writer.start_file(name.as_str(), options).expect("names are unique");
        writer.write_all(content).expect("memory does not fail");
    }
    writer.finish().expect("memory does not fail").into_inner()
}
