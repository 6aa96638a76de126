//! What a store promises, aggregate by aggregate. Every check gets an empty store.

mod accounts;
mod artifacts;
mod attempts;
mod baselines;
mod batches;
mod cancellations;
mod claiming;
mod dead_letters;
mod dispatches;
mod endings;
mod fixture;
mod jobs;
mod leases;
mod letters;
mod pauses;
mod replays;
mod retention;
mod reuse;
mod submitters;
mod waits;
mod webhooks;
mod workers;

pub use accounts::{
    a_change_is_made_and_audited_once, a_refresh_token_that_comes_again_ends_its_session,
    a_reset_password_is_not_overwritten, a_revoked_token_stays_revoked,
    a_session_lives_until_it_ends_or_expires, a_slow_clock_makes_keys_that_sign,
    a_use_is_noted_to_the_minute, admins_who_disable_each_other_leave_one,
    audit_entries_are_found_and_listed, baselines_are_audited_once,
    logins_beside_a_new_password_leave_no_session, many_first_users_at_once_become_one,
    many_who_ask_at_once_get_one_key, of_many_refreshes_at_once_one_is_traded,
    only_a_verified_user_opens_a_session, rotation_gives_the_other_keys_a_grace,
    service_tokens_are_added_found_and_listed,
    service_tokens_that_can_be_used_have_different_names, the_audit_log_holds_no_secret,
    the_last_admin_stays, users_are_added_found_and_listed, what_is_over_is_cleaned_up,
    what_takes_access_ends_sessions,
};
pub use artifacts::artifacts_keep_bytes_under_their_hash;
pub use attempts::{
    a_failed_attempt_is_queued_again_and_remembered, a_lost_lease_writes_nothing,
    a_terminal_job_never_changes, attempts_are_spent_and_then_the_job_fails,
    finished_environments_survive_their_attempt, releasing_is_free,
};
pub use baselines::{
    baselines_are_listed_in_pages, baselines_keep_their_ranks_without_holes,
    promoting_twice_gives_the_same_baseline, the_best_baseline_is_the_best_of_its_time,
    twenty_writers_leave_ranks_without_holes,
};
pub use batches::a_batch_means_the_same_as_one_by_one_in_any_cut;
pub use cancellations::{
    many_jobs_are_cancelled_by_what_they_are, what_a_cancellation_would_meet_is_known,
};
pub use dead_letters::{
    a_dead_message_costs_its_job_an_attempt, a_failed_job_is_a_dead_letter,
    rejected_messages_charge_nobody,
};
pub use dispatches::{
    a_restarted_queue_finds_every_unfinished_job, dispatchers_share_what_is_due,
    jobs_whose_messages_were_lost_are_found, lost_jobs_are_found_in_their_lanes,
    notes_of_dispatch_made_at_once_are_all_kept, the_dispatcher_finds_what_no_message_stands_for,
    the_dispatcher_takes_urgent_jobs_first, the_oldest_queued_job_of_each_priority_is_known,
};
pub use endings::{
    a_job_that_was_handed_back_keeps_its_results, an_end_writes_all_or_nothing,
    results_come_with_the_end,
};
pub use fixture::Fixture;
pub use jobs::{
    cancelling_ends_queued_jobs_and_asks_running_ones, inserting_twice_changes_nothing,
    jobs_are_found_and_listed, many_are_inserted_each_for_itself, many_jobs_are_found_at_once,
    one_conflict_spoils_the_batch, the_ledger_counts_every_job_once,
};
pub use leases::{
    a_claim_by_message_alone_records_the_job, a_claim_that_is_repeated_gives_the_same_lease,
    a_job_is_charged_only_for_a_worker_that_it_had_for_itself,
    a_lease_that_is_not_renewed_expires_and_a_renewed_one_does_not,
    a_queued_job_is_claimed_on_its_terms_alone, another_request_under_the_same_key_claims_nothing,
    only_one_of_many_claims_is_granted,
};
pub use letters::{
    dead_letters_are_filtered, dead_letters_are_grouped, discarded_letters_are_hidden_and_restored,
};
pub use pauses::{
    a_job_whose_worker_is_gone_is_set_aside, only_queued_jobs_are_set_aside, pauses_are_bounded,
    pauses_begin_and_end_and_are_audited, what_is_set_aside_is_a_job_like_others,
    what_is_set_aside_waits_for_the_end_of_its_pause,
};
pub use replays::{
    a_letter_that_is_not_replayed_says_why, a_message_under_a_foreign_key_is_not_replayed,
    a_patch_changes_what_is_replayed, a_replay_makes_one_job_of_each_letter,
    a_replay_stops_waits_and_goes_on, overlapping_replays_make_one_job_of_each_letter,
};
pub use retention::{artifacts_that_no_job_names_are_pruned, what_is_old_is_pruned};
pub use reuse::results_of_completed_jobs_are_found_by_their_question;
pub use submitters::open_jobs_are_counted_by_submitter;
pub use waits::{
    a_long_lane_is_not_before_the_jobs_of_another, the_jobs_before_another_are_known,
    what_waits_for_too_long_is_counted_unless_it_is_paused,
};
pub use webhooks::{
    a_webhook_goes_with_its_job, a_webhook_is_sent_again_when_somebody_asks,
    a_webhook_that_nobody_noted_is_due_again, every_end_leaves_one_webhook_if_one_was_asked_for,
    many_takers_share_what_is_due, webhooks_and_their_attempts_are_listed,
};
pub use workers::{a_worker_is_asked_to_drain_once, the_demand_is_known, workers_are_listed};

