//! Where a password comes from: a terminal, standard input or chance. Never an argument, which
//! every user of a machine sees.

use std::io::{self, BufRead as _, IsTerminal as _};

use anyhow::{Context as _, bail};
use tars_shared::account::password;
use tars_shared::account::secret::Secret;
use zeroize::Zeroizing;

/// Where the password comes from [default: asked for on the terminal].
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(in crate::commands) struct PasswordSource {
    /// Take the password from the first line of standard input instead of asking for it
    #[arg(long, conflicts_with = "generate")]
    password_stdin: bool,
    /// Make a password up, and print it once
    #[arg(long)]
    generate: bool,
}

/// A password that was checked.
pub(in crate::commands) struct Password {
    /// What the database keeps.
    pub(in crate::commands) hash: String,
    /// The password itself, if nobody knows it yet.
    pub(in crate::commands) made: Option<Secret>,
}

impl PasswordSource {
    /// Gets the password for this user, and refuses one that is easily guessed.
    pub(in crate::commands) fn get(&self, user: &str) -> anyhow::Result<Password> {
        if self.generate {
            let made = Secret::password().map_err(anyhow::Error::msg)?;
            let hash = password::hash(made.expose()).map_err(anyhow::Error::msg)?;
            return Ok(Password {
                hash,
                made: Some(made),
            });
        }
        let given = if self.password_stdin {
            first_line(io::stdin().lock())?
        } else {
            ask(user)?
        };
        password::check(&given).map_err(|complaint| anyhow::anyhow!("password: {complaint}"))?;
        Ok(Password {
            hash: password::hash(&given).map_err(anyhow::Error::msg)?,
            made: None,
        })
    }
}

fn ask(user: &str) -> anyhow::Result<Zeroizing<String>> {
    if !io::stdin().is_terminal() {
        bail!("password: there is no terminal to ask on: use --password-stdin or --generate");
    }
    let prompt = |text: String| {
        rpassword::prompt_password(text)
            .map(Zeroizing::new)
            .context("cannot ask for a password")
    };
    let password = prompt(format!(
        "Password for {user}, at least {} characters: ",
        password::MIN_CHARACTERS
    ))?;
    if prompt("The same again: ".to_owned())? != password {
        bail!("password: the two are not the same: nothing is changed");
    }
    Ok(password)
}

/// The first line without its end.
fn first_line(input: impl io::BufRead) -> anyhow::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::new());
    // Enough to see that it is too long.
    let limit = password::MAX_BYTES as u64 + 3;
    input
        .take(limit)
        .read_line(&mut line)
        .context("password: cannot read it from standard input")?;
    let text = line.strip_suffix('\n').unwrap_or(&line);
    Ok(Zeroizing::new(
        text.strip_suffix('\r').unwrap_or(text).to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_the_password() {
        for input in [
            "correct horse",
            "correct horse\n",
            "correct horse\r\n",
            "correct horse\nsecond line\n",
        ] {
            assert_eq!(*first_line(input.as_bytes()).unwrap(), "correct horse");
        }
        assert_eq!(*first_line(" kept \n".as_bytes()).unwrap(), " kept ");
        let long = "x".repeat(1000);
        assert!(
            first_line(long.as_bytes()).unwrap().len() > password::MAX_BYTES,
            "it is refused, and not cut"
        );
        assert!(first_line(&[0xff, b'\n'][..]).is_err());
    }
}
