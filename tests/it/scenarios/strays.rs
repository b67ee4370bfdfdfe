//! Keys at the provider that the books do not know.

use crate::world::World;
use slice_sandbox::Fault;
use std::time::Duration;

const ROUND: Duration = Duration::from_mins(5);
const HOUR: Duration = Duration::from_hours(1);
const LABEL: &str = "slice/11111111-2222-4333-8444-555555555555/1";

/// A key that nobody made here, with its limit; it has spent so much.
fn stray(world: &World, label: &str, limit: Option<&str>, spent: &str) -> String {
    let provider = &world.sandbox.openrouter;
    let hash = provider.add_foreign_key("team", label);
    provider.change_limit_behind_our_back(&hash, limit);
    provider.include_byok_behind_our_back(&hash, true);
    let key = provider.key(&hash).expect("it was just made");
    if spent != "0" {
        provider.spend(&key.secret, spent).expect("it spends");
    }
    hash
}

fn stands(world: &World, hash: &str) -> bool {
    let key = world.sandbox.openrouter.key(hash);
    key.is_some_and(|key| !key.deleted)
}

/// Found once, adopted by its label or button, charged and held; then a grant like any other.
pub async fn a_key_is_adopted(world: &mut World) {
    world.set_up().await;
    let hash = stray(world, LABEL, Some("20"), "3.20");
    let foreign = stray(world, "somebody else's", None, "0");
    world.later(HOUR).await;
    let found = world.expect(
        "olga",
        &[
            "carries Slice's label",
            LABEL,
            "It has spent $3.20, and may spend up to $20.00 in all",
            "Nothing is done to it before an owner decides",
            "[Adopt…] [Revoke]",
        ],
    );
    assert!(!found.contains("somebody else's"), "not our label: {found}");
    for _ in 0..3 {
        world.later(HOUR).await;
    }
    assert_eq!(world.reads("olga"), "", "each finding is told once");
    assert!(stands(world, &hash), "nothing is done without an owner");
    world.says("ana", &format!("adopt {LABEL} @ana")).await;
    world.expect("ana", &["Only owners can do that"]);
    world.says("olga", "allocate @bo 10").await;
    world.says("olga", &format!("adopt {LABEL} @bo")).await;
    world.expect("olga", &["$10.00 short: the key may spend $20.00 in all"]);
    world.says("olga", "adopt 7 @ana").await;
    world.expect("olga", &["Slice knows of no such key"]);
    world.says("olga", "adopt 1 @ana for 3d").await;
    world.expect(
        "olga",
        &["grant 1 of @ana now: $20.00 of that budget, $3.20 of it spent already"],
    );
    world.expect(
        "ana",
        &["Slice never had its secret", "$3.20 of it spent already"],
    );
    world.says("ana", "budget").await;
    world.expect("ana", &["$3.20", "$16.80", "$80.00"]);
    world.says("ana", "keys").await;
    world.expect(
        "ana",
        &["it was adopted, so Slice does not have its secret"],
    );
    world.says("ana", "reveal 1").await;
    world.expect("ana", &["Slice never had its secret"]);
    // It is metered, warned of, and ended as any other.
    let key = world.sandbox.openrouter.key(&hash).expect("it is there");
    let spent = world.sandbox.openrouter.spend(&key.secret, "13");
    spent.expect("whoever has the secret goes on");
    world.later(ROUND).await;
    world.expect("ana", &["has used $16.20 of its $20.00 (81 %)"]);
    world.says("olga", "adopt 1 @bo").await;
    world.expect("olga", &["Slice knows of no such key"]);
    world.says("ana", "revoke 1").await;
    world.expect("ana", &["It spent $16.20; $3.80 is back in your budget"]);
    world.later(ROUND).await;
    assert!(!stands(world, &hash), "deleted at its end");
    assert!(stands(world, &foreign), "what is not ours is left alone");
}

