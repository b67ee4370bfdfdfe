//! What people do in Discord reaches Slice, and its answers reach them and nobody else.

use super::{KEY, Stage, button, filled};
use serde_json::json;
use slice_core::{
    ids::{ActionId, GrantId, MemberId, MessageId},
    inbound::{Expected, Said},
    page::{Audience, Page, Text},
    ports::{Address, Known, Letter, Platform, PlatformError},
    reply::{Field, FieldKind, Form, Reveal},
    secret::Secret,
};
use slice_sandbox::Fault;
use std::time::Duration;

pub(super) async fn commands(stage: Stage) {
    let ana = stage.person("ana");
    ana.command("/slice", "topup @olga 100").expect("sent");
    let (inbound, answers) = stage.hears().await;
    let olga = stage.identity("olga").user;
    let mention = format!("<@{olga}>");
    assert_eq!(
        filled(&inbound),
        (
            "topup",
            vec![("member", mention.as_str()), ("amount", "100")]
        )
    );
    assert_eq!(inbound.identity, stage.identity("ana"));
    answers.wait(Expected::Page).await.expect("it is deferred");

    let member = MemberId::from_random([1; 16]);
    let text = Text::new("Said @everyone & *that* to ").member(member);
    let (page, names) = (Page::say(text), [(member, Known::Here(olga))]);
    answers.say(&page, &names).await.expect("an answer");
    assert_eq!(ana.reads(), ["Said @everyone & *that* to @olga"]);
    assert_eq!(stage.person("olga").reads(), [""; 0]);
    answers
        .say(&Page::say("And more."), &[])
        .await
        .expect("a follow-up");
    assert_eq!(ana.reads(), ["And more."]);
    stage.answered().await;

    let grant = json!({ "type": 4, "value": "abc" });
    ana.command_with("slice reveal", &[("grant", grant)])
        .expect("sent");
    let (wrong, answers) = stage.hears().await;
    let (command, arguments) = filled(&wrong);
    let arguments: Vec<_> = arguments
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect();
    let refusal = slice_commands::filled(command, &arguments)
        .err()
        .expect("a refusal");
    answers.say(&refusal.page(), &[]).await.expect("an answer");
    let read = ana.reads().join("\n");
    assert!(read.contains("`abc` is not a grant's number"), "{read}");
    stage.answered().await;
}

async fn posted(stage: &Stage, to: &str, page: &Page) {
    let person = stage.identity(to);
    let letter = Letter {
        id: MessageId::from_random([1; 16]),
        page,
        names: &[],
        secret: None,
        picture: None,
    };
    let posted = stage.discord.post(Address::Person(&person), &letter).await;
    posted.expect("posted");
}

pub(super) async fn clicks(stage: Stage) {
    let ana = stage.person("ana");
    posted(
        &stage,
        "ana",
        &Page::say("A request").buttons(vec![button("Approve")]),
    )
    .await;
    ana.click("Approve").expect("a button");
    let (inbound, answers) = stage.hears().await;
    assert!(matches!(inbound.said, Said::Click(id) if id == ActionId::from_random([7; 16])));
    assert_eq!(
        inbound.identity,
        stage.identity("ana"),
        "the button names the server"
    );
    answers.wait(Expected::Page).await.expect("it is deferred");
    answers
        .say(&Page::say("Done."), &[])
        .await
        .expect("an answer");
    assert_eq!(
        ana.reads(),
        ["A request\n[Approve]", "Done."],
        "the message itself stays"
    );
    ana.click("Approve").expect("the same button");
    let (again, answers) = stage.hears().await;
    assert_ne!(again.delivery, inbound.delivery);
    answers
        .say(&Page::say("It was done."), &[])
        .await
        .expect("an answer at once");
    assert_eq!(ana.reads(), ["It was done."]);
    stage.answered().await;
}

