//! `provision`: a key of one's own, taken from the month's budget.

use crate::{
    args::{Flag, NAME_MAX, REASON_MAX, TERMS_MAX},
    forms::{choices, form},
    grammar::{Call, Command, View},
    offers,
    param::Param,
};
use slice_core::{
    books::Books,
    budget::Ask,
    grant::State,
    ids::ServiceName,
    life::Life,
    money::Money,
    page::{Button, Page, Text},
    ports::ServiceAdapter,
    refusal::Refusal,
    reply::{Field, Form, Reply},
    requests::{self, Opened, Request},
    role::Role,
    sentences::quote,
    settings::Settings,
};

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
    form: Some(|call| Box::pin(make_form(call))),
    ..Command::plain(
        "provision",
        "Get a key of your own, capped and for a limited time",
        Role::User,
        |call| Box::pin(run(call, false)),
    )
};

/// What the form cannot do without: a budget and something in the vault.
async fn make_form(call: Call<'_>) -> Result<Form, Refusal> {
    let scope = call.look().member(call.caller().member);
    let books = call.desk().store.books(scope).await?;
    let member = books
        .member
        .as_ref()
        .filter(|member| member.allocation.is_some());
    let member = member.ok_or(Refusal::NoAllocation)?;
    let services = || {
        books
            .org
            .masters
            .iter()
            .map(|master| master.service.clone())
    };
    let Some(first) = services().next() else {
        return Err(empty_vault(&call));
    };
    let wanted = SERVICE
        .get(&call)
        .filter(|wanted| services().any(|known| known == *wanted));
    let settings = &books.org.settings;
    let asked = asked(&call, &books, wanted.as_ref()).await;
    let mut form = form("Get a key", "provision", call.mine());
    form.intro = Page::say(
        Text::default()
            .bold(member.budget.free())
            .and(" is free until ")
            .time(books.org.turns_at)
            .and(format!(
                ". Up to {} is yours at once; above that an owner decides.",
                settings.free_hand
            )),
    );
    let offered = offers::offered(&call, &books.org)
        .filter(|(name, _)| wanted.as_ref().is_none_or(|wanted| wanted == *name));
    for offer in offered {
        form.intro = form.intro.text(offers::line(offer));
    }
    form.submit = "Provision".into();
    let service = wanted.unwrap_or(first);
    let whole = Field {
        kind: choices(services()),
        initial: Some(service.to_string()),
        hint: Some(offers::short(&call, &books.org)),
        ..SERVICE.field("Service")
    };
    if let Err(why) = &asked {
        form.intro = form.intro.text(Text::new(why));
    }
    let asked = asked.unwrap_or_default();
    if asked.is_empty() {
        form.fields = fields(&call, settings, vec![]);
        form.fields.insert(0, whole);
    } else {
        // What the form has no room for stands in its line.
        form.fields = fields(&call, settings, asked);
        let left_out = form.fields.split_off(FIELDS_MAX.min(form.fields.len()));
        form.line = format!("provision {service}{}", said(&left_out));
    }
    Ok(form)
}

/// All platforms have room for so many fields in a form.
const FIELDS_MAX: usize = 5;

/// What is asked beside the service, the most needed first.
fn fields(call: &Call<'_>, settings: &Settings, asked: Vec<Field>) -> Vec<Field> {
    let life = LIFE.get(call).unwrap_or(settings.default_life);
    let cap = Field {
        initial: AMOUNT.get(call).map(Money::decimal),
        hint: Some("In US dollars, such as 20 or 20.50".into()),
        ..AMOUNT.field("Cap")
    };
    let rest = [
        Field {
            initial: Some(life.to_string()),
            hint: Some(format!("12h, 7d or 2w; {} at most", settings.longest_life)),
            ..LIFE.field("Life")
        },
        Field {
            initial: NAME.get(call),
            ..NAME.field("Name")
        },
        Field {
            initial: REASON.get(call),
            ..REASON.field("Reason")
        },
    ];
    std::iter::once(cap).chain(asked).chain(rest).collect()
}

/// What was said already for fields that are not shown, as words of the form's line.
fn said(left_out: &[Field]) -> String {
    let keyworded = [LIFE.shape(), NAME.shape(), REASON.shape()];
    let words = left_out.iter().filter_map(|field| {
        let shape = keyworded.iter().find(|shape| shape.name == field.name)?;
        let (keyword, said) = (shape.keyword?, field.initial.as_deref()?);
        Some(format!(" {keyword} {}", quote(said)))
    });
    words.collect()
}

