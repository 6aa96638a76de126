//! Every service token there is.

use tars_shared::account::ServiceToken;
use tars_shared::store::ServiceTokens;

use crate::commands::accounts::{PAGE, whole};

/// Every token there is, the newest first.
pub(super) async fn all(tokens: &dyn ServiceTokens) -> anyhow::Result<Vec<ServiceToken>> {
    let position = |token: &ServiceToken| (token.created_at, token.id);
    whole(async |last: Option<&ServiceToken>| tokens.list(last.map(position), PAGE).await).await
}
