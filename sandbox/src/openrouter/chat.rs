//! Where a sub-key spends: the limit is checked before a request, which then completes.

use serde_json::{Value, json};

use super::OpenRouter;
use super::api::error;
use super::state::{Accounts, micros_from_usd, number};
use crate::door::{Answer, Call};

/// What a token costs when the request does not name its cost.
const MICROS_PER_TOKEN: i64 = 10;
const TOKENS_DEFAULT: i64 = 1000;
const AT_THE_CAP: &str =
    "Key limit exceeded (total limit). Manage it using https://openrouter.ai/settings/keys";

/// What a request cost, and what the key has spent with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    pub cost_micros: i64,
    pub usage_micros: i64,
}

impl Accounts {
    pub(super) fn spend(
        &mut self,
        secret: &str,
        cost: i64,
        now: i64,
    ) -> Result<Spent, (u16, String)> {
        if self.manages(secret).is_some() {
            return Err((
                403,
                "Management keys cannot be used for inference".to_owned(),
            ));
        }
        let Some(key) = self.usable(secret, now) else {
            return Err((401, "User not found.".to_owned()));
        };
        let (hash, name) = (key.hash.clone(), key.account.clone());
        let capped = key
            .limit_micros
            .is_some_and(|limit| key.counted(now) >= limit);
        let account = self.account(&name);
        if account.usage_micros >= account.credits_micros {
            return Err((
                402,
                "Insufficient credits. Add more using https://openrouter.ai/settings/credits"
                    .to_owned(),
            ));
        }
        if capped {
            return Err((403, AT_THE_CAP.to_owned()));
        }
        account.usage_micros += cost;
        let key = self.keys.iter_mut().find(|key| key.hash == hash);
        let key = key.expect("the key was found a moment ago");
        key.usage_micros += cost;
        key.spent.push((now, cost));
        Ok(Spent {
            cost_micros: cost,
            usage_micros: key.usage_micros,
        })
    }
}

/// `POST /chat/completions` and `POST /completions`. The header `x-sandbox-cost` names the cost in
/// US dollars; otherwise `max_tokens` (1000 by default) are paid.
pub(super) fn complete(openrouter: &OpenRouter, call: &Call) -> Answer {
    let Some(secret) = call.bearer() else {
        return error(401, "Missing Authentication header");
    };
    let Ok(body) = serde_json::from_slice::<Value>(&call.body) else {
        return error(400, "The body is no JSON");
    };
    let tokens = body["max_tokens"].as_i64().unwrap_or(TOKENS_DEFAULT);
    let named = call.header("x-sandbox-cost").map(micros_from_usd);
    let Some(cost) = named.unwrap_or(Some(tokens.saturating_mul(MICROS_PER_TOKEN))) else {
        return error(400, "x-sandbox-cost is no decimal amount");
    };
    let now = openrouter.hub.clock.now();
    let mut accounts = openrouter.accounts();
    if let Err((status, why)) = accounts.spend(secret, cost, now) {
        return error(status, &why);
    }
    let text = "This is the sandbox: nothing was thought, but it was paid for.";
    let answer = json!({
        "id": accounts.next_generation(),
        "object": "chat.completion",
        "created": openrouter.hub.clock.seconds(),
        "model": body["model"].as_str().unwrap_or("openrouter/auto"),
        "choices": [{
            "index": 0,
            "finish_reason": "stop",
            "text": text,
            "message": { "role": "assistant", "content": text },
        }],
        "usage": {
            "prompt_tokens": 1,
            "completion_tokens": tokens,
            "total_tokens": tokens.saturating_add(1),
            "cost": number(cost),
        },
    });
    Answer::json(200, answer)
}
