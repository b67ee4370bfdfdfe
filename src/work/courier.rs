//! Carries messages from the outbox into chat: each at least once, and at most once more for each
//! answer of a platform's that got lost.

use super::delivery::{self, Target};
use slice_core::{
    books::{Books, Claimed, Entry, GrantRef, Message, Scope, To},
    desk::Desk,
    digest,
    event::Actor,
    ids::{GrantId, PlatformName},
    page::Text,
    ports::{Letter, Platform, PlatformError, Posted, Sent},
    refusal::Refusal,
    secret::Secret,
    steps::{self, BACKOFF_MAX},
    vault::SealOwner,
};
use std::time::Duration;
use tracing::{debug, info, warn};

/// How long a message belongs to the courier that claimed it.
const LEASE: Duration = Duration::from_mins(2);
const BACKOFF_MIN: Duration = Duration::from_secs(1);
/// A message with a key in it whose fate is unknown is looked for only when it can no longer be on
/// its way, because it must not be said twice.
const SECRET_SETTLES: Duration = Duration::from_secs(30);

/// Delivers one message. Gives whether there was one.
pub async fn step(desk: &Desk) -> Result<bool, Refusal> {
    let Some(claimed) = desk.store.claim_message(LEASE).await? else {
        return Ok(false);
    };
    let carried = if claimed.message.edit {
        edit(desk, &claimed).await
    } else {
        post(desk, &claimed).await
    };
    let (sent, failed) = match carried {
        Ok(sent) => (sent, None),
        Err(Refusal::LostLease) => return Ok(true),
        // The platform may have heard of it before the books failed.
        Err(why) => (
            Sent::Later {
                after: backoff(&claimed),
                in_doubt: true,
            },
            Some(why),
        ),
    };
    log(&claimed, &sent);
    let noted = desk.store.sent(&claimed, sent).await;
    match failed.map_or(noted, Err) {
        Ok(()) | Err(Refusal::LostLease) => Ok(true),
        Err(why) => Err(why),
    }
}

fn log(claimed: &Claimed, sent: &Sent) {
    let id = claimed.id;
    match sent {
        Sent::Posted(_) | Sent::Edited => debug!(message.id = %id, "Delivered message {id}"),
        Sent::Undeliverable(why) => {
            warn!(message.id = %id, "Message {id} was not delivered: {why}");
        }
        Sent::Later { after, .. } => {
            let seconds = after.as_secs();
            info!(message.id = %id, "Message {id} has to wait; the next try is in {seconds} s");
        }
    }
}

/// Doubles with every try. There is no last one.
fn backoff(claimed: &Claimed) -> Duration {
    let doublings = u32::try_from(claimed.tries.clamp(0, 16)).unwrap_or_default();
    (BACKOFF_MIN * 2u32.pow(doublings)).min(BACKOFF_MAX)
}

/// The pause after a platform's answer that was no answer.
fn later(claimed: &Claimed, asked: Duration, in_doubt: bool) -> Sent {
    let settles = if in_doubt && claimed.message.reveals.is_some() {
        SECRET_SETTLES
    } else {
        BACKOFF_MIN
    };
    let after = backoff(claimed).max(asked.min(BACKOFF_MAX)).max(settles);
    Sent::Later { after, in_doubt }
}

async fn edit(desk: &Desk, claimed: &Claimed) -> Result<Sent, Refusal> {
    let mut pause = None;
    for posted in desk.store.posted(claimed.org, &claimed.message).await? {
        let workspace = &posted.place.workspace;
        let Some(platform) = desk.platform(workspace.platform) else {
            continue;
        };
        let page = &claimed.message.page;
        let names = desk.known(claimed.org, workspace, page).await?;
        let letter = Letter {
            id: claimed.id,
            page,
            names: &names,
            secret: None,
            picture: None,
        };
        match platform.edit(&posted, &letter).await {
            Ok(()) => {}
            // Deleted by a person, or the channel is gone: there is nothing left to mend.
            Err(PlatformError::Refused(why)) => {
                debug!(message.id = %claimed.id, "A message is not there to be edited: {why}");
            }
            Err(PlatformError::Later(after)) => pause = pause.max(Some(after)),
            Err(PlatformError::Unknown(_)) => pause = pause.max(Some(BACKOFF_MIN)),
        }
    }
    // An edit said twice says the same, so one whose fate is unknown is simply said again.
    Ok(pause.map_or(Sent::Edited, |after| later(claimed, after, false)))
}