/// Calls a macro with the name of every check, so that no adapter can leave one out.
#[macro_export]
macro_rules! every_store_check {
    ($each:ident) => {
        $each!(
            a_batch_means_the_same_as_one_by_one_in_any_cut,
            a_change_is_made_and_audited_once,
            a_claim_by_message_alone_records_the_job,
            a_claim_that_is_repeated_gives_the_same_lease,
            a_dead_message_costs_its_job_an_attempt,
            a_failed_attempt_is_queued_again_and_remembered,
            a_failed_job_is_a_dead_letter,
            a_job_is_charged_only_for_a_worker_that_it_had_for_itself,
            a_job_that_was_handed_back_keeps_its_results,
            a_lease_that_is_not_renewed_expires_and_a_renewed_one_does_not,
            a_letter_that_is_not_replayed_says_why,
            a_lost_lease_writes_nothing,
            a_message_under_a_foreign_key_is_not_replayed,
            a_patch_changes_what_is_replayed,
            a_queued_job_is_claimed_on_its_terms_alone,
            a_refresh_token_that_comes_again_ends_its_session,
            a_replay_makes_one_job_of_each_letter,
            a_replay_stops_waits_and_goes_on,
            a_reset_password_is_not_overwritten,
            a_restarted_queue_finds_every_unfinished_job,
            a_revoked_token_stays_revoked,
            a_session_lives_until_it_ends_or_expires,
            a_slow_clock_makes_keys_that_sign,
            a_terminal_job_never_changes,
            a_use_is_noted_to_the_minute,
            a_webhook_goes_with_its_job,
            a_webhook_is_sent_again_when_somebody_asks,
            a_webhook_that_nobody_noted_is_due_again,
            a_worker_is_asked_to_drain_once,
            admins_who_disable_each_other_leave_one,
            an_end_writes_all_or_nothing,
            another_request_under_the_same_key_claims_nothing,
            artifacts_keep_bytes_under_their_hash,
            artifacts_that_no_job_names_are_pruned,
            attempts_are_spent_and_then_the_job_fails,
            audit_entries_are_found_and_listed,
            baselines_are_audited_once,
            baselines_are_listed_in_pages,
            baselines_keep_their_ranks_without_holes,
            cancelling_ends_queued_jobs_and_asks_running_ones,
            dead_letters_are_filtered,
            dead_letters_are_grouped,
            discarded_letters_are_hidden_and_restored,
            dispatchers_share_what_is_due,
            every_end_leaves_one_webhook_if_one_was_asked_for,
            finished_environments_survive_their_attempt,
            inserting_twice_changes_nothing,
            jobs_are_found_and_listed,
            jobs_whose_messages_were_lost_are_found,
            lost_jobs_are_found_in_their_lanes,
            logins_beside_a_new_password_leave_no_session,
            many_are_inserted_each_for_itself,
            many_first_users_at_once_become_one,
            many_jobs_are_cancelled_by_what_they_are,
            many_jobs_are_found_at_once,
            many_takers_share_what_is_due,
            many_who_ask_at_once_get_one_key,
            notes_of_dispatch_made_at_once_are_all_kept,
            of_many_refreshes_at_once_one_is_traded,
            one_conflict_spoils_the_batch,
            open_jobs_are_counted_by_submitter,
            only_a_verified_user_opens_a_session,
            only_one_of_many_claims_is_granted,
            overlapping_replays_make_one_job_of_each_letter,
            only_queued_jobs_are_set_aside,
            a_job_whose_worker_is_gone_is_set_aside,
            pauses_are_bounded,
            pauses_begin_and_end_and_are_audited,
            promoting_twice_gives_the_same_baseline,
            rejected_messages_charge_nobody,
            releasing_is_free,
            results_come_with_the_end,
            results_of_completed_jobs_are_found_by_their_question,
            rotation_gives_the_other_keys_a_grace,
            service_tokens_are_added_found_and_listed,
            service_tokens_that_can_be_used_have_different_names,
            the_audit_log_holds_no_secret,
            the_best_baseline_is_the_best_of_its_time,
            the_demand_is_known,
            the_dispatcher_finds_what_no_message_stands_for,
            the_dispatcher_takes_urgent_jobs_first,
            the_jobs_before_another_are_known,
            a_long_lane_is_not_before_the_jobs_of_another,
            the_last_admin_stays,
            the_ledger_counts_every_job_once,
            the_oldest_queued_job_of_each_priority_is_known,
            twenty_writers_leave_ranks_without_holes,
            users_are_added_found_and_listed,
            webhooks_and_their_attempts_are_listed,
            what_a_cancellation_would_meet_is_known,
            what_is_old_is_pruned,
            what_is_over_is_cleaned_up,
            what_is_set_aside_is_a_job_like_others,
            what_is_set_aside_waits_for_the_end_of_its_pause,
            what_takes_access_ends_sessions,
            what_waits_for_too_long_is_counted_unless_it_is_paused,
            workers_are_listed,
        );
    };
}
