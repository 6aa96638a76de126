//! `tars user add`.

use std::process::ExitCode;

use anyhow::bail;
use tars_shared::account::{Actor, Name, NewUser, Role};

use crate::commands::accounts::password::{Password, PasswordSource};
use crate::commands::accounts::{Database, hand_over, say};

#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// What they log in with; it never changes and is never given to anybody else
    #[arg(value_name = "NAME")]
    name: Name,
    /// What they may do: a viewer reads, a developer also evaluates, an admin does everything
    #[arg(long, value_name = "ROLE")]
    role: Role,
    #[command(flatten)]
    password: PasswordSource,
    #[command(flatten)]
    database: Database,
}

impl Add {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let Self {
            name,
            role,
            password,
            database,
        } = self;
        database.run(async |accounts| {
            let users = accounts.store.users;
            // Before anybody thinks a password up.
            if users.find(&name).await?.is_some() {
                return Err(taken(&name));
            }
            let Password { hash, made } = password.get(name.as_str())?;
            let new = NewUser {
                name: name.clone(),
                role,
                password_hash: hash,
            };
            if users.add(&new, &Actor::command()).await?.is_none() {
                bail!(taken(&name));
            }
            match made {
                Some(made) => hand_over(
                    made.expose(),
                    &format!("{name} is added as {role}, with this password."),
                ),
                None => say(&format!("{name} is added as {role}.")),
            }
        })
    }
}

fn taken(name: &Name) -> anyhow::Error {
    anyhow::anyhow!(
        "NAME: there is a user {name} already: choose another, or change that one with `tars user password {name}` or \
         `tars user role {name}`"
    )
}
