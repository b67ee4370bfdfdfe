//! What the vault has to offer: each service with what it costs, and how hard its cap is.

use crate::grammar::Call;
use slice_core::{
    books::Org,
    ids::ServiceName,
    money::Money,
    page::{Button, Text},
    ports::ServiceAdapter,
    refusal::Refusal,
};

/// More do not fit into one message as buttons.
const BUTTONS: usize = 5;

/// The services that keys can be made at, with their adapters.
pub fn offered<'a>(
    call: &'a Call<'_>,
    org: &'a Org,
) -> impl Iterator<Item = (&'a ServiceName, &'a dyn ServiceAdapter)> {
    org.masters.iter().filter_map(|master| {
        let adapter = call.desk().services.find(&master.service)?;
        Some((&master.service, adapter))
    })
}

/// Whether members may have none of a service yet.
fn is_off(org: &Org, (name, adapter): (&ServiceName, &dyn ServiceAdapter)) -> bool {
    adapter.is_off(org.options_of(name))
}

/// One service as a line of its own.
pub fn line(org: &Org, (name, adapter): (&ServiceName, &dyn ServiceAdapter)) -> Text {
    if is_off(org, (name, adapter)) {
        return Text::default()
            .bold(name.to_string())
            .and(": off until an owner turns it on with ")
            .code(format!("/slice vault options {name}"))
            .and(".");
    }
    let able = adapter.capabilities();
    let soft = if able.hardness.is_hard() {
        ""
    } else {
        "soft cap, "
    };
    Text::default().bold(name.to_string()).and(format!(
        ": {}. Its cap: {soft}{}; {} at least.",
        adapter.price(org.options_of(name)),
        able.hardness.said(),
        able.smallest_cap
    ))
}

/// All of them in one line, for the field in which one is chosen.
pub fn short(call: &Call<'_>, org: &Org) -> String {
    let on = offered(call, org).filter(|offer| !is_off(org, *offer));
    let each = on.map(|(name, adapter)| {
        let is_hard = adapter.capabilities().hardness.is_hard();
        format!("{name}: {} cap", if is_hard { "hard" } else { "soft" })
    });
    each.collect::<Vec<_>>().join(" · ")
}

/// The same for the hint of the cap, where forms have no text: of services that Slice has to stop.
pub fn warned(call: &Call<'_>, services: impl Iterator<Item = ServiceName>) -> String {
    let adapters = services.filter_map(|service| call.desk().services.find(&service));
    let stopped = adapters.filter(|adapter| !adapter.capabilities().margin().is_zero());
    stopped.fold(String::new(), |said, adapter| {
        let known = adapter.capabilities();
        let (name, least, margin) = (adapter.name(), known.smallest_cap, known.margin());
        format!("{said}. {name}: from {least}, stopped {margin} short of it")
    })
}

/// What was said is no service: what the vault has instead, for the same amount.
pub async fn no_such(call: &Call<'_>, said: &ServiceName, cap: Money) -> Refusal {
    let scope = call.look().member(call.caller().member);
    let books = match call.desk().store.books(scope).await {
        Ok(books) => books,
        Err(why) => return why,
    };
    let known = call.desk().services.names();
    let said = said.to_string();
    let offers: Vec<_> = offered(call, &books.org).collect();
    let Some(member) = books.member.as_ref().filter(|_| !offers.is_empty()) else {
        return Refusal::NoService { said, known };
    };
    let text = Text::new("There is no service called ").code(&said);
    let text = text.and(". Nothing was changed. The vault has ");
    let text = offers.iter().fold(text, |text, offer| {
        text.join(line(&books.org, *offer)).and(" ")
    });
    let text = text.and(format!(
        "{} of your budget is free until ",
        member.budget.free()
    ));
    let fits = offers.iter().filter(|offer| {
        let least = offer.1.capabilities().smallest_cap;
        !is_off(&books.org, **offer) && least <= cap && cap <= member.budget.free()
    });
    let next = fits.take(BUTTONS).map(|(name, _)| {
        let line = format!("provision {name} {}", cap.decimal());
        Button::new(format!("Provision {cap} of {name}"), line, call.mine())
    });
    Refusal::Sentence {
        text: text.time(books.org.turns_at).and("."),
        next: next.collect(),
    }
}
