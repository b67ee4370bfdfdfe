//! A person's home tab: her month and her keys; for owners also what waits for them, and the vault.

use crate::{budget, keys};
use slice_core::{
    books::{Books, Master, Member},
    grant::{Grant, State},
    page::{Audience, Block, Button, Page, Text},
    refusal::shorten,
    role::Role,
    sentences,
};

/// Grants and requests that are shown one by one; commands show the rest.
const KEYS: usize = 12;
const REQUESTS: usize = 8;

/// The tab of the books' member. For an owner's, the books must show everyone.
pub fn page(books: &Books, member: &Member, role: Role) -> Page {
    let mine = Audience::Member(member.id);
    let mut page = month(books, member, mine);
    page = own_keys(page, books, member, mine);
    if role == Role::Owner {
        page = requests(page, books);
        page = vault(page, books, mine);
    }
    let note = Text::new("As of ").time(books.now);
    page.note(
        note.and(". This tab follows what happens; ")
            .say("keys")
            .and(" asks the providers anew."),
    )
}

fn month(books: &Books, member: &Member, mine: Audience) -> Page {
    let page = Page::titled(format!("Your {}", books.month.name()));
    let budget = &member.budget;
    if member.allocation.is_none() {
        return page
            .text("You have no budget yet. An owner can give you one with `/slice allocate`.")
            .buttons(vec![Button::new("Help", "help", mine)]);
    }
    let text = Text::default()
        .bold(format!("{} free", budget.free()))
        .and(" until ")
        .time(books.org.turns_at)
        .and(format!(".{}", sentences::above(budget, "your budget")));
    let mut buttons = vec![];
    if !budget.free().is_zero() {
        buttons.push(Button::new("Provision a key", "provision", mine).primary());
    }
    buttons.push(Button::new("Dashboard", "dashboard", mine));
    page.with(budget::bar(Text::new("Your budget"), budget))
        .text(text)
        .buttons(buttons)
}

fn own_keys(page: Page, books: &Books, member: &Member, mine: Audience) -> Page {
    let mut page = page.with(Block::Heading("Your keys".to_owned()));
    if member.grants.is_empty() {
        return page.text("None of your grants holds money or waits for an owner.");
    }
    let mut grants: Vec<_> = member.grants.iter().collect();
    grants.sort_by_key(|grant| std::cmp::Reverse(grant.number));
    let more = grants.len().saturating_sub(KEYS);
    for grant in grants.into_iter().take(KEYS) {
        page = keys::card(page, grant, books.now, mine);
    }
    match more {
        0 => page,
        _ => page.text(Text::new(format!("… and {more} more: ")).say("keys")),
    }
}

fn requests(page: Page, books: &Books) -> Page {
    let mut page = page.with(Block::Heading("Waiting for an owner".to_owned()));
    let of = |member| grants_of(member).map(move |grant| (member, grant));
    let mut all: Vec<_> = books.everyone.iter().flat_map(of).collect();
    if all.is_empty() {
        return page.text("No request waits.");
    }
    all.sort_by_key(|(_, grant)| grant.number);
    let more = all.len().saturating_sub(REQUESTS);
    for (member, grant) in all.into_iter().take(REQUESTS) {
        let (cap, service, life) = (grant.cap, &grant.service, grant.life);
        let mut text = Text::default().member(member.id).and(format!(
            " asks for grant {}: {cap} of {service} for {life}",
            grant.number
        ));
        if let Some(reason) = &grant.reason {
            text = text.and(", because: ").and(shorten(reason));
        }
        let top_up = member.budget.top_up_for(cap);
        page = page
            .text(text)
            .buttons(sentences::request_buttons(grant.number, top_up));
    }
    match more {
        0 => page,
        _ => page.text(Text::new(format!(
            "… and {more} more in the owners' messages."
        ))),
    }
}

fn grants_of(member: &Member) -> impl Iterator<Item = &Grant> {
    let grants = member.grants.iter();
    grants.filter(|grant| grant.state == State::AwaitingOwner)
}

fn vault(page: Page, books: &Books, mine: Audience) -> Page {
    let page = page.with(Block::Heading("Vault".to_owned()));
    let masters = &books.org.masters;
    if masters.is_empty() {
        let add = Button::new("Deposit a master key", "vault add", mine).primary();
        return page.text("The vault is empty.").buttons(vec![add]);
    }
    let health = masters
        .iter()
        .map(|master| (master.service.to_string(), health(master)));
    let check = Button::new("Check them now", "vault check", mine);
    page.with(Block::Fields(health.collect()))
        .buttons(vec![check])
}

fn health(master: &Master) -> Text {
    let text = Text::new("key ending in ").code(&master.last4);
    match (master.silent_since, master.read_at) {
        (Some(since), _) => text
            .and(": ")
            .bold("not readable")
            .and(" since ")
            .time(since),
        (None, Some(at)) => text.and(": spending read ").time(at),
        (None, None) => text.and(": not used yet"),
    }
}