/// An owner wants it gone: recorded, then deleted, however often the provider must be asked.
pub async fn a_key_is_discarded(world: &mut World) {
    world.set_up().await;
    let hash = stray(world, LABEL, None, "3.20");
    world.later(HOUR).await;
    world.expect("olga", &["It has spent $3.20, and has no cap there"]);
    world.says("olga", "adopt 1 @ana").await;
    world.expect("olga", &["it has no cap there; set one there first"]);
    let provider = world.sandbox.openrouter.clone();
    provider.change_limit_behind_our_back(&hash, Some("20"));
    provider.reset_behind_our_back(&hash, Some("monthly"));
    world.says("olga", "adopt 1 @ana").await;
    world.expect("olga", &["take the reset off there first"]);
    provider.reset_behind_our_back(&hash, None);
    provider.include_byok_behind_our_back(&hash, false);
    world.says("olga", "adopt 1 @ana").await;
    world.expect("olga", &["let it include that there first"]);
    let faults = world.sandbox.faults.clone();
    faults.inject_on("DELETE /api/v1/keys", Fault::ServerError500, 1);
    world.clicks("olga", "Revoke").await;
    world.expect("olga", &["is being deleted"]);
    world.says("olga", "vault discard 1").await;
    world.expect(
        "olga",
        &[
            "is being deleted at openrouter since",
            "Nothing was changed",
        ],
    );
    world.later(ROUND).await;
    assert!(!stands(world, &hash));
    world.later(ROUND).await;
    world.expect(
        "olga",
        &["is deleted. It had spent $3.20, which is charged to nobody"],
    );
    // Somebody deletes one at the provider.
    let other = stray(world, "slice/another", Some("5"), "0");
    world.later(HOUR).await;
    world.expect("olga", &["slice/another"]);
    world.sandbox.openrouter.delete_behind_our_back(&other);
    world.later(HOUR).await;
    world.expect("olga", &["is not there any more: somebody deleted it"]);
    world.all_read();
    world.later(HOUR).await;
    assert_eq!(world.reads("olga"), "");
}

/// The provider does not delete what an owner discarded: owners hear of it once, after an hour, and what
/// they hear says whether it may still spend.
pub async fn a_discarded_key_that_stays(world: &mut World) {
    world.set_up().await;
    world.says("olga", "settings digest-day off").await;
    let faults = world.sandbox.faults.clone();
    let first = stray(world, LABEL, Some("20"), "3.20");
    world.later(HOUR).await;
    faults.inject_on("DELETE /api/v1/keys", Fault::ServerError500, 1_000);
    world.says("olga", "vault discard 1").await;
    world.all_read();
    for _ in 0..11 {
        world.later(ROUND).await;
    }
    assert_eq!(world.reads("olga"), "", "it may come right by itself");
    world.later(ROUND).await;
    world.expect(
        "olga",
        &[
            "was to be deleted",
            "and its provider does not do it",
            "It can spend no more. Slice goes on trying",
        ],
    );
    for _ in 0..30 {
        world.later(ROUND).await;
    }
    assert_eq!(world.reads("olga"), "", "it is told once");
    assert!(stands(world, &first));
    faults.clear();
    world.later(ROUND).await;
    world.expect("olga", &["is deleted. It had spent $3.20"]);
    assert!(!stands(world, &first));
    // The provider does not even stop another one.
    let second = stray(world, "slice/another", Some("5"), "0");
    world.later(HOUR).await;
    faults.inject_on("PATCH /api/v1/keys", Fault::ServerError500, 1_000);
    world.says("olga", "vault discard 2").await;
    world.all_read();
    for _ in 0..13 {
        world.later(ROUND).await;
    }
    let told = world.expect("olga", &["Whoever has its secret may still spend with it"]);
    assert_eq!(told.matches("does not do it").count(), 1, "{told}");
    faults.clear();
    world.later(ROUND).await;
    assert!(!stands(world, &second));
    world.says("olga", "audit show last 1d").await;
    world.expect("olga", &["could not delete key #1 at openrouter so far"]);
    world.loose();
}

