//! What Slice says first: direct messages and the owners' messages, as pages.

mod trouble;

pub use trouble::{assumed, assumed_to_member, stuck, untold};

use crate::{
    budget::Budget,
    grant::{End, Grant},
    ids::MemberId,
    life::Life,
    money::Money,
    page::{Audience, Block, Button, Page, Span, Text},
    refusal::shorten,
    requests::{Approved, Request},
    role::Binding,
    service::Facts,
    settings::{Delivery, REQUEST_LIFE},
    time::Time,
};
use std::time::Duration;

/// What a service says of its keys; the chat repeats it word for word.
#[derive(Clone, Debug, Default)]
pub struct KeyFacts {
    /// "hard cap (requests already running may finish)".
    pub hardness: String,
    /// How to use the key, as one line of shell.
    pub usage: String,
    /// What there is to know about it beside cap and life.
    pub facts: Facts,
    /// What its member should know: a sentence.
    pub caution: Option<&'static str>,
    /// When it has to end, because its money lasts no longer.
    pub ends_by: Option<Time>,
    /// It is ended where nobody reveals it within this; `None`: as for all services.
    pub reveal_within: Option<Duration>,
    /// Its provider does not say in time that it takes it.
    pub is_late: bool,
}

/// The first words in a new workspace, to the person who installed Slice.
pub fn greeting() -> Page {
    let button = |label: &str, line: &str| Button::new(label, line, Audience::Owners);
    Page::titled("Slice is here")
        .text(
            "Slice gives each of your people an API key of their own, with a hard cap taken from a \
             monthly budget that you set. Three steps:",
        )
        .text("1. Deposit a master key. It goes into a form and is sealed; nobody sees it again.")
        .text("2. Choose a private channel where owners get requests and alarms.")
        .text("3. Give somebody a monthly budget. They get a key with `/slice provision`.")
        .buttons(vec![
            button("1. Deposit a master key", "vault add").primary(),
            button("2. Choose the owners' channel", "settings owners-channel"),
            button("3. Allocate a budget", "allocate"),
        ])
        .note(
            "Until you bind owners with `/slice roles bind`, workspace admins are owners. \
               `/slice help` lists everything.",
        )
}

/// A request in the owners' channel.
pub fn request(number: i64, member: MemberId, request: &Request, top_up: Money) -> Page {
    let mut fields = vec![
        ("For".to_owned(), Text::new(request.service.to_string())),
        ("Cap".to_owned(), Text::new(request.ask.cap.to_string())),
        ("Life".to_owned(), Text::new(request.life())),
    ];
    let wants = request.wants.iter();
    fields.extend(wants.map(|(name, wanted)| (name.clone(), Text::new(wanted))));
    if let Some(lender) = request.lender {
        fields.push((
            "Uses".into(),
            Text::new("what was made for ").member(lender),
        ));
    }
    if let Some(name) = &request.name {
        fields.push(("Name".into(), Text::new(name)));
    }
    if let Some(reason) = &request.reason {
        fields.push(("Because".into(), Text::new(reason)));
    }
    let mut page = Page(vec![Block::Text(
        Text::default()
            .member(member)
            .and(format!(" asks for grant {number}")),
    )])
    .with(Block::Fields(fields));
    if let Some(caution) = request.caution {
        page = page.text(caution);
    }
    page.text(Text::from(why_asked(request, top_up).as_str()))
        .buttons(request_buttons(number, top_up))
        .note(Text::new(format!(
            "Open for {} hours.",
            REQUEST_LIFE.as_secs() / 3600
        )))
}

/// Why a request that needs so much more than the budget takes an owner.
fn why_asked(request: &Request, top_up: Money) -> String {
    if !top_up.is_zero() {
        return format!("It is {top_up} more than the budget: approving adds that to this month.");
    }
    if request.lender.is_some() {
        return "It fits the budget, and uses what was made for somebody else.".into();
    }
    "It fits the budget, and is above what members may take without asking.".into()
}

