//! Whatever a page holds, Slack takes it, and nothing in others' text comes alive.

use super::*;
use crate::platforms::slack::views;
use proptest::prelude::*;
use slice_core::{
    ids::{ActionId, ChannelId, Identity, PlatformName, UserId, Workspace, WorkspaceId},
    money::Money,
    page::Audience,
    reply::{Field, FieldKind, Form},
};

const HOSTILE: [&str; 14] = [
    "<!channel>",
    "<!here|here>",
    "<@U1>",
    "<@U1|ana>",
    "<#C1|general>",
    "<https://evil.example|your bank>",
    "*bold* _italic_ ~gone~ `code`",
    "```\nblock\n```",
    "https://evil.example",
    ":tada: 🎉 👩‍👩‍👧",
    "\u{202E}evil\u{202C} שלום \u{2066}x",
    "@everyone @channel",
    "a\u{0}b\u{7}c",
    "&lt;@U1&gt; &amp;",
];

fn member(n: u8) -> MemberId {
    MemberId::from_random([n; 16])
}

fn button(label: &str, action: Option<u8>) -> Button {
    Button {
        label: label.to_owned(),
        line: "keys".to_owned(),
        audience: Audience::Owners,
        style: Style::Danger,
        confirm: Some(label.to_owned()),
        action: action.map(|n| ActionId::from_random([n; 16])),
    }
}

/// A page that holds a text in every place that has one.
fn everywhere(text: &str) -> Page {
    let spans = Text::new(text).bold(text).code(text);
    Page::titled(text)
        .text(spans.clone())
        .with(Block::Fields(vec![(text.to_owned(), spans.clone())]))
        .with(Block::Bar {
            label: spans.clone(),
            used: Money::from_dollars(3),
            committed: Money::from_dollars(4),
            whole: Money::from_dollars(10),
        })
        .with(Block::Table {
            columns: vec![text.to_owned()],
            rows: vec![vec![text.to_owned(), text.to_owned()]],
        })
        .buttons(vec![button(text, Some(1)), button(text, None)])
        .note(spans)
}

fn visit(value: &Value, look: &mut impl FnMut(&Value)) {
    look(value);
    match value {
        Value::Array(items) => items.iter().for_each(|item| visit(item, look)),
        Value::Object(fields) => fields.values().for_each(|field| visit(field, look)),
        _ => {}
    }
}

fn types(blocks: &[Value]) -> Vec<String> {
    let mut types = vec![];
    for block in blocks {
        visit(block, &mut |value| {
            types.extend(value["type"].as_str().map(str::to_owned));
        });
    }
    types
}

/// Everything that Slack would refuse, and everything that would parse a text.
fn problems(blocks: &[Value], most: usize) -> Vec<String> {
    let mut found = vec![];
    if blocks.is_empty() || most < blocks.len() {
        found.push(format!("{} blocks", blocks.len()));
    }
    let mut actions = std::collections::HashSet::new();
    for block in blocks {
        let mut check = |path: &str, max: usize, value: &Value| {
            let text = value.as_str().unwrap_or_default();
            if text.is_empty() || max < units(text) {
                found.push(format!("{path}: {} units", units(text)));
            }
        };
        visit(block, &mut |value| match value["type"].as_str() {
            Some("header") => check("header", 150, &value["text"]["text"]),
            Some("button") => {
                check("button", 75, &value["text"]["text"]);
                check("question", 300, &value["confirm"]["text"]["text"]);
                check("yes", 30, &value["confirm"]["confirm"]["text"]);
                assert!(
                    actions.insert(value["action_id"].to_string()),
                    "an action id twice"
                );
            }
            Some("plain_text" | "text") => check("text", 3000, &value["text"]),
            Some("mrkdwn" | "link" | "broadcast" | "emoji") => check("alive", 0, value),
            Some("actions" | "context" | "rich_text" | "rich_text_section") => {
                let elements = value["elements"].as_array().map_or(0, Vec::len);
                assert!((1..=1000).contains(&elements), "{elements} elements");
            }
            _ => {}
        });
    }
    found
}

