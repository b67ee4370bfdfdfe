//! What buttons say is what people could have typed.

use super::{text, understood};
use proptest::prelude::*;
use slice_commands::parse;
use slice_core::{
    budget::Ask,
    grant::{Grant, State},
    ids::{GrantId, MemberId, ServiceName},
    life::Life,
    money::Money,
    page::Page,
    refusal::Refusal,
    requests::Request,
    sentences::{self, KeyFacts, quote},
    settings::Delivery,
    time::Time,
};

fn lines(mut page: Page) -> Vec<String> {
    let buttons = page.buttons_mut();
    buttons.map(|button| button.line.clone()).collect()
}

fn request(name: &str, reason: &str) -> Request {
    Request {
        member: MemberId::from_random([1; 16]),
        service: ServiceName::new("openrouter"),
        ask: Ask {
            cap: Money::from_dollars(60),
            life: Life::from_days(7),
            service_min: Money::from_dollars(1),
        },
        terms: Some("size:big \"x\"\nplain".to_owned()),
        wants: vec![],
        caution: None,
        name: Some(name.to_owned()),
        reason: Some(reason.to_owned()),
        asks_for_whole: false,
        monthly: false,
        lender: None,
    }
}

fn grant() -> Grant {
    Grant {
        id: GrantId::from_random([2; 16]),
        number: 3,
        member: MemberId::from_random([1; 16]),
        service: ServiceName::new("openrouter"),
        cap: Money::from_dollars(20),
        life: Life::from_days(7),
        state: State::Active,
        name: Some("a \"name\"".into()),
        reason: None,
        terms: "size:big \"x\"\nplain".to_owned(),
        opened_at: Time::default(),
        decided_by: None,
        decided_at: None,
        ends_at: None,
        topped_up: false,
        revealed_at: None,
        reveal_by: None,
        revealing_until: None,
        revoke_at: None,
        first_tried_at: None,
        began_at: None,
        monthly: None,
        renew_at: None,
        change: None,
        dropped_at: None,
        armed_at: None,
        used_at: None,
        noticed: vec![],
        warned: None,
        moved_at: Time::default(),
        keys: vec![],
    }
}

/// The two lines of a short refusal, as its buttons would say them.
fn short(request: &Request) -> Vec<String> {
    let refusal = Refusal::Short {
        service: request.service.clone(),
        cap: request.ask.cap,
        by: Money::from_dollars(30),
        rest: Some(Money::from_micros(30_500_000)),
        member: request.member,
        turns_at: Time::default(),
        line: sentences::tail(request),
    };
    lines(refusal.page())
}

#[test]
fn every_button_says_something_that_parses() {
    let facts = KeyFacts {
        hardness: "hard".into(),
        usage: "curl".into(),
        ..KeyFacts::default()
    };
    let pages = [
        sentences::greeting(),
        sentences::request(
            12,
            MemberId::from_random([1; 16]),
            &request("n", "r"),
            Money::ZERO,
        ),
        sentences::key_ready(&grant(), Time::default(), &facts, Delivery::Reveal),
        sentences::key_ready(&grant(), Time::default(), &facts, Delivery::Dm),
        sentences::key_revealed(&grant(), true),
        sentences::key_revealed(&grant(), false),
        sentences::second_reveal(&grant(), Time::default()),
        Refusal::AlreadyRevealed {
            number: 3,
            at: None,
            member: grant().member,
        }
        .page(),
    ];
    let lines: Vec<_> = pages.into_iter().flat_map(lines).collect();
    assert!(lines.len() > 8, "{lines:?}");
    for line in &lines {
        understood(line);
    }
    let said = short(&request("a \"b\" \\", "c \\\" for 9d \\\\ because \"x\""));
    assert_eq!(said.len(), 2);
    assert!(understood(&said[1]).command.hidden);
}

proptest! {
    #[test]
    fn what_a_request_said_its_buttons_say_again(name in "[ -~“”\\n🎉]{1,40}", reason in any::<String>()) {
        let line = format!("provision openrouter 60 as {} because {reason}", quote(&name));
        if let Ok(parsed) = parse(&line)
            && let (Some(name), Some(reason)) = (text(&parsed, "name"), text(&parsed, "reason"))
        {
            for line in short(&request(&name, &reason)) {
                let again = understood(&line);
                prop_assert_eq!(text(&again, "name"), Some(name.clone()));
                prop_assert_eq!(text(&again, "reason"), Some(reason.clone()));
            }
        }
    }
}
