//! Warnings before a month's budget or a cap is used up: once each, and one message at a time.

use crate::world::World;
use slice_sandbox::KeyState;
use std::time::Duration;

const ROUND: Duration = Duration::from_mins(5);
const DAY: Duration = Duration::from_hours(24);

/// Somebody holds a key for two months, and has it in her hands.
async fn a_key(world: &mut World, who: &str, cap: &str) -> KeyState {
    let line = format!("provision openrouter {cap} for 60d");
    world.says(who, &line).await;
    world.clicks(who, "Reveal key").await;
    let closed = world.town.person(who).close_modal();
    closed.expect("the view closes");
    world.live_keys().pop().expect("a key")
}

/// Keys spend, and the meter sees it.
async fn spend(world: &mut World, spending: &[(&KeyState, &str)]) {
    let provider = world.sandbox.openrouter.clone();
    for (key, amount) in spending {
        provider.spend(&key.secret, amount).expect("it spends");
    }
    world.later(ROUND).await;
}

/// Nobody hears anything more, however often the meter reads.
async fn silence(world: &mut World) {
    world.all_read();
    for _ in 0..3 {
        world.later(ROUND).await;
    }
    for who in ["olga", "ana"] {
        let read = world.reads(who);
        assert!(!read.contains("used"), "{who} hears it once: {read}");
    }
}

pub async fn one_message_for_all_keys(world: &mut World) {
    world.set_up().await;
    let first = a_key(world, "ana", "40").await;
    let second = a_key(world, "ana", "40").await;
    world.all_read();
    spend(world, &[(&first, "31.99"), (&second, "20")]).await;
    assert_eq!(world.reads("ana"), "", "79 % is not 80 %");
    spend(world, &[(&first, "0.01"), (&second, "12.50")]).await;
    let told = world.expect(
        "ana",
        &[
            "(grant 1) has used $32.00 of its $40.00 (80 %): $8.00 is left until it ends",
            "(grant 2) has used $32.50 of its $40.00 (81 %): $7.50 is left",
            "$20.00 of your budget is free until",
        ],
    );
    assert!(!told.contains("for November"), "64 % of the month: {told}");
    assert_eq!(world.reads("olga"), "", "owners hear of what is used up");
    silence(world).await;
    // A last request may be more than the cap.
    spend(world, &[(&first, "9"), (&second, "7.50")]).await;
    world.expect(
        "ana",
        &[
            "You have used $81.00 of your $100.00 for November (81 %). $19.00 of it is left.",
            "(grant 1) has used $41.00 of its $40.00 (102 %): nothing is left of it",
            "(grant 2) has used $40.00 of its $40.00 (100 %)",
            "$19.00 of your budget is free",
        ],
    );
    let olga = world.expect(
        "olga",
        &["grant 1 ($40.00 of openrouter): its key has used $41.00, all of it"],
    );
    assert!(olga.contains("grant 2") && !olga.contains("for November"));
    silence(world).await;
}

/// A month that is used up, a rise, and a new month: each is told anew.
pub async fn a_month_is_used_up(world: &mut World) {
    world.set_up().await;
    world.says("olga", "settings digest-day off").await;
    let first = a_key(world, "ana", "50").await;
    let second = a_key(world, "ana", "50").await;
    spend(world, &[(&first, "50"), (&second, "30")]).await;
    world.expect(
        "ana",
        &["used $80.00 of your $100.00 for November (80 %). $20.00 of it is left, and your keys hold $20.00"],
    );
    spend(world, &[(&second, "20")]).await;
    world.expect(
        "ana",
        &[
            "used $100.00 of your $100.00 for November (100 %). Nothing of it is left",
            "ask an owner to add to your month",
        ],
    );
    world.expect(
        "olga",
        &["@ana has used $100.00 of $100.00 for November: all of it"],
    );
    silence(world).await;
    world.says("olga", "topup @ana 25").await;
    let third = a_key(world, "ana", "25").await;
    world.all_read();
    spend(world, &[(&third, "1")]).await;
    world.expect("ana", &["used $101.00 of your $125.00 for November (80 %)"]);
    spend(world, &[(&third, "24")]).await;
    world.expect("olga", &["@ana has used $125.00 of $125.00 for November"]);
    silence(world).await;
    world.later(30 * DAY).await;
    let fourth = a_key(world, "ana", "50").await;
    spend(world, &[(&fourth, "40")]).await;
    let december = world.expect("ana", &["(grant 4) has used $40.00 of its $50.00 (80 %)"]);
    assert!(!december.contains("for December"), "40 %: {december}");
    spend(world, &[(&fourth, "10")]).await;
    world.all_read();
    world.says("olga", "allocate @ana 60").await;
    world.expect("ana", &["used $50.00 of your $60.00 for December (83 %)"]);
    let fifth = a_key(world, "ana", "10").await;
    world.all_read();
    spend(world, &[(&fifth, "1")]).await;
    silence(world).await;
}

