//! Whatever a page holds, Discord takes it, and nothing in others' text comes alive.

use super::*;
use proptest::prelude::*;
use slice_core::{
    ids::{ActionId, ChannelId, Identity, MemberId, PlatformName, UserId, Workspace, WorkspaceId},
    money::Money,
    page::Audience,
    time::Time,
};

const HOSTILE: [&str; 10] = [
    "@everyone @here",
    "<@50> <@&20> <#10>",
    "</slice keys:1> <t:1:f> <:x:1>",
    "[your bank](https://evil.example)",
    "https://evil.example",
    "*a* _b_ ~~c~~ `d` ||e||",
    "```\nblock\n```",
    "# big\n> quote\n- item\n1. one",
    "\u{202E}evil\u{202C} a\u{0}b 🎉 👩‍👩‍👧",
    "\\*",
];

fn member(n: u8) -> MemberId {
    MemberId::from_random([n; 16])
}

fn guild() -> WorkspaceId {
    WorkspaceId::new("20")
}

fn one(label: &str, action: u8) -> Button {
    Button {
        action: Some(ActionId::from_random([action; 16])),
        ..Button::new(label, "keys", Audience::Owners)
    }
}

fn in_slack(user: &str) -> Identity {
    let workspace = Workspace {
        platform: PlatformName::Slack,
        id: WorkspaceId::new("T1"),
    };
    Identity {
        workspace,
        user: UserId::new(user),
    }
}

fn rendered(page: &Page) -> Value {
    let (guild, names) = (
        guild(),
        [
            (member(1), Known::Here(UserId::new("50"))),
            (member(3), Known::Elsewhere(in_slack("<@9>*"))),
        ],
    );
    message(
        page,
        Reader {
            guild: &guild,
            names: &names,
            letter: None,
        },
    )
}

fn content(page: &Page) -> String {
    rendered(page)["content"]
        .as_str()
        .expect("a content")
        .to_owned()
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
        .buttons(vec![one(text, 1)])
        .note(spans)
}

fn lengths(value: &Value) -> (usize, usize) {
    let units_of = |value: &Value| value.as_str().map(units).unwrap_or_default();
    (
        units_of(&value["content"]),
        units_of(&value["embeds"][0]["description"]),
    )
}

#[test]
fn nothing_of_others_comes_alive() {
    for text in HOSTILE {
        let page = Page::say(Text::new(text));
        let content = content(&page);
        let mut alive = String::new();
        let mut letters = content.chars();
        while let Some(letter) = letters.next() {
            if letter == '\\' {
                letters.next();
            } else {
                alive.push(letter);
            }
        }
        for mark in [
            "<", "@", "*", "_", "~", "`", "|", "[", "://", "\n#", "\n>", "\n-",
        ] {
            assert!(!alive.contains(mark), "{text}: {content}");
        }
    }
}

#[test]
fn our_own_spans_are_alive_and_ping_nobody() {
    let workspace = Workspace {
        platform: PlatformName::Discord,
        id: guild(),
    };
    let role = Group {
        workspace,
        kind: GroupKind::DiscordRole,
        id: ChannelId::new("77"),
    };
    let text = Text::default()
        .member(member(1))
        .member(member(2))
        .member(member(3))
        .bold("b")
        .code("c")
        .push(Span::Channel(ChannelId::new("10")))
        .push(Span::Group(role))
        .time(Time::from_micros(7_000_000));
    let body = rendered(&Page::say(text).note("small"));
    assert_eq!(
        body["content"],
        "<@50>someonesomeone in Slack (\\<\\@9>\\*)**b**`c`<#10><@&77><t:7:f>\n-# small"
    );
    assert_eq!(body["allowed_mentions"], json!({ "parse": [] }));
}

#[test]
fn too_long_a_page_goes_into_an_embed_and_ends_whole() {
    let long = Page::say("x".repeat(2100).as_str());
    assert_eq!(lengths(&rendered(&long)), (0, 2100));
    let lines = vec!["line ".repeat(20); 200].join("\n");
    let longer = Page::say(Text::new(lines)).text("after");
    let (content, embed) = lengths(&rendered(&longer));
    assert!(
        content == 0 && (3900..=EMBED_MAX).contains(&embed),
        "{embed}"
    );
    let shown = rendered(&longer)["embeds"][0]["description"].to_string();
    assert!(shown.contains(CUT) && !shown.contains("after"), "{shown}");
}

#[test]
fn buttons_ask_where_they_are_dangerous() {
    let danger = one("End it", 2).danger("End grant 3 now?");
    let dead = Button::new("Dead", "keys", Audience::Owners);
    let body = rendered(&Page::say("x").buttons(vec![one("Keys", 1), danger, dead]));
    let buttons = body["components"][0]["components"]
        .as_array()
        .expect("buttons");
    assert_eq!(buttons.len(), 2);
    let starts = |index: usize, with: &str| {
        buttons[index]["custom_id"]
            .as_str()
            .is_some_and(|id| id.starts_with(with))
    };
    assert!(starts(0, "act:20:") && starts(1, "ask:20:"), "{buttons:?}");
}

#[test]
fn each_button_stands_under_what_it_is_about() {
    let page = Page::titled("Your keys")
        .text("Grant 2")
        .buttons(vec![one("Reveal key", 2)])
        .text("Grant 1")
        .buttons(vec![one("Reveal key", 1)])
        .note("Ended: none");
    let (guild, names) = (guild(), []);
    let all = messages(
        &page,
        Reader {
            guild: &guild,
            names: &names,
            letter: None,
        },
    );
    let texts: Vec<_> = all.iter().map(|body| body["content"].clone()).collect();
    assert_eq!(texts, ["**Your keys**\nGrant 2", "Grant 1\n-# Ended: none"]);
    assert!(
        all.iter()
            .all(|body| body["components"].as_array().map(Vec::len) == Some(1))
    );
}

#[test]
fn a_secret_is_whole_beside_any_page() {
    let secret = Secret::new("k".repeat(500));
    let (guild, names) = (guild(), []);
    let reader = Reader {
        guild: &guild,
        names: &names,
        letter: None,
    };
    let body = with_secret(&Page::say("y".repeat(1900).as_str()), &secret, reader);
    let embed = body["embeds"][0]["description"].as_str();
    assert_eq!(embed, Some(&*format!("```\n{}\n```", "k".repeat(500))));
    let content = body["content"].as_str().expect("a content");
    assert_eq!(units(content), 1900);
    assert!(!content.contains("kkk"), "no notification shows it");
}

proptest! {
    #[test]
    fn everything_fits(text in any::<String>(), times in 1_usize..40) {
        let page = everywhere(&text.repeat(times));
        let body = rendered(&page);
        let (content, embed) = lengths(&body);
        prop_assert!(content <= CONTENT_MAX && embed <= EMBED_MAX, "{content} {embed}");
        prop_assert!(content + embed > 0);
        let label = &body["components"][0]["components"][0]["label"];
        prop_assert!(label.as_str().is_some_and(|label| (1..=BUTTON_MAX).contains(&units(label))));
    }

    #[test]
    fn hostile_text_fits(index in 0..HOSTILE.len(), times in 1_usize..400) {
        let (content, embed) = lengths(&rendered(&everywhere(&HOSTILE[index].repeat(times))));
        prop_assert!(content <= CONTENT_MAX && embed <= EMBED_MAX);
    }
}