/// What owners can say to a request that needs so much more than the budget.
pub fn request_buttons(number: i64, top_up: Money) -> Vec<Button> {
    let (yes, line) = if top_up.is_zero() {
        ("Approve".into(), format!("approve {number}"))
    } else {
        (
            format!("Approve (+{top_up} this month)"),
            format!("approve {number} adding {}", top_up.up_to_cents().decimal()),
        )
    };
    let owners = Audience::Owners;
    vec![
        Button::new(yes, line, owners).primary(),
        Button::new("Approve less…", format!("approve {number} less"), owners),
        Button::new("Deny…", format!("deny {number} form"), owners),
    ]
}

/// The rest of a request's command line, so that a button can say it again.
pub fn tail(request: &Request) -> String {
    let terms = request.terms.as_deref().unwrap_or_default();
    let mut line = format!("{} for {}", wishes(terms), request.ask.life);
    for (word, text) in [("as", &request.name), ("because", &request.reason)] {
        if let Some(text) = text {
            line = format!("{line} {word} {}", quote(text));
        }
    }
    line
}

/// What a grant's member wants of its service, as the words that say it again.
pub(crate) fn wishes(terms: &str) -> String {
    let words = terms.lines().map(|wish| format!(" {}", quote(wish)));
    words.collect()
}

/// A text as one word of a command line.
pub fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A member's key in her messages: `openrouter key of grant 3 (ci)`.
pub(crate) fn key(grant: &Grant) -> String {
    let name = grant
        .name
        .as_deref()
        .map(|name| format!(", {}", shorten(name)));
    format!(
        "{} key (grant {}{})",
        grant.service,
        grant.number,
        name.unwrap_or_default()
    )
}

/// [I'm done: give it back].
pub(crate) fn give_back(grant: &Grant) -> Button {
    let line = format!("revoke {}", grant.number);
    let question = format!(
        "End grant {} now and get the unspent rest back?",
        grant.number
    );
    Button::new(
        "I'm done: give it back",
        line,
        Audience::Member(grant.member),
    )
    .danger(question)
}

pub(crate) fn asked(grant: &Grant) -> Text {
    Text::default().member(grant.member).and(format!(
        "'s grant {} ({} of {})",
        grant.number, grant.cap, grant.service
    ))
}

pub(crate) fn own(grant: &Grant) -> String {
    format!(
        "grant {} ({} of {})",
        grant.number, grant.cap, grant.service
    )
}

/// The owners' message, after a yes and before the key exists.
pub fn approved(grant: &Grant, by: MemberId, approved: &Approved, life: Life) -> Page {
    let mut text = asked(grant)
        .and(format!(" was approved at {} for {life} by ", approved.cap))
        .member(by);
    if !approved.top_up.is_zero() {
        text = text.and(format!(", with {} more for this month", approved.top_up));
    }
    Page::say(text.and(". The key is being made."))
}

/// The owners' message, once the key exists.
pub fn approved_and_made(grant: &Grant) -> Page {
    let mut text = asked(grant).and(" was approved");
    if let Some(by) = grant.decided_by {
        text = text.and(" by ").member(by);
    }
    Page::say(text.and(". The key was made, and only its member can see it."))
}

pub fn approved_to_member(grant: &Grant, by: MemberId, approved: &Approved) -> Page {
    let mut text = Text::default().member(by).and(format!(
        " approved your grant {} for {} at {}",
        grant.number, grant.service, approved.cap
    ));
    if approved.cap != grant.cap {
        text = text.and(format!(" (you had asked for {})", grant.cap));
    }
    if !approved.top_up.is_zero() {
        text = text.and(format!(
            "; {} was added to your budget for this month",
            approved.top_up
        ));
    }
    Page::say(text.and(". Your key is being made."))
}

pub fn denied(grant: &Grant, by: MemberId, reason: Option<&str>) -> Page {
    Page::say(because(
        asked(grant).and(" was denied by ").member(by),
        reason,
    ))
}

