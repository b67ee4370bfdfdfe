//! What Slice says and asks in Discord by itself, and what it concludes when that fails.

use super::{GATEWAY, KEY, Stage, button, platform};
use slice_core::{
    chart::Chart,
    ids::{Identity, MessageId, PlatformName, UserId, Workspace, WorkspaceId},
    page::{Block, Page},
    ports::{Address, Letter, Platform, PlatformError, Posted},
    reply::Attachment,
    role::{GroupKind, Standing},
    secret::Secret,
};
use slice_sandbox::{ChannelKind, Discord, Fault, PersonKind};
use std::time::Duration;

fn letter(id: u8, page: &Page) -> Letter<'_> {
    Letter {
        id: MessageId::from_random([id; 16]),
        page,
        names: &[],
        secret: None,
        picture: None,
    }
}

pub(super) async fn letters(stage: Stage) {
    let (ana, ana_id) = (stage.person("ana"), stage.identity("ana"));
    let to = Address::Person(&ana_id);
    let page = Page::titled("Your key")
        .text("It is ready.")
        .buttons(vec![button("Reveal")]);
    let key = Secret::new(KEY.to_owned());
    let first = Letter {
        secret: Some(&key),
        picture: None,
        ..letter(1, &page)
    };
    let posted = stage.discord.post(to, &first).await.expect("posted");
    let seen = ana.sees().pop().expect("a sight");
    assert!(seen.text.contains(KEY) && seen.id == posted.id, "{seen}");
    assert_eq!(
        stage.discord.find(to, first.id).await,
        Ok(Some(posted.clone()))
    );
    let again = stage.discord.post(to, &first).await.expect("the same one");
    assert_eq!(again, posted, "Discord drops the second of a nonce");

    let after = Page::say("Revealed.");
    stage
        .discord
        .edit(&posted, &letter(1, &after))
        .await
        .expect("edited");
    assert_eq!(ana.reads().pop().as_deref(), Some("Revealed."));
    assert_eq!(stage.discord.find(to, letter(2, &after).id).await, Ok(None));

    for (fault, is_there) in [(Fault::LostAfter, true), (Fault::LostBefore, false)] {
        let letter = letter(10 + u8::from(is_there), &page);
        let faults = &stage.sandbox.faults;
        faults.inject_on("/messages", fault, 1);
        let posted = stage.discord.post(to, &letter).await;
        assert!(
            matches!(posted, Err(PlatformError::Unknown(_))),
            "{posted:?}"
        );
        let found = stage.discord.find(to, letter.id).await.expect("a look");
        assert_eq!(found.is_some(), is_there);
    }
    let opens = stage.bodies_of("users/@me/channels").len();
    assert_eq!(opens, 1, "it is remembered");
}

pub(super) async fn channel_letters(stage: Stage) {
    let (page, key) = (Page::say("Revealed."), Secret::new(KEY.to_owned()));
    let secret = Letter {
        secret: Some(&key),
        picture: None,
        ..letter(1, &page)
    };
    let world = &stage.sandbox.discord;
    world.add_channel("owners", ChannelKind::PRIVATE);
    world.join("owners", "olga");
    world.invite_bot("owners");
    let place = stage.place("owners");
    let to = Address::Channel(&place);
    let refused = stage.discord.post(to, &secret).await;
    assert!(
        matches!(refused, Err(PlatformError::Refused(_))),
        "a key in a channel"
    );
    let posted = stage
        .discord
        .post(to, &letter(1, &page))
        .await
        .expect("posted");
    assert!(stage.discord.edit(&posted, &secret).await.is_err());
    assert_eq!(stage.person("olga").reads(), ["Revealed."]);
    assert!(!stage.crossed(KEY));
    let nowhere = Posted {
        id: "1/../2".to_owned(),
        ..posted
    };
    let refused = stage.discord.edit(&nowhere, &letter(1, &page)).await;
    assert!(matches!(refused, Err(PlatformError::Refused(_))));
}

pub(super) async fn failures(stage: Stage) {
    let page = Page::say("Hello");
    let ana = stage.identity("ana");
    let to = Address::Person(&ana);
    stage
        .discord
        .post(to, &letter(1, &page))
        .await
        .expect("posted");
    let faults = &stage.sandbox.faults;
    faults.inject_on("/messages", Fault::RateLimited429 { retry_after: 7 }, 1);
    let posted = stage.discord.post(to, &letter(2, &page)).await;
    assert_eq!(posted, Err(PlatformError::Later(Duration::from_secs(7))));
    let asked = stage.sandbox.wire.count();
    let posted = stage.discord.post(to, &letter(2, &page)).await;
    assert!(matches!(posted, Err(PlatformError::Later(_))), "{posted:?}");
    assert_eq!(stage.sandbox.wire.count(), asked, "it is left alone");
    stage.sandbox.clock.advance(Duration::from_secs(8));
    stage
        .discord
        .post(to, &letter(2, &page))
        .await
        .expect("posted");
    for fault in [
        Fault::ServerErrorAfter500,
        Fault::HangBefore,
        Fault::LostBefore,
    ] {
        faults.inject_on("/messages", fault, 1);
        let posted = stage.discord.post(to, &letter(3, &page)).await;
        assert!(
            matches!(posted, Err(PlatformError::Unknown(_))),
            "{fault:?}: {posted:?}"
        );
    }
    faults.inject_on("/members/", Fault::LostBefore, 1);
    assert!(
        stage.discord.standing(&ana).await.is_err(),
        "it fails closed"
    );
}

