//! `tars openapi`: the document that the service serves at `/openapi.json`.

use std::process::ExitCode;

use crate::stdout;

pub(crate) fn run() -> anyhow::Result<ExitCode> {
    stdout::print(&tars_api::openapi())?;
    Ok(ExitCode::SUCCESS)
}
