//! What people do in Slack reaches Slice, and its answers reach them and nobody else.

use super::{KEY, Stage, button, line};
use serde_json::Value;
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
    ana.command("/slice", "allocate @olga 100 because a < b & <@U1> *x*");
    let (inbound, answers) = stage.hears().await;
    let olga = stage.identity("olga").user;
    assert_eq!(
        line(&inbound),
        format!("allocate <@{olga}> 100 because a < b & ＜@U1> *x*")
    );
    assert_eq!(inbound.identity, stage.identity("ana"));
    stage.acknowledged().await;
    assert_eq!(
        ana.reads(),
        [""; 0],
        "the acknowledgement itself says nothing"
    );

    let member = MemberId::from_random([1; 16]);
    let text = Text::new("Said <!channel> & *that* to ").member(member);
    answers
        .say(&Page::say(text), &[(member, Known::Here(olga))])
        .await
        .expect("an answer");
    assert_eq!(ana.reads(), ["Said <!channel> & *that* to @olga"]);
    assert_eq!(stage.person("olga").reads(), [""; 0]);
    assert_eq!(
        stage.sandbox.slack.alive_markup(),
        ["user @olga", "user @olga"]
    );

    // A second later, so that it is signed anew.
    stage.sandbox.clock.advance(Duration::from_secs(1));
    stage.sandbox.slack.redeliver_last();
    let (again, _) = stage.hears().await;
    assert_eq!(again.delivery, inbound.delivery);
    ana.command("/slice", "");
    let (empty, _) = stage.hears().await;
    assert_eq!(line(&empty), "");
    assert_ne!(empty.delivery, inbound.delivery);
    stage.acknowledged().await;
}

pub(super) async fn clicks(stage: Stage) {
    let (ana, ana_id) = (stage.person("ana"), stage.identity("ana"));
    let page = Page::say("A request").buttons(vec![button("Approve")]);
    let letter = Letter {
        id: MessageId::from_random([1; 16]),
        page: &page,
        names: &[],
        secret: None,
        picture: None,
    };
    stage
        .slack
        .post(Address::Person(&ana_id), &letter)
        .await
        .expect("posted");
    ana.click("Approve").expect("a button");
    let (inbound, answers) = stage.hears().await;
    assert!(matches!(inbound.said, Said::Click(id) if id == ActionId::from_random([7; 16])));
    answers
        .say(&Page::say("Done."), &[])
        .await
        .expect("an answer");
    assert_eq!(
        ana.reads(),
        ["A request\n[Approve]", "Done."],
        "the message itself stays"
    );

    ana.click_forged("not an action").expect("a button");
    stage.acknowledged().await;
    ana.click("Approve").expect("the same button");
    let (again, answers) = stage.hears().await;
    assert_ne!(
        again.delivery, inbound.delivery,
        "a second click is another delivery"
    );
    answers.wait(Expected::Form).await.expect("a view");
    answers
        .say(&Page::say("In the view."), &[])
        .await
        .expect("an answer");
    assert_eq!(ana.modal().as_deref(), Some("Slice\nIn the view."));
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
    Form {
        title: "Provision".to_owned(),
        line: "provision openrouter".to_owned(),
        audience: Audience::Owners,
        intro: Page::say("How much?"),
        fields: vec![amount, whom],
        submit: "Ask".to_owned(),
        action: Some(ActionId::from_random([9; 16])),
    }
}

