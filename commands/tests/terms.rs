//! What only a service understands: typed words, options and answers of forms come to the same.

use slice_commands::{Parsed, Value, filled, parse};
use slice_core::{refusal::Refusal, secret::Secret};

fn terms(parsed: &Parsed) -> Option<&str> {
    match parsed.args.find("terms") {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

fn typed(line: &str) -> Option<String> {
    let parsed = parse(line).unwrap_or_else(|why| panic!("{line}: {why:?}"));
    terms(&parsed).map(str::to_owned)
}

#[test]
fn words_that_nothing_else_takes_are_the_service_s() {
    assert_eq!(typed("provision s3 20"), None);
    assert_eq!(typed("provision s3 20 full").as_deref(), Some("full"));
    let lines = [
        "provision s3 20 read bucket:a-b for 30d as ci because it is due",
        "provision s3 20 for 30d read \"bucket:a-b\"",
    ];
    for line in lines {
        assert_eq!(typed(line).as_deref(), Some("read\nbucket:a-b"), "{line}");
    }
    let quoted = "provision pods 10 \"size:RTX 4090\" \"say \\\"hi\\\"\"";
    assert_eq!(typed(quoted).as_deref(), Some("size:RTX 4090\nsay \"hi\""));
}

#[test]
fn what_is_nearly_a_keyword_is_no_wish() {
    let refused = parse("provision s3 20 becuase of it").err();
    assert!(
        matches!(refused, Some(Refusal::Usage { .. })),
        "{refused:?}"
    );
    let secret = parse("provision s3 20 sk-or-v1-0123456789abcdef0123456789abcdef").err();
    assert!(matches!(secret, Some(Refusal::LooksLikeAKey)), "{secret:?}");
    let long = format!("provision s3 20 {} {}", "x".repeat(800), "y".repeat(800));
    let long = parse(&long).err();
    assert!(
        matches!(long, Some(Refusal::BadArgument { .. })),
        "{long:?}"
    );
}

#[test]
fn an_option_and_the_answers_of_a_form_are_the_same() {
    let option = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let options = [
        option("service", "s3"),
        option("amount", "20"),
        option("terms", "read \"bucket:a b\""),
    ];
    let parsed = filled("provision", &options).expect("understood");
    assert_eq!(terms(&parsed), Some("read\nbucket:a b"));

    let mut parsed = parse("provision pods 10 image:old form").expect("understood");
    let answers = [
        ("amount", "10"),
        ("terms.image", "new one"),
        ("terms.access", ""),
    ];
    let answers = answers.map(|(name, text)| (name.to_owned(), Secret::new(text.to_owned())));
    parsed.fill(answers.into()).expect("taken");
    assert_eq!(terms(&parsed), Some("image:new one"));
}
