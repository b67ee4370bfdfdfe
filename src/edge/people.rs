//! Who speaks: roles from what the platform says, live for owners and cached for others.

use slice_core::{
    books::{Entry, Message, Scope, To},
    desk::Desk,
    event::Actor,
    ids::{Identity, MemberId, OrgId, Workspace},
    ports::{Platform, PlatformError},
    refusal::Refusal,
    role::{self, Binding, Facts, Group, Role, Standing},
    sentences,
    time::Time,
};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tracing::warn;

/// What a platform said of a person is believed for so long, unless an event says otherwise; for
/// owners it is never believed, but asked again.
const CACHE_LIFE: Duration = Duration::from_mins(1);
/// More people than this are not remembered at once.
const CACHE_MAX: usize = 10_000;

/// What platforms said of people lately.
#[derive(Default)]
pub struct People {
    standings: Mutex<HashMap<Identity, (Standing, Time)>>,
    groups: Mutex<HashMap<(Identity, Group), (bool, Time)>>,
}

impl People {
    /// Forgets what was said of a workspace's people.
    pub fn forget(&self, workspace: &Workspace) {
        let mut standings = self
            .standings
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        standings.retain(|who, _| who.workspace != *workspace);
        drop(standings);
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        groups.retain(|(who, _), _| who.workspace != *workspace);
    }

    /// The member behind an identity, and her role. Where `needs` is the owner's, the platform is
    /// asked live. A bound group that cannot be looked at gives nobody its role: that is a refusal
    /// only where the role is needed.
    pub async fn role(
        &self,
        desk: &Desk,
        org: OrgId,
        who: &Identity,
        needs: Role,
    ) -> Result<(MemberId, Role), Refusal> {
        let (member, role) = self.look_up(desk, org, who, needs).await?;
        desk.store.note_role(org, who, member, role).await?;
        Ok((member, role))
    }

    /// The same of somebody who did nothing just now, so that nothing is noted.
    pub async fn look_up(
        &self,
        desk: &Desk,
        org: OrgId,
        who: &Identity,
        needs: Role,
    ) -> Result<(MemberId, Role), Refusal> {
        let platform =
            desk.platform(who.workspace.platform)
                .ok_or_else(|| Refusal::RoleUnknown {
                    why: "the platform is not connected".into(),
                })?;
        let asked = Asked {
            people: self,
            platform,
            now: desk.clock.now(),
            live: needs == Role::Owner,
        };
        let standing = asked.standing(who).await.map_err(unknown)?;
        if let Some(why) = standing.why_never() {
            return Err(Refusal::NoAccess {
                why: why.to_owned(),
            });
        }
        let member = desk.store.member(org, who).await?;
        let mut found = asked.best(desk, org, (who, member), standing).await?;
        if found.role == Role::Owner && !asked.live {
            // An owner's rights are never taken from what was true a minute ago.
            let asked = Asked {
                live: true,
                ..asked
            };
            let standing = asked.standing(who).await.map_err(unknown)?;
            found = asked.best(desk, org, (who, member), standing).await?;
        }
        match found.unread {
            Some(error) if found.role < needs => return Err(unknown(error)),
            Some(error) => warn!(%error, "A bound group could not be looked at"),
            None => {}
        }
        Ok((member, found.role))
    }
}

/// A role, and why it may be less than it should be.
struct Found {
    role: Role,
    unread: Option<PlatformError>,
}

#[expect(clippy::needless_pass_by_value, reason = "map_err hands it over")]
fn unknown(error: PlatformError) -> Refusal {
    warn!(%error, "Could not check a role");
    Refusal::RoleUnknown {
        why: error.to_string(),
    }
}

/// One question about a person.
struct Asked<'a> {
    people: &'a People,
    platform: &'a dyn Platform,
    now: Time,
    live: bool,
}

