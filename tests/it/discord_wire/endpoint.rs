//! Signed HTTP interactions: the same conversation, and nothing for anybody else.

use super::{KEY, Stage, desk, filled, platform};
use serde_json::{Value, json};
use slice::platforms::discord::{DiscordDoor, PublicKey, Transport};
use slice_core::{
    ids::{ActionId, GrantId},
    inbound::{Answers, Expected, Inbound},
    page::{Audience, Page},
    reply::{Field, FieldKind, Form, Reveal},
    secret::Secret,
};
use slice_sandbox::Delivery;
use tokio::{net::TcpListener, sync::mpsc::UnboundedReceiver, task::JoinHandle};

/// A bot whose interactions come over HTTP.
struct Served {
    stage: Stage,
    heard: UnboundedReceiver<(Inbound, Box<dyn Answers>)>,
    _door: DiscordDoor,
    serving: JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Served {
    async fn new(stage: Stage) -> Self {
        let world = &stage.sandbox.discord;
        let key = PublicKey::read(&world.public_key()).expect("a key");
        let platform = platform(&stage.sandbox, world.bot_token(), Transport::Http(key));
        let (reception, heard, _) = desk();
        let door = DiscordDoor::open(&platform, reception)
            .await
            .expect("a door");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = door.router().expect("a router");
        let serving = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        let url = format!("http://{address}/discord/interactions");
        world
            .deliver_over_http(&url)
            .await
            .expect("Discord is content with the endpoint");
        Self {
            stage,
            heard,
            _door: door,
            serving,
        }
    }

    async fn hears(&mut self) -> (Inbound, Box<dyn Answers>) {
        let heard = tokio::time::timeout(super::PATIENCE, self.heard.recv()).await;
        heard.expect("in time").expect("the desk is open")
    }
}

pub(super) async fn signed(stage: Stage) {
    let mut served = Served::new(stage).await;
    let ana = served.stage.person("ana");
    ana.command("/slice", "topup @olga 100").expect("sent");
    let (inbound, answers) = served.hears().await;
    assert_eq!(filled(&inbound).0, "topup");
    assert_eq!(inbound.identity, served.stage.identity("ana"));
    answers.wait(Expected::Page).await.expect("it is deferred");
    answers
        .say(&Page::say("Done."), &[])
        .await
        .expect("put in its place");
    assert_eq!(ana.reads(), ["Done."]);

    ana.command("/slice", "reveal 1").expect("sent");
    let (_, answers) = served.hears().await;
    answers
        .wait(Expected::Secret)
        .await
        .expect("it is deferred");
    let reveal = Reveal {
        grant: GrantId::from_random([3; 16]),
        secret: Secret::new(KEY.to_owned()),
        page: Page::say("Once."),
    };
    answers.reveal(&reveal, &[]).await.expect("shown");
    assert!(ana.reads().join("\n").contains(KEY));

    ana.command("/slice", "provision").expect("sent");
    let (_, answers) = served.hears().await;
    answers
        .wait(Expected::Form)
        .await
        .expect("nothing to do yet");
    let amount = Field {
        name: "amount".into(),
        label: "Amount".to_owned(),
        kind: FieldKind::Line { max: 20 },
        optional: false,
        initial: None,
        hint: None,
    };
    let form = Form {
        title: "Provision".to_owned(),
        line: "provision openrouter".to_owned(),
        audience: Audience::Owners,
        intro: Page::default(),
        fields: vec![amount],
        submit: "Ask".to_owned(),
        action: Some(ActionId::from_random([9; 16])),
    };
    answers.form(&form, &[]).await.expect("a form");
    served
        .stage
        .until("the form is there", |it| {
            it.discord.person("ana").modal().is_some()
        })
        .await;
    let choices = ana
        .completes("/slice", "reveal 1", "grant")
        .await
        .expect("choices");
    assert_eq!(choices, [("reveal grant 1".to_owned(), json!(12))]);
    served.stage.answered().await;
    let callbacks = served.stage.bodies_of("/callback");
    assert_eq!(callbacks, [Value::Null; 0], "first answers are bodies");
}

pub(super) async fn turned_away(stage: Stage) {
    let mut served = Served::new(stage).await;
    let world = served.stage.sandbox.discord.clone();
    let ana = served.stage.person("ana");
    ana.command("/slice", "budget").expect("sent");
    let (_, answers) = served.hears().await;
    answers
        .say(&Page::say("Done."), &[])
        .await
        .expect("an answer");
    served.stage.answered().await;
    ana.reads();
    let mut payload = world.last_interaction();
    for (how, status) in [
        (Delivery::Forged, 401),
        (Delivery::Unsigned, 401),
        (Delivery::Tampered, 401),
        (Delivery::Late, 401),
        (Delivery::Huge, 413),
    ] {
        payload["id"] = json!("81384788765712384");
        let reply = world.deliver_raw(how, &payload).await.expect("an answer");
        assert_eq!(reply.status, status, "{how:?}");
    }
    let ping = json!({ "type": 1, "id": "5", "application_id": "6", "token": "t" });
    let reply = world
        .deliver_raw(Delivery::Signed, &ping)
        .await
        .expect("an answer");
    assert_eq!((reply.status, reply.body), (200, json!({ "type": 1 })));
    let reply = world
        .deliver_raw(Delivery::Replayed, &ping)
        .await
        .expect("an answer");
    assert_eq!(reply.status, 401, "a replay");
    for nonsense in [
        json!([]),
        json!({ "type": 99 }),
        json!({ "type": 2, "id": "x" }),
    ] {
        let reply = world
            .deliver_raw(Delivery::Signed, &nonsense)
            .await
            .expect("an answer");
        assert_eq!(reply.status, 400, "{nonsense}");
    }
    assert!(served.heard.is_empty(), "nothing of it was handed in");
    assert_eq!(ana.reads(), [""; 0]);
}
