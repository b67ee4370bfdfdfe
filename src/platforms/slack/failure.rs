//! What a failed call to Slack lets us conclude, in sentences of ours: never a body, never a token.

use slack_morphism::errors::SlackClientError;
use slice_core::ports::PlatformError;
use std::{fmt, time::Duration};
use tracing::error;

/// Slack did not say for how long.
const PAUSE: Duration = Duration::from_secs(5);
/// Longer than this is not believed.
const PAUSE_MAX: Duration = Duration::from_hours(1);
/// Until somebody may have repaired a token or its scopes.
const TOKEN_PAUSE: Duration = Duration::from_mins(1);
/// No error code of Slack's is longer.
const CODE_MAX: usize = 64;

/// Codes with which Slack does nothing, and may do it a little later.
const PASSING: [&str; 5] = [
    "ratelimited",
    "rate_limited",
    "service_unavailable",
    "team_added_to_org",
    "request_timeout",
];
/// Codes with which Slack says that a token is good for nothing any more.
const DEAD: [&str; 4] = [
    "account_inactive",
    "invalid_auth",
    "token_expired",
    "token_revoked",
];
/// Codes with which Slack may have done a part.
const IN_DOUBT: [&str; 2] = ["internal_error", "fatal_error"];

/// How one call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Slack refused, with this code.
    Api(String),
    /// Slack asks to wait.
    Limited(Duration),
    /// An HTTP status that is no success.
    Status(u16),
    /// The connection was never made.
    NotSent,
    /// The connection broke after the request may have left.
    Lost,
    /// Slack did not answer in time.
    TimedOut,
    /// Slack answered something that cannot be read.
    Malformed,
    /// Nobody installed Slice in that workspace, or it was removed there.
    NoToken,
    /// The books with the workspace's token do not answer.
    NoBooks,
}

impl Failure {
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Api(code) => Some(code),
            _ => None,
        }
    }

    /// Whether Slack understood and said no, so that asking again changes nothing.
    pub fn is_refusal(&self) -> bool {
        self.code()
            .is_some_and(|code| !PASSING.contains(&code) && !IN_DOUBT.contains(&code))
    }

    /// Whether Slack says that the token is good for nothing any more.
    pub fn is_dead_token(&self) -> bool {
        self.code().is_some_and(|code| DEAD.contains(&code))
    }

    /// Of a call that changes something: what is lost on the way may have happened.
    pub fn of_change(self) -> PlatformError {
        let text = self.to_string();
        match self {
            Self::Api(code) => of_code(&code),
            Self::Limited(after) => PlatformError::Later(after),
            Self::NotSent | Self::NoBooks => PlatformError::Later(PAUSE),
            Self::NoToken | Self::Status(400..=407 | 409..=499) => PlatformError::Refused(text),
            Self::Status(_) | Self::Lost | Self::TimedOut | Self::Malformed => {
                PlatformError::Unknown(text)
            }
        }
    }

    /// Of a call that only asks: nothing happened, and the text says why there is no answer.
    pub fn of_question(self) -> PlatformError {
        match self {
            Self::NotSent | Self::NoBooks => PlatformError::Unknown(self.to_string()),
            other => other.of_change(),
        }
    }

    /// Of a call that only prepares: it can be repeated before the change itself.
    pub fn of_preparation(self) -> PlatformError {
        match self.of_change() {
            PlatformError::Unknown(_) => PlatformError::Later(PAUSE),
            other => other,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Api(code) => f.write_str(&sentence(code)),
            Self::Limited(_) => f.write_str("Slack asks to wait"),
            Self::Status(status) => write!(f, "Slack answered with HTTP status {status}"),
            Self::NotSent => f.write_str("Slack could not be reached"),
            Self::Lost => f.write_str("the connection to Slack broke"),
            Self::TimedOut => f.write_str("Slack did not answer in time"),
            Self::Malformed => f.write_str("Slack answered something unreadable"),
            Self::NoToken => f.write_str("Slice has no token for that workspace"),
            Self::NoBooks => f.write_str("Slice's own database does not answer"),
        }
    }
}