/// What makes a person unreachable, what Slice says of it, and what makes her reachable again.
type Closing = (fn(&Discord), &'static str, fn(&Discord));

const CLOSINGS: [Closing; 2] = [
    // 50007
    (
        |world| world.close_dms("ana"),
        "takes no direct messages",
        |world| world.open_dms("ana"),
    ),
    // 50278
    (
        |world| world.remove_person("ana"),
        "shares no server",
        |world| world.joins_guild(&world.guild_id(), "ana"),
    ),
];

pub(super) async fn closed(stage: Stage) {
    let world = &stage.sandbox.discord;
    let (page, ana) = (Page::say("Hello"), stage.identity("ana"));
    let to = Address::Person(&ana);
    let mut ids = 1..;
    let mut post = async || {
        let id = ids.next().expect("an id");
        stage.discord.post(to, &letter(id, &page)).await
    };
    for (closes, why, opens) in CLOSINGS {
        closes(world);
        let refused = post().await;
        let said = matches!(&refused, Err(PlatformError::Refused(text)) if text.contains(why));
        assert!(said, "{why}: {refused:?}");
        let counted = world.invalid_requests();
        for _ in 0..18 {
            let refused = post().await;
            assert!(
                matches!(refused, Err(PlatformError::Refused(_))),
                "{why}: {refused:?}"
            );
        }
        let tried = world.invalid_requests() - counted;
        assert_eq!(tried, 0, "she is not tried again: {why}");
        opens(world);
        stage.person("ana").command("/slice", "help").expect("sent");
        let (_, answers) = stage.hears().await;
        answers.say(&page, &[]).await.expect("an answer");
        post().await.expect("she spoke, so she is tried");
    }
}

pub(super) async fn dead_token(stage: Stage) {
    let dead = platform(&stage.sandbox, "another-token".to_owned(), GATEWAY);
    let ana = stage.identity("ana");
    let standing = dead.standing(&ana).await;
    assert!(
        matches!(standing, Err(PlatformError::Unknown(_))),
        "{standing:?}"
    );
    let counted = stage.sandbox.discord.invalid_requests();
    let page = Page::say("Hello");
    let posted = dead.post(Address::Person(&ana), &letter(1, &page)).await;
    assert!(
        matches!(posted, Err(PlatformError::Later(_))),
        "it is not given up: {posted:?}"
    );
    assert_eq!(stage.sandbox.discord.invalid_requests(), counted);
}

pub(super) async fn people(stage: Stage) {
    let world = &stage.sandbox.discord;
    for (handle, kind, standing) in [
        ("bo", PersonKind::Member, Standing::Full),
        ("ada", PersonKind::Admin, Standing::Admin),
        ("gus", PersonKind::Guest, Standing::Guest),
        ("bot", PersonKind::Bot, Standing::Bot),
        ("sam", PersonKind::Stranger, Standing::Gone),
    ] {
        world.add_person(handle, kind);
        let who = stage.identity(handle);
        assert_eq!(stage.discord.standing(&who).await, Ok(standing), "{handle}");
    }
    let olga = stage.identity("olga");
    assert_eq!(
        stage.discord.standing(&olga).await,
        Ok(Standing::Admin),
        "owns the server"
    );
    let nobody = Identity {
        user: UserId::new("../../users/@me"),
        ..stage.identity("bo")
    };
    assert_eq!(stage.discord.standing(&nobody).await, Ok(Standing::Gone));
    world.remove_person("bo");
    assert_eq!(
        stage.discord.standing(&stage.identity("bo")).await,
        Ok(Standing::Gone)
    );
    let installer = stage.discord.installer(&stage.workspace()).await;
    assert_eq!(installer, Ok(Some(olga)));
    let name = stage.discord.workspace_name(&stage.workspace()).await;
    assert_eq!(name, Ok(Some("Acme".to_owned())));
    let elsewhere = Workspace {
        platform: PlatformName::Discord,
        id: WorkspaceId::new("1"),
    };
    assert_eq!(stage.discord.installer(&elsewhere).await, Ok(None));
}

pub(super) async fn groups(stage: Stage) {
    let world = &stage.sandbox.discord;
    let role = world.add_role("leads", &["ana"]);
    let group = stage.group(GroupKind::DiscordRole, &role);
    let (ana, olga) = (stage.identity("ana"), stage.identity("olga"));
    assert_eq!(stage.discord.is_in(&ana, &group).await, Ok(true));
    assert_eq!(stage.discord.is_in(&olga, &group).await, Ok(false));
    world.take_role("leads", "ana");
    assert_eq!(
        stage.discord.is_in(&ana, &group).await,
        Ok(false),
        "at once"
    );
    let everyone = stage.group(GroupKind::DiscordRole, stage.workspace().id.as_str());
    assert_eq!(stage.discord.is_in(&ana, &everyone).await, Ok(true));
    let (workspace, kind) = (stage.workspace(), GroupKind::DiscordRole);
    let facts = stage.discord.group(&workspace, kind, &group.id).await;
    let facts = facts.expect("an answer").expect("a role");
    assert!(facts.name == "leads" && facts.private && !facts.shared);
    let facts = stage.discord.group(&workspace, kind, &everyone.id).await;
    assert!(facts.is_ok_and(|facts| facts.is_some_and(|facts| !facts.private)));

    world.add_channel("lobby", ChannelKind::PUBLIC);
    world.add_channel("owners", ChannelKind::PRIVATE);
    for (name, private, can_post) in [("lobby", false, true), ("owners", true, false)] {
        let place = stage.place(name);
        let facts = stage
            .discord
            .group(&workspace, GroupKind::Channel, &place.channel)
            .await;
        match facts.expect("an answer") {
            Some(facts) => assert_eq!(
                (facts.private, facts.can_post),
                (private, can_post),
                "{name}"
            ),
            None => assert!(!can_post, "{name} is out of sight"),
        }
    }
    world.invite_bot("owners");
    let place = stage.place("owners");
    let facts = stage
        .discord
        .group(&workspace, GroupKind::Channel, &place.channel)
        .await;
    let facts = facts.expect("an answer").expect("a channel");
    assert!(facts.private && facts.can_post);
}

pub(super) async fn files(stage: Stage) {
    let file = Attachment {
        name: "audit trail.csv".to_owned(),
        mime: "text/csv",
        content: b"id,who\n1,ana\n".to_vec(),
        alt: None,
    };
    let ana = stage.identity("ana");
    stage.discord.send_file(&ana, &file).await.expect("sent");
    let kept = stage
        .sandbox
        .discord
        .file("audittrail.csv")
        .expect("a file");
    assert_eq!(kept, file.content);
    assert_eq!(stage.person("olga").reads(), [""; 0]);
}

/// A chart is a message with an image, found again by its name; where no files may be sent, it is
/// said in words.
pub(super) async fn pictures(stage: Stage) {
    let (ana, world) = (stage.person("ana"), &stage.sandbox.discord);
    world.add_channel("all-hands", ChannelKind::PUBLIC);
    world.invite_bot("all-hands");
    let chart = Chart {
        title: "Daily spending".to_owned(),
        first: "2026-11-01".parse().expect("a day"),
        days: 30,
        parts: vec![],
        budget: None,
        lasts: 30,
        footer: String::new(),
    };
    let page = Page::default().with(Block::Chart(chart.clone()));
    let place = stage.place("all-hands");
    let to = Address::Channel(&place);
    for (seed, refused) in [(1, false), (2, true)] {
        let said = letter(seed, &page);
        let picture = slice::chart::picture(&chart, &[], &format!("daily-spending-{}", said.id));
        let picture = picture.expect("a picture");
        let letter = Letter {
            picture: Some(&picture),
            ..said
        };
        if refused {
            world.forbid_files("all-hands");
        }
        let posted = stage.discord.post(to, &letter).await.expect("posted");
        let seen = ana.reads().join("\n");
        assert!(
            seen.contains("from 1 Nov to 30 Nov: $0.00 in all."),
            "{seen}"
        );
        assert_eq!(seen.contains(&picture.name), !refused, "{seen}");
        let again = stage.discord.post(to, &letter).await.expect("the same one");
        assert_eq!(again, posted, "Discord drops the second of a nonce");
        if !refused {
            assert_eq!(world.file(&picture.name), Some(picture.content.clone()));
            let found = stage.discord.find(to, letter.id).await;
            assert_eq!(found, Ok(Some(posted)));
        }
    }
}

pub(super) async fn registration(stage: Stage) {
    assert_eq!(stage.bodies_of("PUT").len(), 1, "at the first start");
    assert_eq!(
        stage.discord.register().await,
        Ok(false),
        "what is known is not sent again"
    );
    assert_eq!(stage.bodies_of("PUT").len(), 1);
}

pub(super) async fn checks(stage: Stage) {
    let says = |checks: Vec<slice::http::Check>| {
        let lines = checks.into_iter();
        let lines = lines.map(|check| format!("{} {}: {}", check.ok, check.what, check.says));
        lines.collect::<Vec<_>>().join("\n")
    };
    let good = says(stage.discord.check(&[stage.workspace()]).await);
    assert!(!good.contains("false"), "{good}");
    assert!(
        good.contains("Discord application") && good.contains("Discord server"),
        "{good}"
    );
    let dead = platform(&stage.sandbox, "another-token".to_owned(), GATEWAY);
    let bad = says(dead.check(&[]).await);
    assert!(
        bad.contains("false") && bad.contains("Copy DISCORD_BOT_TOKEN"),
        "{bad}"
    );
}
