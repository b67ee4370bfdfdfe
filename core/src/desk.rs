//! What a handler works with: the ports, and what is done over them in more than one place.

use crate::{
    books::{Books, Entry, Master, Offer, Scope},
    chart::{Chart, Whose},
    event::Actor,
    ids::{ActionId, Identity, MemberId, OrgId, PlatformName, ServiceName, Workspace},
    page::Page,
    ports::{Adjusts, Clock, Known, Platform, ServiceAdapter, Store, Vault},
    refusal::Refusal,
    role::Role,
    secret::Secret,
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

    /// What a service adjusts of what exists: nothing, if this Slice does not know it any more.
    pub fn adjusts(&self, name: &ServiceName) -> Adjusts {
        let service = self.find(name);
        service.map_or(Adjusts::NOTHING, |it| it.capabilities().adjusts)
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

    /// What the people on a chart are called on a platform, or on another one if they are not there.
    /// Of whom nobody says it has no name.
    pub async fn called(
        &self,
        org: OrgId,
        chart: &Chart,
        on: PlatformName,
    ) -> Result<Vec<(MemberId, String)>, Refusal> {
        let mut called = vec![];
        for part in &chart.parts {
            let Whose::Member(member) = part.whose else {
                continue;
            };
            let mut known = self.store.reachable(org, member).await?;
            known.sort_by_key(|identity| identity.workspace.platform != on);
            for identity in known {
                let Some(platform) = self.platform(identity.workspace.platform) else {
                    continue;
                };
                if let Ok(Some(name)) = platform.called(&identity).await {
                    called.push((member, name));
                    break;
                }
            }
        }
        Ok(called)
    }

    /// Who the members of a page are, for those who read it in a workspace.
    pub async fn known(
        &self,
        org: OrgId,
        reader: &Workspace,
        page: &Page,
    ) -> Result<Vec<(MemberId, Known)>, Refusal> {
        let (mut here, mut elsewhere) = (vec![], vec![]);
        let mut members = page.members();
        for platform in PlatformName::ALL {
            if members.is_empty() {
                break;
            }
            for (member, who) in self.store.users(org, platform, &members).await? {
                if who.workspace == *reader {
                    here.push((member, Known::Here(who.user)));
                } else {
                    elsewhere.push((member, Known::Elsewhere(who)));
                }
            }
            members.retain(|member| here.iter().all(|(known, _)| known != member));
        }
        here.extend(elsewhere);
        Ok(here)
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
}
