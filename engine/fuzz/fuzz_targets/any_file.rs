//! Any bytes, read as every format.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tars_engine::policy_file::{self, Format};
use tars_engine_fuzz::{assert_normalizes, assert_usable};

fuzz_target!(|bytes: &[u8]| {
    for format in Format::ALL {
        if let Ok(file) = policy_file::read(format, None, bytes) {
            assert_usable(&file);
        }
    }
    if let Ok(Some(normalizer)) = policy_file::read_vec_normalize(bytes) {
        assert_normalizes(&normalizer);
    }
});