impl Asked<'_> {
    async fn standing(&self, who: &Identity) -> Result<Standing, PlatformError> {
        if let Some(known) = self.recall(&self.people.standings, who) {
            return Ok(known);
        }
        let standing = self.platform.standing(who).await?;
        self.remember(&self.people.standings, who.clone(), standing);
        Ok(standing)
    }

    async fn is_in(&self, who: &Identity, group: &Group) -> Result<bool, PlatformError> {
        let key = (who.clone(), group.clone());
        if let Some(known) = self.recall(&self.people.groups, &key) {
            return Ok(known);
        }
        let is_in = self.platform.is_in(who, group).await?;
        self.remember(&self.people.groups, key, is_in);
        Ok(is_in)
    }

    fn recall<K: Eq + std::hash::Hash, V: Copy>(
        &self,
        cache: &Mutex<HashMap<K, (V, Time)>>,
        key: &K,
    ) -> Option<V> {
        let cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
        let (value, at) = cache.get(key).copied().filter(|_| !self.live)?;
        // What was asked in the future was asked by a clock that was wrong.
        (at <= self.now && self.now - at < CACHE_LIFE).then_some(value)
    }

    fn remember<K: Eq + std::hash::Hash, V>(
        &self,
        cache: &Mutex<HashMap<K, (V, Time)>>,
        key: K,
        value: V,
    ) {
        let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
        if CACHE_MAX <= cache.len() {
            cache.clear();
        }
        cache.insert(key, (value, self.now));
    }

    /// The highest role of all the identities that a member has joined: she is one person, wherever
    /// she speaks. What another platform does not say adds nothing.
    async fn best(
        &self,
        desk: &Desk,
        org: OrgId,
        (who, member): (&Identity, MemberId),
        standing: Standing,
    ) -> Result<Found, Refusal> {
        let mut best = self.resolve(desk, org, (who, member), standing).await?;
        for other in desk.identities(org, member).await? {
            let platform = desk.platform(other.workspace.platform);
            let Some(platform) = platform.filter(|_| best.role < Role::Owner && other != *who)
            else {
                continue;
            };
            let (people, now, live) = (self.people, self.now, self.live);
            let asked = Asked {
                people,
                platform,
                now,
                live,
            };
            let standing = match asked.standing(&other).await {
                Ok(standing) => standing,
                Err(error) => {
                    best.unread = Some(error);
                    continue;
                }
            };
            let found = asked.resolve(desk, org, (&other, member), standing).await;
            if let Ok(found) = found {
                best.role = best.role.max(found.role);
                best.unread = found.unread.or(best.unread);
            }
        }
        Ok(best)
    }

    async fn resolve(
        &self,
        desk: &Desk,
        org: OrgId,
        (who, member): (&Identity, MemberId),
        standing: Standing,
    ) -> Result<Found, Refusal> {
        let books = desk
            .store
            .books(Scope::new(org, Actor::Slice).member(member))
            .await?;
        let (mut bound, mut unread) = (vec![], None);
        let here = |binding: &&Binding| binding.group.workspace == who.workspace;
        for binding in books.org.bindings.iter().filter(here) {
            match self.is_in(who, &binding.group).await {
                Ok(true) => bound.push(binding.role),
                Ok(false) => {}
                Err(error) => unread = Some(error),
            }
        }
        let facts = Facts::of(&books, who, standing, bound);
        let role = role::resolve(&facts).map_err(|why| Refusal::NoAccess {
            why: why.to_owned(),
        })?;
        Ok(Found { role, unread })
    }
}

/// Greets the person who installed Slice, once per workspace, however often it is started.
pub async fn greet(desk: &Desk, org: OrgId, workspace: &Workspace) -> Result<(), Refusal> {
    let Some(platform) = desk.platform(workspace.platform) else {
        return Ok(());
    };
    let installer = match platform.installer(workspace).await {
        Ok(Some(installer)) => installer,
        Ok(None) => return Ok(()),
        Err(error) => {
            warn!(%error, "Could not find out who installed Slice; it will greet at the next start");
            return Ok(());
        }
    };
    let member = desk.store.member(org, &installer).await?;
    let books = desk.store.books(Scope::new(org, Actor::Slice)).await?;
    if books.org.workspaces.first() != Some(workspace) {
        // A workspace that joined brings its people, and nobody who decides.
        return Ok(());
    }
    desk.store.note_installer(org, member).await?;
    let delivery = Some(format!(
        "greeting/{}/{}",
        workspace.platform.word(),
        workspace.id
    ));
    let scope = Scope {
        delivery,
        ..Scope::new(org, Actor::Slice)
    };
    let greeting = Message::new(To::Member(member), sentences::greeting());
    let greeted = desk
        .record(scope, |_| Ok((Entry::default().say(greeting), ())))
        .await;
    match greeted {
        Err(Refusal::Repeated) => Ok(()),
        other => other,
    }
}
