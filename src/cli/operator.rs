//! What an operator does without chat: master keys, invitations, forgetting.

use super::{Failure, said, which_org};
use crate::{
    clock::SystemClock,
    config::{self, BooksConfig},
    store::SqlStore,
};
use slice_core::{
    books::{Books, Entry, Message, Scope},
    desk::Services,
    event::{Actor, Event},
    ids::{Identity, MemberId, OrgId, ServiceName, UserId},
    ports::{ServiceAdapter, Store, Vault},
    refusal::Refusal,
    secret::Secret,
    sentences,
    vault::SealOwner,
};
use std::{io::Read, process::ExitCode, sync::Arc};
use zeroize::Zeroizing;

/// More than any key; a larger input is a mistake.
const KEY_BYTES_MAX: u64 = 16 * 1024;

pub(super) async fn vault_put(
    books: &BooksConfig,
    services: &Services,
    org: Option<OrgId>,
    service: ServiceName,
) -> Result<ExitCode, Failure> {
    let vault = super::vault(books)?;
    let store = SqlStore::open(&books.database_url, Arc::new(SystemClock), vault.clone()).await?;
    store.migrate().await?;
    let org = which_org(&store, org).await?;
    let adapter = services.find(&service).ok_or_else(|| {
        let names: Vec<_> = services.names().iter().map(ToString::to_string).collect();
        format!(
            "there is no service {service}; there are: {}",
            names.join(", ")
        )
    })?;
    let secret = typed()?;
    adapter
        .check(&secret)
        .await
        .map_err(|why| format!("{service} refused the key: {why} Nothing was changed."))?;
    let version = put(&store, &*vault, org, adapter, secret).await?;
    let done = if version == 1 {
        "deposited"
    } else {
        "replaced"
    };
    println!("The master key was checked and {done} (version {version}). The owners are told.");
    Ok(ExitCode::SUCCESS)
}

/// The key from standard input.
fn typed() -> Result<Secret, Failure> {
    let mut typed = Zeroizing::new(String::new());
    let read = std::io::stdin()
        .take(KEY_BYTES_MAX + 1)
        .read_to_string(&mut typed)?;
    if KEY_BYTES_MAX < read as u64 {
        return Err("the input is longer than any key. Nothing was changed.".into());
    }
    let key = typed.trim();
    if key.is_empty() {
        return Err("the input is empty: pipe the key in. Nothing was changed.".into());
    }
    Ok(Secret::new(key.to_owned()))
}

/// Seals the key as the next version of its service, and tells the owners. Gives the version.
async fn put(
    store: &SqlStore,
    vault: &dyn Vault,
    org: OrgId,
    adapter: &dyn ServiceAdapter,
    secret: Secret,
) -> Result<i64, Failure> {
    let service = adapter.name().clone();
    let scope = Scope::new(org, Actor::Operator);
    let books = store.books(scope.clone().live()).await.map_err(said)?;
    if slice_commands::vault::is_stranger(adapter, &books, &secret).await {
        return Err(
            "that master key knows nothing of the keys that there are, or of what ended ones left, so it is of \
             another account. Nothing was changed. End the grants first; or, if the old account is lost, let an owner replace \
             it in chat with /slice vault rotate."
                .into(),
        );
    }
    let version_of = |books: &Books| books.org.master(&service).map_or(0, |key| key.version);
    let version = version_of(&books) + 1;
    let owner = SealOwner::Master {
        org,
        service: service.clone(),
        version,
    };
    let seal = vault.seal(&books.org.data_key, &owner, &secret);
    let seal = seal.map_err(|bad| bad.to_string())?;
    let event = slice_commands::vault::deposited(&service, version, &secret);
    drop(secret);
    let news = slice_commands::vault::put_by_operator(version, adapter.capabilities().title);
    let decide = move |now: &Books| {
        if version_of(now) + 1 != version {
            return Err(Refusal::sentence(
                "Somebody else changed the master key just now. Nothing was changed.",
            ));
        }
        let owners = now.org.owners_at().into_iter();
        let told = owners.map(|to| Message::new(to, news.clone()));
        Ok(Entry::event(event).seal(owner, seal).say_all(told))
    };
    let recorded = store.record(scope, Box::new(decide)).await;
    recorded.map_err(said)?;
    Ok(version)
}

pub(super) async fn invite(store: &SqlStore, workspace: &str) -> Result<ExitCode, Failure> {
    let workspace = config::parse_workspace(workspace)
        .ok_or_else(|| format!("{workspace} is not like slack/T0123"))?;
    store.invite(&workspace).await.map_err(said)?;
    println!("The workspace {} may use this Slice now.", workspace.id);
    Ok(ExitCode::SUCCESS)
}

/// The way out where a bound group is gone, or Slice cannot see it: nobody has its role then.
pub(super) async fn unbind(
    store: &SqlStore,
    org: Option<OrgId>,
    group: &str,
) -> Result<ExitCode, Failure> {
    let org = which_org(store, org).await?;
    let decide = move |books: &Books| {
        let bound = books.org.bindings.iter();
        let bound: Vec<_> = bound.filter(|one| one.group.id.as_str() == group).collect();
        if bound.is_empty() {
            return Err(Refusal::sentence(format!(
                "Nothing is bound to {group}. Nothing was changed."
            )));
        }
        let entry = bound.into_iter().fold(Entry::default(), |entry, binding| {
            let (binding, page) = (binding.clone(), sentences::unbound_by_operator(binding));
            let owners = books.org.owners_at().into_iter();
            let told = owners.map(|to| Message::new(to, page.clone()));
            entry.and(Event::RoleUnbound { binding }).say_all(told)
        });
        Ok(entry)
    };
    let scope = Scope::new(org, Actor::Operator);
    let recorded = store.record(scope, Box::new(decide)).await;
    recorded.map_err(said)?;
    println!(
        "{group} is unbound. Where no owners are bound any more, the workspace's admins are owners."
    );
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
