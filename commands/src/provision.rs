//! `provision`: a key of one's own, taken from the month's budget.

mod form;

use crate::{
    args::{Flag, NAME_MAX, REASON_MAX, TERMS_MAX},
    grammar::{Call, Command, View},
    offers,
    param::Param,
};
use slice_core::{
    books::{Books, GrantRef},
    budget::Ask,
    capping,
    grant::{Grant, State},
    ids::{MemberId, ServiceName},
    leftover,
    life::Life,
    money::Money,
    page::{Block, Button, Page, Text},
    ports::{Asking, Facts, ServiceAdapter, Unmet},
    refusal::Refusal,
    reply::Reply,
    requests::{self, Opened, Request},
    role::Role,
    steps,
};
use std::time::Duration;

pub const SERVICE: Param<ServiceName> = Param::service("service", "What the key is for");
pub const AMOUNT: Param<Money> = Param::money("amount", "The key's cap in US dollars");
/// What the service wants to know beside cap and life.
pub const TERMS: Param<String> =
    Param::terms("terms", "What else the service lets you choose", TERMS_MAX).optional();
pub const LIFE: Param<Life> = Param::life("life", "How long it lives: 12h, 7d, 2w")
    .named("for")
    .optional();
pub const NAME: Param<String> = Param::line("name", "What you call it", NAME_MAX)
    .named("as")
    .optional();
pub const REASON: Param<String> = Param::rest("reason", "Why, for owners to read", REASON_MAX)
    .named("because")
    .optional();

pub const MONTHLY: Param<Flag> = Param::flag(
    "monthly",
    "Begin each month with the same cap, until it is given back",
);

pub const COMMAND: Command = Command {
    params: &[
        SERVICE.shape(),
        AMOUNT.shape(),
        TERMS.shape(),
        LIFE.shape(),
        MONTHLY.shape(),
        NAME.shape(),
        REASON.shape(),
    ],
    examples: &[
        "provision",
        "provision {service} 20",
        "provision {service} 20 monthly",
        "provision {service} 60 for 2w as \"load test\" because the launch is on Friday",
    ],
    view: View::Form,
    form: Some(|call| Box::pin(form::make_form(call))),
    ..Command::plain(
        "provision",
        "Get a key of your own, capped and for a limited time",
        Role::User,
        |call| Box::pin(run(call, false)),
    )
};

const SHUT: &str = "The master key in the vault does not open.";

/// What was said for the service alone, as the service takes it; or what is missing, with the form
/// that asks for it.
async fn terms(call: &Call<'_>, adapter: &dyn ServiceAdapter) -> Result<Option<String>, Refusal> {
    let said = TERMS.get(call).unwrap_or_default();
    let terms = if adapter.capabilities().has_options {
        match agreed(call, adapter, &said).await? {
            Some(agreed) => agreed,
            // Whoever opens the grant says what the vault has.
            None => return Ok(None),
        }
    } else {
        adapter
            .terms(&said)
            .map_err(|why| Unmet { why, asks: true })
    };
    let terms = terms.map_err(|Unmet { why, asks }| {
        let why = format!("{why} Nothing was changed.");
        if !asks {
            return Refusal::sentence(why);
        }
        let (service, cap) = (adapter.name(), AMOUNT.get(call));
        let cap = cap.map_or_else(String::new, |cap| format!(" {}", cap.decimal()));
        let line = format!("provision {service}{cap} form");
        let fill = Button::new("Fill in the form", line, call.mine());
        Refusal::offering(why, fill.primary())
    })?;
    Ok(Some(terms).filter(|terms| !terms.is_empty()))
}

