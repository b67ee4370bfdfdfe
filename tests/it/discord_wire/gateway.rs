//! The gateway breaks in every way that Discord knows, and no command that arrived is lost or done
//! twice.

use super::{CALL_TIMEOUT, Stage, desk, filled, platform};
use slice::platforms::discord::{DiscordDoor, DiscordGateway, GatewayStatus, Transport};
use slice_core::{
    inbound::{Expected, Notice},
    page::Page,
    ports::PlatformError,
};
use slice_sandbox::{Fault, Sandbox};
use std::time::Duration;

/// ana says something, and is answered once.
async fn is_heard(stage: &Stage, amount: &str) {
    let ana = stage.person("ana");
    ana.reads();
    ana.command("/slice", &format!("topup @olga {amount}"))
        .expect("sent");
    hears_once(stage, amount).await;
}

async fn hears_once(stage: &Stage, amount: &str) {
    let (inbound, answers) = stage.hears().await;
    assert_eq!(filled(&inbound).1[1], ("amount", amount));
    answers.wait(Expected::Page).await.expect("it is deferred");
    answers
        .say(&Page::say("Heard."), &[])
        .await
        .expect("an answer");
    assert_eq!(stage.person("ana").reads(), ["Heard."]);
    stage.answered().await;
}

/// Whatever comes here was sent before the connection broke, and is heard after it was resumed.
pub(super) async fn resumes(stage: Stage) {
    let world = &stage.sandbox.discord;
    is_heard(&stage, "1").await;
    let breaks: [(&str, &dyn Fn()); 3] = [
        ("a hard drop", &|| world.drop_sockets()),
        ("a request to reconnect", &|| world.refresh_sockets()),
        ("an invalid session that may be resumed", &|| {
            world.invalidate_sessions(true);
        }),
    ];
    for (index, (what, breaks)) in breaks.into_iter().enumerate() {
        breaks();
        let amount = format!("{}", 10 + index);
        let ana = stage.person("ana");
        ana.command("/slice", &format!("topup @olga {amount}"))
            .expect(what);
        hears_once(&stage, &amount).await;
    }
    assert_eq!(
        stage.bodies_of("identify").len(),
        1,
        "it was one session all along"
    );
    assert_eq!(stage.bodies_of("resume").len(), 3);

    stage
        .sandbox
        .faults
        .inject_on("event INTERACTION_CREATE", Fault::DuplicateDelivery, 1);
    let ana = stage.person("ana");
    ana.command("/slice", "topup @olga 20").expect("sent");
    let (first, answers) = stage.hears().await;
    let (second, _again) = stage.hears().await;
    assert_eq!(first.delivery, second.delivery, "the edge knows it by this");
    answers
        .say(&Page::say("Once."), &[])
        .await
        .expect("an answer");
    assert_eq!(ana.reads(), ["Once."]);
    assert_eq!(stage.door.check().says, "connected");
}

/// The connection is dead, and nobody says so. Serenity would begin a new session; what Discord keeps
/// for the old one is heard all the same.
pub(super) async fn outlives_a_zombie(stage: Stage) {
    let world = &stage.sandbox.discord;
    world.set_heartbeat(Duration::from_millis(400));
    world.invalidate_sessions(false);
    begins(&stage, 2).await;
    is_heard(&stage, "7").await;
    world.zombie_sockets();
    for amount in ["8", "9"] {
        let ana = stage.person("ana");
        ana.command("/slice", &format!("topup @olga {amount}"))
            .expect("sent");
    }
    // Whichever comes first: each runs in a task of its own.
    let mut heard = vec![];
    for _ in 0..2 {
        let (inbound, answers) = stage.hears().await;
        heard.push(filled(&inbound).1[1].1.to_owned());
        answers.wait(Expected::Page).await.expect("it is deferred");
        let page = Page::say("Heard late.");
        answers.say(&page, &[]).await.expect("an answer");
    }
    heard.sort();
    assert_eq!(heard, ["8", "9"]);
    assert_eq!(stage.person("ana").reads(), ["Heard late."; 2]);
    is_heard(&stage, "10").await;
    assert_eq!(stage.bodies_of("identify").len(), 2, "the session goes on");
    assert_eq!(stage.bodies_of("resume").len(), 2, "once in vain");
    assert_eq!(world.failed(), 0);
    // Discord hangs up where serenity would have to begin anew by itself, and so on.
    world.drop_sockets();
    is_heard(&stage, "11").await;
    assert_eq!(stage.bodies_of("identify").len(), 2);
    assert_eq!(stage.door.check().says, "connected");
}

