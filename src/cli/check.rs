//! `slice check`: a line each for what must be so, with the remedy where it is not.

use super::Failure;
use crate::{
    config::{self, Config},
    http::Check,
    platforms::{discord::DiscordPlatform, slack::SlackPlatform},
    services,
    store::SqlStore,
};
use slice_core::{
    books::Scope,
    event::Actor,
    ports::{Store, Vault},
    vault::SealOwner,
};
use std::process::ExitCode;

pub(super) async fn check(lookup: &dyn Fn(&str) -> Option<String>) -> Result<ExitCode, Failure> {
    let config = config::read(lookup)?;
    let mut checks = vec![Check::good("environment", "complete")];
    checks.extend(look(config).await);
    for Check { what, ok, says } in &checks {
        println!("{} {what}: {says}", if *ok { "ok  " } else { "FAIL" });
    }
    let good = checks.iter().all(|check| check.ok);
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn look(config: Config) -> Vec<Check> {
    let parts = match super::parts(config) {
        Ok(parts) => parts,
        Err(why) => return vec![Check::bad("vault key", why.to_string())],
    };
    let mut checks = vec![Check::good("vault key", "well formed")];
    let opened = SqlStore::open(
        &parts.database_url,
        parts.clock.clone(),
        parts.vault.clone(),
    )
    .await;
    match opened {
        Err(why) => checks.push(Check::bad("database", why.to_string())),
        Ok(store) if matches!(store.is_current().await, Ok(false)) => checks.push(Check::bad(
            "database",
            "its tables are not up to date: run `slice migrate`",
        )),
        Ok(store) => {
            checks.push(crate::bot::backlog(&store).await);
            checks
                .extend(masters(&store, &*parts.vault, &services::registry(&parts.services)).await);
        }
    }
    match parts.slack.map(SlackPlatform::new) {
        None => {}
        Some(Err(why)) => checks.push(Check::bad("Slack", why)),
        Some(Ok(slack)) => checks.extend(slack.check().await),
    }
    let clock = parts.clock;
    let discord = parts
        .discord
        .map(|config| DiscordPlatform::new(config, clock));
    match discord {
        None => {}
        Some(Err(why)) => checks.push(Check::bad("Discord", why)),
        Some(Ok(discord)) => checks.extend(discord.check(&parts.workspaces).await),
    }
    checks
}

/// Every master key in the vault, at its provider.
async fn masters(
    store: &SqlStore,
    vault: &dyn Vault,
    services: &slice_core::desk::Services,
) -> Vec<Check> {
    let mut checks = vec![];
    for org in store.orgs().await.unwrap_or_default() {
        let Ok(books) = store.books(Scope::new(org, Actor::Operator)).await else {
            continue;
        };
        for master in &books.org.masters {
            let what = format!("{} of org {org}", master.service);
            let (service, version) = (master.service.clone(), master.version);
            let owner = SealOwner::Master {
                org,
                service,
                version,
            };
            let opened = vault.open(&books.org.data_key, &owner, &master.seal);
            let check = match (opened, services.find(&master.service)) {
                (Err(bad), _) => {
                    Check::bad(what, format!("{bad}: is SLICE_VAULT_KEY the right one?"))
                }
                (Ok(_), None) => Check::bad(what, "this program does not know the service"),
                (Ok(secret), Some(adapter)) => match adapter.check(&secret).await {
                    Err(why) => Check::bad(what, format!("{why} Replace it with `vault rotate`.")),
                    Ok(health) => {
                        let balance = health.balance.map(|balance| format!(", balance {balance}"));
                        Check::good(what, format!("accepted{}", balance.unwrap_or_default()))
                    }
                },
            };
            checks.push(check);
        }
    }
    checks
}