/// Nobody expects the order any more when it arrives: owners hear of it and have it deleted.
pub async fn an_order_that_arrives_after_the_end(world: &mut World) {
    world.set_up().await;
    let faults = world.sandbox.faults.clone();
    faults.inject_on("POST /api/v1/keys", Fault::LostBefore, 1_000);
    world.says("ana", "provision openrouter 20").await;
    world.says("ana", "revoke 1").await;
    for _ in 0..3 {
        world.later(Duration::from_mins(1)).await;
    }
    faults.clear();
    world.expect("ana", &["It spent $0.00; $20.00 is back in your budget"]);
    world.all_read();
    let orders = world.sandbox.wire.crossings();
    let mut orders = orders
        .iter()
        .filter(|crossing| crossing.what == "POST /api/v1/keys");
    let order = orders.next_back().expect("an order");
    let label = order.body["name"].as_str().expect("a label").to_owned();
    let hash = stray(world, &label, Some("0"), "0");
    world.later(HOUR).await;
    world.expect("olga", &["carries Slice's label", &label]);
    world.later(HOUR).await;
    assert_eq!(world.reads("olga"), "", "it is told once");
    world.says("olga", "adopt 1 @ana").await;
    world.expect("olga", &["its label is that of another key"]);
    world.says("olga", "vault discard 1").await;
    world.later(ROUND).await;
    assert!(!stands(world, &hash));
    world.expect("olga", &["is deleted. It had spent $0.00"]);
}

/// A key that Slice took for gone is back: what it may spend is not unseen.
pub async fn a_key_that_comes_back(world: &mut World) {
    world.set_up().await;
    world.says("ana", "provision openrouter 20").await;
    let key = world.live_keys().pop().expect("a key");
    world.sandbox.openrouter.delete_behind_our_back(&key.hash);
    world.says("ana", "revoke 1").await;
    world.later(ROUND).await;
    world.expect("ana", &["unread rest of $20.00 counts as spent"]);
    world.all_read();
    world.sandbox.openrouter.undelete_behind_our_back(&key.hash);
    world.later(HOUR).await;
    world.expect("olga", &["carries Slice's label", "may spend up to $20.00"]);
    for _ in 0..2 {
        world.later(HOUR).await;
    }
    assert_eq!(world.reads("olga"), "", "it is told once");
    world.clicks("olga", "Revoke").await;
    world.later(ROUND).await;
    assert!(!stands(world, &key.hash));
}

/// What people write there is text; many findings are one message more; our own keys are none.
pub async fn hostile_labels_and_our_own(world: &mut World) {
    world.set_up().await;
    world.says("ana", "provision openrouter 20").await;
    world.all_read();
    // The answer to an order is lost: in doubt, and no finding.
    let faults = world.sandbox.faults.clone();
    faults.inject_on("POST /api/v1/keys", Fault::LostAfter, 1);
    world.says("ana", "provision openrouter 10").await;
    world.says("ana", "revoke 1").await;
    world.later(ROUND).await;
    world.later(ROUND).await;
    let read = world.reads("olga");
    assert!(!read.contains("carries Slice's label"), "{read}");
    // A second key with the label of one that the books know.
    let ours = world.live_keys().pop().expect("the second key");
    let double = stray(world, &ours.name, Some("5"), "0");
    world.later(ROUND).await;
    world.expect("olga", &["carries Slice's label"]);
    world.says("olga", "adopt 1 @ana").await;
    world.expect("olga", &["its label is that of another key"]);
    world.says("olga", "vault discard 1").await;
    world.later(ROUND).await;
    assert!(!stands(world, &double) && stands(world, &ours.hash));
    world.all_read();
    let hostile = "slice/<!channel> *bold* <@U123> `code` @everyone \"quoted\"";
    let mut strays = vec![stray(world, hostile, Some("5"), "0")];
    for number in 0..9 {
        strays.push(stray(
            world,
            &format!("slice/many/{number}"),
            Some("5"),
            "0",
        ));
    }
    world.later(ROUND).await;
    let told = world.expect("olga", &["2 more keys at openrouter carry Slice's label"]);
    assert_eq!(told.matches("A key at openrouter").count(), 8, "{told}");
    for number in 2..12 {
        world.says("olga", &format!("vault discard {number}")).await;
    }
    world.later(ROUND).await;
    assert!(strays.iter().all(|hash| !stands(world, hash)));
}
