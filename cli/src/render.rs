//! How results look to people: numbers, histograms, tables and verdicts, with colour where it
//! helps.

pub(crate) mod evaluation;
mod histogram;
pub(crate) mod number;
pub(crate) mod one_line;
mod palette;
pub(crate) mod policy;
pub(crate) mod verdict;

pub(crate) use palette::{Ink, Palette};
