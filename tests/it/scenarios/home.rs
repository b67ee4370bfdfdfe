//! The home tab, where the platform has one: shown when it is opened, and kept fresh by what happens.

use crate::world::World;
use std::time::Duration;

/// Opens the tab of a person, and the world settles.
async fn opens(world: &mut World, who: &str) {
    world.sandbox.slack.person(who).opens_home();
    world.settled().await;
}

pub async fn a_tab_of_ones_own(world: &mut World) {
    world.set_up().await;
    opens(world, "ana").await;
    world.expect(
        "ana",
        &["Your November", "$100.00 free", "None of your grants"],
    );
    // What happens is shown without anybody asking.
    world.says("ana", "provision openrouter 20").await;
    world.expect("ana", &["$80.00 free", "Grant 1", "[Reveal key]"]);
    world.clicks("ana", "Reveal key").await;
    let key = world.revealed_key("ana");
    let spent = world.sandbox.openrouter.spend(&key, "7.25");
    spent.expect("the key spends");
    world.later(Duration::from_mins(5)).await;
    world.expect("ana", &["$7.25"]);
    world.says("olga", "allocate @ana 150").await;
    world.expect("ana", &["$130.00 free"]);
    // Buttons answer over the tab.
    opens(world, "ana").await;
    world.clicks("ana", "Dashboard").await;
    world.expect("ana", &["Your November so far", "$7.25 used of $150.00"]);
    world.town.person("ana").close_modal().expect("it closes");
    world.clicks("ana", "I'm done: give it back").await;
    world.town.person("ana").close_modal().expect("it closes");
    world.expect("ana", &["$142.75 free", "None of your grants"]);
    assert!(world.live_keys().is_empty());
}

/// No direct message brings the key: the tab does, and says no more of it once it was shown.
pub async fn a_key_that_no_message_brings(world: &mut World) {
    world.set_up().await;
    opens(world, "ana").await;
    world.sandbox.slack.set_messages_tab(false);
    world.reads("ana");
    world.says("ana", "provision openrouter 20").await;
    world.expect(
        "olga",
        &["could not be delivered", "Messages tab", "waits sealed"],
    );
    let ana = world.expect(
        "ana",
        &["Grant 1", "its key was not revealed yet", "[Reveal key]"],
    );
    assert!(!ana.contains("(DM)"), "{ana}");
    world.clicks("ana", "Reveal key").await;
    let key = world.revealed_key("ana");
    let spent = world.sandbox.openrouter.spend(&key, "2");
    spent.expect("it is the key");
    let ana = world.expect("ana", &["Grant 1", "[Rotate]"]);
    let tab = ana.rsplit("Your keys").next().unwrap_or_default();
    assert!(!tab.contains("Reveal key"), "{ana}");
    assert!(!tab.contains("not revealed"), "{ana}");
    world.may_miss = true;
}

/// Owners see what waits and the vault; others never do, and who is no owner any more does not either.
pub async fn an_owners_tab(world: &mut World) {
    world.set_up().await;
    world.says("olga", "roles bind #slice-owners owner").await;
    opens(world, "olga").await;
    world.expect(
        "olga",
        &[
            "No request waits",
            "Vault",
            "key ending in",
            "[Check them now]",
        ],
    );
    opens(world, "bo").await;
    let bo = world.expect("bo", &["You have no budget yet"]);
    assert!(!bo.contains("Vault"), "{bo}");
    world
        .says("ana", "provision openrouter 60 because \"a demo\"")
        .await;
    world.expect(
        "olga",
        &[
            "@ana asks for grant 1: $60.00 of openrouter for 7d, because: a demo",
            "[Approve]",
        ],
    );
    opens(world, "olga").await;
    world.clicks("olga", "Approve").await;
    world.expect("olga", &["No request waits"]);
    world.town.person("olga").close_modal().expect("it closes");
    assert_eq!(world.live_keys().len(), 1);
    world.all_read();
    world.town.put_out("slice-owners", "olga");
    world.noticed().await;
    let olga = world.expect("olga", &["Your keys"]);
    assert!(!olga.contains("Vault"), "{olga}");
}

/// A tab that Slack does not take is left alone until it is opened again, and guests have none.
pub async fn a_tab_that_cannot_be_shown(world: &mut World) {
    use slice_sandbox::{Fault, PersonKind};
    world.set_up().await;
    world.town.add_person("gus", PersonKind::Guest);
    opens(world, "gus").await;
    assert_eq!(world.reads("gus"), "");
    let faults = &world.sandbox.faults;
    faults.inject_on("views.publish", Fault::ServerError500, 1);
    opens(world, "ana").await;
    assert_eq!(world.reads("ana"), "");
    world.later(Duration::from_mins(1)).await;
    world.expect("ana", &["$100.00 free"]);
    // The bot dies after the event that changes the tab, and shows it when it is back.
    world.says("olga", "settings digest-day off").await;
    world.reads("ana");
    world.kill();
    world.start().await.expect("the bot starts again");
    world.says("olga", "allocate @ana 70").await;
    world.expect("ana", &["$70.00 free"]);
}
