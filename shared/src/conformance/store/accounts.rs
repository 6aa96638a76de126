//! Accounts: users, their sessions, service tokens, signing keys, and the audit log.

mod acting;
mod audit;
mod service_tokens;
mod sessions;
mod signing_keys;
mod users;

pub use audit::{
    audit_entries_are_found_and_listed, baselines_are_audited_once, the_audit_log_holds_no_secret,
};
pub use service_tokens::{
    a_revoked_token_stays_revoked, a_use_is_noted_to_the_minute,
    service_tokens_are_added_found_and_listed,
    service_tokens_that_can_be_used_have_different_names,
};
pub use sessions::{
    a_refresh_token_that_comes_again_ends_its_session, a_session_lives_until_it_ends_or_expires,
    logins_beside_a_new_password_leave_no_session, of_many_refreshes_at_once_one_is_traded,
    only_a_verified_user_opens_a_session,
};
pub use signing_keys::{
    a_slow_clock_makes_keys_that_sign, many_who_ask_at_once_get_one_key,
    rotation_gives_the_other_keys_a_grace, what_is_over_is_cleaned_up,
};
pub use users::{
    a_change_is_made_and_audited_once, a_reset_password_is_not_overwritten,
    admins_who_disable_each_other_leave_one, many_first_users_at_once_become_one,
    the_last_admin_stays, users_are_added_found_and_listed, what_takes_access_ends_sessions,
};