pub(super) async fn questions(stage: Stage) {
    let ana = stage.person("ana");
    let danger = button("Give it back").danger("End grant 3 now?");
    posted(&stage, "ana", &Page::say("A key").buttons(vec![danger])).await;
    ana.click("Give it back").expect("a button");
    stage.answered().await;
    let read = ana.reads();
    assert_eq!(read[1], "End grant 3 now?\n[Yes: Give it back]");
    assert!(stage.heard.lock().await.is_empty(), "nothing was done yet");
    ana.click("Yes: Give it back").expect("a button");
    let (inbound, answers) = stage.hears().await;
    assert!(matches!(inbound.said, Said::Click(id) if id == ActionId::from_random([7; 16])));
    answers
        .say(&Page::say("Ended."), &[])
        .await
        .expect("an answer");
    assert_eq!(ana.reads(), ["Ended."]);
}

fn form() -> Form {
    let amount = Field {
        name: "amount".into(),
        label: "Amount".to_owned(),
        kind: FieldKind::Line { max: 20 },
        optional: false,
        initial: None,
        hint: Some("In US dollars".to_owned()),
    };
    let whom = Field {
        name: "who".into(),
        label: "Who".to_owned(),
        kind: FieldKind::Member,
        ..amount.clone()
    };
    let key = Field {
        name: "key".into(),
        label: "Master key".to_owned(),
        kind: FieldKind::Secret { max: 500 },
        optional: true,
        ..amount.clone()
    };
    Form {
        title: "Provision".to_owned(),
        line: "provision openrouter".to_owned(),
        audience: Audience::Owners,
        intro: Page::say("How much?"),
        fields: vec![amount, whom, key],
        submit: "Ask".to_owned(),
        action: Some(ActionId::from_random([9; 16])),
    }
}

pub(super) async fn forms(stage: Stage) {
    let (ana, olga) = (stage.person("ana"), stage.identity("olga").user);
    ana.command("/slice", "provision").expect("sent");
    let (_, answers) = stage.hears().await;
    answers
        .wait(Expected::Form)
        .await
        .expect("nothing to do yet");
    answers.form(&form(), &[]).await.expect("a form");
    let modal = ana.modal().expect("a modal");
    assert!(modal.contains("Amount") && modal.contains("Who"), "{modal}");
    let who = olga.to_string();
    ana.submit(&[("Amount", "NaN"), ("Who", &who), ("Master key", KEY)])
        .expect("sent");
    stage.answered().await;
    let read = ana.reads().join("\n");
    for part in [
        "Amount: That is not an amount.",
        "Nothing was changed.",
        "[Open form]",
    ] {
        assert!(read.contains(part), "{read}");
    }
    assert!(stage.heard.lock().await.is_empty(), "it was not handed in");

    let before = stage.sandbox.wire.count();
    ana.click("Open form").expect("a button");
    stage.answered().await;
    let modal = ana.modal().expect("the form again");
    assert!(modal.contains("NaN") && !modal.contains(KEY), "{modal}");
    let since = stage.sandbox.wire.crossings();
    assert!(
        since[before..]
            .iter()
            .all(|one| !one.body.to_string().contains(KEY))
    );

    ana.submit(&[("Amount", "20")]).expect("sent");
    let (inbound, answers) = stage.hears().await;
    let Said::Submit { action, fields } = &inbound.said else {
        panic!("no submission")
    };
    assert_eq!(*action, ActionId::from_random([9; 16]));
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.expose()))
        .collect();
    let mention = format!("<@{olga}>");
    assert_eq!(
        fields,
        [("amount", "20"), ("who", mention.as_str()), ("key", "")]
    );
    answers.wait(Expected::Page).await.expect("it is deferred");
    answers
        .say(&Page::say("Reserved."), &[])
        .await
        .expect("an answer");
    let read = ana.reads();
    assert_eq!(read.last().map(String::as_str), Some("Reserved."));
    let unrecorded = Form {
        action: None,
        ..form()
    };
    assert!(answers.form(&unrecorded, &[]).await.is_err());
    stage.answered().await;
}

/// Discord was told that an answer comes, so that a form can't be the first one any more.
pub(super) async fn late_forms(stage: Stage) {
    let ana = stage.person("ana");
    ana.command("/slice", "provision").expect("sent");
    let (_, answers) = stage.hears().await;
    answers
        .wait(Expected::Form)
        .await
        .expect("nothing to do yet");
    stage
        .until("Discord is told within two seconds", |it| {
            let crossings = it.wire.crossings();
            crossings.iter().any(|one| one.what.contains("/callback"))
        })
        .await;
    answers.form(&form(), &[]).await.expect("a button");
    let read = ana.reads().join("\n");
    assert!(
        read.contains("How much?") && read.contains("[Open form]"),
        "{read}"
    );
    ana.click("Open form").expect("a button");
    stage.answered().await;
    assert!(ana.modal().is_some_and(|modal| modal.contains("Amount")));
}