pub(super) async fn forms(stage: Stage) {
    let ana = stage.person("ana");
    ana.command("/slice", "provision");
    let (_, answers) = stage.hears().await;
    answers.wait(Expected::Form).await.expect("a view");
    assert_eq!(ana.modal().as_deref(), Some("Slice\nOne moment…"));
    answers.form(&form(), &[]).await.expect("a form");

    ana.submit(&[("Amount", "NaN"), ("Who", "@olga")])
        .expect("a submission");
    stage.acknowledged().await;
    let modal = ana.modal().expect("the form stays");
    assert!(
        modal.contains("! Amount: That is not an amount."),
        "{modal}"
    );

    ana.submit(&[("Amount", "20")]).expect("a submission");
    let (inbound, answers) = stage.hears().await;
    let Said::Submit { action, fields } = &inbound.said else {
        panic!("no submission")
    };
    assert_eq!(*action, ActionId::from_random([9; 16]));
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.expose()))
        .collect();
    let olga = format!("<@{}>", stage.identity("olga").user);
    assert_eq!(fields, [("amount", "20"), ("who", olga.as_str())]);
    answers
        .wait(Expected::Form)
        .await
        .expect("the view waits already");
    stage.acknowledged().await;
    assert_eq!(ana.modal().as_deref(), Some("Slice\nOne moment…"));
    answers
        .say(&Page::say("Reserved."), &[])
        .await
        .expect("an answer");

    stage.sandbox.slack.redeliver_last();
    stage.acknowledged().await;
    assert_eq!(
        ana.modal().as_deref(),
        Some("Slice\nReserved."),
        "the answer is not covered"
    );
    assert!(
        stage.heard.lock().await.is_empty(),
        "a repeated submission is not handed in"
    );
    let unrecorded = Form {
        action: None,
        ..form()
    };
    assert!(answers.form(&unrecorded, &[]).await.is_err());
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
    ana.command("/slice", "reveal 1");
    let (_, answers) = stage.hears().await;
    assert!(
        matches!(
            answers.reveal(&secret(), &[]).await,
            Err(PlatformError::Refused(_))
        ),
        "never without a view"
    );
    assert!(!stage.crossed(KEY));
    answers.wait(Expected::Form).await.expect("a view");
    let faults = &stage.sandbox.faults;
    faults.inject_on("views.update", Fault::RateLimited429 { retry_after: 1 }, 1);
    answers
        .reveal(&secret(), &[])
        .await
        .expect("shown after a pause");
    let modal = ana.modal().expect("a view");
    assert!(
        modal.contains(KEY) && !modal.contains("I'm done"),
        "{modal}"
    );
    let view = &stage
        .bodies_of("POST /api/views.update")
        .pop()
        .expect("a view")["view"];
    for absent in ["submit", "private_metadata", "callback_id", "external_id"] {
        assert!(view[absent].is_null(), "{absent}");
    }
    assert_eq!(view["notify_on_close"], Value::Bool(false));
    let kinds = view["blocks"]
        .as_array()
        .expect("blocks")
        .iter()
        .map(|block| &block["type"]);
    assert!(
        kinds
            .into_iter()
            .all(|kind| kind == "rich_text" || kind == "context")
    );
}

pub(super) async fn reveals_in_doubt(stage: Stage) {
    let (ana, faults) = (stage.person("ana"), &stage.sandbox.faults);
    ana.command("/slice", "reveal 1");
    let (_, answers) = stage.hears().await;
    answers.wait(Expected::Form).await.expect("a view");
    for fault in [
        Fault::LostAfter,
        Fault::ServerErrorAfter500,
        Fault::HangBefore,
    ] {
        faults.inject_on("views.update", fault, 1);
        let shown = answers.reveal(&secret(), &[]).await;
        assert!(
            matches!(shown, Err(PlatformError::Unknown(_))),
            "{fault:?}: {shown:?}"
        );
    }
    ana.close_modal().expect("closed");
    assert!(matches!(
        answers.reveal(&secret(), &[]).await,
        Err(PlatformError::Refused(_))
    ));
    answers
        .say(&Page::say("It was closed."), &[])
        .await
        .expect("another way");
    assert_eq!(ana.reads().pop().as_deref(), Some("It was closed."));
    let elsewhere = stage.sandbox.wire.crossings();
    let elsewhere = elsewhere
        .iter()
        .filter(|one| !one.what.contains("views.update"));
    assert!(
        elsewhere
            .into_iter()
            .all(|one| !one.body.to_string().contains(KEY))
    );
}

pub(super) async fn other_ways(stage: Stage) {
    let (ana, faults) = (stage.person("ana"), &stage.sandbox.faults);
    ana.command("/slice", "provision");
    let (_, answers) = stage.hears().await;
    stage.acknowledged().await;
    stage.sandbox.clock.advance(Duration::from_secs(4));
    assert!(
        matches!(
            answers.wait(Expected::Form).await,
            Err(PlatformError::Refused(_))
        ),
        "an expired trigger"
    );
    answers
        .say(&Page::say("Too late."), &[])
        .await
        .expect("an answer");
    assert_eq!(ana.reads(), ["Too late."]);

    faults.inject(Fault::ClosedResponseUrl, 1);
    stage.sandbox.slack.invite_bot("general");
    answers
        .say(&Page::say("Ephemerally."), &[])
        .await
        .expect("an answer");
    assert_eq!(ana.reads(), ["Ephemerally."]);

    stage.acknowledged().await;
    stage.sandbox.clock.advance(Duration::from_mins(31));
    stage.sandbox.slack.remove_bot("general");
    answers
        .say(&Page::say("In the DM."), &[])
        .await
        .expect("an answer");
    let last = ana.sees().pop().expect("a sight");
    assert_eq!(
        (last.text.as_str(), last.place),
        ("In the DM.", slice_sandbox::Place::Dm)
    );
}
