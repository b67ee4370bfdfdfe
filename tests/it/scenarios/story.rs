//! The story that the demo tells, step by step.

use crate::world::{MASTER, World};
use slice_core::steps::LATE_BILLING;
use slice_sandbox::ChannelKind;

/// From an empty workspace to a proven audit trail.
pub async fn the_whole_story(world: &mut World) {
    arrival(world).await;
    first_key(world).await;
    approve_less(world).await;
    top_up(world).await;
    books(world).await;
}

/// One team on both: linked by a code, asked in Discord, approved in Slack, revealed in Discord, in
/// one chain of audit events.
pub async fn on_both_platforms(world: &mut World) {
    arrival(world).await;
    joined(world).await;
    world.says("ana", "provision openrouter 60").await;
    world.expect("ana", &["the owners were asked"]);
    world.crosses();
    world.expect("olga", &["@ana asks for grant 1"]);
    world.clicks("olga", "Approve").await;
    world.crosses();
    world.clicks("ana", "Reveal key").await;
    let key = world.revealed_key("ana");
    world.curls("ana", &key, "20").await;
    world.says("ana", "keys").await;
    world.says("ana", "revoke 1").await;
    world.expect("ana", &["$0.00 is back in your budget"]);
    world.later(LATE_BILLING).await;
    world.crosses();
    for line in ["members", "audit show", "audit export"] {
        world.says("olga", line).await;
    }
}

/// A person's identities on both platforms become one member.
pub async fn two_identities(world: &mut World, who: &str) {
    world.says(who, "link me").await;
    let code = code(world, who, "link me");
    world.crosses();
    world.says(who, &format!("link me {code}")).await;
    world.expect(who, &["That code was made by", "Go on only if that is you"]);
    world.clicks(who, "Yes, that is me").await;
    world.crosses();
    world.clicks(who, "That is me").await;
    world.crosses();
    world.all_read();
}

/// The Discord server joins the team, and ana's two identities become one member. People are in
/// Discord afterwards.
pub async fn joined(world: &mut World) {
    workspace_joined(world).await;
    two_identities(world, "ana").await;
}

/// The Discord server joins the team.
pub async fn workspace_joined(world: &mut World) {
    world.says("olga", "link").await;
    let code = code(world, "olga", "link");
    world.crosses();
    world.says("olga", &format!("link workspace {code}")).await;
    world.crosses();
    world.clicks("olga", "Join").await;
    world.expect("olga", &["Discord"]);
}

/// The code that a person was just given.
pub fn code(world: &World, who: &str, line: &str) -> String {
    code_in(&world.reads(who), line)
}

pub fn code_in(read: &str, line: &str) -> String {
    let said = read.split(&format!("/slice {line} ")).nth(1);
    let said = said.unwrap_or_else(|| panic!("no code in:\n{read}"));
    let code = said.split_whitespace().next().unwrap_or_default();
    code.trim_matches('`').to_owned()
}

/// olga installed the app: she is greeted, deposits the master key, chooses a channel, allocates.
pub async fn arrival(world: &mut World) {
    world.start().await.expect("the bot starts");
    world.settled().await;
    world.expect(
        "olga",
        &[
            "Slice is here",
            "1. ",
            "2. ",
            "3. ",
            "[1. Deposit a master key]",
        ],
    );
    world.says("olga", "vault add openrouter").await;
    world.submits("olga", &[("Master key", MASTER)]).await;
    world.expect("olga", &["sealed"]);
    world.town.add_channel("slice-owners", ChannelKind::PRIVATE);
    world.town.join("slice-owners", "olga");
    world.town.invite_bot("slice-owners");
    world
        .says("olga", "settings owners-channel #slice-owners")
        .await;
    world.says("olga", "allocate @ana 100").await;
    world.expect("ana", &["gave you a monthly budget of $100.00"]);
    world.all_read();
}

/// ana takes $20 at once, reveals the key once, and spends until the cap refuses.
async fn first_key(world: &mut World) {
    world.says("ana", "provision openrouter 20").await;
    world.expect(
        "ana",
        &[
            "Reserved",
            "Your openrouter key is ready",
            "$20.00",
            "[Reveal key]",
        ],
    );
    world.clicks("ana", "Reveal key").await;
    let key = world.revealed_key("ana");
    world.says("ana", "reveal 1").await;
    world.expect("ana", &["was shown already"]);
    world.expect("olga", &["a second reveal of its key was tried"]);
    let answers = world.curls("ana", &key, "7.50").await;
    assert_eq!(answers, ["200", "200", "200", "403"], "the cap holds");
}

/// Above the free hand: an owner approves $50 of the $60.
async fn approve_less(world: &mut World) {
    world.all_read();
    world.says("ana", "provision openrouter 60").await;
    world.expect("ana", &["the owners were asked"]);
    world.expect(
        "olga",
        &[
            "asks for grant 2",
            "[Approve]",
            "[Approve less…]",
            "[Deny…]",
        ],
    );
    world.clicks("olga", "Approve less…").await;
    world.submits("olga", &[("Cap", "50")]).await;
    world.expect("olga", &["was approved"]);
    world.expect(
        "ana",
        &[
            "at $50.00 (you had asked for $60.00)",
            "Your openrouter key is ready",
        ],
    );
}

/// Above the budget: the rest for this month is the owners' to add.
async fn top_up(world: &mut World) {
    world.says("ana", "provision openrouter 60").await;
    let short = world.reads("ana");
    let ask = world.button_like("ana", "Ask for the whole");
    assert!(
        short.contains(" short"),
        "it says what is missing:\n{short}"
    );
    world.clicks("ana", &ask).await;
    let approve = world.button_like("olga", "Approve (+");
    world.clicks("olga", &approve).await;
    world.expect(
        "ana",
        &["was added to your budget for this month", "key is ready"],
    );
}

/// ana gives a key back; everybody looks at the books.
async fn books(world: &mut World) {
    world.says("ana", "revoke 2").await;
    world.expect("ana", &["$50.00 is back in your budget"]);
    world.later(LATE_BILLING).await;
    for (who, line) in [
        ("ana", "keys"),
        ("ana", "budget"),
        ("olga", "members"),
        ("olga", "audit show"),
        ("olga", "audit export"),
    ] {
        world.says(who, line).await;
    }
    let org = world.org().await;
    let proven = world
        .bot()
        .desk
        .store
        .verify(org, None)
        .await
        .expect("the database answers");
    proven.expect("the chain is whole");
}
