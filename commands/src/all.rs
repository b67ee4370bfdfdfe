//! Every command there is, in the order in which help lists them.

use crate::{
    allocate, approve, ask, audit, budget, deny, grammar::Command, help, keys, members, provision,
    reveal, revoke, roles, settings, settle, topup, vault, withdraw,
};

/// One line per command. Parsing, help, manifests and role checks are loops over this.
pub static ALL: &[Command] = &[
    help::COMMAND,
    provision::COMMAND,
    ask::COMMAND,
    keys::COMMAND,
    reveal::COMMAND,
    revoke::COMMAND,
    withdraw::COMMAND,
    budget::COMMAND,
    approve::COMMAND,
    deny::COMMAND,
    allocate::COMMAND,
    topup::COMMAND,
    members::COMMAND,
    settle::COMMAND,
    vault::list::COMMAND,
    vault::add::COMMAND,
    vault::rotate::COMMAND,
    vault::check::COMMAND,
    vault::remove::COMMAND,
    audit::show::COMMAND,
    audit::download::COMMAND,
    roles::list::COMMAND,
    roles::bind::COMMAND,
    roles::unbind::COMMAND,
    settings::show::COMMAND,
    settings::change::FREE_HAND,
    settings::change::DEFAULT_LIFE,
    settings::change::LONGEST_LIFE,
    settings::change::SMALLEST_CAP,
    settings::change::OWNERS_CHANNEL,
    settings::change::DELIVERY_OF_KEYS,
    settings::change::SOLE_OWNER,
    settings::change::TIME_ZONE,
];
