//! The story that the demo tells, step by step.

use crate::world::{MASTER, World};
use slice_core::steps::LATE_BILLING;
use slice_sandbox::ChannelKind;
use std::time::Duration;

/// What each cap is worth, as its member reads it.
const HARDNESS: [&str; 3] = [
    "Caps of openrouter: hard cap",
    "Caps of runpod: price × time",
    "Caps of s3: metered every 3 min",
];

/// From an empty workspace to a proven audit trail.
pub async fn the_whole_story(world: &mut World) {
    arrival(world).await;
    first_key(world).await;
    approve_less(world).await;
    top_up(world).await;
    world.says("ana", "revoke 2").await;
    world.expect("ana", &["$50.00 is back in your budget"]);
    more_services(world).await;
    three_at_once(world, [4, 5]).await;
    what_stays(world, 4).await;
    books(world).await;
}

/// One team on both: linked by a code, asked in Discord, approved in Slack, revealed in Discord, in
/// one chain of audit events.
pub async fn on_both_platforms(world: &mut World) {
    arrival(world).await;
    more_services(world).await;
    world.all_read();
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
    three_at_once(world, [2, 3]).await;
    world.says("ana", "revoke 1").await;
    world.expect("ana", &["$0.00 is back in your budget"]);
    world.later(LATE_BILLING).await;
    world.crosses();
    what_stays(world, 2).await;
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

/// Storage and GPUs beside language models.
async fn more_services(world: &mut World) {
    let master = world.aws_master();
    world.deposits_aws(&master).await;
    world.expect("olga", &["The master key for s3 was checked and sealed"]);
    world.deposits_runpod().await;
    world.turns_pods_on().await;
    world.expect("olga", &["Saved: this is what members may take of runpod"]);
}

/// A language model's key, a bucket and a pod in one budget, each with a cap as hard as its provider can
/// keep it.
async fn three_at_once(world: &mut World, [bucket, pod]: [u64; 2]) {
    for line in ["provision s3 20", "provision runpod 10"] {
        world.says("ana", line).await;
        world.clicks("ana", "Reveal key").await;
        let hands = world.town.person("ana");
        hands.close_modal().expect("the view closes");
    }
    world.stores_a_gib();
    assert_eq!(world.downloads(12), "done");
    world.later(Duration::from_hours(3)).await;
    world.says("ana", "keys").await;
    world.expect("ana", &HARDNESS);
    world.says("ana", "budget").await;
    for grant in [bucket, pod] {
        world.says("ana", &format!("revoke {grant}")).await;
    }
    world.expect("ana", &["of s3) was ended", "of runpod) was ended"]);
    // The bucket's metrics are complete before the pod's bill is.
    world.later(Duration::from_mins(25)).await;
    world.all_pods_are_billed().await;
}

/// A bucket outlives its key until an owner has it deleted. Then nothing costs anything any more, and the
/// books hold what three providers charge.
async fn what_stays(world: &mut World, bucket: u64) {
    world.says("olga", &format!("vault delete {bucket}")).await;
    world.clicks("olga", "Delete all of it").await;
    world.expect("olga", &["Deleted for good"]);
    world.books_hold_the_bills().await;
}

/// Everybody looks at the books.
async fn books(world: &mut World) {
    for (who, line) in [
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
