//! The folder that `tars dev` keeps everything in.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use anyhow::Context as _;

/// Makes the folder where it does not exist, for its owner alone: hashes of passwords are in there.
pub(crate) fn create(data: &Path) -> anyhow::Result<()> {
    let mut folder = DirBuilder::new();
    folder.recursive(true).mode(0o700);
    folder
        .create(data)
        .with_context(|| format!("cannot create the data folder {}", data.display()))
}
