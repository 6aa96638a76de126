//! The `tars` command.
fn main() {}
