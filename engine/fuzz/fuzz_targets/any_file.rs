//! Any bytes, read as every format.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tars_engine::policy_file::{self, Format};
use tars_engine::returns_file::{Evaluations, Monitor};
use tars_engine_fuzz::{assert_normalizes, assert_usable, given};

fuzz_target!(|bytes: &[u8]| {
    for format in Format::ALL {
        if let Ok(file) = policy_file::read(format, &given(), bytes) {
            assert_usable(&file);
        }
    }
    drop(policy_file::detect(bytes));
    if let Ok(evaluations) = Evaluations::read(bytes) {
        assert!(evaluations.best().is_some_and(|best| !best.returns.is_empty()));
    }
    if let Ok(monitor) = Monitor::read(bytes) {
        assert!(!monitor.returns.is_empty());
    }
    if let Ok(Some(normalizer)) = policy_file::read_vec_normalize(bytes) {
        assert_normalizes(&normalizer);
    }
});
