//! What can be changed about a user.

use std::process::ExitCode;

use anyhow::bail;
use tars_shared::account::{Actor, Name, Role, User};
use tars_shared::store::{UserChange, UserChanged};

use crate::commands::accounts::password::PasswordSource;
use crate::commands::accounts::{Accounts, Database, SOON, hand_over, say};

#[derive(Debug, clap::Args)]
pub(super) struct SetRole {
    /// Whose
    #[arg(value_name = "NAME")]
    name: Name,
    /// What they may do: viewer, developer or admin
    #[arg(value_name = "ROLE")]
    role: Role,
    #[command(flatten)]
    database: Database,
}

#[derive(Debug, clap::Args)]
pub(super) struct Disable {
    /// Who
    #[arg(value_name = "NAME")]
    name: Name,
    #[command(flatten)]
    database: Database,
}

#[derive(Debug, clap::Args)]
pub(super) struct Enable {
    /// Who
    #[arg(value_name = "NAME")]
    name: Name,
    #[command(flatten)]
    database: Database,
}

#[derive(Debug, clap::Args)]
pub(super) struct Password {
    /// Whose
    #[arg(value_name = "NAME")]
    name: Name,
    #[command(flatten)]
    source: PasswordSource,
    #[command(flatten)]
    database: Database,
}

impl SetRole {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        self.database.run(async |accounts| {
            let user = change(&accounts, &self.name, UserChange::Role(self.role)).await?;
            say(&format!("{} is {} now. {SOON}", user.name, user.role))
        })
    }
}

impl Disable {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        self.database.run(async |accounts| {
            let user = change(&accounts, &self.name, UserChange::Disabled(true)).await?;
            say(&format!(
                "{} is disabled, and all of their sessions have ended. {SOON}",
                user.name
            ))
        })
    }
}

impl Enable {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        self.database.run(async |accounts| {
            let user = change(&accounts, &self.name, UserChange::Disabled(false)).await?;
            say(&format!(
                "{} can log in again, as {}.",
                user.name, user.role
            ))
        })
    }
}

impl Password {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let Self {
            name,
            source,
            database,
        } = self;
        database.run(async |accounts| {
            // Before anybody thinks a password up.
            if accounts.store.users.find(&name).await?.is_none() {
                return Err(no_user(&name));
            }
            let password = source.get(name.as_str())?;
            change(&accounts, &name, UserChange::Password(password.hash)).await?;
            let done =
                format!("{name} has a new password, and all of their sessions have ended. {SOON}");
            match password.made {
                Some(made) => hand_over(made.expose(), &done),
                None => say(&done),
            }
        })
    }
}

async fn change(accounts: &Accounts, name: &Name, change: UserChange) -> anyhow::Result<User> {
    match accounts
        .store
        .users
        .change(name, &change, &Actor::command())
        .await?
    {
        Some(UserChanged::Done { user, .. }) => Ok(user),
        Some(UserChanged::OtherPassword) => {
            bail!("{name}: the password was changed by somebody else meanwhile")
        }
        Some(UserChanged::LastAdmin) => bail!(
            "NAME: {name} is the last administrator who can log in: make another one first, with `tars user add` or \
             `tars user role`"
        ),
        None => Err(no_user(name)),
    }
}

fn no_user(name: &Name) -> anyhow::Error {
    anyhow::anyhow!(
        "NAME: there is no user {name}: `tars user list` shows all, `tars user add {name}` adds one"
    )
}
