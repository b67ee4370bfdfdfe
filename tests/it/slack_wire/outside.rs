//! What Slice says and asks in Slack by itself, and what it concludes when that fails.

use super::{CALL_TIMEOUT, Desk, KEY, Stage, line, over_socket, platform};
use slice::platforms::slack::{
    NoTokens, SlackConfig, SlackListener, SlackPlatform, SlackSocket, SocketStatus,
};
use slice_core::{
    ids::{Identity, MessageId, PlatformName, UserId, Workspace, WorkspaceId},
    inbound::Notice,
    page::Page,
    ports::{Address, Letter, Platform, PlatformError, Posted},
    reply::Attachment,
    role::{Group, GroupKind, Standing},
    secret::Secret,
};
use slice_sandbox::{ChannelKind, Fault, PersonKind, Sandbox};
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc::unbounded_channel;

pub(super) async fn letters(stage: Stage) {
    let (ana, ana_id) = (stage.person("ana"), stage.identity("ana"));
    let to = Address::Person(&ana_id);
    let page = Page::titled("Your key").text("It is ready.");
    let (id, key) = (MessageId::from_random([1; 16]), Secret::new(KEY.to_owned()));
    let letter = Letter {
        id,
        page: &page,
        names: &[],
        secret: Some(&key),
        picture: None,
    };
    let posted = stage.slack.post(to, &letter).await.expect("posted");
    let seen = ana.sees().pop().expect("a sight");
    assert!(seen.text.contains(KEY) && seen.id == posted.id);
    assert_eq!(seen.notification, "Your key · It is ready.");
    assert_eq!(stage.slack.find(to, id).await, Ok(Some(posted.clone())));

    let after = Page::say("Revealed.");
    let edit = Letter {
        id,
        page: &after,
        names: &[],
        secret: None,
        picture: None,
    };
    stage.slack.edit(&posted, &edit).await.expect("edited");
    assert_eq!(ana.reads().pop().as_deref(), Some("Revealed."));
    assert_eq!(stage.slack.find(to, id).await, Ok(Some(posted.clone())));
    let other = MessageId::from_random([2; 16]);
    assert_eq!(stage.slack.find(to, other).await, Ok(None));

    for (fault, is_there) in [(Fault::LostAfter, true), (Fault::LostBefore, false)] {
        let id = MessageId::from_random([fault.has_effect().into(); 16]);
        let letter = Letter {
            id,
            page: &after,
            names: &[],
            secret: None,
            picture: None,
        };
        stage.sandbox.faults.inject_on("chat.postMessage", fault, 1);
        let posted = stage.slack.post(to, &letter).await;
        assert!(
            matches!(posted, Err(PlatformError::Unknown(_))),
            "{posted:?}"
        );
        let found = stage.slack.find(to, id).await.expect("a look");
        assert_eq!(found.is_some(), is_there);
    }
    let opens = stage.bodies_of("POST /api/conversations.open").len();
    assert_eq!(opens, 1, "it is remembered");
}

pub(super) async fn channel_letters(stage: Stage) {
    let (page, key) = (Page::say("Revealed."), Secret::new(KEY.to_owned()));
    let id = MessageId::from_random([1; 16]);
    let letter = Letter {
        id,
        page: &page,
        names: &[],
        secret: Some(&key),
        picture: None,
    };
    let edit = Letter {
        id,
        page: &page,
        names: &[],
        secret: None,
        picture: None,
    };
    stage
        .sandbox
        .slack
        .add_channel("owners", ChannelKind::PRIVATE);
    stage.sandbox.slack.join("owners", "olga");
    stage.sandbox.slack.invite_bot("owners");
    let place = stage.place("owners");
    let to = Address::Channel(&place);
    let refused = stage.slack.post(to, &letter).await;
    assert!(
        matches!(refused, Err(PlatformError::Refused(_))),
        "a key in a channel"
    );
    let posted = Posted {
        place: place.clone(),
        id: "1.2".to_owned(),
    };
    assert!(stage.slack.edit(&posted, &letter).await.is_err());
    stage.slack.post(to, &edit).await.expect("posted");
    assert_eq!(stage.person("olga").reads(), ["Revealed."]);
    // Reading a channel needs a scope that Slice does not have, so it does not try.
    assert_eq!(stage.slack.find(to, id).await, Ok(None));
}

