//! `reveal`: the secret, once, in a view of its own.

use crate::{
    grammar::{Call, Command, View},
    param::Param,
};
use slice_core::{
    books::{Books, GrantRef, Scope},
    event::Actor,
    grant::{Grant, Key},
    page::{Block, Page, Text},
    refusal::Refusal,
    reply::{self, Reply},
    role::Role,
    steps::{self, Reveal},
    vault::{Seal, SealOwner, WrappedKey},
};

const GRANT: Param<i64> = Param::grant("grant", "The grant's number");

pub const COMMAND: Command = Command {
    params: &[GRANT.shape()],
    examples: &["reveal 3"],
    view: View::Reveal,
    ..Command::plain(
        "reveal",
        "See the key of a grant, once",
        Role::User,
        |call| Box::pin(run(call)),
    )
};

/// What was read under the lock in which the reveal began.
struct Begun {
    grant: Grant,
    owner: SealOwner,
    seal: Seal,
    data_key: WrappedKey,
}

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    let number = GRANT.need(&call)?;
    let scope = call.scope().grant(GrantRef::Number(number));
    let decide = |books: &Books| {
        let (entry, reveal) = steps::reveal(books, number)?;
        let outcome = match reveal {
            Reveal::Refused(refusal) => Err(refusal),
            Reveal::Begun => Ok(begun(books).ok_or(Refusal::NoSuchGrant { number })?),
        };
        Ok((entry, outcome))
    };
    // A refused reveal is recorded and told to owners, so it is an error only from here on.
    let Begun {
        grant,
        owner,
        seal,
        data_key,
    } = call.desk().record(scope, decide).await??;
    let Ok(secret) = call.desk().vault.open(&data_key, &owner, &seal) else {
        close(&call, &grant).await;
        return Err(Refusal::sentence(format!(
            "The seal of grant {number} does not open, so nothing was shown. Ask whoever runs \
             Slice to look at the vault key, or give the grant back and provision another."
        )));
    };
    let page = page(&call, &grant);
    Ok(Reply::Reveal(reply::Reveal {
        grant: grant.id,
        secret,
        page,
    }))
}

fn begun(books: &Books) -> Option<Begun> {
    let grant = books.grant.clone()?;
    let Key { attempt, seal, .. } = grant.key()?.clone();
    let owner = SealOwner::Key {
        org: books.org.id,
        grant: grant.id,
        attempt,
    };
    Some(Begun {
        owner,
        seal: seal?,
        data_key: books.org.data_key.clone(),
        grant,
    })
}

/// Nothing was shown, so the key may be revealed again once the vault is well. Where this cannot be
/// recorded, the reveal closes by itself when its minute is over, and counts as shown.
async fn close(call: &Call<'_>, grant: &Grant) {
    let scope = Scope::new(call.caller().org, Actor::Slice).grant(GrantRef::Id(grant.id));
    let failed = |books: &Books| Ok((steps::reveal_failed(books)?, ()));
    let _ = call.desk().record(scope, failed).await;
}

fn page(call: &Call<'_>, grant: &Grant) -> Page {
    let adapter = call.desk().services.find(&grant.service);
    let mut fields = vec![("Grant".to_owned(), Text::new(grant.number.to_string()))];
    let hardness = adapter.map(|adapter| format!(", {}", adapter.capabilities().hardness.said()));
    let cap = format!("{}{}", grant.cap, hardness.unwrap_or_default());
    fields.push(("Cap".into(), Text::new(cap)));
    if let Some(ends_at) = grant.ends_at {
        fields.push(("Ends".into(), Text::default().time(ends_at)));
    }
    let facts = grant.key().map(|key| key.facts.clone()).unwrap_or_default();
    let said = facts.iter();
    fields.extend(said.map(|(name, fact)| (name.clone(), Text::new(fact))));
    if let Some(adapter) = adapter {
        fields.push(("Use".into(), Text::default().code(adapter.usage(&facts))));
    }
    Page::say("This is shown once. Put it where you keep secrets before you close this.")
        .with(Block::Fields(fields))
}
