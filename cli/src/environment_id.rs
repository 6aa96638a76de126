//! The value of `--env`: the id of an environment that this binary can run.

use clap::builder::PossibleValuesParser;
use tars_engine::catalogue;

/// Accepts the native environments' ids; clap lists them for any other, and names the one that was
/// probably meant.
pub(crate) fn parser() -> PossibleValuesParser {
    PossibleValuesParser::new(catalogue::native().iter().map(|spec| &*spec.id))
}