impl From<SlackClientError> for Failure {
    fn from(error: SlackClientError) -> Self {
        match error {
            SlackClientError::ApiError(error) => Self::Api(plain(&error.code)),
            SlackClientError::RateLimitError(error) => {
                Self::Limited(error.retry_after.unwrap_or(PAUSE).min(PAUSE_MAX))
            }
            SlackClientError::HttpError(error) => Self::Status(error.status_code.as_u16()),
            SlackClientError::HttpProtocolError(error) => {
                let cause = error.cause.as_ref();
                let cause = cause
                    .and_then(|cause| cause.downcast_ref::<hyper_util::client::legacy::Error>());
                if cause.is_some_and(hyper_util::client::legacy::Error::is_connect) {
                    Self::NotSent
                } else {
                    Self::Lost
                }
            }
            SlackClientError::ProtocolError(_) => Self::Malformed,
            SlackClientError::EndOfStream(_)
            | SlackClientError::SystemError(_)
            | SlackClientError::SocketModeProtocolError(_) => Self::Lost,
        }
    }
}

/// A code is a word; anything else is not repeated.
fn plain(code: &str) -> String {
    let is_word = code
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_word && (1..=CODE_MAX).contains(&code.len()) {
        code.to_owned()
    } else {
        "unnamed".into()
    }
}

fn of_code(code: &str) -> PlatformError {
    match code {
        // Nothing is wrong with what was asked, so it must not be given up.
        "invalid_auth" | "not_authed" | "token_revoked" | "token_expired" | "account_inactive"
        | "missing_scope" | "org_login_required" => {
            error!(
                slack.error = code,
                "Slack does not accept the bot token: {code}"
            );
            PlatformError::Later(TOKEN_PAUSE)
        }
        code if PASSING.contains(&code) => PlatformError::Later(PAUSE),
        code if IN_DOUBT.contains(&code) => PlatformError::Unknown(sentence(code)),
        _ => PlatformError::Refused(sentence(code)),
    }
}

fn sentence(code: &str) -> String {
    let known = match code {
        "channel_not_found" => "Slack does not know that channel, or Slice is not in it",
        "not_in_channel" => "Slice is not in that channel. Invite it with /invite",
        "is_archived" | "is_inactive" => "that channel is archived",
        "user_not_found" | "users_not_found" => "Slack does not know that person",
        "user_disabled" => "that person's account is deactivated",
        "user_not_visible" => "that person is not visible to Slice",
        "user_not_in_channel" => "that person is not in the channel",
        "messages_tab_disabled" => {
            "the app's Messages tab is switched off, which whoever runs Slice can mend in the app's settings"
        }
        "cannot_dm_bot" => "bots get no direct messages",
        "message_not_found" => "the message does not exist any more",
        "cant_update_message" | "edit_window_closed" => "the message can't be edited any more",
        "restricted_action" | "restricted_action_read_only_channel" => {
            "the workspace does not let Slice post there"
        }
        "expired_trigger_id" | "exchanged_trigger_id" | "invalid_trigger_id" => {
            "the time in which Slack opens a view had passed"
        }
        "not_found" | "view_not_found" => "the view was closed",
        "invalid_auth" | "not_authed" | "token_revoked" | "token_expired" | "account_inactive" => {
            "Slack does not accept the token"
        }
        "missing_scope" => "the token lacks a scope",
        "no_such_subteam" => "Slack does not know that user group",
        _ => return format!("Slack refused it ({code})"),
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_certain_refusals_are_final() {
        let api = |code: &str| Failure::Api(code.to_owned()).of_change();
        for code in [
            "channel_not_found",
            "is_archived",
            "user_disabled",
            "anything_else",
        ] {
            assert!(matches!(api(code), PlatformError::Refused(_)), "{code}");
        }
        for code in [
            "token_revoked",
            "account_inactive",
            "missing_scope",
            "ratelimited",
        ] {
            assert!(matches!(api(code), PlatformError::Later(_)), "{code}");
        }
        assert!(matches!(api("internal_error"), PlatformError::Unknown(_)));
        assert!(matches!(
            Failure::NotSent.of_change(),
            PlatformError::Later(_)
        ));
        assert!(matches!(
            Failure::Status(404).of_change(),
            PlatformError::Refused(_)
        ));
        for lost in [
            Failure::Lost,
            Failure::TimedOut,
            Failure::Malformed,
            Failure::Status(502),
            Failure::Status(408),
            Failure::Status(202),
        ] {
            assert!(
                matches!(lost.clone().of_change(), PlatformError::Unknown(_)),
                "{lost:?}"
            );
            assert!(matches!(lost.of_preparation(), PlatformError::Later(_)));
        }
    }

    #[test]
    fn a_code_that_is_no_word_is_not_repeated() {
        assert_eq!(plain("is_archived"), "is_archived");
        assert_eq!(plain("xoxb-1234 leaked"), "unnamed");
        assert_eq!(plain(""), "unnamed");
    }
}