pub fn denied_to_member(grant: &Grant, by: MemberId, reason: Option<&str>) -> Page {
    let text = Text::default()
        .member(by)
        .and(format!(" denied your {}", own(grant)));
    Page::say(because(text, reason).and(" Nothing was taken from your budget."))
}

fn because(text: Text, reason: Option<&str>) -> Text {
    match reason {
        Some(reason) => text.and(": “").and(reason).and("”."),
        None => text.and("."),
    }
}

pub fn withdrawn(grant: &Grant) -> Page {
    Page::say(asked(grant).and(" was withdrawn by its member."))
}

pub fn revoked_by_owner(grant: &Grant, owner: MemberId) -> Page {
    Page::say(
        Text::default()
            .member(owner)
            .and(format!(" is ending your {}.", own(grant))),
    )
}

/// What is above a member's budget, to her: spent already, or held by keys. Empty where nothing is.
pub fn above(budget: &Budget, what: &str) -> String {
    let run_on = "they keep running to their caps";
    match budget.above() {
        (Money::ZERO, Money::ZERO) => String::new(),
        (Money::ZERO, held) => format!(" Your keys hold {held} more than {what}; {run_on}."),
        (spent, Money::ZERO) => format!(" You have spent {spent} more than {what} this month."),
        (spent, held) => format!(
            " You have spent {spent} more than {what} this month, and your keys hold {held} beside it; \
             {run_on}."
        ),
    }
}

/// A member's new allocation, to the member.
pub fn allocated(
    from: Option<Money>,
    after: &Budget,
    by: Option<MemberId>,
    turns_at: Time,
) -> Page {
    let who = by.map_or_else(|| Text::new("Your owners"), |by| Text::default().member(by));
    let text = match from {
        None => who
            .and(" gave you a monthly budget of ")
            .bold(after.allocation),
        Some(from) => who
            .and(format!(" changed your monthly budget from {from} to "))
            .bold(after.allocation),
    };
    let text = text
        .and(format!(". {} is free until ", after.free()))
        .time(turns_at)
        .and(format!(".{}", above(after, "that")));
    Page::say(text)
        .text("Take a key with `/slice provision`, see your budget with `/slice budget`.")
}

pub fn topped_up(amount: Money, after: &Budget, by: Option<MemberId>, turns_at: Time) -> Page {
    let who = by.map_or_else(|| Text::new("Your owners"), |by| Text::default().member(by));
    let text = who.and(" added ").bold(amount).and(format!(
        " to your budget for this month: {} is free until ",
        after.free()
    ));
    Page::say(text.time(turns_at).and("."))
}

pub fn settled(grant: &Grant, from: Money, to: Money, by: Option<MemberId>) -> Page {
    let who = by.map_or_else(|| Text::new("Your owners"), |by| Text::default().member(by));
    Page::say(who.and(format!(
        " corrected what grant {} of {} spent from {from} to {to}.",
        grant.number, grant.service
    )))
}

const ONCE: &str = "The key is shown once, to you alone. Put it where you keep secrets.";

const LATE: &str = "Its provider has not said yet that it takes this key. Where it is refused, try it again some \
                    minutes later.";

/// "Here is your key", with all there is to know but the key.
pub fn key_ready(grant: &Grant, ends_at: Time, facts: &KeyFacts, delivery: Delivery) -> Page {
    let mine = Audience::Member(grant.member);
    let back = give_back(grant);
    let mut title = format!("Your {} key is ready", grant.service);
    if let Some(name) = &grant.name {
        title = format!("{title} ({})", shorten(name));
    }
    let mut fields = vec![
        ("Grant".to_owned(), Text::new(grant.number.to_string())),
        (
            "Cap".into(),
            Text::new(format!("{}, {}", grant.cap, facts.hardness)),
        ),
        ("Ends".into(), Text::default().time(ends_at)),
    ];
    let said = facts.facts.iter();
    fields.extend(said.map(|(name, fact)| (name.clone(), Text::new(fact))));
    fields.push(("Use".into(), Text::default().code(&facts.usage)));
    let mut page = Page::titled(title).with(Block::Fields(fields));
    if let Some(caution) = facts.caution {
        page = page.text(caution);
    }
    if facts.is_late {
        page = page.text(LATE);
    }
    match delivery {
        Delivery::Reveal => {
            let reveal = Button::new("Reveal key", format!("reveal {}", grant.number), mine);
            page.buttons(vec![reveal.primary(), back])
                .note(match facts.reveal_within {
                    None => Text::new(ONCE),
                    Some(span) => Text::new(format!(
                        "{ONCE} It is ended, and the rest is back in your budget, if you do not reveal it \
                         within {} min.",
                        span.as_secs() / 60
                    )),
                })
        }
        Delivery::Dm => page.buttons(vec![back]),
    }
}

