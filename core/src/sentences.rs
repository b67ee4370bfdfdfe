//! What Slice says first: direct messages and the owners' messages, as pages.

use crate::{
    budget::Budget,
    drift::Drift,
    grant::{End, Grant, State},
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

/// What a service says of its keys; the chat repeats it word for word.
#[derive(Clone, Debug)]
pub struct KeyFacts {
    /// "hard cap (requests already running may finish)".
    pub hardness: String,
    /// How to use the key, as one line of shell.
    pub usage: String,
    /// What there is to know about it beside cap and life.
    pub facts: Facts,
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
    if let Some(terms) = &request.terms {
        fields.push(("Terms".into(), Text::new(terms.replace('\n', ", "))));
    }
    if let Some(name) = &request.name {
        fields.push(("Name".into(), Text::new(name)));
    }
    if let Some(reason) = &request.reason {
        fields.push(("Because".into(), Text::new(reason)));
    }
    let within = if top_up.is_zero() {
        Text::from("It fits the budget, and is above what members may take without asking.")
    } else {
        Text::new(format!(
            "It is {top_up} more than the budget: approving adds that to this month."
        ))
    };
    Page(vec![Block::Text(
        Text::default()
            .member(member)
            .and(format!(" asks for grant {number}")),
    )])
    .with(Block::Fields(fields))
    .text(within)
    .buttons(request_buttons(number, top_up))
    .note(Text::new(format!(
        "Open for {} hours.",
        REQUEST_LIFE.as_secs() / 3600
    )))
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

fn own(grant: &Grant) -> String {
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
    let excess = after.excess();
    let text = text
        .and(format!(". {} is free until ", after.free()))
        .time(turns_at)
        .and(".");
    let page = Page::say(if excess.is_zero() {
        text
    } else {
        text.and(format!(
            " Your keys hold {excess} more than that; they keep running to their caps."
        ))
    });
    page.text("Take a key with `/slice provision`, see your budget with `/slice budget`.")
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
    let page = Page::titled(title).with(Block::Fields(fields));
    match delivery {
        Delivery::Reveal => {
            let reveal = Button::new("Reveal key", format!("reveal {}", grant.number), mine);
            page.buttons(vec![reveal.primary(), back])
                .note("The key is shown once, to you alone. Put it where you keep secrets.")
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
    Page::say(text.and(" Nothing exists at the provider, and the money is back in the budget."))
}

pub fn assumed(grant: &Grant, delta: Money) -> Page {
    Page::say(asked(grant).and(format!(
        ": its key is gone at the provider, so its unread rest of {delta} counts as spent. An owner \
         can correct that with "
    ))
    .say(format!("settle {} <amount>", grant.number))
    .and("."))
}

/// A binding that an operator took away, to the owners.
pub fn unbound_by_operator(binding: &Binding) -> Page {
    let text = Text::new("Whoever runs Slice unbound ").push(Span::Group(binding.group.clone()));
    Page::say(text.and(format!(" as {}, at the command line.", binding.role.word())))
}

/// A key whose member could not be told of it, to the owners.
pub fn untold(grant: &Grant, why: &str) -> Page {
    let revoke = format!("revoke {}", grant.number);
    let text = asked(grant)
        .and(": the message that brings the key could not be delivered (")
        .join(Text::from(why))
        .and("). It waits sealed; its member finds it with ")
        .say("keys")
        .and(", and it is revoked if nobody reveals it within a day.");
    Page::say(text).buttons(vec![
        Button::new("Revoke", revoke, Audience::Owners)
            .danger(format!("End grant {} now?", grant.number)),
    ])
}

/// A key that was changed at its provider, or put right there, to the owners.
pub fn drifted(grant: &Grant, drift: Option<Drift>) -> Page {
    let Some(drift) = drift else {
        return Page::say(asked(grant).and(": its key is as Slice made it again."));
    };
    let revoke = Button::new(
        "Revoke",
        format!("revoke {}", grant.number),
        Audience::Owners,
    )
    .danger(format!("End grant {} now?", grant.number));
    let remedy = match drift {
        Drift::Gone => {
            "Revoke the grant; its unread rest then counts as spent, which you can correct."
        }
        Drift::Disabled => "Enable it at the provider, or revoke the grant.",
        Drift::Cap(_) | Drift::Uncapped => {
            "Set its cap right at the provider, or revoke the grant."
        }
    };
    let text = asked(grant).and(format!(
        ": somebody changed its key at the provider: it {}. {} {remedy}",
        drift.said(),
        drift_costs(drift, grant)
    ));
    Page::say(text).buttons(vec![revoke])
}

/// The same, to the member.
pub fn drifted_to_member(grant: &Grant, drift: Option<Drift>) -> Page {
    Page::say(match drift {
        Some(drift) => Text::new(format!(
            "Somebody changed the key of your {} at its provider: it {}. {} The owners know.",
            own(grant),
            drift.said(),
            drift_costs(drift, grant)
        )),
        None => Text::new(format!(
            "The key of your {} is as Slice made it again.",
            own(grant)
        )),
    })
}

fn drift_costs(drift: Drift, grant: &Grant) -> String {
    let rest = (grant.cap - grant.usage()).or_zero();
    match drift {
        Drift::Gone => format!("Until its grant ends, {rest} of the budget stays held for it."),
        Drift::Disabled => {
            format!("It can't be used, and {rest} of the budget stays held for it.")
        }
        Drift::Cap(_) | Drift::Uncapped => "What it spends is charged as it is.".into(),
    }
}

/// A key whose provider does not do with it what it should, to the owners.
pub fn stuck(grant: &Grant, why: &str) -> Page {
    let what = match grant.state {
        State::Active => "resumed",
        State::Suspended(_) => "suspended",
        _ => "ended",
    };
    let text = asked(grant)
        .and(format!(" has been waiting to be {what} since "))
        .time(grant.moved_at)
        .and(": ")
        .join(Text::from(why));
    if grant.state == State::Active {
        return Page::say(text).text("Its money stays held. Slice keeps trying.");
    }
    Page::say(text).text(
        "Its money stays held, and its key may still spend up to its cap. Slice keeps trying; to be \
         sure, disable the key at the provider yourself.",
    )
}

/// The same, to the member.
pub fn assumed_to_member(grant: &Grant, delta: Money) -> Page {
    Page::say(Text::new(format!(
        "The key of your {} is gone at its provider, so its unread rest of {delta} counts as spent. If \
         that is wrong, an owner can correct it with ",
        own(grant)
    ))
    .say(format!("settle {} <amount>", grant.number))
    .and("."))
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