/// What a service says to what was said, by its prices of now and the owners' choices. `None`: the vault
/// has no key of it.
async fn agreed(
    call: &Call<'_>,
    adapter: &dyn ServiceAdapter,
    said: &str,
) -> Result<Option<Result<String, Unmet>>, Refusal> {
    let me = call.caller().member;
    let books = call.desk().store.books(call.look().member(me)).await?;
    let member = books.member.as_ref();
    if member.is_none_or(|member| member.allocation.is_none()) {
        return Err(Refusal::NoAllocation);
    }
    let Some(master) = books.org.master(adapter.name()) else {
        return Ok(None);
    };
    let master = call.desk().master_secret(&books, master);
    let master = master.map_err(|_| Refusal::sentence(format!("{SHUT} Nothing was changed.")))?;
    let asking = Asking {
        master: &master,
        options: books.org.options_of(adapter.name()),
        said,
    };
    Ok(Some(adapter.agree(asking).await))
}

/// The other member for whom something was made that a key with these terms uses as well.
async fn lender(
    call: &Call<'_>,
    adapter: &dyn ServiceAdapter,
    terms: Option<&str>,
) -> Result<Option<MemberId>, Refusal> {
    let Some(share) = terms.and_then(|terms| adapter.shares(terms)) else {
        return Ok(None);
    };
    let scope = call.look().grant(GrantRef::Id(share.grant));
    let books = call.desk().store.books(scope).await?;
    let stands = |grant: &&Grant| {
        let live = matches!(grant.state, State::Active | State::Suspended(_));
        grant.service == *adapter.name()
            && (live || leftover::of(grant).any(|key| key.discarded_at.is_none()))
    };
    let Some(grant) = books.grant.as_ref().filter(stands) else {
        return Err(Refusal::sentence(format!(
            "Nothing of that name is there that Slice made at {} for a grant of your team, and that still \
             stands. Nothing was reserved. The messages of your keys show the names of yours.",
            adapter.name()
        )));
    };
    let margin = adapter.capabilities().margin();
    if share.adds && !capping::bears(grant, grant.usage(), margin) {
        return Err(Refusal::sentence(format!(
            "What that key leaves there is charged to grant {}, which is over or at its cap. Nothing was \
             reserved. A key that only reads can be had.",
            grant.number
        )));
    }
    Ok(Some(grant.member).filter(|member| *member != call.caller().member))
}

/// How long the money lasts at these terms, if that is known; what is too short for anything is refused.
fn lasts(
    adapter: &dyn ServiceAdapter,
    cap: Money,
    terms: &str,
) -> Result<Option<Duration>, Refusal> {
    match adapter.lasts(cap, terms) {
        Some(span) if span < steps::SHORTEST => {
            let why = steps::too_short(cap, cap, span);
            Err(Refusal::sentence(format!(
                "{why} Nothing was reserved. Take more, or something cheaper."
            )))
        }
        lasts => Ok(lasts),
    }
}

/// Whether it is to begin each month anew.
fn monthly(call: &Call<'_>, adapter: &dyn ServiceAdapter) -> Result<bool, Refusal> {
    if !MONTHLY.is_given(call) {
        return Ok(false);
    }
    // At the end of its life that is moved, or another one takes its place.
    let adjusts = adapter.capabilities().adjusts;
    if !adjusts.cap || !(adjusts.end || adjusts.secret) {
        return Err(Refusal::sentence(format!(
            "{} can't give what exists more money and a later end, so it can't go on from month to month. \
             Nothing was reserved. Leave out `monthly`.",
            adapter.capabilities().title
        )));
    }
    if LIFE.is_given(call) {
        return Err(Refusal::sentence(
            "A key for each month lives until it is given back, so it takes no life. Nothing was reserved. \
             Leave out either `monthly` or `for`.",
        ));
    }
    Ok(true)
}

