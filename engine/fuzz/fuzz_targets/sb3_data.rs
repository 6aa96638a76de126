//! Any `data` inside an otherwise genuine save: what it says of class, activation and spaces.
#![no_main]

use std::io::{Cursor, Read, Write};
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tars_engine::policy_file::{self, Format, Given};
use tars_engine_fuzz::{assert_usable, given};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

static POLICY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let save = include_bytes!("../../golden/saves/sac-gsde.zip");
    let mut archive = ZipArchive::new(Cursor::new(save)).expect("the fixture is a zip");
    let mut content = Vec::new();
    archive
        .by_name("policy.pth")
        .expect("it is a save")
        .read_to_end(&mut content)
        .expect("the fixture is intact");
    content
});

fuzz_target!(|data: &[u8]| {
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in [("data", data), ("policy.pth", &POLICY)] {
        writer.start_file(name, options).expect("names are unique");
        writer.write_all(content).expect("memory does not fail");
    }
    let save = writer.finish().expect("memory does not fail").into_inner();
    for given in [Given::default(), given()] {
        if let Ok(file) = policy_file::read(Format::Sb3Zip, &given, &save) {
            assert_usable(&file);
        }
    }
});
