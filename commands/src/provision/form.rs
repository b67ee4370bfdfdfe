//! The form of `provision`, with what the service that is wanted asks for by itself.

use super::{AMOUNT, LIFE, NAME, REASON, SERVICE, SHUT, TERMS};
use crate::{
    forms::{choices, form},
    grammar::Call,
    offers,
};
use slice_core::{
    books::Books,
    ids::ServiceName,
    money::Money,
    page::{Button, Page, Text},
    ports::Asking,
    refusal::Refusal,
    reply::{Field, Form},
    sentences::quote,
    settings::Settings,
};

/// All platforms have room for so many fields in a form.
const FIELDS_MAX: usize = 5;

/// What the form cannot do without: a budget and something in the vault.
pub(super) async fn make_form(call: Call<'_>) -> Result<Form, Refusal> {
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
        form.intro = form.intro.text(offers::line(&books.org, offer));
    }
    form.submit = "Provision".into();
    let service = wanted.unwrap_or(first);
    let whole = Field {
        kind: choices(services()),
        initial: Some(service.to_string()),
        hint: Some(offers::short(&call, &books.org)),
        ..SERVICE.field("Service")
    };
    let warned = offers::warned(&call, services());
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
    let cap = form
        .fields
        .iter_mut()
        .find(|field| field.name == AMOUNT.name());
    if let Some(hint) = cap.and_then(|cap| cap.hint.as_mut()) {
        hint.push_str(&warned);
    }
    Ok(form)
}

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
    let master = master.map_err(|_| SHUT.to_owned())?;
    let said = TERMS.get(call).unwrap_or_default();
    let asking = Asking {
        master: &master,
        options: books.org.options_of(adapter.name()),
        said: &said,
    };
    let questions = adapter.questions(asking).await;
    let mut questions = questions.map_err(|why| why.to_string())?;
    for question in &mut questions {
        question.name = format!("{}.{}", TERMS.name(), question.name);
    }
    Ok(questions)
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