pub(super) async fn failures(stage: Stage) {
    let page = Page::say("Hello");
    let id = MessageId::from_random([1; 16]);
    let letter = Letter {
        id,
        page: &page,
        names: &[],
        secret: None,
        picture: None,
    };
    let ana = stage.identity("ana");
    let to = Address::Person(&ana);
    stage.slack.post(to, &letter).await.expect("posted");
    for fault in [
        Fault::ChannelArchived,
        Fault::NotInChannel,
        Fault::NotFound404,
    ] {
        stage.sandbox.faults.inject_on("chat.postMessage", fault, 1);
        let posted = stage.slack.post(to, &letter).await;
        assert!(
            matches!(posted, Err(PlatformError::Refused(_))),
            "{fault:?}: {posted:?}"
        );
    }
    stage.sandbox.faults.inject_on(
        "chat.postMessage",
        Fault::RateLimited429 { retry_after: 7 },
        1,
    );
    let posted = stage.slack.post(to, &letter).await;
    assert_eq!(posted, Err(PlatformError::Later(Duration::from_secs(7))));
    for fault in [
        Fault::TokenRevoked,
        Fault::Unauthorized401,
        Fault::Forbidden403,
    ] {
        stage.sandbox.faults.inject_on("chat.postMessage", fault, 1);
        let posted = stage.slack.post(to, &letter).await;
        assert!(
            matches!(posted, Err(PlatformError::Later(_))),
            "{fault:?}: {posted:?}"
        );
    }
    for fault in [
        Fault::ServerError500,
        Fault::BadGateway502,
        Fault::HangAfter,
        Fault::MalformedJson,
        Fault::TruncatedBody,
    ] {
        stage.sandbox.faults.inject_on("chat.postMessage", fault, 1);
        let posted = stage.slack.post(to, &letter).await;
        assert!(
            matches!(posted, Err(PlatformError::Unknown(_))),
            "{fault:?}: {posted:?}"
        );
    }
}

pub(super) async fn failures_before_the_post(stage: Stage) {
    let page = Page::say("Hello");
    let id = MessageId::from_random([1; 16]);
    let letter = Letter {
        id,
        page: &page,
        names: &[],
        secret: None,
        picture: None,
    };
    // Before the post itself, whatever happens can be repeated.
    let olga = stage.identity("olga");
    stage
        .sandbox
        .faults
        .inject_on("conversations.open", Fault::LostAfter, 1);
    let posted = stage.slack.post(Address::Person(&olga), &letter).await;
    assert!(matches!(posted, Err(PlatformError::Later(_))), "{posted:?}");

    stage.sandbox.slack.add_person("leo", PersonKind::Member);
    let leo = stage.identity("leo");
    stage.sandbox.slack.remove_person("leo");
    let posted = stage.slack.post(Address::Person(&leo), &letter).await;
    assert!(
        matches!(posted, Err(PlatformError::Refused(_))),
        "{posted:?}"
    );
    let foreign = Workspace {
        platform: PlatformName::Slack,
        id: WorkspaceId::new("T9"),
    };
    let foreign = Identity {
        workspace: foreign,
        user: leo.user,
    };
    let posted = stage.slack.post(Address::Person(&foreign), &letter).await;
    assert!(
        matches!(posted, Err(PlatformError::Refused(_))),
        "{posted:?}"
    );
    // A port where nobody listens.
    let config = SlackConfig {
        api_url: "http://127.0.0.1:9/api".to_owned(),
        bot_token: Secret::new("xoxb-1".to_owned()),
        transport: over_socket("xapp-1"),
        call_timeout: CALL_TIMEOUT,
    };
    let nowhere = SlackPlatform::new(config, Arc::new(NoTokens)).expect("a platform");
    let posted = nowhere.post(Address::Person(&olga), &letter).await;
    assert!(matches!(posted, Err(PlatformError::Later(_))), "{posted:?}");
}

