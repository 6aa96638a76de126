//! Whether a message is ours, as a receiver asks it.

use chrono::{DateTime, TimeDelta, Utc};

use super::secret::Secrets;

/// How far the time of a message may be from the receiver's: copies that somebody kept are no use
/// later.
pub const TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// The headers of a message.
#[derive(Debug, Clone, Copy)]
pub struct Headers<'a> {
    /// `webhook-id`.
    pub id: &'a str,
    /// `webhook-timestamp`.
    pub timestamp: &'a str,
    /// `webhook-signature`.
    pub signature: &'a str,
}

/// Why a message is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// The timestamp is no number.
    #[error("the timestamp is not a number of seconds since 1970")]
    Timestamp,
    /// It was sent too long ago.
    #[error("the message is more than five minutes old")]
    TooOld,
    /// It comes from the future.
    #[error("the message is from more than five minutes ahead: compare the clocks")]
    TooNew,
    /// Nobody who has the secret signed exactly this.
    #[error("no signature of these bytes by this secret is among those given")]
    Signature,
}

/// Whether a message was signed with one of these secrets, around `now` if that is asked.
///
/// # Errors
/// Why it is not to be believed.
pub fn verify(
    secrets: &Secrets,
    headers: Headers<'_>,
    body: &[u8],
    now: Option<DateTime<Utc>>,
) -> Result<(), Rejected> {
    let Headers {
        id,
        timestamp,
        signature,
    } = headers;
    let seconds: i64 = timestamp.parse().map_err(|_| Rejected::Timestamp)?;
    let at = DateTime::from_timestamp(seconds, 0).ok_or(Rejected::Timestamp)?;
    if let Some(now) = now {
        if now - at > TOLERANCE {
            return Err(Rejected::TooOld);
        }
        if at - now > TOLERANCE {
            return Err(Rejected::TooNew);
        }
    }
    let signed = signature.split_ascii_whitespace().any(|one| {
        secrets
            .iter()
            .any(|secret| secret.matches(one, id, seconds, body))
    });
    if signed {
        Ok(())
    } else {
        Err(Rejected::Signature)
    }
}