#[test]
fn hostile_text_stays_text() {
    for text in HOSTILE {
        let page = everywhere(text);
        let blocks = blocks(&page, &[], MESSAGE_BLOCKS_MAX);
        let types = types(&blocks);
        for alive in [
            "user",
            "channel",
            "usergroup",
            "broadcast",
            "link",
            "emoji",
            "mrkdwn",
        ] {
            assert!(!types.iter().any(|kind| kind == alive), "{text}: {alive}");
        }
        assert_eq!(problems(&blocks, MESSAGE_BLOCKS_MAX), [""; 0], "{text}");
        let line = fallback(&page, &[]);
        assert!(
            !line.contains(['<', '>', '\n', '\u{202E}', '\u{0}']),
            "{line}"
        );
    }
}

#[test]
fn long_text_is_cut_at_a_character() {
    for text in [
        "x".repeat(40_000),
        "🎉".repeat(40_000),
        "é\u{301}".repeat(40_000),
    ] {
        let blocks = blocks(&everywhere(&text), &[], MESSAGE_BLOCKS_MAX);
        assert_eq!(problems(&blocks, MESSAGE_BLOCKS_MAX), [""; 0]);
        let mut all = 0;
        for block in &blocks {
            visit(block, &mut |value| {
                all += value["text"].as_str().map_or(0, units);
            });
        }
        assert!(all <= PAGE_MAX + 3000, "{all}");
    }
    assert_eq!(cut("🎉🎉", 3), "🎉…");
    assert_eq!(cut("🎉🎉", 4), "🎉🎉");
    assert_eq!(cut("ab", 0), "");
}

fn in_discord(user: &str) -> Identity {
    let workspace = Workspace {
        platform: PlatformName::Discord,
        id: WorkspaceId::new("900"),
    };
    Identity {
        workspace,
        user: UserId::new(user),
    }
}

#[test]
fn our_own_mentions_and_times_are_alive() {
    let names = [
        (member(1), Known::Here(UserId::new("U1"))),
        (member(2), Known::Here(UserId::new("no id>"))),
        (member(4), Known::Elsewhere(in_discord("*12"))),
    ];
    let text = Text::new("by ")
        .member(member(1))
        .member(member(2))
        .member(member(3))
        .push(Span::Channel(ChannelId::new("C1")))
        .member(member(4))
        .time(Time::from_micros(1_700_000_000_000_000));
    let page = Page::say(text.clone()).note(text);
    let shown = blocks(&page, &names, MESSAGE_BLOCKS_MAX);
    for block in &shown {
        let elements = block["elements"][0]["elements"]
            .as_array()
            .expect("elements");
        assert_eq!(elements[1], json!({ "type": "user", "user_id": "U1" }));
        assert_eq!(elements[2]["text"], json!("someone"));
        assert_eq!(elements[3]["text"], json!("someone"));
        assert_eq!(
            elements[4],
            json!({ "type": "channel", "channel_id": "C1" })
        );
        assert_eq!(elements[5]["text"], json!("someone in Discord (*12)"));
        assert_eq!(elements[6]["timestamp"], json!(1_700_000_000));
    }
    assert!(fallback(&page, &names).starts_with("by <@U1>someonesomeone#C1someone in"));
}

#[test]
fn a_group_is_named_as_what_it_is() {
    let workspace = Workspace {
        platform: PlatformName::Slack,
        id: WorkspaceId::new("T1"),
    };
    let group = |kind, id| {
        let group = Group {
            workspace: workspace.clone(),
            kind,
            id: ChannelId::new(id),
        };
        let page = Page::say(Text::default().push(Span::Group(group)));
        blocks(&page, &[], 50)[0]["elements"][0]["elements"][0].clone()
    };
    assert_eq!(
        group(GroupKind::UserGroup, "S1")["usergroup_id"],
        json!("S1")
    );
    assert_eq!(group(GroupKind::Channel, "C1")["channel_id"], json!("C1"));
    assert_eq!(
        group(GroupKind::DiscordRole, "17")["text"],
        json!("discord role 17")
    );
}

