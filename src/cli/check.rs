//! `slice check`: a line each for what must be so, with the remedy where it is not.

use super::Failure;
use crate::{
    clock::SystemClock,
    config::{self, BooksConfig, Config, Mistakes},
    edge::StoredTokens,
    http::Check,
    platforms::{
        discord::DiscordPlatform,
        slack::{NoTokens, SlackPlatform},
    },
    services,
    store::SqlStore,
};
use slice_core::{
    books::Scope,
    desk::Services,
    event::Actor,
    install::Tokens,
    ports::{Clock, Platform, ServiceAdapter, ServiceError, Store, Vault},
    refusal::Refusal,
    secret::Secret,
    vault::SealOwner,
};
use std::{process::ExitCode, sync::Arc};

pub(super) async fn check(lookup: &dyn Fn(&str) -> Option<String>) -> Result<ExitCode, Failure> {
    let (config, mistakes) = config::look(lookup);
    let mut checks = environment(&mistakes);
    checks.extend(look(config, &mistakes).await);
    for check in &checks {
        let mark = match (check.ok, check.is_grave) {
            (true, _) => "ok  ",
            (false, true) => "FAIL",
            (false, false) => "LATE",
        };
        println!("{mark} {}: {}", check.what, check.says);
    }
    let good = checks.iter().all(|check| !check.is_grave);
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn environment(mistakes: &Mistakes) -> Vec<Check> {
    if mistakes.0.is_empty() {
        return vec![Check::good("environment", "complete")];
    }
    let wrong = mistakes.0.iter();
    wrong
        .map(|mistake| Check::bad("environment", &mistake.says))
        .collect()
}

/// Looks at everything that the environment says enough about.
async fn look(config: Config, mistakes: &Mistakes) -> Vec<Check> {
    let mut checks = vec![];
    let mut opened = None;
    if !mistakes.concern(&[&config::VAULT_KEY, &config::DATABASE_URL]) {
        let services = services::registry(&config.services, &super::clock());
        opened = books(&config.books, &services, &mut checks).await;
    }
    let slack = config.slack.map(super::slack);
    if let Some(slack) = slack.filter(|_| !mistakes.concern(&config::SLACK)) {
        let tokens: Arc<dyn Tokens> = match &opened {
            Some(tokens) => tokens.clone(),
            None => Arc::new(NoTokens),
        };
        match SlackPlatform::new(slack, tokens) {
            Err(why) => checks.push(Check::bad("Slack", why)),
            Ok(slack) => {
                checks.extend(slack.check().await);
                if let Some(StoredTokens { store, .. }) = opened.as_deref() {
                    checks.extend(installations(&**store, &slack).await);
                }
            }
        }
    }
    let discord = config.discord.map(super::discord);
    if let Some(discord) = discord.filter(|_| !mistakes.concern(&config::DISCORD)) {
        match DiscordPlatform::new(discord, Arc::new(SystemClock)) {
            Err(why) => checks.push(Check::bad("Discord", why)),
            Ok(discord) => checks.extend(discord.check(&config.workspaces).await),
        }
    }
    checks
}

/// Each workspace that installed Slice itself, asked with its own token.
async fn installations(store: &dyn Store, slack: &SlackPlatform) -> Vec<Check> {
    let Ok(workspaces) = store.installed().await else {
        let why = "its rows cannot be read: see whether the database answers, and run this again";
        return vec![Check::bad("installations", why)];
    };
    let mut checks = vec![];
    for workspace in workspaces {
        let what = format!("installation in {}", workspace.id);
        checks.push(match slack.is_installed(&workspace).await {
            Ok(true) => Check::good(what, "its token is good"),
            Ok(false) => Check::bad(
                what,
                "its token is refused: whoever wants Slice there installs it again at /slack/install",
            ),
            Err(why) => Check::bad(what, format!("{why}. Try again in a minute.")),
        });
    }
    checks
}

/// What the books say, and what opens the tokens in them.
async fn books(
    config: &BooksConfig,
    services: &Services,
    checks: &mut Vec<Check>,
) -> Option<Arc<StoredTokens>> {
    let vault = match super::vault(config) {
        Ok(vault) => vault,
        Err(why) => {
            checks.push(Check::bad("vault key", why.to_string()));
            return None;
        }
    };
    checks.push(Check::good("vault key", "well formed"));
    let opened = SqlStore::open(&config.database_url, Arc::new(SystemClock), vault.clone()).await;
    let mut tokens = None;
    match opened {
        Err(why) => checks.push(Check::bad("database", why.to_string())),
        Ok(store) if matches!(store.is_current().await, Ok(false)) => checks.push(Check::bad(
            "database",
            "its tables are not up to date: run `slice migrate`",
        )),
        Ok(store) => {
            checks.push(crate::bot::backlog(&store).await);
            checks.extend(crate::timetable::checks(&store, SystemClock.now()).await);
            match masters(&store, &*vault, services).await {
                Ok(masters) => checks.extend(masters),
                Err(_) => checks.push(Check::bad(
                    "vault",
                    "its rows cannot be read: see whether the database answers, and run this again",
                )),
            }
            let store = Arc::new(store);
            tokens = Some(Arc::new(StoredTokens { store, vault }));
        }
    }
    checks.push(Check::good(
        "leavers",
        format!(
            "whoever holds a live key is looked up every {} min",
            slice_core::leaving::CHECK_EVERY.as_secs() / 60
        ),
    ));
    tokens
}

/// Every master key in the vault, at its provider.
async fn masters(
    store: &SqlStore,
    vault: &dyn Vault,
    services: &Services,
) -> Result<Vec<Check>, Refusal> {
    let mut checks = vec![];
    for org in store.orgs().await? {
        let books = store.books(Scope::new(org, Actor::Operator)).await?;
        if books.org.masters.is_empty() {
            let says = "no master key yet: an owner deposits one with `/slice vault add`";
            checks.push(Check::good(format!("vault of org {org}"), says));
        }
        for master in &books.org.masters {
            let what = format!("{} of org {org}", master.service);
            let owner = SealOwner::Master {
                org,
                service: master.service.clone(),
                version: master.version,
            };
            let opened = vault.open(&books.org.data_key, &owner, &master.seal);
            checks.push(match (opened, services.find(&master.service)) {
                (Err(bad), _) => {
                    Check::bad(what, format!("{bad}: is SLICE_VAULT_KEY the right one?"))
                }
                (Ok(_), None) => Check::bad(what, "this program does not know the service"),
                (Ok(secret), Some(adapter)) => at_provider(what, adapter, &secret).await,
            });
        }
    }
    Ok(checks)
}

async fn at_provider(what: String, adapter: &dyn ServiceAdapter, master: &Secret) -> Check {
    match adapter.check(master).await {
        Ok(health) => {
            let balance = health.balance.map(|balance| format!(", balance {balance}"));
            Check::good(what, format!("accepted{}", balance.unwrap_or_default()))
        }
        Err(why @ ServiceError::Rejected(_)) => {
            let remedy = "Replace it with `/slice vault rotate`.";
            Check::bad(what, format!("{why} {remedy}"))
        }
        Err(why) => Check::bad(
            what,
            format!("{why} Look whether this machine can reach the provider, then try again."),
        ),
    }
}