pub(super) async fn people(stage: Stage) {
    let slack = &stage.sandbox.slack;
    for (handle, kind, standing) in [
        ("ada", PersonKind::Admin, Standing::Admin),
        ("guy", PersonKind::Guest, Standing::Guest),
        ("bot", PersonKind::Bot, Standing::Bot),
        ("may", PersonKind::Member, Standing::Full),
        ("sam", PersonKind::Stranger, Standing::Stranger),
    ] {
        slack.add_person(handle, kind);
        assert_eq!(
            stage.slack.standing(&stage.identity(handle)).await,
            Ok(standing),
            "{handle}"
        );
    }
    slack.remove_person("may");
    assert_eq!(
        stage.slack.standing(&stage.identity("may")).await,
        Ok(Standing::Gone)
    );
    let unknown = Identity {
        user: UserId::new("U404"),
        ..stage.identity("ana")
    };
    assert_eq!(stage.slack.standing(&unknown).await, Ok(Standing::Gone));
    stage
        .sandbox
        .faults
        .inject_on("users.info", Fault::ServerError500, 1);
    assert!(
        stage.slack.standing(&stage.identity("ana")).await.is_err(),
        "fails closed"
    );
    let workspace = stage.workspace();
    assert_eq!(stage.slack.workspace().await, Ok(workspace.clone()));
    assert_eq!(
        stage.slack.installer(&workspace).await,
        Ok(Some(stage.identity("olga")))
    );
}

pub(super) async fn groups(stage: Stage) {
    let slack = &stage.sandbox.slack;
    let owners = slack.add_channel("owners", ChannelKind::PRIVATE);
    slack.invite_bot("owners");
    slack.join("owners", "olga");
    for n in 0..450 {
        slack.add_person(&format!("many{n}"), PersonKind::Member);
        slack.join("owners", &format!("many{n}"));
    }
    let owners = stage.group(GroupKind::Channel, &owners.0);
    assert_eq!(
        stage.slack.is_in(&stage.identity("many449"), &owners).await,
        Ok(true)
    );
    assert_eq!(
        stage.slack.is_in(&stage.identity("ana"), &owners).await,
        Ok(false)
    );
    let leads = slack.add_usergroup("leads", &["ana"]);
    let leads = stage.group(GroupKind::UserGroup, &leads);
    assert_eq!(
        stage.slack.is_in(&stage.identity("ana"), &leads).await,
        Ok(true)
    );
    assert_eq!(
        stage.slack.is_in(&stage.identity("olga"), &leads).await,
        Ok(false)
    );
}

pub(super) async fn group_facts(stage: Stage) {
    let (slack, workspace) = (&stage.sandbox.slack, stage.workspace());
    let owners = slack.add_channel("owners", ChannelKind::PRIVATE);
    slack.invite_bot("owners");
    let owners = stage.group(GroupKind::Channel, &owners.0);
    let leads = stage.group(
        GroupKind::UserGroup,
        &slack.add_usergroup("leads", &["ana"]),
    );
    let shared = slack.add_channel("partners", ChannelKind::SHARED);
    slack.invite_bot("partners");
    let public = slack.add_channel("open", ChannelKind::PUBLIC);
    let hidden = slack.add_channel("hidden", ChannelKind::PRIVATE);
    slack.archive("owners");
    let facts = async |group: &Group| {
        let facts = stage
            .slack
            .group(&workspace, group.kind, &group.id)
            .await
            .expect("an answer");
        facts.map(|facts| (facts.private, facts.shared, facts.archived, facts.can_post))
    };
    let channel = |id: &str| stage.group(GroupKind::Channel, id);
    assert_eq!(facts(&owners).await, Some((true, false, true, false)));
    assert_eq!(
        facts(&channel(&shared.0)).await,
        Some((true, true, false, true))
    );
    assert_eq!(
        facts(&channel(&public.0)).await,
        Some((false, false, false, false))
    );
    assert_eq!(facts(&channel(&hidden.0)).await, None);
    assert_eq!(facts(&leads).await, Some((true, false, false, false)));
    assert_eq!(
        facts(&stage.group(GroupKind::UserGroup, "S404")).await,
        None
    );
}

pub(super) async fn files(stage: Stage) {
    let (ana, content) = (stage.identity("ana"), b"a,b\n1,2\n".to_vec());
    let file = Attachment {
        name: "audit.csv".to_owned(),
        mime: "text/csv",
        content,
        alt: None,
    };
    stage.slack.send_file(&ana, &file).await.expect("sent");
    assert_eq!(
        stage.sandbox.slack.file("audit.csv").as_deref(),
        Some(b"a,b\n1,2\n".as_slice())
    );
    assert_eq!(stage.person("olga").reads(), [""; 0]);
    stage
        .sandbox
        .faults
        .inject_on("/upload/", Fault::ServerError500, 1);
    let sent = stage.slack.send_file(&ana, &file).await;
    assert!(matches!(sent, Err(PlatformError::Later(_))), "{sent:?}");
    stage
        .sandbox
        .faults
        .inject_on("completeUpload", Fault::LostAfter, 1);
    let sent = stage.slack.send_file(&ana, &file).await;
    assert!(matches!(sent, Err(PlatformError::Unknown(_))), "{sent:?}");
}

