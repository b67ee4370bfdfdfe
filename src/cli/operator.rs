//! What an operator does without chat: master keys, invitations, forgetting.

use super::{Failure, said, which_org};
use crate::{
    config::{self, Config},
    services,
    store::SqlStore,
};
use slice_core::{
    books::{Entry, Scope},
    event::{Actor, Event},
    ids::{Identity, MemberId, OrgId, ServiceName, UserId},
    ports::{Store, Vault},
    secret::Secret,
    vault::SealOwner,
};
use std::{io::Read, process::ExitCode};
use zeroize::Zeroizing;

/// More than any key; a larger input is a mistake.
const KEY_MAX: u64 = 16 * 1024;

pub(super) async fn vault_put(
    config: Config,
    org: Option<OrgId>,
    service: ServiceName,
) -> Result<ExitCode, Failure> {
    let parts = super::parts(config)?;
    let store = parts.open_store().await?;
    let org = which_org(&store, org).await?;
    let services = services::registry(&parts.services);
    let adapter = services.find(&service).ok_or_else(|| {
        let names: Vec<_> = services.names().iter().map(ToString::to_string).collect();
        format!(
            "there is no service {service}; there are: {}",
            names.join(", ")
        )
    })?;
    let mut typed = Zeroizing::new(String::new());
    std::io::stdin().take(KEY_MAX).read_to_string(&mut typed)?;
    let secret = Secret::new(typed.trim().to_owned());
    adapter
        .check(&secret)
        .await
        .map_err(|why| format!("{service} refused the key: {why}"))?;
    let books = store
        .books(Scope::new(org, Actor::Operator))
        .await
        .map_err(said)?;
    let version = books
        .org
        .master(&service)
        .map_or(0, |master| master.version)
        + 1;
    let owner = SealOwner::Master {
        org,
        service: service.clone(),
        version,
    };
    let seal = parts
        .vault
        .seal(&books.org.data_key, &owner, &secret)
        .map_err(|bad| bad.to_string())?;
    let event = slice_commands::vault::deposited(&service, version, &secret);
    drop(secret);
    let rotated = matches!(event, Event::MasterRotated { .. });
    let decide = move |now: &slice_core::books::Books| {
        if now.org.master(&service).map_or(0, |master| master.version) + 1 != version {
            return Err(slice_core::refusal::Refusal::sentence(
                "Somebody else changed the master key just now. Nothing was changed.",
            ));
        }
        Ok(Entry::event(event).seal(owner, seal))
    };
    store
        .record(Scope::new(org, Actor::Operator), Box::new(decide))
        .await
        .map_err(said)?;
    let done = if rotated { "replaced" } else { "deposited" };
    println!("The master key was checked and {done} (version {version}).");
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn invite(store: &SqlStore, workspace: &str) -> Result<ExitCode, Failure> {
    let workspace = config::parse_workspace(workspace)
        .ok_or_else(|| format!("{workspace} is not like slack/T0123"))?;
    store.invite(&workspace).await.map_err(said)?;
    println!("The workspace {} may use this Slice now.", workspace.id);
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn forget(
    store: &SqlStore,
    org: Option<OrgId>,
    member: &str,
) -> Result<ExitCode, Failure> {
    let org = which_org(store, org).await?;
    let member = find_member(store, org, member).await?;
    let texts = store.forget(org, member).await.map_err(said)?;
    println!(
        "{texts} texts and the identities of member {member} were erased. The audit trail \
              stays provable."
    );
    Ok(ExitCode::SUCCESS)
}

/// A member by her id, or by who she is on a platform.
async fn find_member(store: &SqlStore, org: OrgId, named: &str) -> Result<MemberId, Failure> {
    let members = store.members(org).await.map_err(said)?;
    let members: Vec<_> = members.iter().map(|row| row.id).collect();
    if let Ok(id) = named.parse() {
        return members
            .contains(&id)
            .then_some(id)
            .ok_or_else(|| format!("org {org} has no member {id}").into());
    }
    let (workspace, user) = named
        .rsplit_once('/')
        .and_then(|(workspace, user)| Some((config::parse_workspace(workspace)?, user)))
        .ok_or_else(|| format!("{named} is neither a member's id nor like slack/T0123/U0123"))?;
    let identity = Identity {
        user: UserId::new(user),
        workspace,
    };
    let known = store
        .users(org, identity.workspace.platform, &members)
        .await
        .map_err(said)?;
    known
        .into_iter()
        .find(|(_, known)| *known == identity)
        .map(|(member, _)| member)
        .ok_or_else(|| format!("org {org} knows nobody called {named}").into())
}
