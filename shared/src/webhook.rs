//! Webhooks: a signed message to the address that a job's submitter named, once the job has ended.
//!
//! That a message is due is written by the database in the transaction of the job's end
//! (`migrations/*/0016_webhooks.up.sql`), whoever ends the job and whichever way it ends. Workers
//! deliver at least once; the id of a message never changes, so that a receiver can tell copies.

mod callback;
mod delivery;
mod networks;
mod schedule;
mod secret;
mod signature;

pub use self::callback::{MAX_CHARACTERS, PATTERN, parse, shown};
pub use self::delivery::{
    Attempt, Delivery, DeliveryFilter, DeliveryState, Due, Event, Noted, Outcome,
};
pub use self::networks::{Networks, network};
pub use self::schedule::{ATTEMPTS, delay};
pub use self::secret::{InvalidSecret, PREFIX, Secret, Secrets};
pub use self::signature::{Headers, Rejected, TOLERANCE, verify};

use url::Url;

/// How this deployment sends webhooks. The default sends none.
#[derive(Debug, Clone, Default)]
pub struct Webhooks {
    /// What messages are signed with. Without a secret nothing is sent, and no job may ask for it.
    pub secrets: Option<Secrets>,
    /// Whether messages may travel without TLS.
    pub allow_http: bool,
    /// Private networks that messages may go to.
    pub networks: Networks,
}

impl Webhooks {
    /// Whether jobs may name this address here, as far as that can be told without looking it up.
    ///
    /// # Errors
    /// Why not, and what to do.
    pub fn admit(&self, url: &Url) -> Result<(), String> {
        if self.secrets.is_none() {
            return Err(
                "webhooks are not set up here: an operator has to set EVAL_WEBHOOK_SECRET; until then poll with ?wait= \
                 or follow the job's events"
                    .to_owned(),
            );
        }
        if url.scheme() != "https" && !self.allow_http {
            return Err(
                "must begin with https://: this service sends nothing without TLS".to_owned(),
            );
        }
        match callback::literal(url) {
            Some(address) => self.networks.admit(address),
            None => Ok(()),
        }
    }
}
