//! Where a message goes.

use crate::chart;
use slice_core::{
    books::{Claimed, Scope, To},
    desk::Desk,
    digest,
    event::Actor,
    ids::{Identity, Place, PlatformName, Workspace},
    ports::Address,
    refusal::Refusal,
    reply::Attachment,
};
use tracing::warn;

/// One place where a message can be posted.
#[derive(Clone, Debug)]
pub(super) enum Target {
    Person(Identity),
    Channel(Place),
}

impl Target {
    pub fn address(&self) -> Address<'_> {
        match self {
            Self::Person(identity) => Address::Person(identity),
            Self::Channel(place) => Address::Channel(place),
        }
    }

    pub fn workspace(&self) -> &Workspace {
        match self {
            Self::Person(identity) => &identity.workspace,
            Self::Channel(place) => &place.workspace,
        }
    }
}

/// Where the message's reader can be reached, the first choice first. None: nowhere.
pub(super) async fn targets(desk: &Desk, claimed: &Claimed) -> Result<Vec<Target>, Refusal> {
    match claimed.message.to {
        To::OwnersChannel => {
            let books = desk
                .store
                .books(Scope::new(claimed.org, Actor::Slice))
                .await?;
            Ok(books
                .org
                .settings
                .owners_channel
                .map(Target::Channel)
                .into_iter()
                .collect())
        }
        To::DigestChannel(platform) => {
            let books = desk
                .store
                .books(Scope::new(claimed.org, Actor::Slice))
                .await?;
            let place = digest::channel(&books, platform).map(Target::Channel);
            Ok(place.into_iter().collect())
        }
        To::Member(member) => {
            let identities = desk.store.reachable(claimed.org, member).await?;
            Ok(identities.into_iter().map(Target::Person).collect())
        }
    }
}

/// The page's chart as an image that is found again by the message's id. `None`: there is no chart,
/// or it cannot be drawn, so that the page says it in words.
pub(super) async fn picture(
    desk: &Desk,
    claimed: &Claimed,
    on: PlatformName,
) -> Result<Option<Attachment>, Refusal> {
    let Some(chart) = claimed.message.page.chart() else {
        return Ok(None);
    };
    let called = desk.called(claimed.org, chart, on).await?;
    let stem = format!("daily-spending-{}", claimed.id);
    let picture = chart::picture(chart, &called, &stem);
    let picture = picture.inspect_err(|why| warn!(message.id = %claimed.id, "{why}"));
    Ok(picture.ok())
}
