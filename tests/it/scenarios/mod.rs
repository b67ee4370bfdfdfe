//! Every conversation, once. Each runs on every database and must read the same.

mod calendar;
mod changes;
mod clocks;
mod digests;
mod ends;
mod faults_provider;
mod faults_slack;
mod home;
mod hostile;
mod leaving;
mod link;
mod member;
mod meter;
mod money;
pub mod months;
mod owners;
mod pods;
mod pods_cost;
mod pods_held;
mod quarter;
mod renewals;
mod roles;
mod s3;
mod s3_left;
mod s3_odd;
mod s3_parts;
mod s3_refused;
mod s3_slow;
mod story;
mod strays;
mod vault;
mod warnings;
mod zones;

pub use faults_provider::every_answer_while_making_a_key;
pub use story::{code_in, workspace_joined};

use crate::world::{Way, World};
use std::pin::Pin;

/// What everybody does in a conversation.
pub type Playing<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// A conversation.
pub struct Scenario {
    pub name: &'static str,
    /// Where it can be played: everywhere, unless it is about a platform or a way.
    pub ways: &'static [Way],
    pub play: for<'a> fn(&'a mut World) -> Playing<'a>,
}

/// The one list: names follow from it.
macro_rules! scenarios {
    ($($ways:expr => { $($module:ident :: $name:ident),* $(,)? })*) => {
        pub const ALL: &[Scenario] = &[$($(Scenario {
            name: concat!(stringify!($module), "::", stringify!($name)),
            ways: $ways,
            play: |world| Box::pin($module::$name(world)),
        }),*),*];
    };
}

/// Where texts are typed, and Slack's own groups and views.
const SLACK: &[Way] = &[Way::SlackSocket, Way::SlackHttp];

/// What only Discord's clients send.
const DISCORD: &[Way] = &[Way::Discord, Way::DiscordHttp];

/// What a provider does is the same however people's words came.
pub const ONE_OF_EACH: &[Way] = &[Way::SlackSocket, Way::Discord];