async fn post(desk: &Desk, claimed: &Claimed) -> Result<Sent, Refusal> {
    let targets = delivery::targets(desk, claimed).await?;
    if claimed.in_doubt {
        match look(desk, claimed, &targets).await {
            Look::There(posted) => return arrived(desk, claimed, posted).await,
            Look::NotThere => {}
            Look::Later(after) => return Ok(later(claimed, after, true)),
            Look::Blind => {
                if let Some(grant) = claimed.message.reveals {
                    shown(desk, claimed, grant, false).await?;
                    let why = "it holds a key, and nobody can say whether it arrived";
                    return Ok(Sent::Undeliverable(why.into()));
                }
            }
        }
    }
    let secret = match claimed.message.reveals {
        None => None,
        Some(grant) => match key(desk, claimed, grant).await? {
            Some(secret) => Some(secret),
            None => {
                return Ok(Sent::Undeliverable(
                    "its key is not to be had any more".into(),
                ));
            }
        },
    };
    desk.store.sending(claimed).await?;
    let mut refused = "there is nobody to reach on a platform that this Slice serves".to_owned();
    for (target, platform) in reachable(desk, &targets) {
        let page = &claimed.message.page;
        let names = desk.known(claimed.org, target.workspace(), page).await?;
        let picture = delivery::picture(desk, claimed, platform.name()).await?;
        let letter = Letter {
            id: claimed.id,
            page,
            names: &names,
            secret: secret.as_ref(),
            picture: picture.as_ref(),
        };
        match platform.post(target.address(), &letter).await {
            Ok(posted) => return arrived(desk, claimed, posted).await,
            Err(PlatformError::Refused(why)) => refused = why,
            Err(PlatformError::Later(after)) => return Ok(later(claimed, after, false)),
            Err(PlatformError::Unknown(_)) => return Ok(later(claimed, BACKOFF_MIN, true)),
        }
    }
    match claimed.message.to {
        To::Member(_) => {
            tell_of_a_lost_key(desk, claimed, &refused).await?;
            Ok(Sent::Undeliverable(refused))
        }
        To::OwnersChannel => to_each_owner(desk, claimed, &refused).await,
        To::DigestChannel(on) => to_the_owners(desk, claimed, (on, &refused)).await,
    }
}

fn reachable<'a>(
    desk: &'a Desk,
    targets: &'a [Target],
) -> impl Iterator<Item = (&'a Target, &'a dyn Platform)> {
    targets
        .iter()
        .filter_map(|target| Some((target, desk.platform(target.workspace().platform)?)))
}

/// What a platform says of a message whose delivery is in doubt.
enum Look {
    There(Posted),
    NotThere,
    Later(Duration),
    /// It cannot be looked for.
    Blind,
}

async fn look(desk: &Desk, claimed: &Claimed, targets: &[Target]) -> Look {
    let mut blind = false;
    for (target, platform) in reachable(desk, targets) {
        match platform.find(target.address(), claimed.id).await {
            Ok(Some(posted)) => return Look::There(posted),
            Ok(None) => {}
            Err(PlatformError::Refused(_)) => blind = true,
            Err(PlatformError::Later(after)) => return Look::Later(after),
            Err(PlatformError::Unknown(_)) => return Look::Later(BACKOFF_MIN),
        }
    }
    if blind { Look::Blind } else { Look::NotThere }
}

/// The seal is erased before the message is done with: a courier that dies between the two finds
/// the message in chat, and the key has been shown just once.
async fn arrived(desk: &Desk, claimed: &Claimed, posted: Posted) -> Result<Sent, Refusal> {
    if let Some(grant) = claimed.message.reveals {
        shown(desk, claimed, grant, true).await?;
    }
    if let To::DigestChannel(on) = claimed.message.to {
        digest_arrived(desk, claimed, on).await?;
    }
    Ok(Sent::Posted(posted))
}

fn scope(claimed: &Claimed, grant: GrantId) -> Scope {
    Scope::new(claimed.org, Actor::Slice).grant(GrantRef::Id(grant))
}

async fn shown(
    desk: &Desk,
    claimed: &Claimed,
    grant: GrantId,
    certain: bool,
) -> Result<(), Refusal> {
    let recorded = desk
        .record(scope(claimed, grant), |books| {
            let mut entry = steps::revealed(books, certain)?;
            // The message with the key stays as it is: an edit would take the key away again.
            entry.messages.clear();
            Ok((entry, ()))
        })
        .await;
    match recorded {
        // It was recorded before.
        Err(Refusal::LostLease) => Ok(()),
        other => other,
    }
}

