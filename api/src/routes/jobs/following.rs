//! How many event streams and long polls an account may have at one time.

use std::time::Duration;

use crate::call::Call;
use crate::keyed_semaphore::KeyedPermit;
use crate::problem::Problem;

const MAX_FOLLOWERS: usize = 64;

/// One of the account's event streams and long polls.
pub(super) fn permit(call: &Call) -> Result<KeyedPermit<String>, Problem> {
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