/// Until that many sessions were begun, and the newest stands.
async fn begins(stage: &Stage, sessions: usize) {
    let begun = |it: &Sandbox| {
        let crossings = it.wire.crossings();
        let begun = crossings.iter().filter(|one| one.what.contains("identify"));
        begun.count() == sessions && it.discord.sockets() > 0
    };
    stage.until("it identifies anew", begun).await;
}

/// Discord ends the session, and loses what it had not sent: such a command fails before the eyes of
/// who said it, nothing is done, and the next one is heard.
pub(super) async fn begins_anew(stage: Stage) {
    let world = &stage.sandbox.discord;
    let faults = &stage.sandbox.faults;
    faults.inject_on("event INTERACTION_CREATE", Fault::InvalidSession, 1);
    let ana = stage.person("ana");
    ana.command("/slice", "topup @olga 5").expect("sent");
    begins(&stage, 2).await;
    assert_eq!(ana.reads(), ["The application did not respond"]);
    is_heard(&stage, "7").await;
    assert_eq!(world.failed(), 1, "that one, and no other");
    let workspace = stage.workspace();
    let mut news = vec![];
    world.uninstall();
    while !news.contains(&Notice::Uninstalled(workspace.clone())) {
        news.push(stage.notices().await);
    }
    let vouched = Notice::Installed {
        workspace,
        vouched: stage.discord.is_private().await.expect("an answer"),
    };
    assert!(news.contains(&vouched), "{news:?}");
}

pub(super) async fn refused(stage: Stage) {
    let members = Transport::Gateway { members: true };
    let token = stage.sandbox.discord.bot_token();
    let curious = platform(&stage.sandbox, token, members);
    let (reception, _heard, _noticed) = desk();
    let refused = DiscordDoor::open(&curious, reception).await.err();
    let said = refused.map(|error| error.to_string()).unwrap_or_default();
    assert!(said.contains("SLICE_DISCORD_MEMBERS_INTENT"), "{said}");
    let identified = stage.bodies_of("identify").len();
    tokio::time::timeout(CALL_TIMEOUT, async {
        let (reception, _heard, _noticed) = desk();
        let dead = platform(&stage.sandbox, "another-token".to_owned(), super::GATEWAY);
        let refused = DiscordGateway::start(&dead, reception).await.err();
        assert!(
            matches!(refused, Some(PlatformError::Unknown(_))),
            "{refused:?}"
        );
    })
    .await
    .expect("at once");
    assert_eq!(
        stage.bodies_of("identify").len(),
        identified,
        "nothing is tried again"
    );

    let DiscordDoor::Gateway(gateway) = &stage.door else {
        panic!("a gateway")
    };
    assert_eq!(gateway.status(), GatewayStatus::Connected);
    stage.sandbox.discord.close_sockets(4004);
    let ended = tokio::time::timeout(super::PATIENCE, async {
        while stage.door.check().ok {
            stage.until("it ends", |it| it.discord.sockets() == 0).await;
            tokio::task::yield_now().await;
        }
    });
    ended.await.expect("it ends");
    assert!(
        stage
            .door
            .check()
            .says
            .contains("does not accept the bot token")
    );
    stage.door.shutdown().await;
}