/// The key that the message holds, opened for this one sending. `None`: it was revealed or ended.
async fn key(desk: &Desk, claimed: &Claimed, grant: GrantId) -> Result<Option<Secret>, Refusal> {
    let books = desk.store.books(scope(claimed, grant)).await?;
    let key = books
        .grant
        .as_ref()
        .filter(|grant| grant.revealed_at.is_none() && grant.revealing_until.is_none());
    let Some(key) = key.and_then(|grant| grant.key()) else {
        return Ok(None);
    };
    let Some(seal) = &key.seal else {
        return Ok(None);
    };
    let owner = SealOwner::Key {
        org: claimed.org,
        grant,
        attempt: key.attempt,
    };
    Ok(desk.vault.open(&books.org.data_key, &owner, seal).ok())
}

/// A key that nobody can be told of: owners hear that it waits. They are told before the message is
/// given up on, so that a crash between the two repeats it rather than losing it.
async fn tell_of_a_lost_key(desk: &Desk, claimed: &Claimed, why: &str) -> Result<(), Refusal> {
    let topic = claimed.message.topic.as_deref();
    let Some(grant) = topic.and_then(steps::grant_of_key_topic) else {
        return Ok(());
    };
    let decide = |books: &_| Ok((steps::untold(books, why), ()));
    desk.record(scope(claimed, grant), decide).await
}

/// The owners' channel cannot be posted to: the message goes to each owner instead. It is recorded
/// for them before it is given up on here, so that a crash between the two repeats it rather than
/// losing it.
async fn to_each_owner(desk: &Desk, claimed: &Claimed, why: &str) -> Result<Sent, Refusal> {
    let owners = each_owner(desk, claimed).await?;
    if owners.is_empty() {
        return Ok(Sent::Undeliverable(format!(
            "{why}; no owner is known who could be told"
        )));
    }
    let entry = Entry::default().say_all(owners.into_iter().map(|(_, message)| message));
    desk.record(Scope::new(claimed.org, Actor::Slice), |_| Ok((entry, ())))
        .await?;
    Ok(Sent::Undeliverable(format!(
        "{why}; each known owner is told instead"
    )))
}

/// The digest's channel cannot be posted to: owners read it. That is recorded before the message is
/// given up on here.
async fn to_the_owners(
    desk: &Desk,
    claimed: &Claimed,
    (on, why): (PlatformName, &str),
) -> Result<Sent, Refusal> {
    let decide = |books: &Books| Ok((digest::lost(books, on, (&claimed.message, why)), ()));
    desk.record(Scope::new(claimed.org, Actor::Slice), decide)
        .await?;
    Ok(Sent::Undeliverable(format!(
        "{why}; the owners are told instead"
    )))
}

/// Where owners were told that the digest's channel cannot be posted to, they are told anew when that
/// happens again.
async fn digest_arrived(desk: &Desk, claimed: &Claimed, on: PlatformName) -> Result<(), Refusal> {
    let scope = Scope::new(claimed.org, Actor::Slice);
    if desk.store.books(scope.clone()).await?.org.lost.is_empty() {
        return Ok(());
    }
    desk.record(scope, |books| Ok((digest::found(books, on), ())))
        .await
}

/// The message as each known owner gets it, or the person who installed Slice.
async fn each_owner(desk: &Desk, claimed: &Claimed) -> Result<Vec<(To, Message)>, Refusal> {
    let org = desk
        .store
        .books(Scope::new(claimed.org, Actor::Slice))
        .await?
        .org;
    let mut owners: Vec<_> = org.owners.iter().map(|(owner, _)| *owner).collect();
    if owners.is_empty() {
        owners.extend(org.installer);
    }
    let note = Text::from(
        "This comes to each owner because Slice cannot post in the owners' channel. Choose another \
         with `/slice settings owners-channel`.",
    );
    let mut page = claimed.message.page.clone().note(note);
    for button in page.buttons_mut() {
        button.action = None;
    }
    Ok(owners
        .into_iter()
        .map(|owner| {
            let to = To::Member(owner);
            (
                to,
                Message {
                    to,
                    page: page.clone(),
                    ..claimed.message.clone()
                },
            )
        })
        .collect())
}