/// What the service that is wanted asks for by itself. The error is a sentence.
async fn asked(
    call: &Call<'_>,
    books: &Books,
    wanted: Option<&ServiceName>,
) -> Result<Vec<Field>, String> {
    let found = wanted.and_then(|name| {
        let adapter = call.desk().services.find(name)?;
        Some((adapter, books.org.master(name)?))
    });
    let Some((adapter, master)) = found else {
        return Ok(vec![]);
    };
    let master = call.desk().master_secret(books, master);
    let master = master.map_err(|_| "The master key in the vault does not open.".to_owned())?;
    let said = TERMS.get(call).unwrap_or_default();
    let questions = adapter.questions(&master, &said).await;
    let mut questions = questions.map_err(|why| why.to_string())?;
    for question in &mut questions {
        question.name = format!("{}.{}", TERMS.name(), question.name);
    }
    Ok(questions)
}

/// What was said for the service alone, as the service takes it; or what is missing, with the form
/// that asks for it.
fn terms(call: &Call<'_>, adapter: &dyn ServiceAdapter) -> Result<Option<String>, Refusal> {
    let said = TERMS.get(call).unwrap_or_default();
    let terms = adapter.terms(&said).map_err(|why| {
        let (service, cap) = (adapter.name(), AMOUNT.get(call));
        let cap = cap.map_or_else(String::new, |cap| format!(" {}", cap.decimal()));
        let line = format!("provision {service}{cap} form");
        Refusal::offering(
            format!("{why} Nothing was changed."),
            Button::new("Fill in the form", line, call.mine()).primary(),
        )
    })?;
    Ok(Some(terms).filter(|terms| !terms.is_empty()))
}

fn empty_vault(call: &Call<'_>) -> Refusal {
    let text = "The vault is empty, so there is nothing to take a key from. Nothing was changed. ";
    if call.is_owner() {
        return Refusal::offering(
            format!("{text}Deposit a master key first."),
            Button::new("Deposit a master key", "vault add", call.mine()).primary(),
        );
    }
    Refusal::sentence(format!(
        "{text}Ask an owner to deposit a master key with `/slice vault add`."
    ))
}

/// Opens the grant. `whole`: the member knows that it is more than her budget.
pub async fn run(call: Call<'_>, whole: bool) -> Result<Reply, Refusal> {
    let (service, cap) = (SERVICE.need(&call)?, AMOUNT.need(&call)?);
    let Some(adapter) = call.desk().services.find(&service) else {
        return Err(offers::no_such(&call, &service, cap).await);
    };
    let service_min = adapter.capabilities().smallest_cap;
    let (member, life) = (call.caller().member, LIFE.get(&call));
    let terms = terms(&call, adapter)?;
    let (name, reason) = (NAME.get(&call), REASON.get(&call));
    let monthly = MONTHLY.is_given(&call);
    if monthly && life.is_some() {
        return Err(Refusal::sentence(
            "A key for each month lives until it is given back, so it takes no life. Nothing was reserved. \
             Leave out either `monthly` or `for`.",
        ));
    }
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
            name,
            reason,
            asks_for_whole: whole,
            monthly,
        };
        let (entry, opened) = requests::open(books, &request)?;
        let free_hand = books.org.settings.free_hand;
        Ok((
            entry,
            Done {
                service: request.service,
                cap,
                life: (!monthly).then_some(life),
                opened,
                free_hand,
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
    cap: Money,
    /// `None`: it goes on from month to month.
    life: Option<Life>,
    opened: Opened,
    free_hand: Money,
}

impl Done {
    fn page(&self, call: &Call<'_>) -> Page {
        let Self {
            service,
            cap,
            life,
            opened,
            free_hand,
        } = self;
        let number = opened.number;
        let span = life.map_or_else(|| "each month".to_owned(), |life| format!("for {life}"));
        let grant = format!("grant {number}: {cap} of {service} {span}");
        let short = (*cap - opened.free).or_zero();
        if opened.state == State::Reserved {
            let rest = (opened.free - *cap).or_zero();
            return Page::say(
                Text::default()
                    .bold(format!("Reserved {cap}"))
                    .and(format!(" as {grant}. The key comes by DM; {rest} is free.")),
            );
        }
        let why = if short.is_zero() {
            format!("That is above the free hand of {free_hand}, so the owners were asked")
        } else {
            format!("That is {short} more than your budget, so the owners were asked for the whole")
        };
        let text = Text::new(why).and(format!(
            " ({grant}). Nothing is reserved until one of them approves; you will \
                          get a DM either way."
        ));
        let line = format!("withdraw {number}");
        Page::say(text).buttons(vec![Button::new("Withdraw", line, call.mine())])
    }
}
