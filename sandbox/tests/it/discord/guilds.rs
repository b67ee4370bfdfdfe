//! Guilds, and what the bot may read of them.

use serde_json::{Value, json};
use slice_sandbox::{ChannelKind, PersonKind};

use super::client::{GUILD_MEMBERS, GUILDS, start};

#[tokio::test]
async fn a_guild_shows_its_owner_roles_members_and_channels() {
    let app = start().await;
    let discord = &app.discord;
    discord.add_person("adam", PersonKind::Admin);
    discord.add_person("gus", PersonKind::Guest);
    discord.add_channel("owners", ChannelKind::PRIVATE);
    let guild = format!("/guilds/{}", discord.guild_id());
    let shown = app.fine(&format!("GET {guild}"), Value::Null).await;
    assert_eq!(shown["owner_id"], app.olga().id());
    assert_eq!(discord.installer().unwrap().0, app.olga().id());
    let roles = app.fine(&format!("GET {guild}/roles"), Value::Null).await;
    let admins = roles
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == "Admins")
        .unwrap();
    assert_eq!(admins["permissions"], "8");
    let member = |handle: &str| format!("GET {guild}/members/{}", discord.person(handle).id());
    let adam = app.fine(&member("adam"), Value::Null).await;
    assert_eq!(adam["roles"], json!([admins["id"]]));
    assert_eq!(app.fine(&member("gus"), Value::Null).await["flags"], 16);
    discord.set_kind("adam", PersonKind::Member);
    assert_eq!(
        app.fine(&member("adam"), Value::Null).await["roles"],
        json!([])
    );
    let channels = app
        .fine(&format!("GET {guild}/channels"), Value::Null)
        .await;
    let owners = &channels[1];
    assert_eq!(owners["permission_overwrites"][0]["deny"], "1024");
    discord.remove_person("gus");
    let gus = format!("GET {guild}/members/{}", discord.person("gus").id());
    assert_eq!(app.refused(&gus, Value::Null).await, (404, 10_007));
    let nobody = format!("GET {guild}/members/404");
    assert_eq!(app.refused(&nobody, Value::Null).await, (404, 10_013));
    let all = format!("GET {guild}/members?limit=10");
    assert_eq!(app.refused(&all, Value::Null).await, (403, 50_001));
    discord.enable_intents(GUILD_MEMBERS);
    let all = app.fine(&all, Value::Null).await;
    assert_eq!(
        all.as_array().unwrap().len(),
        4,
        "the bot, Olga, Ana and Adam"
    );
    app.fine("GET /oauth2/applications/@me", Value::Null).await;
    assert_eq!(app.sandbox.wire.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn guilds_do_not_know_each_other() {
    let app = start().await;
    app.register().await;
    let discord = &app.discord;
    let beta = discord.add_guild("Beta");
    discord.add_person_in(&beta, "bob", PersonKind::PrimaryOwner);
    discord.joins_guild(&beta, "ana");
    discord.add_person("sue", PersonKind::Stranger);
    let mut gateway = app.ready(GUILDS).await;
    discord
        .person_in(&beta, "ana")
        .command("/slice", "help")
        .unwrap();
    assert_eq!(gateway.interaction().await["guild_id"], beta);
    app.ana().command("/slice", "help").unwrap();
    let here = gateway.interaction().await;
    assert_eq!(here["guild_id"], discord.guild_id());
    app.answer(&here, 4, json!({ "content": "in Acme" })).await;
    assert_eq!(discord.person("bob").reads(), Vec::<String>::new());
    assert_eq!(app.olga().reads(), ["in Acme"]);
    discord.person("sue").command("/slice", "help").unwrap();
    let strange = gateway.interaction().await;
    let known = app.fine("GET /users/@me/guilds", Value::Null).await;
    let known: Vec<&Value> = known
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["id"])
        .collect();
    assert_eq!(known.len(), 2);
    assert!(!known.contains(&&strange["guild_id"]));
    let line = format!("GET /guilds/{}", strange["guild_id"].as_str().unwrap());
    assert_eq!(app.refused(&line, Value::Null).await, (404, 10_004));
    discord.uninstall_from(&beta);
    let beta_line = format!("GET /guilds/{beta}");
    assert_eq!(app.refused(&beta_line, Value::Null).await, (404, 10_004));
    assert_eq!(gateway.event("GUILD_DELETE").await["id"], beta);
    let gone = discord.person_in(&beta, "ana").command("/slice", "help");
    assert!(gone.unwrap_err().contains("not in this guild"));
    discord.add_channel_in(&beta, "unheard", ChannelKind::PUBLIC);
    discord.install_in(&beta);
    let back = gateway.event("GUILD_CREATE").await;
    assert_eq!(back["channels"].as_array().unwrap().len(), 2);
    app.fine(&beta_line, Value::Null).await;
    let gamma = discord.add_guild("Gamma");
    discord.add_person("sid", PersonKind::Stranger);
    assert_eq!(
        gateway.event("GUILD_CREATE").await["id"],
        gamma,
        "and nothing before"
    );
}

#[tokio::test]
async fn ids_follow_the_clock_and_are_the_same_each_time() {
    let (one, two) = (start().await, start().await);
    assert_eq!(one.ana().id(), two.ana().id());
    let id: u64 = one.ana().id().parse().unwrap();
    let millis = (id >> 22) + 1_420_070_400_000;
    assert_eq!(i64::try_from(millis * 1000).unwrap(), crate::bot::START);
    one.sandbox.clock.set(0);
    let later: u64 = one.discord.add_role("x", &[]).parse().unwrap();
    assert!(later > id, "ids grow even when the clock goes back");
}

#[tokio::test]
async fn a_role_decides_who_sees_a_channel() {
    let app = start().await;
    let discord = &app.discord;
    let owners = discord.add_channel("owners", ChannelKind::PRIVATE);
    discord.invite_bot("owners");
    discord.add_role("owners-role", &[]);
    discord.join_role("owners", "owners-role");
    let post = format!("POST /channels/{owners}/messages");
    app.fine(&post, json!({ "content": "one" })).await;
    discord.give_role("owners-role", "ana");
    app.fine(&post, json!({ "content": "two" })).await;
    discord.take_role("owners-role", "ana");
    app.fine(&post, json!({ "content": "three" })).await;
    assert_eq!(app.ana().reads(), ["two"]);
    assert_eq!(
        app.olga().reads(),
        ["one", "two", "three"],
        "an owner sees all"
    );
    discord.set_channel_kind("owners", ChannelKind::PUBLIC);
    app.fine(&post, json!({ "content": "four" })).await;
    assert_eq!(app.ana().reads(), ["four"]);
}