/// `certain`: the platform said that it was shown.
pub fn key_revealed(grant: &Grant, certain: bool) -> Page {
    let back = give_back(grant);
    let mut text = Text::new(format!(
        "Your {} key (grant {}) {}. Cap {}",
        grant.service,
        grant.number,
        if certain {
            "was revealed"
        } else {
            "may have been shown: the platform did not say, so Slice erased it. If you don't have it, \
             take another one with what is left, or give it back"
        },
        grant.cap
    ));
    if let Some(ends_at) = grant.ends_at {
        text = text.and(", ends ").time(ends_at);
    }
    let mut buttons = vec![back];
    if !certain {
        let line = format!("rotate {}", grant.number);
        let rotate = Button::new("Rotate", line, Audience::Member(grant.member));
        buttons.insert(0, rotate.primary());
    }
    Page::say(text.and(".")).buttons(buttons)
}

pub fn second_reveal(grant: &Grant, now: Time) -> Page {
    Page::say(
        asked(grant)
            .and(": a second reveal of its key was tried at ")
            .time(now)
            .and(" and refused. If that was not its member, revoke it."),
    )
    .buttons(vec![
        Button::new(
            "Revoke",
            format!("revoke {}", grant.number),
            Audience::Owners,
        )
        .danger(format!("End grant {} now?", grant.number)),
    ])
}

pub fn gave_up(grant: &Grant, why: &str) -> Page {
    let text = asked(grant)
        .and(" could not be made: ")
        .join(Text::from(why));
    let spent = grant.usage();
    Page::say(if spent.is_zero() {
        text.and(" Nothing exists at the provider, and the money is back in the budget.")
    } else {
        text.and(format!(
            " Nothing exists at the provider any more. The {spent} that it cost until then is charged, and \
             the rest is back in the budget."
        ))
    })
}

/// A binding that an operator took away, to the owners.
pub fn unbound_by_operator(binding: &Binding) -> Page {
    let text = Text::new("Whoever runs Slice unbound ").push(Span::Group(binding.group.clone()));
    Page::say(text.and(format!(" as {}, at the command line.", binding.role.word())))
}

/// What becomes of the message that brought a key, once the key has ended.
pub fn key_is_over(grant: &Grant) -> Page {
    Page::say(Text::new(format!(
        "Your {} key (grant {}) has ended.",
        grant.service, grant.number
    )))
}

/// Spending that its provider billed after the end, to the member.
pub fn billed_late(grant: &Grant, delta: Money) -> Page {
    Page::say(Text::new(format!(
        "A request of your {} was still running when its key was stopped: {delta} more was charged, so \
         it spent {} in all.",
        own(grant),
        grant.usage() + delta
    )))
}

/// The end of a key, to its member.
pub fn ended(grant: &Grant, end: End) -> Page {
    let how = match end {
        End::Expired => "has expired",
        End::Unclaimed => "was never revealed, so it was ended",
        _ => "was ended",
    };
    let rest = (grant.cap - grant.usage()).or_zero();
    Page::say(Text::new(format!(
        "Your {} {how}. It spent {}; {rest} is back in your budget.",
        own(grant),
        grant.usage()
    )))
}
