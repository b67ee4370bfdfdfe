//! `vault remove`: takes a master key out, once nothing depends on it.

use super::{SERVICE, announcement};
use crate::{
    announce,
    grammar::{Call, Command},
    keys::holding,
};
use slice_core::{
    books::{Books, Entry},
    event::Event,
    page::{Page, Text},
    refusal::Refusal,
    reply::Reply,
    role::Role,
};

const NAMED_MAX: usize = 10;

pub const COMMAND: Command = Command {
    params: &[SERVICE.shape()],
    examples: &["vault remove {service}"],
    ..Command::plain(
        "vault remove",
        "Take a master key out of the vault, once no grant needs it",
        Role::Owner,
        |call| Box::pin(run(call)),
    )
};

fn still_needed(service: &str, numbers: &[i64]) -> Refusal {
    let named: Vec<_> = numbers
        .iter()
        .take(NAMED_MAX)
        .map(ToString::to_string)
        .collect();
    let more = if NAMED_MAX < numbers.len() {
        " and others"
    } else {
        ""
    };
    let (grants, need) = if numbers.len() == 1 {
        ("grant", "needs")
    } else {
        ("grants", "need")
    };
    Refusal::sentence(format!(
        "{} {grants} of {service} still {need} the master key, to be ended and read: {}{more}. \
         Nothing was changed. End each with `/slice revoke <grant>`, and remove the key some minutes after \
         the last one has ended.",
        numbers.len(),
        named.join(", ")
    ))
}

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    let service = SERVICE.need(&call)?;
    let held = holding(call.desk(), call.caller().org, &service).await?;
    if !held.is_empty() {
        let mut numbers: Vec<_> = held.iter().map(|(_, grant)| grant.number).collect();
        numbers.sort_unstable();
        return Err(still_needed(service.as_str(), &numbers));
    }
    let news = announcement(&call, "removed the master key for", &service);
    let decide = |books: &Books| {
        let Some(master) = books.org.master(&service) else {
            let known = books
                .org
                .masters
                .iter()
                .map(|master| master.service.clone())
                .collect();
            return Err(Refusal::NoMaster {
                service: service.clone(),
                known,
            });
        };
        // A grant may have come to life since the look above.
        let live = books.live.iter().filter(|grant| grant.service == service);
        let numbers: Vec<_> = live.map(|grant| grant.number).collect();
        if !numbers.is_empty() {
            return Err(still_needed(service.as_str(), &numbers));
        }
        let left = books.left.iter().filter(|grant| grant.service == service);
        let numbers: Vec<_> = left.map(|grant| grant.number.to_string()).collect();
        if !numbers.is_empty() {
            return Err(Refusal::sentence(format!(
                "What stays of ended grants ({}) is measured with that master key. Nothing was changed. Take it \
                 over with `/slice vault take <grant>`, or delete it with `/slice vault delete <grant>`, first.",
                numbers.join(", ")
            )));
        }
        let removed = Event::MasterRemoved {
            service: service.clone(),
            version: master.version,
        };
        Ok((
            Entry::event(removed).say_all(announce::to_owners(&books.org, &news)),
            (),
        ))
    };
    call.desk().record(call.scope().live(), decide).await?;
    let text = format!(
        "The master key for {service} was removed and its seal erased. No new keys of {service} can \
         be made. Delete it at the provider as well."
    );
    Ok(Page::say(Text::new(text)).into())
}
