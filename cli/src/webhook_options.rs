//! How webhooks are sent: options that API and workers share. Each is an environment variable too.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::builder::FalseyValueParser;
use tars_shared::mode::Mode;
use tars_shared::webhook::{Networks, Secrets, Webhooks, network};
use zeroize::Zeroizing;

use crate::bounded_file;

/// The variable that holds secrets.
const VARIABLE: &str = "EVAL_WEBHOOK_SECRET";
/// No file with secrets is larger.
const MAX_BYTES: usize = 1024 * 1024;

/// How webhooks are sent.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub(crate) struct WebhookOptions {
    #[command(flatten)]
    secrets: WebhookSecrets,
    /// Private networks that webhooks may go to, such as 10.0.0.0/8, or true for all, which production
    /// refuses [default: none]
    #[arg(
        long = "webhook-allow-private",
        env = "EVAL_WEBHOOK_ALLOW_PRIVATE",
        value_delimiter = ',',
        value_name = "NETWORK,…"
    )]
    allow_private: Vec<String>,
    /// Send webhooks over plain http:// too, as development does anyway
    #[arg(long = "webhook-allow-http", env = "EVAL_WEBHOOK_ALLOW_HTTP", value_parser = FalseyValueParser::new())]
    allow_http: bool,
}

impl WebhookOptions {
    /// What they say. Without a secret no webhook is sent.
    pub(crate) fn settings(&self, mode: Mode) -> anyhow::Result<Webhooks> {
        let networks = networks(&self.allow_private)
            .map_err(|complaint| anyhow::anyhow!("EVAL_WEBHOOK_ALLOW_PRIVATE: {complaint}"))?;
        if mode == Mode::Production && networks.is_wide_open() {
            bail!(
                "EVAL_WEBHOOK_ALLOW_PRIVATE: lets every submitter reach whatever this service reaches: in production, \
                 name the networks of receivers (10.1.0.0/16), none wider than a /8, or /16 of IPv6"
            );
        }
        Ok(Webhooks {
            secrets: self.secrets.read()?,
            allow_http: self.allow_http || mode == Mode::Development,
            networks,
        })
    }
}

fn networks(words: &[String]) -> Result<Networks, String> {
    let words = words.iter().map(|word| word.trim());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    match words[..] {
        ["true"] => Ok(Networks::everything()),
        [] | ["false"] => Ok(Networks::default()),
        _ => words
            .into_iter()
            .map(network)
            .collect::<Result<_, _>>()
            .map(Networks::new),
    }
}

/// Where the secrets are that webhooks are signed with. Better not on the command line, which is seen
/// by every user of a machine.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub(crate) struct WebhookSecrets {
    /// File with the secrets that webhooks are signed with, `whsec_` and base64, the same for API and
    /// workers; several while one replaces another [default: those in the variable
    /// `EVAL_WEBHOOK_SECRET`; without any, no webhooks are sent]
    #[arg(
        long = "webhook-secret-file",
        alias = "secret-file",
        env = "EVAL_WEBHOOK_SECRET_FILE",
        value_name = "FILE"
    )]
    file: Option<PathBuf>,
}

impl WebhookSecrets {
    /// The secrets, if there are any.
    pub(crate) fn read(&self) -> anyhow::Result<Option<Secrets>> {
        let file = self
            .file
            .as_deref()
            .filter(|file| !file.as_os_str().is_empty());
        let (text, name) = match file {
            Some(file) => (read(file)?, file.display().to_string()),
            None => (
                Zeroizing::new(std::env::var(VARIABLE).unwrap_or_default()),
                VARIABLE.to_owned(),
            ),
        };
        if file.is_none() && text.trim().is_empty() {
            return Ok(None);
        }
        text.parse().map(Some).with_context(|| name)
    }
}

fn read(file: &Path) -> anyhow::Result<Zeroizing<String>> {
    let text = String::from_utf8(bounded_file::read(file, MAX_BYTES)?);
    let text = text.map_err(|_| anyhow::anyhow!("{} holds no secret", file.display()))?;
    Ok(Zeroizing::new(text))
}

#[cfg(test)]
mod tests {
    use tars_shared::webhook::Secret;

    use super::*;

    fn options(allow_private: &[&str], file: Option<PathBuf>) -> WebhookOptions {
        WebhookOptions {
            secrets: WebhookSecrets { file },
            allow_private: allow_private.iter().map(|&word| word.to_owned()).collect(),
            allow_http: false,
        }
    }

    #[test]
    fn production_sends_to_named_networks_and_with_tls_alone() {
        let allowed = |words: &[&str], mode| options(words, None).settings(mode);
        for wide in [&["true"][..], &["0.0.0.0/0"], &["10.0.0.0/8", "::/1"]] {
            let refusal = allowed(wide, Mode::Production).unwrap_err().to_string();
            assert!(
                refusal.starts_with("EVAL_WEBHOOK_ALLOW_PRIVATE: "),
                "{refusal}"
            );
            assert!(allowed(wide, Mode::Development).is_ok());
        }
        for narrow in [&[][..], &["", "false"], &["10.0.0.0/8", " 127.0.0.1"]] {
            assert!(!allowed(narrow, Mode::Production).unwrap().allow_http);
        }
        assert!(allowed(&["ten"], Mode::Development).is_err());
        assert!(allowed(&[], Mode::Development).unwrap().allow_http);
    }

    #[test]
    fn a_file_holds_secrets_and_complaints_name_it_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secrets");
        let read = || options(&[], Some(file.clone())).secrets.read();
        let [one, two] = [(); 2].map(|()| Secret::generate().unwrap());
        std::fs::write(&file, format!("{}\n{}\n", *one, *two)).unwrap();
        assert_eq!(
            read()
                .unwrap()
                .unwrap()
                .sign("a", 1, b"")
                .split(' ')
                .count(),
            2
        );
        for bad in ["", "whsec_c2hvcnQ=", "a password"] {
            std::fs::write(&file, bad).unwrap();
            let refusal = format!("{:#}", read().unwrap_err());
            assert!(refusal.contains(file.to_str().unwrap()), "{refusal}");
            assert!(bad.is_empty() || !refusal.contains(bad), "{refusal}");
        }
    }
}
