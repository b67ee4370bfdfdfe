//! What Slack must know of Slice, as it follows from the commands: the app's manifest.

use crate::all::ALL;
use serde_json::{Value, json};

/// Every scope that the bot asks for, and why.
pub const SCOPES: [(&str, &str); 9] = [
    ("commands", "People talk to Slice with /slice."),
    (
        "chat:write",
        "Keys' messages, requests and alarms are posted and edited in place.",
    ),
    (
        "im:write",
        "A key's message goes to its member's direct messages.",
    ),
    (
        "im:history",
        "A message whose delivery is in doubt is looked up in that conversation instead of sent twice.",
    ),
    (
        "users:read",
        "Guests, bots and people of other workspaces are refused; admins are known.",
    ),
    (
        "channels:read",
        "A channel's privacy is checked before it is bound, and its members after.",
    ),
    (
        "groups:read",
        "The same for private channels, which is where owners are.",
    ),
    ("usergroups:read", "A user group can be bound to a role."),
    (
        "files:write",
        "An audit export or a chart is sent as a file.",
    ),
];

/// Every event that the bot listens to, and why.
pub const EVENTS: [(&str, &str); 10] = [
    (
        "app_home_opened",
        "A person's home tab is shown when it is opened.",
    ),
    (
        "app_uninstalled",
        "Slice erases the token of a workspace that removed it, and tells its owners.",
    ),
    (
        "tokens_revoked",
        "The same, where only its token was taken back.",
    ),
    ("team_join", "What is known of a person is asked anew."),
    (
        "user_change",
        "Somebody was deactivated, or became a guest or an admin: a leaver's keys are suspended.",
    ),
    (
        "member_joined_channel",
        "Somebody may have become an owner or a user.",
    ),
    (
        "member_left_channel",
        "Somebody may have stopped being one.",
    ),
    ("subteam_created", "The same, through user groups."),
    ("subteam_updated", "The same, through user groups."),
    ("subteam_members_changed", "The same, through user groups."),
];

/// Slack shows it while people type; it takes no more than this.
const HINT_CHARS_MAX: usize = 1_000;

/// The names that people may begin with, each once.
fn hint() -> String {
    let mut names: Vec<&str> = vec![];
    for command in ALL.iter().filter(|command| !command.hidden) {
        let first = command.name.split(' ').next().unwrap_or(command.name);
        if !names.contains(&first) {
            names.push(first);
        }
    }
    names.join(" | ").chars().take(HINT_CHARS_MAX).collect()
}

/// Where Slack sends what people do, and what happens, below the public address.
pub const COMMANDS_PATH: &str = "/slack/commands";
pub const INTERACTIONS_PATH: &str = "/slack/interactions";
pub const EVENTS_PATH: &str = "/slack/events";
/// Where somebody begins to install the app in a workspace, and where Slack sends her back to.
pub const INSTALL_PATH: &str = "/slack/install";
pub const OAUTH_PATH: &str = "/slack/oauth";

/// The app's manifest for signed HTTP, where Slack reaches Slice at `public_url`.
pub fn manifest_over_http(public_url: &str) -> Value {
    let at = |path: &str| json!(format!("{public_url}{path}"));
    let mut manifest = manifest();
    manifest["features"]["slash_commands"][0]["url"] = at(COMMANDS_PATH);
    manifest["oauth_config"]["redirect_urls"] = json!([at(OAUTH_PATH)]);
    let settings = &mut manifest["settings"];
    settings["event_subscriptions"]["request_url"] = at(EVENTS_PATH);
    settings["interactivity"]["request_url"] = at(INTERACTIONS_PATH);
    settings["socket_mode_enabled"] = json!(false);
    manifest
}

/// The app's manifest, for Socket Mode.
pub fn manifest() -> Value {
    let scopes: Vec<_> = SCOPES.iter().map(|(scope, _)| *scope).collect();
    let events: Vec<_> = EVENTS.iter().map(|(event, _)| *event).collect();
    json!({
        "_metadata": { "major_version": 2, "minor_version": 0 },
        "display_information": {
            "name": "Slice",
            "description": "API keys with a hard cap, taken from a monthly budget",
            "long_description": LONG_DESCRIPTION,
            "background_color": "#2b2b2b",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": true,
                "messages_tab_enabled": true,
                "messages_tab_read_only_enabled": true,
            },
            "bot_user": { "display_name": "Slice", "always_online": true },
            "slash_commands": [{
                "command": "/slice",
                "description": "A key of your own, your budget, and what owners do",
                "usage_hint": hint(),
                "should_escape": true,
            }],
        },
        "oauth_config": { "scopes": { "bot": scopes } },
        "settings": {
            "event_subscriptions": { "bot_events": events },
            "interactivity": { "is_enabled": true },
            "org_deploy_enabled": false,
            "socket_mode_enabled": true,
            "token_rotation_enabled": false,
        },
    })
}

const LONG_DESCRIPTION: &str = "Owners deposit a master key and give each of their people a monthly \
    budget. People turn slices of it into API keys of their own: each with a hard cap and an end, \
    delivered in private, given back when it is no longer needed. Everything that happens stands in \
    an audit trail that can be proven complete.";

/// The scopes with their reasons, as a Markdown table.
pub fn scopes_table() -> String {
    table("scope", &SCOPES)
}

/// The events with their reasons, as a Markdown table.
pub fn events_table() -> String {
    table("event", &EVENTS)
}

fn table(what: &str, rows: &[(&str, &str)]) -> String {
    let lines = rows
        .iter()
        .map(|(name, why)| format!("| `{name}` | {why} |\n"));
    format!("| {what} | why |\n|---|---|\n{}", lines.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_is_within_slack_s_limits() {
        let manifest = manifest();
        let length = |pointer: &str| {
            let text = manifest
                .pointer(pointer)
                .and_then(Value::as_str)
                .expect("a text");
            text.chars().count()
        };
        assert!(length("/display_information/name") <= 35);
        assert!(length("/display_information/description") <= 140);
        assert!((175..=4_000).contains(&length("/display_information/long_description")));
        assert!(length("/features/slash_commands/0/usage_hint") < HINT_CHARS_MAX);
        assert!(length("/features/slash_commands/0/description") <= 2_000);
        assert!(hint().contains("provision") && !hint().contains("ask"));
    }

    #[test]
    fn every_scope_and_event_has_its_reason() {
        assert!(SCOPES.iter().chain(&EVENTS).all(|(_, why)| !why.is_empty()));
    }
}