scenarios! {
    &Way::ALL => {
        story::the_whole_story,
        member::a_small_key_at_once,
        member::a_key_by_form,
        member::what_the_vault_offers,
        member::help_by_role,
        member::keys_and_budget,
        member::an_owner_ends_a_members_key,
        member::a_request_is_withdrawn,
        member::delivery_by_dm,
        money::short_of_the_whole,
        money::the_whole_budget_and_not_a_cent_more,
        money::a_cut_leaves_an_excess,
        money::what_was_still_running_is_charged,
        money::the_month_turns,
        owners::approve_less,
        owners::an_approval_says_what_it_adds,
        owners::the_requester_was_removed_meanwhile,
        owners::every_owners_message_is_edited,
        owners::deny_with_a_reason,
        owners::two_owners_click_at_once,
        owners::nobody_approves_their_own,
        owners::requests_without_a_channel,
        owners::the_channel_is_archived,
        owners::settings,
        owners::audit_trail,
        calendar::a_new_month,
        calendar::a_new_month_with_an_excess,
        calendar::a_new_month_that_was_topped_up,
        calendar::the_weekly_digest,
        calendar::a_digest_for_everybody,
        calendar::a_dashboard,
        calendar::a_digest_whose_chart_is_refused,
        calendar::a_digest_channel_that_is_gone,
        calendar::after_downtime,
        calendar::a_job_that_is_called,
        clocks::a_clock_that_goes_back,
        clocks::a_clock_that_steps_back_over_midnight,
        clocks::a_clock_that_ran_ahead,
        meter::five_minutes,
        meter::the_end_of_a_month,
        meter::read_only_after_the_turn,
        meter::asked_for_after_the_turn,
        meter::one_key_unread_over_the_turn,
        meter::read_in_part_after_the_turn,
        meter::a_clock_that_goes_back,
        meter::a_provider_that_does_not_answer,
        meter::a_master_key_that_is_refused,
        warnings::one_message_for_all_keys,
        warnings::a_month_is_used_up,
        warnings::a_raise_arms_them_again,
        warnings::a_round_about_several_members,
        warnings::what_owners_change,
        zones::further_west,
        zones::further_east,
        zones::clocks_that_change,
        zones::schedules_that_make_no_sense,
        digests::of_a_big_team,
        strays::a_key_is_adopted,
        strays::a_key_is_discarded,
        strays::a_discarded_key_that_stays,
        strays::hostile_labels_and_our_own,
        strays::an_order_that_arrives_after_the_end,
        strays::a_key_that_comes_back,
        quarter::three_months,
        ends::a_request_lapses,
        ends::a_key_expires,
        ends::a_key_that_nobody_reveals,
        ends::a_key_that_is_revealed_late,
        ends::an_end_is_put_off_and_then_wanted,
        ends::a_key_that_nobody_uses,
        ends::an_idle_key_is_extended,
        changes::a_cap_is_raised_and_lowered,
        changes::a_cap_is_lowered_while_its_key_spends,
        changes::a_raise_above_the_free_hand,
        changes::a_cap_that_its_provider_does_not_change,
        changes::an_excess_is_trimmed,
        changes::a_key_is_rotated,
        changes::a_key_is_rotated_with_an_overlap,
        changes::a_rotation_that_its_provider_does_not_answer,
        changes::an_uncertain_reveal_is_rotated,
        changes::a_life_is_extended,
        changes::an_approved_life_is_extended_by_an_owner,
        changes::a_key_for_each_month,
        changes::a_key_for_each_month_is_replaced,
        renewals::a_replacement_that_is_refused,
        renewals::a_replacement_that_never_comes,
        renewals::a_rotation_is_a_replacement,
        renewals::a_month_that_is_refused,
        renewals::what_stands_still_ends,
        renewals::a_bucket_for_each_month,
        leaving::nobody_decides_for_seven_days,
        leaving::an_owner_keeps_a_key,
        leaving::an_owner_transfers_what_is_left,
        leaving::an_owner_revokes,
        leaving::a_leaver_comes_back,
        leaving::a_provider_at_its_worst,
        vault::add_check_rotate_remove,
        vault::a_master_key_of_another_account,
        vault::a_balance_that_is_too_low,
        vault::keys_that_are_refused,
        hostile::buttons_of_others_and_old_buttons,
        faults_provider::a_provider_that_stays_away,
        faults_provider::one_budget_for_all_services,
        faults_provider::a_key_changed_behind_our_back,
        faults_provider::a_stopped_key_enabled_behind_our_back,
        faults_provider::a_key_deleted_behind_our_back,
        faults_provider::what_counts_as_spent_is_settled,
        faults_provider::the_master_key_dies,
        faults_provider::the_end_of_a_key_when_the_provider_is_away,
        faults_slack::the_same_command_twice,
        faults_slack::the_same_click_twice,
        money::amounts_that_are_none,
        member::reveal_is_clicked_twice,
        member::a_reveal_whose_fate_is_unknown,
        roles::owners_by_channel,
        roles::an_owner_who_left_the_channel_clicks,
        leaving::a_role_is_taken_away,
        leaving::no_event_came,
        leaving::an_error_is_never_left,
        link::a_code_and_who_may_say_it,
        link::a_second_identity,
        vault::a_key_pasted_as_text,
        hostile::texts_stay_texts,
        hostile::words_that_are_no_command,
        s3::a_life,
        s3::a_bucket_is_taken_over,
        s3_refused::what_is_said_of_it,
        pods::a_life,
        pods::what_is_off_is_not_offered,
        pods::a_pod_by_form,
        faults_slack::messages_that_get_lost,
        faults_slack::too_many_requests,
    }
    SLACK => {
        home::a_tab_of_ones_own,
        home::a_key_that_no_message_brings,
        home::an_owners_tab,
        home::a_tab_that_cannot_be_shown,
        leaving::gone_before_the_key_is_back,
        roles::an_unknown_workspace,
        roles::guests_bots_strangers_and_the_gone,
        roles::a_bound_channel_that_cannot_be_seen,
        roles::a_public_channel_is_refused,
        roles::a_user_group_binds_users,
        faults_slack::an_expired_trigger,
        faults_slack::a_closed_response_url,
    }
    DISCORD => {
        hostile::options_of_the_wrong_type,
        hostile::a_form_sent_twice,
    }
    ONE_OF_EACH => {
        faults_provider::answers_that_never_come,
        faults_provider::an_order_that_arrives_late,
        s3::stopped_short_of_the_cap,
        s3::a_bucket_that_cannot_be_read,
        s3::what_stays_cannot_be_read,
        s3::a_date_that_needs_no_bot,
        s3::what_aws_does_not_take,
        s3_parts::a_part_in_ones_own,
        s3_parts::a_lender_at_her_cap,
        s3_parts::a_part_in_somebody_elses,
        s3_parts::names_that_are_refused,
        s3_left::a_deletion_in_parts_is_no_reading,
        s3_left::a_deletion_is_taken_back,
        s3_left::one_is_taken_over_in_the_round_that_deletes_it,
        s3_left::what_stays_is_measured_every_hour,
        s3_left::what_stays_is_refused_for_now,
        s3_left::a_part_in_what_is_being_deleted,
        s3_left::a_bucket_that_vanishes,
        s3_left::a_user_that_vanishes,
        s3_left::a_correction_stands,
        s3_left::a_correction_stands_while_it_is_looked_at,
        s3_left::names_that_xml_cannot_hold,
        s3_odd::busy_with_the_same_thing,
        s3_odd::a_policy_that_is_too_long,
        s3_odd::no_room_for_the_stop,
        s3_odd::parts_that_are_listed_slowly,
        s3_odd::downloads_from_what_cannot_be_listed,
        s3_odd::old_versions_and_unfinished_uploads,
        s3_odd::one_order_for_a_key,
        s3_odd::a_key_that_comes_between,
        s3_odd::a_master_key_of_another_account,
        s3_slow::iam_takes_its_time,
        s3_slow::iam_takes_too_long,
        s3_slow::a_key_given_back_before_it_is_good,
        s3_slow::nobody_says_whether_a_key_is_good,
        s3_slow::a_bucket_that_is_not_seen_while_its_key_is_not_good,
        s3_refused::two_keys_are_there_already,
        s3_refused::a_name_that_is_taken,
        s3_refused::an_address_that_answers_html,
        s3_refused::a_key_lives_on,
        s3_refused::prices_of_ones_own,
        pods::the_money_ends,
        pods::nobody_is_there,
        pods::nobody_reveals_it,
        pods::what_is_not_to_be_had,
        pods::nothing_can_be_changed,
        pods_held::a_pod_that_stays_locked,
        pods::changed_behind_our_back,
        pods::its_member_leaves,
        pods_held::an_answer_that_is_lost,
        pods_held::an_end_whose_answer_is_lost,
        pods::options_that_make_no_sense,
        pods_cost::what_a_lost_pod_cost_is_gone,
        pods_cost::a_price_that_changes_after_the_form,
        pods_cost::a_price_that_rises,
        pods_cost::an_order_that_was_carried_out_twice,
        pods_cost::a_pod_with_a_double,
        pods_cost::a_double_of_a_pod_that_has_ended,
        pods_cost::a_dearer_pod_with_a_double,
        pods_cost::a_double_of_an_attempt_that_is_gone,
    }
    &[Way::Both] => {
        story::on_both_platforms,
        calendar::a_digest_on_both_platforms,
        quarter::three_months,
        leaving::one_platform_removes_slice,
    }
    &[Way::SlackSocket] => {
        faults_slack::sockets_that_drop_and_refresh,
        s3_refused::a_clock_that_is_off,
        s3_odd::a_bucket_that_answers_late,
        s3_odd::a_bucket_too_full_for_one_round,
        s3_odd::a_bucket_that_takes_several_readings,
        s3_odd::what_stays_takes_several_readings,
    }
}
