//! What could be meant while somebody types: answered from memory alone, and looked up for the next
//! letter. Nothing is written, not even who asked.

use slice_commands::{ALL, Command, Kind};
use slice_core::{
    books::Scope,
    desk::Desk,
    event::Actor,
    grant::State,
    ids::{Identity, PlatformName},
    inbound::Typing,
    refusal::Refusal,
    role::Role,
    time::Time,
};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// What was looked up is good for so long; what follows a command of the person's is newer.
const FRESH: Duration = Duration::from_secs(10);
/// More people than this are not remembered at once.
const KNOWN_MAX: usize = 2_000;
const GRANTS_MAX: i64 = 50;

/// What is known of the people who typed lately.
#[derive(Default)]
pub struct Completions(Mutex<HashMap<Identity, Known>>);

#[derive(Clone, Default)]
struct Known {
    /// When it was looked up, or is being looked up.
    at: Time,
    /// Services with a master key.
    stocked: Vec<String>,
    /// The person's own open grants, newest first.
    grants: Vec<(String, String)>,
}

impl Completions {
    /// Values and what people read for them, and whether they should be looked up anew.
    pub fn say(&self, desk: &Desk, typing: &Typing) -> (Vec<(String, String)>, bool) {
        let now = desk.clock.now();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.get(&typing.identity).cloned();
        let is_stale = known
            .as_ref()
            .is_none_or(|known| now < known.at || FRESH <= now - known.at);
        if is_stale {
            if KNOWN_MAX <= all.len() {
                all.clear();
            }
            all.entry(typing.identity.clone()).or_default().at = now;
        }
        drop(all);
        let choices = known.map(|known| known.choices(desk, typing));
        (choices.unwrap_or_default(), is_stale)
    }

    /// Looks up what this person could mean.
    pub async fn look_up(&self, desk: &Desk, who: &Identity) -> Result<(), Refusal> {
        let known = look_up(desk, who).await?;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(who.clone(), known);
        Ok(())
    }

    /// Whether the person typed lately, so that it is worth looking up what her command changed.
    pub fn knows(&self, who: &Identity) -> bool {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.contains_key(who)
    }
}

impl Known {
    fn choices(self, desk: &Desk, typing: &Typing) -> Vec<(String, String)> {
        let begun = typing.text.trim().to_lowercase();
        let Some((command, kind)) = asked(typing) else {
            return vec![];
        };
        let same = |service: String| (service.clone(), service);
        let all: Vec<_> = match kind {
            Kind::Service if command.role == Role::Owner => {
                let names = desk.services.names().into_iter();
                names.map(|name| same(name.to_string())).collect()
            }
            Kind::Service => self.stocked.into_iter().map(same).collect(),
            Kind::Grant if command.role < Role::Owner => self.grants,
            _ => vec![],
        };
        all.into_iter()
            .filter(|(value, _)| value.starts_with(&begun))
            .collect()
    }
}

fn asked(typing: &Typing) -> Option<(&'static Command, Kind)> {
    let command = ALL.iter().find(|command| command.name == typing.command)?;
    let shape = command
        .params
        .iter()
        .find(|shape| shape.name == typing.parameter)?;
    Some((command, shape.kind))
}

async fn look_up(desk: &Desk, who: &Identity) -> Result<Known, Refusal> {
    let at = desk.clock.now();
    let Some(org) = desk.store.org_of(&who.workspace).await? else {
        return Ok(Known {
            at,
            ..Known::default()
        });
    };
    let books = desk.store.books(Scope::new(org, Actor::Slice)).await?;
    let masters = books.org.masters.iter();
    let stocked = masters.map(|master| master.service.to_string()).collect();
    let members = desk.store.members(org).await?;
    let members: Vec<_> = members.into_iter().map(|row| row.id).collect();
    let platform: PlatformName = who.workspace.platform;
    let users = desk.store.users(org, platform, &members).await?;
    let member = users.into_iter().find(|(_, known)| known == who);
    let grants = match member {
        Some((member, _)) => desk.store.grants(org, member, GRANTS_MAX).await?,
        None => vec![],
    };
    let open = grants
        .into_iter()
        .filter(|grant| !matches!(grant.state, State::Revoking(_) | State::Ended(_)));
    let grants = open.map(|grant| {
        let (number, service, cap) = (grant.number, &grant.service, grant.cap);
        let said = format!("{number}: {cap} of {service}, {}", grant.state.said());
        (number.to_string(), said)
    });
    Ok(Known {
        at,
        stocked,
        grants: grants.collect(),
    })
}