/// Opens the grant. `whole`: the member knows that it is more than her budget.
pub async fn run(call: Call<'_>, whole: bool) -> Result<Reply, Refusal> {
    let (service, cap) = (SERVICE.need(&call)?, AMOUNT.need(&call)?);
    let Some(adapter) = call.desk().services.find(&service) else {
        return Err(offers::no_such(&call, &service, cap).await);
    };
    let service_min = adapter.capabilities().smallest_cap;
    let (member, life) = (call.caller().member, LIFE.get(&call));
    let terms = terms(&call, adapter).await?;
    let lasts = lasts(adapter, cap, terms.as_deref().unwrap_or_default())?;
    let lender = lender(&call, adapter, terms.as_deref()).await?;
    let (name, reason) = (NAME.get(&call), REASON.get(&call));
    let monthly = monthly(&call, adapter)?;
    let wants = adapter.wants(terms.as_deref().unwrap_or_default());
    let caution = adapter.capabilities().caution;
    let decide = |books: &Books| {
        let settings = &books.org.settings;
        let usual = if monthly {
            settings.longest_life
        } else {
            settings.default_life
        };
        let life = life.unwrap_or(usual);
        let ask = Ask {
            cap,
            life,
            service_min,
        };
        let service = service.clone();
        let request = Request {
            member,
            service,
            ask,
            terms,
            wants,
            caution,
            name,
            reason,
            asks_for_whole: whole,
            monthly,
            lender,
        };
        let (entry, opened) = requests::open(books, &request)?;
        let free_hand = books.org.settings.free_hand;
        Ok((
            entry,
            Done {
                service: request.service,
                wants: request.wants,
                lasts,
                cap,
                life: (!monthly).then_some(life),
                opened,
                free_hand,
                lent: lender.is_some(),
            },
        ))
    };
    let done = call
        .desk()
        .record(call.scope().member(member), decide)
        .await?;
    Ok(done.page(&call).into())
}

/// What was recorded.
struct Done {
    service: ServiceName,
    /// What was agreed on beside cap and life.
    wants: Facts,
    /// How long the money lasts at that, if that is known.
    lasts: Option<Duration>,
    cap: Money,
    /// `None`: it goes on from month to month.
    life: Option<Life>,
    opened: Opened,
    free_hand: Money,
    /// It uses what was made for somebody else.
    lent: bool,
}

impl Done {
    /// What was said, with what was agreed on and how long the money lasts at that.
    fn agreed(&self, text: Text) -> Page {
        let page = Page::say(text);
        let Some(lasts) = self.lasts else {
            return page;
        };
        let wants = self.wants.iter();
        let wants = wants.map(|(name, wanted)| (name.clone(), Text::new(wanted)));
        page.with(Block::Fields(wants.collect()))
            .text(Text::new(format!(
                "{} lasts {} at that price, if its life is not over before.",
                self.cap,
                span(lasts)
            )))
    }

    fn page(&self, call: &Call<'_>) -> Page {
        let Self {
            service,
            cap,
            life,
            opened,
            free_hand,
            lent,
            ..
        } = self;
        let number = opened.number;
        let span = life.map_or_else(|| "each month".to_owned(), |life| format!("for {life}"));
        let grant = format!("grant {number}: {cap} of {service} {span}");
        let short = (*cap - opened.free).or_zero();
        if opened.state == State::Reserved {
            let rest = (opened.free - *cap).or_zero();
            return self.agreed(
                Text::default()
                    .bold(format!("Reserved {cap}"))
                    .and(format!(" as {grant}. The key comes by DM; {rest} is free.")),
            );
        }
        let why = if short.is_zero() && *lent {
            "That uses what was made for somebody else, so the owners were asked".to_owned()
        } else if short.is_zero() {
            format!("That is above the free hand of {free_hand}, so the owners were asked")
        } else {
            format!("That is {short} more than your budget, so the owners were asked for the whole")
        };
        let text = Text::new(why).and(format!(
            " ({grant}). Nothing is reserved until one of them approves; you will \
                          get a DM either way."
        ));
        let line = format!("withdraw {number}");
        self.agreed(text)
            .buttons(vec![Button::new("Withdraw", line, call.mine())])
    }
}

/// `24 h 50 min`.
fn span(span: Duration) -> String {
    let minutes = span.as_secs() / 60;
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}
