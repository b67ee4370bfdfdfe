//! What `slice check` says of Slack: a line each, with the remedy.

use super::{SlackPlatform, Transport, failure::Failure, render, teams::Home, web};
use crate::http::Check;
use slice_commands::slack::SCOPES;
use slice_core::secret::Secret;

const BOT_TOKEN: &str = "Slack bot token";
const APP_TOKEN: &str = "Slack app token";
const SCOPES_LINE: &str = "Slack scopes";
const REQUESTS: &str = "Slack requests";

impl SlackPlatform {
    /// Looks at the tokens, and whether the bot token has every scope that Slice needs.
    pub async fn check(&self) -> Vec<Check> {
        let bot_token = self.check_bot_token().await;
        let is_known = bot_token.ok;
        let mut checks = vec![bot_token];
        if is_known {
            checks.push(self.check_scopes().await);
        }
        checks.push(match &self.slack.transport {
            Transport::Socket { app_token } => self.check_app_token(app_token).await,
            // Only Slack can say whether it is the right one, by signing with it.
            Transport::Http { .. } => Check::good(REQUESTS, "expected, signed, by HTTP"),
        });
        checks
    }

    async fn check_bot_token(&self) -> Check {
        match self
            .slack
            .web
            .ask::<Home>(&self.slack.bot_token, "auth.test", &[])
            .await
        {
            Ok(home) => {
                let name = render::filled(&home.team_name, 60);
                Check::good(BOT_TOKEN, format!("good for {name} ({})", home.team_id))
            }
            Err(failure) => {
                let how = "Copy SLACK_BOT_TOKEN from OAuth & Permissions of the app";
                Check::bad(BOT_TOKEN, remedy(&failure, how))
            }
        }
    }

    async fn check_scopes(&self) -> Check {
        let has = match self.slack.web.scopes(&self.slack.bot_token).await {
            Ok(has) => has,
            Err(failure) => {
                return Check::bad(SCOPES_LINE, format!("{failure}. Try again in a minute."));
            }
        };
        let needed = SCOPES.iter().map(|(scope, _)| *scope);
        let missing: Vec<_> = needed
            .filter(|scope| !has.iter().any(|one| one == scope))
            .collect();
        if missing.is_empty() {
            return Check::good(SCOPES_LINE, "complete");
        }
        Check::bad(
            SCOPES_LINE,
            format!(
                "{} missing. Add what is missing under OAuth & Permissions of the app, and install \
                 it again.",
                missing.join(", ")
            ),
        )
    }

    async fn check_app_token(&self, app_token: &Secret) -> Check {
        let app_token = web::token(app_token);
        match self.slack.web.try_app_token(&app_token).await {
            Ok(()) => Check::good(APP_TOKEN, "opens Socket Mode connections"),
            Err(failure) => {
                let how = "Switch Socket Mode on, and set SLACK_APP_TOKEN to an app-level token \
                           with connections:write";
                Check::bad(APP_TOKEN, remedy(&failure, how))
            }
        }
    }
}

/// A token is at fault only if Slack said so.
fn remedy(failure: &Failure, how: &str) -> String {
    match failure {
        Failure::Api(code) => format!("{failure} ({code}). {how}."),
        Failure::Status(400..500) => format!("{failure}. {how}."),
        _ => format!("{failure}. Look whether this machine can reach Slack, then try again."),
    }
}
