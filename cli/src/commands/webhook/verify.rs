//! `tars webhook verify`: whether a message is genuine, for receivers without a library.

use std::io::{Read as _, stdin};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use tars_shared::clock::{Clock as _, System};
use tars_shared::webhook::{Headers, verify};

use crate::stdout;
use crate::webhook_options::WebhookSecrets;

/// No message is larger.
const MAX_BYTES: u64 = 1024 * 1024;

/// Verify the signature of a message whose body comes on standard input
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 genuine; 1 not to be believed, and why; 2 bad input.")]
pub(super) struct Verify {
    #[command(flatten)]
    secrets: WebhookSecrets,
    /// The header `webhook-id`
    #[arg(long)]
    id: String,
    /// The header `webhook-timestamp`
    #[arg(long, allow_hyphen_values = true)]
    timestamp: String,
    /// The header `webhook-signature`
    #[arg(long)]
    signature: String,
    /// Take messages of any time, not only of the last five minutes
    #[arg(long)]
    no_tolerance: bool,
}

impl Verify {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let Some(secrets) = self.secrets.read()? else {
            bail!("give the secret: --secret-file FILE, or EVAL_WEBHOOK_SECRET");
        };
        let mut body = Vec::new();
        stdin()
            .take(MAX_BYTES + 1)
            .read_to_end(&mut body)
            .context("cannot read standard input")?;
        if body.len() as u64 > MAX_BYTES {
            bail!("the body on standard input is larger than 1 MiB");
        }
        let headers = Headers {
            id: &self.id,
            timestamp: &self.timestamp,
            signature: &self.signature,
        };
        let now = (!self.no_tolerance).then(|| System.now());
        match verify(&secrets, headers, &body, now) {
            Ok(()) => {
                stdout::print("the message is genuine\n")?;
                Ok(ExitCode::SUCCESS)
            }
            Err(rejected) => {
                eprintln!("tars: {rejected}");
                Ok(ExitCode::FAILURE)
            }
        }
    }
}
