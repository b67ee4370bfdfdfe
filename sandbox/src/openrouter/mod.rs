//! An `OpenRouter` on loopback: management keys, sub-keys with limits, and a place to spend them.

mod api;
mod chat;
mod state;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::clock::Clock;
use crate::contracts::Contracts;
use crate::door::{self, Answer, Behind, Call, Shared};
use crate::faults::{Fault, Faults, OPENROUTER};
use crate::wire::Wire;

pub use chat::Spent;
use state::{Accounts, Key};
pub use state::{KeyState, micros_from_usd, usd_from_micros};

const ROOT: &str = "/api/v1";

/// The provider. Clones are the same provider.
#[derive(Clone)]
pub struct OpenRouter {
    hub: Arc<Hub>,
}

struct Hub {
    accounts: Mutex<Accounts>,
    url: String,
    clock: Clock,
    wire: Wire,
    faults: Faults,
    contracts: Option<Contracts>,
    requests: AtomicU64,
}

impl OpenRouter {
    pub(crate) async fn start(shared: &Shared) -> std::io::Result<OpenRouter> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let hub = Hub {
            accounts: Mutex::default(),
            url: format!("http://{}{ROOT}", listener.local_addr()?),
            clock: shared.clock.clone(),
            wire: shared.wire.clone(),
            faults: shared.faults.clone(),
            contracts: shared.contracts.clone(),
            requests: AtomicU64::new(0),
        };
        let openrouter = OpenRouter { hub: Arc::new(hub) };
        door::serve(listener, openrouter.clone(), Router::new());
        Ok(openrouter)
    }

    /// `http://127.0.0.1:PORT/api/v1`.
    pub fn url(&self) -> &str {
        &self.hub.url
    }

    /// Registers a management key of an account and puts `credits_usd` (decimal text, for example
    /// `"100"` or `"0.50"`) on that account, in addition to what it has.
    ///
    /// # Panics
    /// If the amount is no decimal number of at most 6 decimals.
    pub fn add_management_key(&self, secret: &str, account: &str, credits_usd: &str) {
        let micros = micros_from_usd(credits_usd).expect("credits are decimal text");
        let mut accounts = self.accounts();
        accounts.account(account).credits_micros += micros;
        accounts.management.push(state::Management {
            secret: secret.to_owned(),
            account: account.to_owned(),
            revoked: false,
        });
        accounts.secrets.push(secret.to_owned());
    }

    /// From now on the key answers 401.
    pub fn revoke_management_key(&self, secret: &str) {
        for key in &mut self.accounts().management {
            key.revoked |= key.secret == secret;
        }
    }

    /// An ordinary key without a limit, made in the dashboard: it can spend but not manage.
    pub fn add_inference_key(&self, secret: &str, account: &str) {
        let now = self.hub.clock.now();
        let key = Key::new("dashboard key", secret, account, now);
        let mut accounts = self.accounts();
        accounts.account(account);
        accounts.secrets.push(secret.to_owned());
        accounts.keys.push(key);
    }

    /// Sets what an account has paid in, as decimal text.
    ///
    /// # Panics
    /// If the amount is no decimal number of at most 6 decimals.
    pub fn set_credits(&self, account: &str, credits_usd: &str) {
        let micros = micros_from_usd(credits_usd).expect("credits are decimal text");
        self.accounts().account(account).credits_micros = micros;
    }

    /// All sub-keys ever made, oldest first, also deleted ones and those from the dashboard.
    pub fn keys(&self) -> Vec<KeyState> {
        self.accounts().keys.iter().map(Key::state).collect()
    }

    /// The key with this hash, also a deleted one.
    pub fn key(&self, hash: &str) -> Option<KeyState> {
        self.keys().into_iter().find(|key| key.hash == hash)
    }

    /// Spends with a key, as a request to the chat endpoint would.
    ///
    /// # Errors
    /// The status and message that the endpoint would answer.
    pub fn spend(&self, secret: &str, usd: &str) -> Result<Spent, (u16, String)> {
        let micros = micros_from_usd(usd).ok_or((400, "no decimal amount".to_owned()))?;
        let now = self.hub.clock.now();
        let spent = self.accounts().spend(secret, micros, now)?;
        self.hub.wire.touch();
        Ok(spent)
    }

    /// Changes a key's limit as a person in the dashboard could (`None`: unlimited).
    ///
    /// # Panics
    /// If the amount is no decimal number, or no key has the hash.
    pub fn change_limit_behind_our_back(&self, hash: &str, usd: Option<&str>) {
        let limit = usd.map(|usd| micros_from_usd(usd).expect("a limit is decimal text"));
        self.behind_our_back(hash, |key| key.limit_micros = limit);
    }

    /// Lets a key's limit begin anew `daily`, `weekly` or `monthly` (`None`: never).
    ///
    /// # Panics
    /// If no key has the hash.
    pub fn reset_behind_our_back(&self, hash: &str, every: Option<&str>) {
        self.behind_our_back(hash, |key| key.limit_reset = every.map(str::to_owned));
    }

    /// Whether a key's limit includes what is spent over provider keys of the account's own.
    ///
    /// # Panics
    /// If no key has the hash.
    pub fn include_byok_behind_our_back(&self, hash: &str, include: bool) {
        self.behind_our_back(hash, |key| key.include_byok_in_limit = include);
    }

    /// # Panics
    /// If no key has the hash.
    pub fn disable_behind_our_back(&self, hash: &str) {
        self.behind_our_back(hash, |key| key.disabled = true);
    }

    /// # Panics
    /// If no key has the hash.
    pub fn enable_behind_our_back(&self, hash: &str) {
        self.behind_our_back(hash, |key| key.disabled = false);
    }

    /// # Panics
    /// If no key has the hash.
    pub fn delete_behind_our_back(&self, hash: &str) {
        self.behind_our_back(hash, |key| key.deleted = true);
    }

    /// A key that was not shown for a while is there again, as it was.
    pub fn undelete_behind_our_back(&self, hash: &str) {
        for key in &mut self.accounts().keys {
            key.deleted &= key.hash != hash;
        }
    }

    /// Bills a request that was running when the key was stopped.
    ///
    /// # Panics
    /// If the amount is no decimal number, or no key has the hash.
    pub fn bill_late(&self, hash: &str, usd: &str) {
        let micros = micros_from_usd(usd).expect("an amount is decimal text");
        let now = self.hub.clock.now();
        self.behind_our_back(hash, |key| {
            key.usage_micros += micros;
            key.spent.push((now, micros));
        });
    }

    fn behind_our_back(&self, hash: &str, change: impl FnOnce(&mut Key)) {
        let mut accounts = self.accounts();
        let key = accounts
            .keys
            .iter_mut()
            .find(|key| key.hash == hash && !key.deleted);
        change(key.expect("a key with this hash exists"));
    }

    /// A key with a name of the caller's choice that the bot did not make, as a person makes one in the
    /// dashboard: unlimited, and with BYOK left out of any limit. Returns its hash.
    pub fn add_foreign_key(&self, account: &str, name: &str) -> String {
        let now = self.hub.clock.now();
        let mut accounts = self.accounts();
        let secret = accounts.next_secret();
        let key = Key::new(name, &secret, account, now);
        let hash = key.hash.clone();
        accounts.account(account);
        accounts.secrets.push(secret);
        accounts.keys.push(key);
        hash
    }

    /// Every n-th request to a management route is answered with 429.
    pub fn every_nth_is_429(&self, n: Option<u64>) {
        self.accounts().every_nth_is_429 = n;
    }

    /// The `Retry-After` of those 429s in seconds; 1 unless changed.
    pub fn retry_after(&self, seconds: u32) {
        self.accounts().retry_after = Some(seconds);
    }

    /// Every secret this provider has seen or made: management keys and sub-keys.
    pub fn secrets(&self) -> Vec<String> {
        self.accounts().secrets.clone()
    }

    /// Accounts and keys, without any secret.
    pub fn state_json(&self) -> Value {
        let accounts = self.accounts();
        let keys: Vec<Value> = accounts.keys.iter().map(Key::state_json).collect();
        let books: Vec<Value> = accounts
            .books
            .iter()
            .map(state::Account::state_json)
            .collect();
        json!({ "accounts": books, "keys": keys })
    }

    fn accounts(&self) -> MutexGuard<'_, Accounts> {
        self.hub
            .accounts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this request is the n-th one that the rate limit refuses.
    fn is_limited(&self) -> Option<u32> {
        let accounts = self.accounts();
        let every = accounts.every_nth_is_429?;
        let n = self.hub.requests.fetch_add(1, Ordering::SeqCst) + 1;
        (every > 0 && n.is_multiple_of(every)).then_some(accounts.retry_after.unwrap_or(1))
    }
}

