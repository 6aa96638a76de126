//! Who calls, as handlers see it.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use tars_shared::account::{Actor, Name, Role};
use uuid::Uuid;

/// Who calls.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) identity: Identity,
    pub(crate) address: IpAddr,
}

#[derive(Debug, Clone)]
pub(crate) enum Identity {
    Anonymous,
    /// A person who logged in.
    User {
        name: Name,
        role: Role,
        /// Their login.
        session: Uuid,
        until: DateTime<Utc>,
    },
    /// A program.
    ServiceToken {
        id: Uuid,
        name: Name,
        role: Role,
        /// How many requests it may make per minute, if it has a limit of its own.
        requests_per_minute: Option<u32>,
    },
}

impl Caller {
    pub(crate) fn anonymous(address: IpAddr) -> Self {
        Self {
            identity: Identity::Anonymous,
            address,
        }
    }

    /// What they may do; nothing that needs an account for anonymous callers.
    pub(crate) fn role(&self) -> Option<Role> {
        match &self.identity {
            Identity::Anonymous => None,
            Identity::User { role, .. } | Identity::ServiceToken { role, .. } => Some(*role),
        }
    }

    /// Whose jobs and idempotency keys these are. Unlike the name of a revoked token, an id is
    /// never given to another.
    pub(crate) fn owner(&self) -> String {
        match &self.identity {
            Identity::ServiceToken { id, .. } => format!("token:{id}"),
            Identity::Anonymous | Identity::User { .. } => self.subject(),
        }
    }

    /// As they are called.
    pub(crate) fn subject(&self) -> String {
        match &self.identity {
            Identity::Anonymous => "anonymous".to_owned(),
            Identity::User { name, .. } => format!("user:{name}"),
            Identity::ServiceToken { name, .. } => format!("token:{name}"),
        }
    }

    /// As the audit log names them.
    pub(crate) fn actor(&self) -> Actor {
        Actor {
            name: self.subject(),
            address: Some(self.address),
        }
    }
}
