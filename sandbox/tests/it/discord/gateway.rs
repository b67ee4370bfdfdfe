//! The gateway: who may identify, what is heard, and how sessions end and go on.

use std::time::Duration;

use serde_json::{Value, json};
use slice_sandbox::{Fate, Fault};

use super::client::{GUILD_MEMBERS, GUILDS, start};

#[tokio::test]
async fn a_wrong_token_and_intents_that_are_not_switched_on_are_refused() {
    let app = start().await;
    let token = app.discord.bot_token();
    for (token, intents, code) in [
        ("wrong", GUILDS, 4004),
        (token.as_str(), GUILD_MEMBERS, 4014),
        (token.as_str(), 1 << 15, 4014),
        (token.as_str(), 1 << 40, 4013),
    ] {
        let mut gateway = app.connect().await;
        gateway.identify(token, intents).await;
        assert_eq!(gateway.frame().await, Err(code));
    }
    app.discord.enable_intents(GUILD_MEMBERS);
    let mut gateway = app.ready(GUILDS | GUILD_MEMBERS).await;
    assert_eq!(app.discord.sockets(), 1);
    gateway.identify(&token, GUILDS).await;
    assert_eq!(gateway.frame().await, Err(4005));
    drop(gateway);
    app.until(|| app.discord.sockets() == 0).await;
    let mut gateway = app.connect().await;
    gateway.say(json!({ "op": 3, "d": {} })).await;
    assert_eq!(gateway.frame().await, Err(4003));
    let mut gateway = app.connect().await;
    gateway.say(json!({ "op": 99, "d": {} })).await;
    assert_eq!(gateway.frame().await, Err(4001));
    assert_eq!(app.sandbox.wire.take_violations().len(), 1);
}

#[tokio::test]
async fn ready_tells_who_one_is_and_guilds_follow() {
    let app = start().await;
    let other = app.discord.add_guild("Beta");
    let mut gateway = app.connect().await;
    gateway.identify(&app.discord.bot_token(), GUILDS).await;
    let ready = gateway.event("READY").await;
    assert_eq!(ready["application"]["id"], app.discord.application_id());
    assert_eq!(ready["user"]["id"], app.discord.application_id());
    let first = gateway.event("GUILD_CREATE").await;
    assert_eq!(first["name"], "Acme");
    assert_eq!(first["owner_id"], app.olga().id());
    assert_eq!(
        first["members"].as_array().unwrap().len(),
        1,
        "only the bot itself"
    );
    assert_eq!(gateway.event("GUILD_CREATE").await["id"], other);
    gateway.say(json!({ "op": 1, "d": 3 })).await;
    assert_eq!(gateway.frame().await.unwrap()["op"], 11);
}

#[tokio::test]
async fn members_and_roles_are_heard_of_with_the_intent_only() {
    let app = start().await;
    app.discord.enable_intents(GUILD_MEMBERS);
    let mut plain = app.ready(GUILDS).await;
    let mut all = app.ready(GUILDS | GUILD_MEMBERS).await;
    let role = app.discord.add_role("owners", &["ana"]);
    assert_eq!(plain.event("GUILD_ROLE_CREATE").await["role"]["id"], role);
    all.event("GUILD_ROLE_CREATE").await;
    let changed = all.event("GUILD_MEMBER_UPDATE").await;
    assert_eq!(changed["user"]["id"], app.ana().id());
    assert_eq!(changed["roles"], json!([role]));
    let ana = app.ana();
    app.discord.remove_person("ana");
    let gone = all.event("GUILD_MEMBER_REMOVE").await;
    assert_eq!(gone["user"]["id"], ana.id());
    app.discord.delete_role("owners");
    assert_eq!(plain.event("GUILD_ROLE_DELETE").await["role_id"], role);
    let guild = app.discord.guild_id();
    app.discord.outage(&guild, true);
    assert_eq!(plain.event("GUILD_DELETE").await["unavailable"], true);
    app.discord.outage(&guild, false);
    assert_eq!(plain.event("GUILD_CREATE").await["id"], guild);
    app.discord.uninstall();
    let removed = plain.event("GUILD_DELETE").await;
    assert_eq!(removed, json!({ "id": guild }));
}

#[tokio::test]
async fn a_dropped_connection_is_resumed_without_a_loss() {
    let app = start().await;
    app.register().await;
    let token = app.discord.bot_token();
    let mut first = app.ready(GUILDS).await;
    let (session, seq) = (first.session.clone(), first.seq);
    app.sandbox.faults.inject(Fault::DropSocket, 1);
    app.ana().command("/slice", "help").unwrap();
    let lost = first.interaction().await;
    assert_eq!(first.frame().await, Err(0));
    app.until(|| app.discord.sockets() == 0).await;
    app.ana().command("/slice", "owners").unwrap();
    assert_eq!(
        app.discord.unanswered(),
        2,
        "somebody may come back for them"
    );
    let mut second = app.connect().await;
    second.resume(&token, &session, seq).await;
    assert_eq!(second.interaction().await, lost);
    let missed = second.interaction().await;
    assert_eq!(missed["data"]["options"][0]["name"], "owners");
    second.event("RESUMED").await;

    app.discord.refresh_sockets();
    app.ana().command("/slice", "revoke 7").unwrap();
    assert_eq!(second.frame().await.unwrap()["op"], 7);
    let seq = second.seq;
    let mut third = app.connect().await;
    third.resume(&token, &session, seq).await;
    let waited = third.interaction().await;
    assert_eq!(waited["data"]["options"][0]["name"], "revoke");
    third.event("RESUMED").await;

    for (token, session, seq, code) in [
        ("wrong", session.as_str(), 1, Some(4004)),
        (token.as_str(), "unknown", 1, None),
        (token.as_str(), session.as_str(), 1000, None),
    ] {
        let mut gateway = app.connect().await;
        gateway.resume(token, session, seq).await;
        match code {
            Some(code) => assert_eq!(gateway.frame().await, Err(code)),
            None => assert_eq!(gateway.frame().await.unwrap(), invalid(false)),
        }
    }
}