impl Behind for OpenRouter {
    const WIRE: &'static str = OPENROUTER;

    fn wire(&self) -> &Wire {
        &self.hub.wire
    }

    fn faults(&self) -> &Faults {
        &self.hub.faults
    }

    async fn answer(&self, call: &Call) -> Answer {
        let Some(path) = call.path.strip_prefix(ROOT) else {
            self.hub
                .wire
                .violation(format!("openrouter {}: no such route", call.path));
            return api::error(404, "Not Found");
        };
        let line = format!("openrouter {} {path}", call.method);
        if let Some(contracts) = &self.hub.contracts {
            for problem in contracts.openrouter_request(&call.method, path, &call.body) {
                self.hub
                    .wire
                    .violation(format!("{line}: request {problem}"));
            }
        }
        let answer = api::answer(self, call, path);
        if let Some(contracts) = &self.hub.contracts {
            let problems =
                contracts.openrouter_answer(&call.method, path, answer.status, &answer.body);
            for problem in problems {
                let status = answer.status;
                self.hub
                    .wire
                    .violation(format!("{line}: answer {status} {problem}"));
            }
        }
        answer
    }

    fn refusal(&self, fault: Fault, _: &Call) -> Option<Answer> {
        Some(match fault {
            Fault::Unauthorized401 => api::error(401, "Missing Authentication header"),
            Fault::PaymentRequired402 => api::error(402, "Insufficient credits"),
            Fault::Forbidden403 => {
                api::error(403, "Only management keys can perform this operation")
            }
            Fault::NotFound404 => api::error(404, "Resource not found"),
            Fault::RateLimited429 { retry_after } => api::rate_limited(retry_after),
            Fault::ServerError500 | Fault::ServerErrorAfter500 => {
                api::error(500, "Internal Server Error")
            }
            Fault::BadGateway502 => Answer::text(502, "<html><h1>502 Bad Gateway</h1></html>"),
            _ => return None,
        })
    }
}
