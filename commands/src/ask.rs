//! `ask`: the request for more than the budget has, which the button of a refusal says.

use crate::{
    grammar::Command,
    provision::{self, AMOUNT, LIFE, NAME, REASON, SERVICE, TERMS},
};
use slice_core::role::Role;

pub const COMMAND: Command = Command {
    params: &[
        SERVICE.shape(),
        AMOUNT.shape(),
        TERMS.shape(),
        LIFE.shape(),
        NAME.shape(),
        REASON.shape(),
    ],
    examples: &["ask {service} 80 for 7d"],
    hidden: true,
    ..Command::plain(
        "ask",
        "Ask owners for a key that is more than your budget has",
        Role::User,
        |call| Box::pin(provision::run(call, true)),
    )
};