pub(super) async fn sockets(stage: Stage) {
    let (slack, ana) = (&stage.sandbox.slack, stage.person("ana"));
    let SlackListener::Socket(socket) = &stage.listener else {
        panic!("this is about sockets")
    };
    assert_eq!(socket.status(), SocketStatus::Connected(2));
    assert!(socket.check().ok);
    for shake in [slack_drop as fn(&Sandbox), slack_refresh, slack_warn] {
        let hellos = stage.bodies_of("hello").len();
        shake(&stage.sandbox);
        stage
            .until("new connections", |it| {
                let all = it.wire.crossings();
                let said = all.iter().filter(|one| one.what == "hello").count();
                hellos + 2 <= said && it.slack.sockets() == 2
            })
            .await;
        ana.command("/slice", "keys");
        assert_eq!(line(&stage.hears().await.0), "keys");
        stage.acknowledged().await;
    }
    for fault in [
        Fault::DropSocket,
        Fault::RefreshSocket,
        Fault::DuplicateDelivery,
    ] {
        stage.sandbox.faults.inject(fault, 1);
        ana.command("/slice", "budget");
        assert_eq!(line(&stage.hears().await.0), "budget", "{fault:?}");
        stage.acknowledged().await;
        if fault != Fault::RefreshSocket {
            assert_eq!(
                line(&stage.hears().await.0),
                "budget",
                "{fault:?}, said twice"
            );
        }
    }
    let zoe = slack.joins_team("zoe", PersonKind::Member);
    let zoe = Identity {
        workspace: stage.workspace(),
        user: UserId::new(zoe.0),
    };
    assert_eq!(stage.notices().await, Notice::PersonChanged(zoe));
    slack.inject_event(serde_json::json!({ "type": "tokens_revoked", "tokens": {} }));
    assert_eq!(
        stage.notices().await,
        Notice::Uninstalled(stage.workspace())
    );
    slack.inject_envelope(
        "interactive",
        serde_json::json!({ "type": "block_actions" }),
    );
    slack.inject_envelope("something_new", serde_json::json!({}));
    stage.acknowledged().await;

    socket.shutdown().await;
    stage
        .until("no connection", |it| it.slack.sockets() == 0)
        .await;
    assert!(!socket.check().ok);
    let bad = platform(&stage.sandbox, slack.bot_token(), over_socket("xapp-bad"));
    let (heard, _hears) = unbounded_channel();
    let (noticed, _notices) = unbounded_channel();
    let refused = SlackSocket::start(bad, Arc::new(Desk { heard, noticed })).await;
    assert!(matches!(refused, Err(PlatformError::Refused(why)) if why.contains("invalid_auth")));
}

fn slack_drop(sandbox: &Sandbox) {
    sandbox.slack.drop_sockets();
}

fn slack_refresh(sandbox: &Sandbox) {
    sandbox.slack.refresh_sockets();
}

fn slack_warn(sandbox: &Sandbox) {
    sandbox.slack.warn_sockets();
}

pub(super) async fn checks(stage: Stage) {
    let told = async |slack: &SlackPlatform| {
        let checks = slack.check().await;
        checks
            .into_iter()
            .map(|check| (check.ok, check.says))
            .collect::<Vec<_>>()
    };
    let good = told(&stage.slack).await;
    assert!(
        good.iter().all(|(ok, _)| *ok) && good.len() == 3,
        "{good:?}"
    );
    stage.sandbox.slack.set_scopes(&["commands", "chat:write"]);
    let (ok, says) = told(&stage.slack).await.swap_remove(1);
    assert!(
        !ok && says.contains("files:write") && says.contains("users:read"),
        "{says}"
    );
    let bad = platform(
        &stage.sandbox,
        "xoxb-bad".to_owned(),
        over_socket("xapp-bad"),
    );
    let bad = told(&bad).await;
    assert_eq!(bad.len(), 2);
    assert!(
        bad.iter()
            .all(|(ok, says)| !ok && says.contains("invalid_auth")),
        "{bad:?}"
    );
    assert!(
        !bad.iter()
            .any(|(_, says)| says.contains("xoxb-") || says.contains("xapp-"))
    );
}
