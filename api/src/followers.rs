//! Event streams and long polls: how many an account may have at one time, and that they end with its access.

use std::time::Duration;

use crate::auth::account_cache;
use crate::call::Call;
use crate::keyed_semaphore::KeyedPermit;
use crate::problem::Problem;

const MAX_FOLLOWERS: usize = 64;

/// How often it is checked that the follower may still read.
const RECHECK_INTERVAL: Duration = account_cache::MAX_AGE;

/// One of the account's event streams and long polls.
pub(crate) fn permit(call: &Call) -> Result<KeyedPermit<String>, Problem> {
    let permit = call
        .context
        .followers
        .try_acquire(call.caller.subject(), MAX_FOLLOWERS);
    permit.ok_or_else(|| {
        Problem::too_many(
            Duration::from_secs(1),
            "event streams and long polls at one time",
        )
    })
}

/// Returns when the follower may not read any more.
pub(crate) async fn access_ended(call: Call, permit: KeyedPermit<String>) {
    let _permit = permit;
    loop {
        tokio::time::sleep(RECHECK_INTERVAL).await;
        if !call
            .context
            .authenticator
            .is_still_allowed(&call.caller)
            .await
        {
            return;
        }
    }
}
