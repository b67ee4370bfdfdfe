//! The grammar as people meet it: what they may type, and what is refused.

mod buttons;

use proptest::prelude::*;
use slice_commands::{ALL, Parsed, Value, help, parse};
use slice_core::{money::Money, refusal::Refusal, secret::Secret, settings};
use std::collections::HashSet;

fn understood(line: &str) -> Parsed {
    match parse(line) {
        Ok(parsed) => parsed,
        Err(refusal) => panic!("{line}: {refusal:?}"),
    }
}

fn refused(line: &str) -> Refusal {
    match parse(line) {
        Ok(parsed) => panic!("{line} is {:?}", parsed.args),
        Err(refusal) => refusal,
    }
}

fn text(parsed: &Parsed, name: &str) -> Option<String> {
    match parsed.args.find(name) {
        Some(Value::Text(text)) => Some(text.clone()),
        _ => None,
    }
}

fn money(parsed: &Parsed) -> Option<Money> {
    match parsed.args.find("amount") {
        Some(Value::Money(money)) => Some(*money),
        _ => None,
    }
}

fn meant(line: &str) -> Vec<String> {
    match refused(line) {
        Refusal::Usage { meant, .. } => meant,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn names_are_unique_and_no_leaf_is_a_group() {
    let names: HashSet<_> = ALL.iter().map(|command| command.name).collect();
    assert_eq!(names.len(), ALL.len());
    for name in &names {
        let group = format!("{name} ");
        assert!(
            !names.iter().any(|other| other.starts_with(&group)),
            "{name}"
        );
        assert!(name.split(' ').count() <= 2, "{name}");
    }
}

#[test]
fn every_example_parses_as_its_command() {
    for command in ALL {
        assert!(
            !command.examples.is_empty(),
            "{} has no example",
            command.name
        );
        for line in command.examples {
            let line = help::example(line, "openrouter");
            assert_eq!(understood(&line).command.name, command.name, "{line}");
        }
    }
}

#[test]
fn every_setting_has_its_command() {
    let commands = ALL
        .iter()
        .filter_map(|command| command.name.strip_prefix("settings "));
    let commands: Vec<_> = commands.filter(|name| *name != "show").collect();
    let settings: Vec<_> = settings::ALL.iter().map(|setting| setting.name).collect();
    assert_eq!(commands, settings);
}

#[test]
fn a_whole_request() {
    let line =
        "provision OpenRouter $20.50 for 2 weeks as “my key” because it's \"urgent\", really";
    let parsed = understood(line);
    assert_eq!(parsed.command.name, "provision");
    assert!(!parsed.wants_form);
    assert_eq!(money(&parsed), Some(Money::from_micros(20_500_000)));
    assert!(matches!(parsed.args.find("life"), Some(Value::Life(span)) if span.hours() == 336));
    assert_eq!(text(&parsed, "name").as_deref(), Some("my key"));
    assert_eq!(
        text(&parsed, "reason").as_deref(),
        Some("it's \"urgent\", really")
    );
    let parsed = understood("provision openrouter 5 because \"a b\" for 3d");
    assert_eq!(text(&parsed, "reason").as_deref(), Some("a b"));
    assert!(matches!(parsed.args.find("life"), Some(Value::Life(span)) if span.hours() == 72));
}

#[test]
fn bad_amounts_are_refused_by_name() {
    let large = format!("1{}", "0".repeat(30));
    let bad = [
        "0",
        "-5",
        "NaN",
        "inf",
        "1e400",
        "20.001",
        "20,50",
        "\"\"",
        "٢٠",
        large.as_str(),
        "$",
        "$0",
    ];
    for amount in bad {
        // A budget can be 0: that takes it away.
        let is_zero = ["0", "$0"].contains(&amount);
        let budget = if is_zero { "-1" } else { amount };
        for line in [
            format!("provision openrouter {amount}"),
            format!("allocate <@U1> {budget}"),
            format!("topup <@U1> {amount}"),
            format!("approve 3 {amount}"),
            format!("settings free-hand {amount}"),
        ] {
            let refusal = refused(&line);
            assert!(
                matches!(refusal, Refusal::BadArgument { .. }),
                "{line}: {refusal:?}"
            );
        }
    }
    assert_eq!(
        money(&understood("provision openrouter $20")),
        Some(Money::from_dollars(20))
    );
    assert_eq!(money(&understood("settle 3 0")), Some(Money::ZERO));
    assert!(matches!(
        refused("settle 3 -1"),
        Refusal::BadArgument { .. }
    ));
}

#[test]
fn texts_survive_as_they_are() {
    for reason in [
        "🎉👩‍👩‍👧 done",
        "\u{202e}right to left\u{200f}",
        "<!channel> @everyone",
        "<@U0STRANGER> said so",
        "*bold* _it_ `code` ~no~",
        "https://example.org/?a=b&c=<d>",
        "it's C:\\new \"quoted\" \\",
        "less",
        "form",
        "for 7d as x because y",
    ] {
        let parsed = understood(&format!("provision openrouter 5 because {reason}"));
        assert_eq!(text(&parsed, "reason").as_deref(), Some(reason));
    }
    let parsed = understood("provision openrouter 5 because ask <@U1|ana> in <#C1|general>");
    assert_eq!(
        text(&parsed, "reason").as_deref(),
        Some("ask @ana in #general")
    );
    let parsed = understood("provision openrouter 5 because a\0b\u{7}c");
    assert_eq!(text(&parsed, "reason").as_deref(), Some("abc"));
}

#[test]
fn limits_are_said() {
    assert!(matches!(
        refused(&"x".repeat(40_000)),
        Refusal::Usage { .. }
    ));
    let long = format!("provision openrouter 5 because {}", "x".repeat(301));
    assert!(matches!(
        refused(&long),
        Refusal::BadArgument { name: "reason", .. }
    ));
    let long = format!("provision openrouter 5 as {}", "x".repeat(41));
    assert!(matches!(
        refused(&long),
        Refusal::BadArgument { name: "name", .. }
    ));
    let whole = format!("provision openrouter 5 because {}", "🎉".repeat(300));
    assert_eq!(
        text(&understood(&whole), "reason").map(|text| text.chars().count()),
        Some(300)
    );
}

#[test]
fn keys_are_refused_unread_wherever_they_stand() {
    let key = "sk-or-v1-0123456789abcdef0123456789abcdef";
    for line in [
        format!("vault add openrouter {key}"),
        format!("provision openrouter 5 because {key}"),
        format!("provision openrouter 5 as \"{key}\""),
        key.to_owned(),
        format!("help {key}"),
        format!("vualt add openrouter {key}"),
        "vault add openrouter sk-or-\0v1-0123456789abcdef".to_owned(),
    ] {
        assert_eq!(refused(&line), Refusal::LooksLikeAKey, "{line}");
    }
    // A key of no known shape is refused too where keys belong into a form, and is not repeated.
    let refusal = refused("vault add openrouter hunter2hunter2");
    assert!(!format!("{refusal:?}").contains("hunter2"), "{refusal:?}");
}

#[test]
fn what_was_meant() {
    assert_eq!(meant("provison openrouter 20"), ["provision openrouter 20"]);
    assert_eq!(meant("vault lst"), ["vault list"]);
    assert_eq!(meant("vualt add"), ["vault add"]);
    assert_eq!(meant("vualt"), ["vault"]);
    assert_eq!(meant("setings show"), ["settings show"]);
    assert_eq!(
        meant("provision openrouter 20 becuase of tests"),
        ["provision openrouter 20 because of tests"]
    );
    assert!(meant("roles frobnicate").contains(&"roles bind".to_owned()));
    assert!(meant("sing a song").is_empty());
    assert!(matches!(
        refused("provision openrouter 20 for"),
        Refusal::Usage { .. }
    ));
    assert!(matches!(
        refused("provision openrouter 20 for 7d for 8d"),
        Refusal::Usage { .. }
    ));
    assert!(matches!(
        refused("provision openrouter 20 as \"x"),
        Refusal::Usage { .. }
    ));
    assert!(matches!(refused("revoke"), Refusal::Usage { .. }));
    assert!(matches!(
        refused("revoke 0"),
        Refusal::BadArgument { name: "grant", .. }
    ));
    assert!(matches!(
        refused("revoke 99999999999999999999"),
        Refusal::BadArgument { .. }
    ));
    assert!(matches!(
        refused("allocate ana 5"),
        Refusal::BadArgument { name: "member", .. }
    ));
    assert!(matches!(
        refused("allocate <@&5> 5"),
        Refusal::BadArgument { name: "member", .. }
    ));
    assert!(matches!(
        refused("allocate \"\" 5"),
        Refusal::BadArgument { name: "member", .. }
    ));
}

#[test]
fn short_ways() {
    for (line, name) in [
        ("", "help"),
        ("   ", "help"),
        ("/slice keys", "keys"),
        ("KEYS", "keys"),
        ("vault", "vault list"),
        ("audit", "audit show"),
        ("roles", "roles list"),
        ("settings", "settings show"),
        ("audit show last 30d openrouter", "audit show"),
        ("audit show openrouter metering", "audit show"),
        ("roles bind <!subteam^S1|@owners> OWNER", "roles bind"),
        ("roles bind <@&123> user", "roles bind"),
        ("settings owners-channel off", "settings owners-channel"),
        ("deny 3 because no", "deny"),
    ] {
        assert_eq!(understood(line).command.name, name, "{line}");
    }
    let deny = understood("deny 3 because no");
    assert_eq!(text(&deny, "reason").as_deref(), Some("no"));
    for user in ["<@U1>", "<@U1|ana>", "<@!1>"] {
        assert!(!understood(&format!("allocate {user} 5")).wants_form);
    }
}

#[test]
fn forms_open_where_something_is_missing_and_take_typed_values() {
    for line in [
        "provision",
        "provision openrouter",
        "provision form",
        "allocate",
        "vault add",
        "vault add openrouter",
        "settings owners-channel",
        "approve 12 less",
        "deny 12 form",
    ] {
        assert!(understood(line).wants_form, "{line}");
    }
    assert!(!understood("approve 12").wants_form);
    assert!(!understood("deny 12").wants_form);
    let fields = |pairs: &[(&str, &str)]| {
        let field =
            |(name, value): &(&str, &str)| ((*name).to_owned(), Secret::new((*value).to_owned()));
        pairs.iter().map(field).collect::<Vec<_>>()
    };
    let mut parsed = understood("provision");
    let wrong = parsed.fill(fields(&[
        ("service", "openrouter"),
        ("amount", "0"),
        ("life", "x"),
    ]));
    let wrong = wrong.expect_err("two bad fields");
    let names: Vec<_> = wrong.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["amount", "life"]);
    let wrong = parsed.fill(fields(&[("service", "openrouter"), ("amount", " ")]));
    assert_eq!(wrong.expect_err("no amount").len(), 1);
    let good = [
        ("service", "openrouter"),
        ("amount", " 20 "),
        ("life", ""),
        ("reason", "a\nb"),
    ];
    parsed.fill(fields(&good)).expect("good fields");
    assert!(!parsed.wants_form);
    assert_eq!(money(&parsed), Some(Money::from_dollars(20)));
    assert_eq!(text(&parsed, "reason").as_deref(), Some("a\nb"));
    let key = "sk-or-v1-0123456789abcdef";
    let wrong = understood("provision").fill(fields(&[
        ("service", "openrouter"),
        ("amount", "5"),
        ("name", key),
    ]));
    assert!(!format!("{:?}", wrong.expect_err("a key in a name")).contains(key));
    let mut parsed = understood("vault add openrouter");
    parsed
        .fill(fields(&[
            ("service", "openrouter"),
            ("key", &format!(" {key}\n")),
        ]))
        .expect("a key");
    assert!(
        matches!(parsed.args.find("key"), Some(Value::Secret(secret)) if secret.last4() == "cdef")
    );
    assert!(!format!("{:?}", parsed.args).contains(key));
    let wrong =
        understood("vault add").fill(fields(&[("service", "openrouter"), ("key", "two words")]));
    assert_eq!(wrong.expect_err("a blank in a key").len(), 1);
    let wrong = understood("vault add").fill(fields(&[("service", "openrouter")]));
    assert_eq!(wrong.expect_err("no key")[0].0, "key");
}

proptest! {
    #[test]
    fn no_line_panics(line in any::<String>()) {
        let _ = parse(&line);
    }

    #[test]
    fn no_arguments_panic(which in 0..ALL.len(), rest in any::<String>()) {
        let _ = parse(&format!("{} {rest}", ALL[which].name));
    }

    #[test]
    fn words_of_the_language_never_panic(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "provision", "openrouter", "20", "for", "7d", "as", "because", "\"a", "b\"", "less",
                "form", "<@U1>", "<#C1|", "vault", "show", "last", "\\", "“x”", "<", "|a>",
            ]),
            0..12,
        )
    ) {
        let _ = parse(&words.join(" "));
    }
}
