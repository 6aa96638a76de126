//! What the service is shown. There is no option for the token itself: command lines are seen by
//! every user of a machine.

use std::path::PathBuf;

use anyhow::Context as _;
use zeroize::Zeroizing;

use crate::bounded_file;

/// The variable that holds a token.
const VARIABLE: &str = "TARS_TOKEN";
/// No file with a token is larger.
const MAX_BYTES: usize = 1024 * 1024;

/// Where the token is.
#[derive(Debug, Clone, Default, clap::Args)]
#[group(skip)]
pub(super) struct TokenOption {
    /// File with the token that the service is shown [default: the token in the variable
    /// `TARS_TOKEN`]
    #[arg(
        long = "token-file",
        value_name = "FILE",
        global = true,
        display_order = 901
    )]
    file: Option<PathBuf>,
}

impl TokenOption {
    /// The token, if there is one.
    pub(super) fn read(&self) -> anyhow::Result<Option<Zeroizing<String>>> {
        let text = match &self.file {
            Some(file) => {
                let bytes = bounded_file::read(file, MAX_BYTES)?;
                String::from_utf8(bytes)
                    .with_context(|| format!("{} holds no token", file.display()))?
            }
            None => std::env::var(VARIABLE).unwrap_or_default(),
        };
        let token = Zeroizing::new(Zeroizing::new(text).trim().to_owned());
        Ok(Some(token).filter(|token| !token.is_empty()))
    }

    /// What a command line needs to show the same token.
    pub(super) fn option(&self) -> String {
        self.file.as_ref().map_or_else(String::new, |file| {
            format!(" --token-file {}", file.display())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_holds_a_token_and_perhaps_a_line_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let read = || {
            TokenOption {
                file: Some(file.clone()),
            }
            .read()
        };
        std::fs::write(&file, "tars_x\n").unwrap();
        assert_eq!(*read().unwrap().unwrap(), "tars_x");
        std::fs::write(&file, "\n").unwrap();
        assert!(read().unwrap().is_none());
        std::fs::write(&file, [0xff]).unwrap();
        assert!(read().unwrap_err().to_string().contains("holds no token"));
    }
}
