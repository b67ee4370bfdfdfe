//! What owners decide, and where they read.

use crate::world::{World, services};
use slice_sandbox::{ChannelKind, PersonKind};

pub async fn approve_less(world: &mut World) {
    world.set_up().await;
    world.says("ana", "provision openrouter 60").await;
    world.clicks("olga", "Approve less…").await;
    world.submits("olga", &[("Cap", "70")]).await;
    world.clicks("olga", "Approve less…").await;
    world
        .submits("olga", &[("Cap", "50"), ("Life", "3d")])
        .await;
    world.expect(
        "ana",
        &[
            "at $50.00 (you had asked for $60.00)",
            "Your openrouter key is ready",
        ],
    );
    let [key] = world.live_keys().try_into().expect("one key");
    assert_eq!(key.limit_micros, Some(50_000_000));
    world.says("olga", "approve 1").await;
}

/// Two requests each fit the budget; both together do not, and the second approval says so.
pub async fn an_approval_says_what_it_adds(world: &mut World) {
    world.set_up().await;
    world.says("ana", "provision openrouter 60").await;
    world.says("ana", "provision openrouter 60").await;
    world.says("olga", "approve 1").await;
    world.clicks("olga", "Approve").await;
    world.expect(
        "olga",
        &[
            "adds $20.00 to this month of @ana",
            "Nothing was changed yet",
        ],
    );
    assert_eq!(world.live_keys().len(), 1);
    world.clicks("olga", "Approve (+$20.00 this month)").await;
    assert_eq!(world.live_keys().len(), 2);
    world.says("ana", "budget").await;
    world.expect("ana", &["Added this month: $20.00", "Free: $0.00"]);
}

/// Nobody would get the key of somebody who has left.
pub async fn the_requester_was_removed_meanwhile(world: &mut World) {
    world.set_up().await;
    world.says("ana", "provision openrouter 60").await;
    world.may_miss = true;
    world.town.remove_person("ana");
    world.settled().await;
    world.clicks("olga", "Approve").await;
    world.expect("olga", &["has left", "Nothing was approved", "[Deny…]"]);
    assert!(world.live_keys().is_empty());
    world.says("olga", "deny 1").await;
}

/// An owner who is none any more keeps no live buttons, and one whose message was late gets none.
pub async fn every_owners_message_is_edited(world: &mut World) {
    world.start().await.expect("the bot starts");
    world.settled().await;
    world.deposit().await;
    world.town.add_person("otto", PersonKind::Admin);
    world.says("otto", "allocate @ana 100").await;
    world.says("ana", "provision openrouter 60").await;
    world.expect("otto", &["[Approve]"]);
    world.town.set_kind("otto", PersonKind::Member);
    world.says("otto", "members").await;
    world.clicks("olga", "Approve").await;
    world.expect("otto", &["was approved by @olga"]);
}

pub async fn deny_with_a_reason(world: &mut World) {
    world.set_up().await;
    world.says("ana", "provision openrouter 60").await;
    world.clicks("olga", "Deny…").await;
    world
        .submits("olga", &[("Reason", "not <!channel> this *month*")])
        .await;
    world.expect(
        "ana",
        &["denied your grant 1", "not <!channel> this *month*"],
    );
    world.says("ana", "provision openrouter 70").await;
    world.says("olga", "deny 2").await;
    world.says("ana", "budget").await;
    world.expect("ana", &["$100.00"]);
}

pub async fn two_owners_click_at_once(world: &mut World) {
    world.set_up_all().await;
    world.says("olga", "topup @ana 500").await;
    world.town.add_person("otto", PersonKind::Admin);
    world.town.join("slice-owners", "otto");
    for service in services::ALL {
        world
            .says("ana", &format!("provision {} 60", service.name))
            .await;
        for owner in ["olga", "otto"] {
            let clicked = world.town.person(owner).click("Approve");
            clicked.unwrap_or_else(|why| panic!("{owner}: {why}"));
        }
        world.settled().await;
        let both = format!("{}{}", world.reads("olga"), world.reads("otto"));
        let late = both.matches("done already").count() + both.matches("can't be approved").count();
        assert_eq!(late, 1, "one was first:\n{both}");
        assert_eq!(service.live(world), 1, "one key of {}", service.name);
    }
    world.loose();
}

