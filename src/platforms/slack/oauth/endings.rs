//! How an installation ends, as a page that says what happened and what to do next.

use super::super::failure::Failure;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use slice_commands::slack::INSTALL_PATH;
use tracing::{info, warn};

/// What a page may do: nothing but be read.
const POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// What became of an installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Installed {
        team: String,
    },
    Declined,
    /// The state is foreign, over or used. Which of these is nobody's business.
    Stale,
    /// Slack does not take the code.
    NotTaken,
    OrgWide,
    OtherApp,
    Scopes,
    /// The workspace whose token stands in the environment.
    Home,
    Unlisted {
        team: String,
    },
    Busy,
    Unreachable,
    Unavailable,
}

impl Ending {
    pub fn of(failure: &Failure) -> Self {
        warn!(error = %failure, "Slack did not confirm an installation");
        if failure.is_refusal() {
            Self::NotTaken
        } else {
            Self::Unreachable
        }
    }

    pub fn log(&self) {
        match self {
            Self::Installed { .. } => {}
            Self::Declined => info!("An installation was declined"),
            other => warn!("Nothing was installed: {}", other.title()),
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Installed { .. } | Self::Declined => StatusCode::OK,
            Self::Stale | Self::NotTaken | Self::OrgWide | Self::Scopes => StatusCode::BAD_REQUEST,
            Self::Unlisted { .. } => StatusCode::FORBIDDEN,
            Self::OtherApp | Self::Home => StatusCode::CONFLICT,
            Self::Busy | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unreachable => StatusCode::BAD_GATEWAY,
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::Installed { .. } => "Slice is installed",
            Self::Declined => "Nothing was installed",
            Self::Stale => "This installation can't go on",
            Self::NotTaken => "Slack did not confirm the installation",
            Self::OrgWide => "Slice is installed in one workspace at a time",
            Self::OtherApp => "That is another app",
            Self::Scopes => "Slice may do too little",
            Self::Home => "This workspace has Slice already",
            Self::Unlisted { .. } => "This workspace is not invited",
            Self::Busy => "Too many installations at once",
            Self::Unreachable => "Slack could not be asked",
            Self::Unavailable => "Slice can't tell whether it is installed",
        }
    }

    fn text(&self) -> String {
        let text = match self {
            Self::Installed { team } => {
                return format!(
                    "{team} can use /slice from now on. If this is its first time, who installed it \
                     has a direct message from Slice with what to do first."
                );
            }
            Self::Unlisted { team } => {
                return format!(
                    "Nothing was kept, and the permission was given back. Ask whoever runs this \
                     Slice to say `slice invite slack/{team}`, then install it again."
                );
            }
            Self::Declined => "You said no, so nothing was changed.",
            Self::Stale => {
                "It was begun in another browser, more than ten minutes ago, or used already. \
                 Nothing was changed."
            }
            Self::NotTaken => "Nothing was changed.",
            Self::OrgWide => {
                "Nothing was kept. Choose a single workspace where Slack asks for one."
            }
            Self::OtherApp => {
                "Nothing was changed. Ask whoever runs this Slice to look at SLACK_CLIENT_ID and \
                 SLACK_CLIENT_SECRET: they have to be of the app whose bot token it has."
            }
            Self::Scopes => "Nothing was kept. Say yes to all that Slice asks for.",
            Self::Home => {
                "Its token stands in the environment of Slice and stays as it is. Nothing was \
                 changed."
            }
            Self::Busy | Self::Unreachable => "Nothing was kept. Try again in a minute.",
            Self::Unavailable => {
                "Its database did not answer, or not in time. Install it again in a minute: if it is \
                 installed, that changes nothing."
            }
        };
        text.to_owned()
    }

    /// Whether it makes sense to begin anew.
    fn may_begin_anew(&self) -> bool {
        !matches!(
            self,
            Self::Installed { .. } | Self::Home | Self::OtherApp | Self::Unlisted { .. }
        )
    }
}

impl IntoResponse for Ending {
    fn into_response(self) -> Response {
        let (title, text) = (self.title(), escaped(&self.text()));
        let again = if self.may_begin_anew() {
            format!("<p><a href=\"{INSTALL_PATH}\">Begin anew</a></p>\n")
        } else {
            String::new()
        };
        let page = format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
             <h1>{title}</h1>\n<p>{text}</p>\n{again}</html>\n"
        );
        let mut response = (self.status(), page).into_response();
        for (name, value) in [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::CACHE_CONTROL, "no-store"),
            // The address holds a code.
            (header::REFERRER_POLICY, "no-referrer"),
        ] {
            let value = HeaderValue::from_static(value);
            response.headers_mut().insert(name, value);
        }
        response
    }
}

/// Names of workspaces are anybody's words.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_s_name_stays_a_name() {
        let team = "<script>alert(\"&'\")</script>".to_owned();
        let text = escaped(&Ending::Installed { team }.text());
        assert!(!text.contains(['<', '>', '"', '\'']), "{text}");
        assert!(text.starts_with("&lt;script&gt;alert(&quot;&amp;&#39;&quot;)"));
    }
}
