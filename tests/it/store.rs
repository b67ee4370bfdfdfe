//! The store's own rules, each on every database.

mod bench;
mod keys;
mod open;
mod promise;
mod records;
mod work;

use crate::{
    postgres::{Kind, TestDatabase},
    runtime,
};

/// Declares the list of tests by their paths; one that is missing here is code that nobody calls.
macro_rules! all {
    ($($module:ident::$name:ident,)*) => {
        pub const ALL: &[(&str, fn(Kind))] = &[
            $((
                concat!(stringify!($module), "::", stringify!($name)),
                |kind| on(kind, $module::$name),
            ),)*
            ("promise::what_is_taken_fits_and_the_trail_adds_up", promise::holds),
        ];
    };
}

all! {
    records::a_refusal_leaves_nothing_behind,
    records::an_entry_that_contradicts_the_books_is_no_entry,
    records::the_same_delivery_has_one_effect,
    records::an_action_is_used_once_and_not_for_ever,
    records::fifty_at_once_leave_no_gap_and_spend_no_dollar_twice,
    records::a_workspace_and_a_person_are_opened_once,
    records::a_month_never_goes_back_and_turns_once,
    records::master_keys_settings_and_bindings_follow_their_events,
    records::buttons_of_messages_have_actions_when_they_are_claimed,
    keys::a_key_lives_spends_and_gives_the_rest_back,
    keys::a_secret_is_shown_once,
    keys::who_lost_the_claim_writes_nothing,
    keys::the_trail_is_found_by_person_service_and_time,
    keys::a_forgotten_person_leaves_numbers_and_a_whole_chain,
    keys::a_denial_says_who_and_when,
    open::every_statement_prepares_on_every_database,
    open::migrating_twice_and_at_once_is_migrating_once,
    open::a_newer_database_is_refused,
    open::another_vault_key_is_refused_by_name,
    open::two_programs_that_start_with_two_keys_do_not_both_start,
    open::a_bad_address_is_named_and_not_repeated,
    open::the_trail_refuses_changes_and_shows_those_made_by_force,
    work::old_buttons_go_with_the_month,
    work::workers_claim_each_grant_once_until_its_lease_ends,
    work::a_grant_put_back_waits_its_time_and_goes_to_the_right_worker,
    work::messages_of_a_topic_come_in_their_order,
    work::couriers_claim_each_message_once,
    work::a_clock_that_ran_ahead_keeps_nobody_waiting,
}

fn on(kind: Kind, test: impl AsyncFnOnce(TestDatabase)) {
    runtime().block_on(test(kind.fresh()));
}