#[test]
fn a_button_without_its_action_is_not_shown() {
    let page = Page::say("x").buttons(vec![button("Yes", Some(1)), button("No", None)]);
    let shown = blocks(&page, &[], 50);
    let buttons = shown[1]["elements"].as_array().expect("buttons");
    assert_eq!(buttons.len(), 1);
    assert_eq!(buttons[0]["action_id"], json!("act:0"));
    let without = Page::say("x").buttons(vec![button("No", None)]);
    assert_eq!(blocks(&without, &[], 50).len(), 1);
}

#[test]
fn bars_show_what_is_used_and_held() {
    let of = |used, committed, whole| {
        bar(
            Money::from_dollars(used),
            Money::from_dollars(committed),
            Money::from_dollars(whole),
        )
    };
    assert_eq!(
        of(25, 25, 100),
        "▓▓▓▓▓▒▒▒▒▒░░░░░░░░░░ $25.00 used, $25.00 committed, of $100.00"
    );
    assert!(of(0, 0, 0).starts_with("░"));
    assert!(of(900, 900, 100).starts_with(&format!("{} ", "▓".repeat(20))));
    assert!(of(1, 0, 1000).starts_with("▓░"));
}

#[test]
fn tables_are_aligned_and_count_what_does_not_fit() {
    let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
    let two = table(
        &row(["who", "free"]),
        &[row(["ana\nx", "$1.00"]), row(["b", "$20.00"])],
        TEXT_MAX,
    );
    assert_eq!(two, "who    free\nana x  $1.00\nb      $20.00");
    let many = table(
        &row(["a", "b"]),
        &vec![row(["long enough a cell", "x"]); 500],
        TEXT_MAX,
    );
    assert!(many.ends_with("more rows"), "{many}");
    assert!(units(&many) <= TEXT_MAX);
}

#[test]
fn a_secret_stands_in_its_block_and_not_in_the_notification() {
    let secret = Secret::new("sk-or-v1-<@U1>".to_owned());
    let text = &secret_block(&secret)["elements"][0]["elements"][0];
    assert_eq!(text["text"], json!("sk-or-v1-<@U1>"));
    assert_eq!(text["type"], json!("text"));
    assert!(!fallback(&everywhere("x"), &[]).contains("sk-or"));
}

#[test]
fn nothing_to_show_is_still_something() {
    assert_eq!(blocks(&Page::default(), &[], 50).len(), 1);
    assert_eq!(fallback(&Page::default(), &[]), "Slice");
    assert_eq!(blocks(&Page::say(""), &[], 50).len(), 1);
}

#[test]
fn forms_hold_inputs_within_limits() {
    let field = |name: &str, kind, initial: Option<&str>| Field {
        name: name.to_owned(),
        label: "L".repeat(500),
        kind,
        optional: true,
        initial: initial.map(str::to_owned),
        hint: Some("h".repeat(3000)),
    };
    let choices = (0..150)
        .map(|n| (format!("v{n}"), "t".repeat(100)))
        .collect();
    let too_long = vec![("v".repeat(151), "x".to_owned())];
    let form = Form {
        title: "A title that is too long for Slack".to_owned(),
        line: "vault add openrouter".to_owned(),
        audience: Audience::Owners,
        intro: everywhere("<!channel>"),
        fields: vec![
            field("a", FieldKind::Line { max: 40 }, Some(&"x".repeat(99))),
            field("b", FieldKind::Lines { max: 9999 }, None),
            field("c", FieldKind::Choice(choices), Some("v3")),
            field("d", FieldKind::Member, Some("<@U1>")),
            field("e", FieldKind::Channel, Some("<#C1|x>")),
            field("f", FieldKind::Choice(too_long), None),
        ],
        submit: "Deposit".to_owned(),
        action: Some(ActionId::from_random([1; 16])),
    };
    let view = views::form(&form, &[]).expect("a view");
    assert!(units(view["title"]["text"].as_str().expect("a title")) <= 24);
    let blocks = view["blocks"].as_array().expect("blocks");
    let element = |name: &str| {
        let block = blocks
            .iter()
            .find(|one| one["block_id"] == json!(name))
            .expect("a field");
        assert!(units(block["label"]["text"].as_str().expect("a label")) <= 2000);
        block["element"].clone()
    };
    assert_eq!(
        units(element("a")["initial_value"].as_str().expect("text")),
        40
    );
    assert_eq!(element("b")["max_length"], json!(3000));
    assert_eq!(element("c")["options"].as_array().map(Vec::len), Some(100));
    assert_eq!(element("c")["initial_option"]["value"], json!("v3"));
    assert_eq!(element("d")["initial_user"], json!("U1"));
    assert_eq!(element("e")["initial_conversation"], json!("C1"));
    assert_eq!(element("f")["type"], json!("plain_text_input"));
    assert!(
        views::form(
            &Form {
                action: None,
                ..form.clone()
            },
            &[]
        )
        .is_err()
    );
    assert!(
        views::form(
            &Form {
                line: "x".repeat(3000),
                ..form
            },
            &[]
        )
        .is_err()
    );
}