pub async fn nobody_approves_their_own(world: &mut World) {
    world.set_up().await;
    world.says("olga", "allocate @olga 100").await;
    world.says("olga", "provision openrouter 60").await;
    world.clicks("olga", "Approve").await;
    world.expect("olga", &["nobody approves their own"]);
    world.says("olga", "settings sole-owner on").await;
    world.clicks("olga", "Approve").await;
    world.expect("olga", &["Your openrouter key is ready"]);
    // With another active owner the same setting waits for a day.
    world.says("olga", "settings sole-owner off").await;
    world.town.add_person("otto", PersonKind::Admin);
    world.says("otto", "members").await;
    world.says("olga", "settings sole-owner on").await;
    world.says("olga", "settings free-hand 10").await;
    world.says("olga", "provision openrouter 20").await;
    world.says("olga", "approve 2").await;
    world.expect("olga", &["nobody approves their own"]);
    world.says("otto", "approve 2").await;
    assert_eq!(world.live_keys().len(), 2);
}

pub async fn requests_without_a_channel(world: &mut World) {
    world.start().await.expect("the bot starts");
    world.settled().await;
    world.deposit().await;
    world.says("olga", "allocate @ana 100").await;
    world.all_read();
    world.says("ana", "provision openrouter 60").await;
    world.expect("olga", &["asks for grant 1"]);
    world.clicks("olga", "Approve").await;
    world.expect("olga", &["was approved"]);
    assert_eq!(world.live_keys().len(), 1);
}

pub async fn the_channel_is_archived(world: &mut World) {
    world.set_up().await;
    world.may_miss = true;
    world.town.archive("slice-owners");
    world.says("ana", "provision openrouter 60").await;
    world.expect("olga", &["asks for grant 1"]);
    world.clicks("olga", "Approve").await;
    assert_eq!(world.live_keys().len(), 1);
}

pub async fn settings(world: &mut World) {
    world.set_up().await;
    world.says("ana", "settings free-hand 500").await;
    world.says("olga", "settings").await;
    world.says("olga", "settings free-hand 75").await;
    world.says("olga", "settings free-hand lots").await;
    world.says("olga", "settings default-life 100d").await;
    world.says("olga", "settings longest-life 30d").await;
    world.says("olga", "settings time-zone Mars/Olympus").await;
    world.says("olga", "settings no-such-thing 1").await;
    world.says("olga", "settings free-hnad 1").await;
    world.town.add_channel("open", ChannelKind::default());
    world.town.join("open", "olga");
    world.town.invite_bot("open");
    world.says("olga", "settings owners-channel #open").await;
    let shared = ChannelKind::SHARED;
    world.town.add_channel("partners", shared);
    world.town.join("partners", "olga");
    world.town.invite_bot("partners");
    world
        .says("olga", "settings owners-channel #partners")
        .await;
    let private = ChannelKind::PRIVATE;
    world.town.add_channel("elsewhere", private);
    world.town.join("elsewhere", "olga");
    world
        .says("olga", "settings owners-channel #elsewhere")
        .await;
    world.says("olga", "settings show").await;
    world.says("ana", "provision openrouter 70").await;
    world.expect("ana", &["Your openrouter key is ready"]);
}

pub async fn audit_trail(world: &mut World) {
    world.set_up().await;
    world
        .says(
            "ana",
            "provision openrouter 20 as mine because \"=HYPERLINK()\"",
        )
        .await;
    world.says("olga", "audit show").await;
    world.clicks("olga", "Older").await;
    world.says("olga", "audit show @ana").await;
    world.says("olga", "audit show openrouter last 2d").await;
    world.says("ana", "audit show").await;
    world.expect("ana", &["Only owners can do that"]);
    world.says("olga", "audit export").await;
    let org = world.org().await;
    let (events, _) = world
        .bot()
        .desk
        .store
        .verify(org, None)
        .await
        .expect("it answers")
        .expect("a whole chain");
    let csv = world.file(".csv");
    let jsonl = world.file(".jsonl");
    assert_eq!(
        i64::try_from(jsonl.lines().count()).ok(),
        Some(events),
        "every event is in it"
    );
    assert_eq!(
        csv.lines().count(),
        jsonl.lines().count() + 1,
        "and a heading:\n{csv}"
    );
    assert!(
        csv.contains("=HYPERLINK()") && !csv.contains("\"="),
        "no cell is a formula:\n{csv}"
    );
}