/// An owner's cut, or an owner's word about what a grant spent, is what uses up a month: it is warned of
/// then and there.
pub async fn what_owners_change(world: &mut World) {
    world.set_up().await;
    let key = a_key(world, "ana", "50").await;
    spend(world, &[(&key, "40")]).await;
    world.says("ana", "revoke 1").await;
    // Its last reading has come then.
    world.later(2 * ROUND).await;
    world.all_read();
    world.says("olga", "settle 1 85").await;
    let told = world.expect("ana", &["used $85.00 of your $100.00 for November (85 %)"]);
    assert!(told.contains("from $40.00 to $85.00"), "{told}");
    let olga = world.reads("olga");
    assert!(
        !olga.contains("all of it"),
        "owners hear of what is used up: {olga}"
    );
    world.says("olga", "allocate @ana 85").await;
    world.expect(
        "ana",
        &[
            "used $85.00 of your $85.00 for November (100 %). Nothing of it is left.",
            "ask an owner to add to your month",
        ],
    );
    world.expect(
        "olga",
        &["@ana has used $85.00 of $85.00 for November: all of it"],
    );
    world.says("olga", "allocate @ana 50").await;
    world.expect(
        "olga",
        &["$35.00 more than that was spent this month already, so nothing more can be taken."],
    );
    world.expect("ana", &["You have spent $35.00 more than that this month."]);
    world.says("olga", "settle 1 90").await;
    let (ana, olga) = (world.reads("ana"), world.reads("olga"));
    assert!(!ana.contains("You have used"), "ana knows: {ana}");
    assert!(!olga.contains("all of it"), "and so does olga: {olga}");
    // A raise and a correction to less are good news.
    world.says("olga", "allocate @ana 100").await;
    world.says("olga", "settle 1 85").await;
    let ana = world.reads("ana");
    assert!(!ana.contains("You have used"), "{ana}");
    let second = a_key(world, "ana", "10").await;
    world.all_read();
    spend(world, &[(&second, "1")]).await;
    world.expect("ana", &["used $86.00 of your $100.00 for November (86 %)"]);
    silence(world).await;
}

/// A higher cap is warned of anew, from what is used of it then; a lower one repeats nothing.
pub async fn a_raise_arms_them_again(world: &mut World) {
    world.set_up().await;
    let key = a_key(world, "ana", "20").await;
    world.all_read();
    spend(world, &[(&key, "16")]).await;
    world.expect("ana", &["has used $16.00 of its $20.00 (80 %)"]);
    silence(world).await;
    world.says("ana", "cap 1 40").await;
    world.all_read();
    spend(world, &[(&key, "4")]).await;
    assert_eq!(world.reads("ana"), "", "half of it is used");
    spend(world, &[(&key, "12")]).await;
    world.expect("ana", &["has used $32.00 of its $40.00 (80 %)"]);
    silence(world).await;
    spend(world, &[(&key, "8")]).await;
    world.expect(
        "ana",
        &["has used $40.00 of its $40.00 (100 %): nothing is left"],
    );
    world.expect("olga", &["its key has used $40.00, all of it"]);
    silence(world).await;
    world.says("ana", "cap 1 50").await;
    world.all_read();
    spend(world, &[(&key, "1")]).await;
    world.expect("ana", &["has used $41.00 of its $50.00 (82 %)"]);
    assert_eq!(world.reads("olga"), "", "not all of it is used");
    world.says("ana", "cap 1 45").await;
    world.all_read();
    spend(world, &[(&key, "1")]).await;
    silence(world).await;
    spend(world, &[(&key, "3")]).await;
    world.expect("ana", &["has used $45.00 of its $45.00 (100 %)"]);
    world.expect("olga", &["its key has used $45.00, all of it"]);
    silence(world).await;
}

/// Two members and their keys in one round: a message each, and one for the owners.
pub async fn a_round_about_several_members(world: &mut World) {
    world.set_up().await;
    world.says("olga", "allocate @bo 20").await;
    let ana = a_key(world, "ana", "50").await;
    let bo = a_key(world, "bo", "20").await;
    world.all_read();
    let provider = world.sandbox.openrouter.clone();
    provider.spend(&bo.secret, "20").expect("it spends");
    // Whoever asks first sees to it: the meter says nothing more.
    world.says("bo", "budget").await;
    world.expect("bo", &["used $20.00 of your $20.00 for November (100 %)"]);
    world.expect("olga", &["@bo has used $20.00 of $20.00", "grant 2"]);
    spend(world, &[(&ana, "50")]).await;
    assert!(!world.reads("bo").contains("used"), "bo knows");
    world.expect("ana", &["(grant 1) has used $50.00 of its $50.00"]);
    world.expect("olga", &["@ana's grant 1"]);
    silence(world).await;
}