fn span() -> impl Strategy<Value = Span> {
    prop_oneof![
        any_text().prop_map(Span::Plain),
        any_text().prop_map(Span::Bold),
        any_text().prop_map(Span::Code),
        (0u8..4).prop_map(|n| Span::Member(member(n))),
        any_text().prop_map(|id| Span::Channel(ChannelId::new(id))),
        any::<i64>().prop_map(|at| Span::Time(Time::from_micros(at))),
    ]
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        proptest::sample::select(&HOSTILE[..]).prop_map(str::to_owned),
        (0usize..5000).prop_map(|length| "🎉<@U1> ".repeat(length / 8)),
        Just(String::new()),
    ]
}

fn text() -> impl Strategy<Value = Text> {
    proptest::collection::vec(span(), 0..5).prop_map(Text)
}

fn any_block() -> impl Strategy<Value = Block> {
    let money = any::<i64>().prop_map(Money::from_micros);
    let rows = proptest::collection::vec(proptest::collection::vec(any_text(), 0..4), 0..20);
    let buttons = proptest::collection::vec((any_text(), proptest::option::of(any::<u8>())), 0..30);
    prop_oneof![
        any_text().prop_map(Block::Heading),
        text().prop_map(Block::Text),
        text().prop_map(Block::Note),
        proptest::collection::vec((any_text(), text()), 0..5).prop_map(Block::Fields),
        (text(), money.clone(), money.clone(), money).prop_map(
            |(label, used, committed, whole)| {
                Block::Bar {
                    label,
                    used,
                    committed,
                    whole,
                }
            }
        ),
        (proptest::collection::vec(any_text(), 0..4), rows)
            .prop_map(|(columns, rows)| Block::Table { columns, rows }),
        buttons.prop_map(|all| {
            Block::Buttons(
                all.iter()
                    .map(|(label, action)| button(label, *action))
                    .collect(),
            )
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_page_stays_within_slacks_limits(page in proptest::collection::vec(any_block(), 0..70)) {
        let page = Page(page);
        let names = [
            (member(1), Known::Here(UserId::new("U1"))),
            (member(2), Known::Here(UserId::new("<bad>"))),
            (member(3), Known::Elsewhere(in_discord("<@U3>"))),
        ];
        for most in [MESSAGE_BLOCKS_MAX, VIEW_BLOCKS_MAX, 1] {
            let shown = blocks(&page, &names, most);
            prop_assert_eq!(problems(&shown, most), Vec::<String>::new());
            let mentions = types(&shown).iter().filter(|kind| *kind == "user").count();
            let ours = page.members().iter().filter(|one| **one == member(1)).count();
            prop_assert!(mentions <= ours);
        }
        let line = fallback(&page, &names);
        prop_assert!(!line.is_empty());
        prop_assert!(!line.replace("<@U1>", "").contains(['<', '>']));
    }
}
