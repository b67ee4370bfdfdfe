//! `vault options`: what members may take of a service whose owners have to say so.

use super::{SERVICE, adapter, announcement};
use crate::{
    announce,
    args::TERMS_MAX,
    forms::form,
    grammar::{Call, Command, View},
    param::Param,
};
use slice_core::{
    books::{Books, Entry},
    event::Event,
    ids::ServiceName,
    page::{Block, Button, Page, Text},
    ports::{Asking, ServiceAdapter},
    refusal::Refusal,
    reply::{Form, Reply},
    role::Role,
};

const OPTIONS: Param<String> = Param::terms(
    "options",
    "What members may take; it goes into a form",
    TERMS_MAX,
);

pub const COMMAND: Command = Command {
    params: &[SERVICE.shape(), OPTIONS.shape()],
    examples: &["vault options {service}"],
    view: View::Form,
    form: Some(|call| Box::pin(make_form(call))),
    ..Command::plain(
        "vault options",
        "Choose what members may take of a service, through a form",
        Role::Owner,
        |call| Box::pin(run(call)),
    )
};

/// The adapter of the service that was named, or of the only one that wants to know.
fn chosen<'a>(call: &Call<'a>) -> Result<&'a dyn ServiceAdapter, Refusal> {
    let wants = |adapter: &&dyn ServiceAdapter| adapter.capabilities().has_options;
    if let Some(name) = SERVICE.get(call) {
        let found = adapter(call, &name)?;
        return Some(found).filter(wants).ok_or_else(|| {
            Refusal::sentence(format!(
                "There is nothing to choose for {name}: whoever has a budget can take keys of it. Nothing \
                 was changed."
            ))
        });
    }
    let services = &call.desk().services;
    let names = services.names().into_iter();
    let mut found = names.filter_map(|name| services.find(&name)).filter(wants);
    found
        .next()
        .ok_or_else(|| Refusal::sentence("No service has anything to choose. Nothing was changed."))
}

fn no_master(call: &Call<'_>, service: &ServiceName) -> Refusal {
    let add = format!("vault add {service}");
    Refusal::offering(
        format!("There is no master key for {service} in the vault yet. Nothing was changed."),
        Button::new("Deposit a master key", add, call.mine()).primary(),
    )
}

async fn make_form(call: Call<'_>) -> Result<Form, Refusal> {
    let adapter = chosen(&call)?;
    let (service, title) = (adapter.name(), adapter.capabilities().title);
    let books = call.desk().store.books(call.look()).await?;
    let master = books.org.master(service);
    let master = master.ok_or_else(|| no_master(&call, service))?;
    let secret = call.desk().master_secret(&books, master)?;
    let asking = Asking {
        master: &secret,
        options: books.org.options_of(service),
        said: "",
    };
    let fields = adapter.choices(asking).await;
    let fields = fields.map_err(|why| {
        Refusal::sentence(format!(
            "{title} could not be asked: {why} Nothing was changed."
        ))
    })?;
    let line = format!("vault options {service}");
    let mut form = form("What members may take", line, call.mine());
    form.submit = "Save".into();
    form.intro = Page::say(Text::new(format!(
        "What members may take of {title}, and what they get where they say nothing else."
    )));
    if let Some(caution) = adapter.capabilities().caution {
        form.intro = form.intro.text(caution);
    }
    form.fields = fields;
    for field in &mut form.fields {
        field.name = format!("{}.{}", OPTIONS.name(), field.name);
    }
    Ok(form)
}

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    let adapter = chosen(&call)?;
    let service = adapter.name().clone();
    let options = adapter.options(&OPTIONS.need(&call)?).map_err(|why| {
        let again = Button::new(
            "Open the form",
            format!("vault options {service}"),
            call.mine(),
        );
        Refusal::offering(format!("{why} Nothing was changed."), again.primary())
    })?;
    let shown: Vec<_> = adapter
        .wants(&options)
        .into_iter()
        .map(|(name, chosen)| (name, Text::new(chosen)))
        .collect();
    let news = announcement(&call, "chose what members may take of", &service);
    let news = news.with(Block::Fields(shown.clone()));
    let decide = |books: &Books| {
        books
            .org
            .master(&service)
            .ok_or_else(|| no_master(&call, &service))?;
        let (service, options) = (service.clone(), options);
        let set = Event::OptionsSet { service, options };
        let entry = Entry::event(set);
        Ok((entry.say_all(announce::to_owners(&books.org, &news)), ()))
    };
    call.desk().record(call.scope(), decide).await?;
    let text = format!("Saved: this is what members may take of {service} from now on.");
    let page = Page::say(Text::new(text)).with(Block::Fields(shown));
    Ok(page
        .note("What runs already goes on as it was taken.")
        .into())
}