fn secret() -> Reveal {
    Reveal {
        grant: GrantId::from_random([3; 16]),
        secret: Secret::new(KEY.to_owned()),
        page: Page::say("Your key, once.").buttons(vec![button("I'm done")]),
    }
}

pub(super) async fn reveals(stage: Stage) {
    let ana = stage.person("ana");
    ana.command("/slice", "reveal 1").expect("sent");
    let (_, answers) = stage.hears().await;
    answers
        .wait(Expected::Secret)
        .await
        .expect("it is deferred");
    let faults = &stage.sandbox.faults;
    faults.inject_on("PATCH", Fault::RateLimited429 { retry_after: 1 }, 1);
    answers
        .reveal(&secret(), &[])
        .await
        .expect("shown after a pause");
    let seen = ana.sees().pop().expect("a sight");
    assert!(seen.text.contains(KEY) && seen.buttons.is_empty(), "{seen}");
    assert_eq!(stage.person("olga").reads(), [""; 0]);
    let again = answers.reveal(&secret(), &[]).await;
    assert!(matches!(again, Err(PlatformError::Refused(_))), "only once");
    answers
        .say(&Page::say("Keep it."), &[])
        .await
        .expect("a follow-up");
    assert_eq!(ana.reads().pop().as_deref(), Some("Keep it."));
}

pub(super) async fn reveals_in_doubt(stage: Stage) {
    let (ana, faults) = (stage.person("ana"), &stage.sandbox.faults);
    for fault in [
        Fault::LostAfter,
        Fault::ServerErrorAfter500,
        Fault::HangBefore,
    ] {
        ana.command("/slice", "reveal 1").expect("sent");
        let (_, answers) = stage.hears().await;
        answers
            .wait(Expected::Secret)
            .await
            .expect("it is deferred");
        faults.inject_on("PATCH", fault, 1);
        let shown = answers.reveal(&secret(), &[]).await;
        assert!(
            matches!(shown, Err(PlatformError::Unknown(_))),
            "{fault:?}: {shown:?}"
        );
    }
    ana.command("/slice", "reveal 1").expect("sent");
    let (_, answers) = stage.hears().await;
    answers
        .wait(Expected::Secret)
        .await
        .expect("it is deferred");
    stage.sandbox.clock.advance(Duration::from_mins(16));
    let late = answers.reveal(&secret(), &[]).await;
    assert!(matches!(late, Err(PlatformError::Refused(_))), "{late:?}");
}

pub(super) async fn other_ways(stage: Stage) {
    let ana = stage.person("ana");
    ana.command("/slice", "budget").expect("sent");
    let (_, answers) = stage.hears().await;
    stage.sandbox.clock.advance(Duration::from_secs(4));
    let late = answers.wait(Expected::Page).await;
    assert!(matches!(late, Err(PlatformError::Refused(_))), "{late:?}");
    answers
        .say(&Page::say("Too late."), &[])
        .await
        .expect("an answer");
    assert_eq!(ana.reads().pop().as_deref(), Some("Too late."));

    ana.command("/slice", "budget").expect("sent");
    let (_, answers) = stage.hears().await;
    answers.wait(Expected::Page).await.expect("it is deferred");
    stage.sandbox.clock.advance(Duration::from_mins(16));
    answers
        .say(&Page::say("In the DM."), &[])
        .await
        .expect("another way");
    assert_eq!(ana.reads().pop().as_deref(), Some("In the DM."));
}

pub(super) async fn completion(stage: Stage) {
    let ana = stage.person("ana");
    let choices = ana
        .completes("/slice", "reveal 1", "grant")
        .await
        .expect("choices");
    assert_eq!(choices, [("reveal grant 1".to_owned(), json!(12))]);
    stage.answered().await;
}