fn invalid(resumable: bool) -> Value {
    json!({ "op": 9, "d": resumable, "s": null, "t": null })
}

#[tokio::test]
async fn an_invalid_session_loses_what_it_was_not_sent() {
    let app = start().await;
    app.register().await;
    let mut first = app.ready(GUILDS).await;
    app.sandbox.faults.inject(Fault::InvalidSession, 1);
    app.ana().command("/slice", "help").unwrap();
    assert_eq!(first.frame().await.unwrap(), invalid(false));
    assert_eq!(app.discord.unanswered(), 0);
    assert_eq!(app.ana().reads(), ["The application did not respond"]);
    app.ana().command("/slice", "help").unwrap();
    assert_eq!(app.ana().reads(), ["The application did not respond"]);
    let mut second = app.ready(GUILDS).await;
    app.ana().command("/slice", "owners").unwrap();
    let heard = second.interaction().await;
    assert_eq!(heard["data"]["options"][0]["name"], "owners");
    app.discord.invalidate_sessions(true);
    assert_eq!(second.frame().await.unwrap(), invalid(true));
    let mut third = app.connect().await;
    third
        .resume(&app.discord.bot_token(), &second.session, second.seq)
        .await;
    third.event("RESUMED").await;
}

#[tokio::test]
async fn a_zombie_answers_no_heartbeat_and_keeps_what_it_swallowed() {
    let app = start().await;
    app.register().await;
    app.discord.set_heartbeat(Duration::from_millis(200));
    let mut zombie = app.ready(GUILDS).await;
    app.sandbox.faults.inject(Fault::ZombieSocket, 1);
    app.ana().command("/slice", "help").unwrap();
    zombie.say(json!({ "op": 1, "d": zombie.seq })).await;
    let silence = tokio::time::timeout(Duration::from_millis(50), zombie.frame()).await;
    assert!(silence.is_err());
    let mut gateway = app.connect().await;
    let token = app.discord.bot_token();
    gateway.resume(&token, &zombie.session, zombie.seq).await;
    gateway.interaction().await;
    gateway.event("RESUMED").await;
    assert_eq!(app.discord.sockets(), 1);
}

#[tokio::test]
async fn every_session_hears_of_everything_and_one_can_be_told_twice() {
    let app = start().await;
    app.register().await;
    let mut one = app.ready(GUILDS).await;
    let mut two = app.ready(GUILDS).await;
    app.ana().command("/slice", "help").unwrap();
    let heard = one.interaction().await;
    assert_eq!(two.interaction().await, heard);
    let text = json!({ "content": "once" });
    assert_eq!(app.answer(&heard, 4, text.clone()).await.0, 204);
    assert_eq!(app.answer(&heard, 4, text).await.1["code"], 40_060);
    drop(two);
    app.until(|| app.discord.sockets() == 1).await;
    app.sandbox.faults.inject(Fault::DuplicateDelivery, 1);
    app.ana().command("/slice", "help").unwrap();
    assert_eq!(one.interaction().await, one.interaction().await);
    app.discord.redeliver_last();
    one.interaction().await;
}

#[tokio::test]
async fn a_bot_that_is_gone_leaves_nothing_open_once_another_took_its_place() {
    let app = start().await;
    app.register().await;
    app.ana().command("/slice", "help").unwrap();
    assert_eq!(
        app.ana().reads(),
        ["The application did not respond"],
        "nobody is there"
    );
    let mut first = app.ready(GUILDS).await;
    app.ana().command("/slice", "help").unwrap();
    let asked = first.interaction().await;
    app.answer(&asked, 5, json!({})).await;
    drop(first);
    app.until(|| app.discord.sockets() == 0).await;
    assert_eq!(app.discord.unanswered(), 1);
    let _second = app.ready(GUILDS).await;
    assert_eq!(app.discord.unanswered(), 0);
}

#[tokio::test]
async fn a_hook_stops_a_bot_before_an_event_reaches_it() {
    let app = start().await;
    app.register().await;
    let mut gateway = app.ready(GUILDS).await;
    app.sandbox.wire.on_crossing(Box::new(|crossing| {
        if crossing.what == "event INTERACTION_CREATE" {
            Fate::DieBefore
        } else {
            Fate::Pass
        }
    }));
    app.ana().command("/slice", "help").unwrap();
    let silence = tokio::time::timeout(Duration::from_millis(50), gateway.frame()).await;
    assert!(silence.is_err());
    app.sandbox.wire.clear_hook();
    let mut second = app.connect().await;
    let token = app.discord.bot_token();
    second.resume(&token, &gateway.session, gateway.seq).await;
    second.interaction().await;
}
