//! What a handler works with: the ports, and what is done over them in more than one place.

use crate::{
    books::{Books, Entry, Master, Offer, Scope},
    drift::{self, Look},
    event::Actor,
    grant::{Grant, KeyState},
    ids::{ActionId, Identity, MemberId, OrgId, PlatformName, ServiceName},
    page::Page,
    ports::{Clock, Platform, ServiceAdapter, ServiceError, Store, Vault},
    refusal::Refusal,
    role::Role,
    secret::Secret,
    steps::{self, Read},
    vault::SealOwner,
};
use std::sync::Arc;

/// The services that the registry lists.
pub struct Services(pub Vec<Box<dyn ServiceAdapter>>);

impl Services {
    pub fn find(&self, name: &ServiceName) -> Option<&dyn ServiceAdapter> {
        self.0
            .iter()
            .find(|service| service.name() == name)
            .map(AsRef::as_ref)
    }

    pub fn names(&self) -> Vec<ServiceName> {
        self.0
            .iter()
            .map(|service| service.name().clone())
            .collect()
    }
}

/// Everything that a handler may touch.
pub struct Desk {
    pub store: Arc<dyn Store>,
    pub vault: Arc<dyn Vault>,
    pub clock: Arc<dyn Clock>,
    pub services: Services,
    pub platforms: Vec<Arc<dyn Platform>>,
}

/// The person who speaks, as the signed envelope or the socket says.
#[derive(Clone, Debug)]
pub struct Caller {
    pub org: OrgId,
    pub member: MemberId,
    pub identity: Identity,
    pub role: Role,
    /// The platform's own id of the delivery.
    pub delivery: String,
    /// The button or form through which the caller speaks.
    pub action: Option<ActionId>,
}

impl Caller {
    /// A transaction by this caller: a repeated delivery or a used action has no effect in it.
    pub fn scope(&self) -> Scope {
        Scope {
            action: self.action,
            delivery: Some(self.delivery.clone()),
            ..Scope::new(self.org, Actor::Member(self.member))
        }
    }
}

/// What a round of reading found.
#[derive(Default)]
struct Round {
    reads: Vec<Read>,
    looks: Vec<Look>,
}

impl Round {
    fn entry(&self, books: &Books) -> Entry {
        let mut entry = steps::usage_read(books, &self.reads);
        let seen = drift::seen(books, &self.looks);
        entry.events.extend(seen.events);
        entry.say_all(seen.messages)
    }
}

impl Desk {
    /// Records what `decide` decides, and gives what it found out beside it.
    pub async fn record<T: Send>(
        &self,
        scope: Scope,
        decide: impl FnOnce(&Books) -> Result<(Entry, T), Refusal> + Send,
    ) -> Result<T, Refusal> {
        let mut found = None;
        let slot = &mut found;
        let decide = Box::new(move |books: &Books| {
            let (entry, value) = decide(books)?;
            *slot = Some(value);
            Ok(entry)
        });
        self.store.record(scope, decide).await?;
        found.ok_or(Refusal::Unavailable)
    }

    pub fn platform(&self, name: PlatformName) -> Option<&dyn Platform> {
        self.platforms
            .iter()
            .find(|platform| platform.name() == name)
            .map(AsRef::as_ref)
    }

    /// Opens a master key for the one call that needs it.
    pub fn master_secret(&self, books: &Books, master: &Master) -> Result<Secret, Refusal> {
        let (org, service) = (books.org.id, master.service.clone());
        let owner = SealOwner::Master {
            org,
            service,
            version: master.version,
        };
        self.vault.open(&books.org.data_key, &owner, &master.seal).map_err(|_| {
            Refusal::sentence(
                "The master key in the vault does not open. Nothing was changed. Ask whoever runs \
                 Slice to look at `slice check`.",
            )
        })
    }

    /// Gives each button of a page that is no outbox message its action.
    pub async fn offer(&self, org: OrgId, page: &mut Page) -> Result<(), Refusal> {
        let offers: Vec<_> = page
            .buttons_mut()
            .map(|button| Offer {
                line: button.line.clone(),
                audience: button.audience,
            })
            .collect();
        if offers.is_empty() {
            return Ok(());
        }
        let actions = self.store.offer(org, &offers).await?;
        for (button, action) in page.buttons_mut().zip(actions) {
            button.action = Some(action);
        }
        Ok(())
    }

    /// Reads live keys at their providers, of one member or of all: charges what is new, and tells
    /// what somebody changed there. Gives the services that could not be read.
    pub async fn read_usage(
        &self,
        org: OrgId,
        member: Option<MemberId>,
    ) -> Result<Vec<(ServiceName, ServiceError)>, Refusal> {
        let scope = Scope::new(org, Actor::Slice).live();
        let books = self.store.books(scope.clone()).await?;
        let mut unread = vec![];
        let mut round = Round::default();
        let mine = |grant: &&Grant| member.is_none_or(|member| grant.member == member);
        for grant in books.live.iter().filter(mine) {
            match self.read_grant(&books, grant, &mut round).await {
                Ok(()) => {}
                Err(why) if unread.iter().any(|(service, _)| *service == grant.service) => {
                    let _ = why;
                }
                Err(why) => unread.push((grant.service.clone(), why)),
            }
        }
        if !round.reads.is_empty() || !round.looks.is_empty() {
            self.record(scope, |books| Ok((round.entry(books), ())))
                .await?;
        }
        Ok(unread)
    }

    async fn read_grant(
        &self,
        books: &Books,
        grant: &Grant,
        round: &mut Round,
    ) -> Result<(), ServiceError> {
        let unknown = |why: &str| ServiceError::Unknown(why.to_owned());
        let service = self
            .services
            .find(&grant.service)
            .ok_or(unknown("no such service"))?;
        let master = books
            .org
            .master(&grant.service)
            .ok_or(unknown("no master key"))?;
        let secret = self
            .master_secret(books, master)
            .map_err(|_| unknown("a broken seal"))?;
        let spending = [KeyState::Armed, KeyState::Enabling, KeyState::Disabled];
        for key in grant
            .keys
            .iter()
            .filter(|key| spending.contains(&key.state))
        {
            let Some(provider_id) = &key.provider_id else {
                continue;
            };
            let answer = service.read(&secret, provider_id).await;
            round.looks.extend(Look::new(grant, key, &answer));
            match answer {
                Ok(meter) => round.reads.push(Read {
                    grant: grant.id,
                    attempt: key.attempt,
                    usage: meter.usage,
                }),
                // What it had left is settled at the grant's end.
                Err(ServiceError::Gone) => {}
                Err(why) => return Err(why),
            }
        }
        Ok(())
    }
}
