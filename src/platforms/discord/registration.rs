//! Registers the commands where Discord knows other ones. What it knows already is not sent again:
//! Discord counts registrations.

use super::{Discord, DiscordPlatform, failure::Failure};
use reqwest::Method;
use serde_json::{Map, Value};
use slice_core::ports::PlatformError;
use tracing::info;

/// What we send, and so compare; Discord adds ids, versions and much else.
const SENT: [&str; 15] = [
    "autocomplete",
    "choices",
    "contexts",
    "description",
    "integration_types",
    "max_length",
    "max_value",
    "min_length",
    "min_value",
    "name",
    "options",
    "required",
    "type",
    "value",
    "channel_types",
];

impl DiscordPlatform {
    /// Registers the commands for all servers if they changed; tells whether it did.
    pub async fn register(&self) -> Result<bool, PlatformError> {
        let registered = self.discord.register().await;
        let registered = registered.map_err(Failure::of_preparation)?;
        if registered {
            info!("Registered the commands at Discord");
        }
        Ok(registered)
    }
}

impl Discord {
    async fn register(&self) -> Result<bool, Failure> {
        let ours = slice_commands::discord::commands();
        let path = format!("applications/{}/commands", self.application().await?.id);
        let theirs: Value = self.web.ask(&path).await?;
        if normal(&ours) == normal(&theirs) {
            return Ok(false);
        }
        let _: Value = self.web.change(Method::PUT, &path, &ours).await?;
        Ok(true)
    }
}

/// What a registration says, without what Discord adds or leaves out.
fn normal(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(normal).collect(),
        Value::Object(fields) => {
            let said = fields
                .iter()
                .filter(|(name, _)| SENT.contains(&name.as_str()));
            let said = said.map(|(name, value)| (name.clone(), normal(value)));
            Value::Object(
                said.filter(|(_, value)| !is_default(value))
                    .collect::<Map<_, _>>(),
            )
        }
        // 1 and 1.0 are one number to Discord.
        Value::Number(number) => {
            let text = number.to_string();
            Value::String(text.strip_suffix(".0").unwrap_or(&text).to_owned())
        }
        other => other.clone(),
    }
}

fn is_default(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_discord_adds_is_no_change() {
        let ours = slice_commands::discord::commands();
        let mut theirs = ours.clone();
        theirs[0]["id"] = json!("500");
        theirs[0]["version"] = json!("1");
        theirs[0]["default_member_permissions"] = Value::Null;
        theirs[0]["options"][0]["options"][0]["autocomplete"] = json!(false);
        assert_eq!(normal(&ours), normal(&theirs));
        theirs[0]["options"][0]["description"] = json!("something else");
        assert_ne!(normal(&ours), normal(&theirs));
        assert_ne!(normal(&ours), normal(&json!([])));
        assert_eq!(normal(&json!(1)), normal(&json!(1.0)));
    }
}
