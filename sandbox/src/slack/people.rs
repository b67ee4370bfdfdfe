//! What people do with their hands, and what they see.

use serde_json::Value;

use super::payloads::{command, event, message_actions, view_actions, view_event};
use super::render::{self, Clickable, clickables};
use super::world::{About, Message, PersonKind, PersonRow, World};
use super::{Slack, forms};
use crate::chat::Sight;

/// A person at her keyboard. Clones are the same person.
#[derive(Clone)]
pub struct Person {
    pub(super) slack: Slack,
    pub(super) id: String,
    pub(super) handle: String,
}

/// Where something to click stands.
enum Thing {
    Message(Box<Message>),
    View(String),
}

impl Person {
    /// The user id.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn handle(&self) -> &str {
        &self.handle
    }

    fn row(&self, world: &World) -> PersonRow {
        world
            .person(&self.id)
            .cloned()
            .expect("a person stays known, even when she left")
    }

    /// Types a slash command in `#general`, the way she would: `@ana` and `#owners` become mentions,
    /// `&`, `<` and `>` are escaped.
    pub fn command(&self, name: &str, text: &str) {
        self.command_in("general", name, text);
    }

    /// The same in another channel, by name; `@` is her direct message with the bot.
    ///
    /// # Panics
    /// If there is no channel of this name.
    pub fn command_in(&self, channel: &str, name: &str, text: &str) {
        let mut world = self.slack.hub.world();
        let row = self.row(&world);
        let channel = if channel == "@" {
            world.dm(&self.id)
        } else {
            let title = channel.trim_start_matches('#');
            let fits = |team: &str| team == row.team || row.kind == PersonKind::Stranger;
            let found = world
                .channels
                .iter()
                .find(|one| one.name == title && fits(&one.team));
            found
                .map(|one| one.id.clone())
                .expect("the channel of a command exists")
        };
        let text = escaped(&world, &row.team, text);
        let payload = command(&mut world, &row, &channel, (name, &text));
        let about = About::Command {
            user: row.id,
            channel,
        };
        world.queue("slash_commands", payload, about);
        drop(world);
        self.slack.hub.wire.touch();
    }

    /// Clicks the newest button (or option of a menu) with this label that she can see; her open
    /// modal comes first, and its submit button sends it.
    ///
    /// # Errors
    /// Says what she can click instead.
    pub fn click(&self, label: &str) -> Result<(), String> {
        let submits = {
            let world = self.slack.hub.world();
            let modal = world.open_modal(&self.id);
            modal.is_some_and(|view| view.body["submit"]["text"].as_str() == Some(label))
        };
        if submits {
            return self.submit(&[]);
        }
        self.click_first(label, visible)
    }

    /// Clicks a button of one message, as it looks now.
    ///
    /// # Errors
    /// If the message is not there or has no such button.
    pub fn click_on(&self, message_ts: &str, label: &str) -> Result<(), String> {
        self.click_first(label, |world, id| {
            let mut things = visible(world, id);
            things.retain(|(thing, _)| matches!(thing, Thing::Message(it) if it.ts == message_ts));
            things
        })
    }

    /// Clicks the newest button with this label that was there before its message was
    /// edited: her screen had not caught up.
    ///
    /// # Errors
    /// If no message had such a button.
    pub fn click_stale(&self, label: &str) -> Result<(), String> {
        self.click_first(label, stale)
    }

    /// Sends a click on a button that only `other` sees, as somebody might who learned its value.
    ///
    /// # Errors
    /// Says what `other` could click instead.
    pub fn click_stolen(&self, other: &str, label: &str) -> Result<(), String> {
        let owner = self.slack.person(other).id;
        self.click_first(label, |world, _| visible(world, &owner))
    }

    /// Sends a click on the newest button that she sees, with another value in it.
    ///
    /// # Errors
    /// If she sees no button.
    pub fn click_forged(&self, value: &str) -> Result<(), String> {
        let seen = visible(&self.slack.hub.world(), &self.id);
        let mut labels = seen.iter().flat_map(|(_, clicks)| clicks);
        let label = labels.next().map(|click| click.label.clone());
        let label = label.ok_or_else(|| format!("{} sees no button", self.handle))?;
        self.click_first(&label, |world, id| {
            let mut things = visible(world, id);
            for click in things.iter_mut().flat_map(|(_, clicks)| clicks) {
                click.element["value"] = Value::String(value.to_owned());
            }
            things
        })
    }

    fn click_first(
        &self,
        label: &str,
        things: impl FnOnce(&World, &str) -> Vec<(Thing, Vec<Clickable>)>,
    ) -> Result<(), String> {
        let mut world = self.slack.hub.world();
        let row = self.row(&world);
        let mut labels = Vec::new();
        for (thing, clicks) in things(&world, &self.id) {
            labels.extend(clicks.iter().map(|click| click.label.clone()));
            let Some(click) = clicks.into_iter().find(|click| click.label == label) else {
                continue;
            };
            let payload = match thing {
                Thing::Message(message) => message_actions(&mut world, &row, &message, &click),
                Thing::View(view) => {
                    remember_choice(&mut world, &view, &click);
                    view_actions(&mut world, &row, &view, &click)
                }
            };
            world.queue("interactive", payload, About::Nothing);
            drop(world);
            self.slack.hub.wire.touch();
            return Ok(());
        }
        Err(format!(
            "{} sees no {label:?}; she could click {labels:?}",
            self.handle
        ))
    }

    /// Types into the inputs of her open modal, by label, without sending it.
    ///
    /// # Errors
    /// If there is no modal, no such input, or no such option.
    pub fn fill(&self, fields: &[(&str, &str)]) -> Result<(), String> {
        let mut world = self.slack.hub.world();
        let view = self.modal_id(&world)?;
        forms::fill(&mut world, &view, fields)
    }

    /// Types into the inputs of her open modal and sends it.
    ///
    /// # Errors
    /// As [`Person::fill`], and what the client complains about before it sends a form.
    pub fn submit(&self, fields: &[(&str, &str)]) -> Result<(), String> {
        self.fill(fields)?;
        let mut world = self.slack.hub.world();
        let row = self.row(&world);
        let id = self.modal_id(&world)?;
        let view = world.view(&id).ok_or("the modal is gone")?;
        if view.body["submit"].is_null() {
            return Err(format!("the modal of {} has no submit button", self.handle));
        }
        let complaints = forms::complaints(view);
        if !complaints.is_empty() {
            return Err(complaints.join("; "));
        }
        let payload = view_event(&mut world, &row, &id, "view_submission");
        world.queue("interactive", payload, About::Submission { view: id });
        drop(world);
        self.slack.hub.wire.touch();
        Ok(())
    }

    /// Closes her open modal; the app hears of it if it asked to.
    ///
    /// # Errors
    /// If she has no open modal.
    pub fn close_modal(&self) -> Result<(), String> {
        let mut world = self.slack.hub.world();
        let row = self.row(&world);
        let id = self.modal_id(&world)?;
        let view = world.view(&id).ok_or("the modal is gone")?;
        let tell = view.body["notify_on_close"] == Value::Bool(true);
        let clear = view.body["clear_on_close"] == Value::Bool(true);
        if tell {
            let payload = view_event(&mut world, &row, &id, "view_closed");
            world.queue("interactive", payload, About::Nothing);
        }
        world.close_view(&id, clear);
        drop(world);
        self.slack.hub.wire.touch();
        Ok(())
    }

    /// Opens the app's home tab.
    pub fn opens_home(&self) {
        let mut world = self.slack.hub.world();
        let row = self.row(&world);
        let channel = world.dm(&self.id);
        let opened = serde_json::json!({
            "type": "app_home_opened",
            "user": self.id,
            "channel": channel,
            "tab": "home",
        });
        let payload = event(&mut world, &row.team, opened);
        world.queue("events_api", payload, About::Nothing);
        drop(world);
        self.slack.hub.wire.touch();
    }

    /// Everything she ever saw, oldest first.
    pub fn sees(&self) -> Vec<Sight> {
        self.slack.hub.world().sights.of(&self.handle)
    }

    /// What she saw since the last call of this, one text per sight; `(deleted)` for a message that
    /// went. That a modal closed is no news to her.
    pub fn reads(&self) -> Vec<String> {
        self.slack.hub.world().sights.reads(&self.handle)
    }

    /// Her open modal as she reads it.
    pub fn modal(&self) -> Option<String> {
        let world = self.slack.hub.world();
        world
            .open_modal(&self.id)
            .map(|view| render::view(&world, view).text)
    }

    /// The labels of everything she can click now, newest first.
    pub fn buttons(&self) -> Vec<String> {
        let things = visible(&self.slack.hub.world(), &self.id);
        things
            .into_iter()
            .flat_map(|(_, clicks)| clicks)
            .map(|click| click.label)
            .collect()
    }

    fn modal_id(&self, world: &World) -> Result<String, String> {
        let open = world.open_modal(&self.id).map(|view| view.id.clone());
        open.ok_or_else(|| format!("{} has no open modal", self.handle))
    }
}

fn can_see(world: &World, message: &Message, user: &str) -> bool {
    let member = || {
        world
            .channel(&message.channel)
            .is_some_and(|it| it.members.contains(user))
    };
    !message.deleted
        && message
            .ephemeral_to
            .as_deref()
            .map_or_else(member, |only| only == user)
}

/// What a person can click: her modal, then messages and the home tab, newest first.
fn visible(world: &World, user: &str) -> Vec<(Thing, Vec<Clickable>)> {
    let modal = world.open_modal(user).map(|view| view.id.clone());
    let mut found: Vec<(u64, Thing, Vec<Clickable>)> = Vec::new();
    for message in world
        .messages
        .iter()
        .filter(|one| can_see(world, one, user))
    {
        let clicks = clickables(&message.blocks);
        found.push((
            message.seen,
            Thing::Message(Box::new(message.clone())),
            clicks,
        ));
    }
    for view in world
        .views
        .iter()
        .filter(|one| one.open && one.user == user)
    {
        let on_top = modal.as_ref() == Some(&view.id);
        if !on_top && !view.is_home() {
            continue;
        }
        let clicks = clickables(view.body["blocks"].as_array().map_or(&[], Vec::as_slice));
        let seen = if on_top { u64::MAX } else { view.seen };
        found.push((seen, Thing::View(view.id.clone()), clicks));
    }
    found.sort_by_key(|(seen, ..)| std::cmp::Reverse(*seen));
    found
        .into_iter()
        .map(|(_, thing, clicks)| (thing, clicks))
        .collect()
}

/// Messages as they were before their edits, the newest first.
fn stale(world: &World, user: &str) -> Vec<(Thing, Vec<Clickable>)> {
    let mut found: Vec<(u64, Thing, Vec<Clickable>)> = Vec::new();
    for message in world
        .messages
        .iter()
        .filter(|one| can_see(world, one, user))
    {
        for (text, blocks) in message.versions.iter().rev() {
            let mut old = message.clone();
            (old.text, old.blocks) = (text.clone(), blocks.clone());
            let clicks = clickables(blocks);
            found.push((message.seen, Thing::Message(Box::new(old)), clicks));
        }
    }
    found.sort_by_key(|(seen, ..)| std::cmp::Reverse(*seen));
    found
        .into_iter()
        .map(|(_, thing, clicks)| (thing, clicks))
        .collect()
}

/// A menu in a view keeps what was chosen.
fn remember_choice(world: &mut World, view: &str, click: &Clickable) {
    let (Some(option), Some(view)) = (&click.option, world.view_mut(view)) else {
        return;
    };
    let action = click.element["action_id"].as_str().unwrap_or_default();
    if let Some(state) = view.state.get_mut(&click.block_id)
        && state[action].get("selected_option").is_some()
    {
        state[action]["selected_option"] = option.clone();
    }
}

/// Text as Slack hands it to a command whose app set `should_escape`.
fn escaped(world: &World, team: &str, text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    let mut at_start = true;
    while let Some(first) = rest.chars().next() {
        let known = if at_start {
            reference(world, team, rest)
        } else {
            None
        };
        let (written, length) = known.unwrap_or_else(|| {
            let plain = match first {
                '&' => "&amp;".to_owned(),
                '<' => "&lt;".to_owned(),
                '>' => "&gt;".to_owned(),
                other => other.to_string(),
            };
            (plain, first.len_utf8())
        });
        out.push_str(&written);
        at_start = !first.is_alphanumeric();
        rest = &rest[length..];
    }
    out
}

/// A mention, channel or link at the start of `text`: how Slack writes it, and its length.
fn reference(world: &World, team: &str, text: &str) -> Option<(String, usize)> {
    if text.starts_with("http://") || text.starts_with("https://") {
        let link = text.split([' ', '\n', '<', '>', '|']).next()?;
        return Some((format!("<{}>", link.replace('&', "&amp;")), link.len()));
    }
    let mark = text
        .chars()
        .next()
        .filter(|mark| matches!(mark, '@' | '#'))?;
    let name_end = text[1..]
        .find(|one: char| !(one.is_alphanumeric() || matches!(one, '.' | '_' | '-')))
        .map_or(text.len(), |end| end + 1);
    let name = text[1..name_end].trim_end_matches('.');
    let length = 1 + name.len();
    if mark == '#' {
        let channel = world
            .channels
            .iter()
            .find(|it| it.name == name && it.team == team)?;
        return (!name.is_empty()).then(|| (format!("<#{}|{name}>", channel.id), length));
    }
    if matches!(name, "channel" | "here" | "everyone") {
        return Some((format!("<!{name}>"), length));
    }
    let group = world
        .usergroups
        .iter()
        .find(|it| it.handle == name && it.team == team);
    if let Some(group) = group {
        return Some((format!("<!subteam^{}|@{name}>", group.id), length));
    }
    let fits = |it: &&PersonRow| it.handle == name && !it.deleted;
    let mut people = world.people.iter().filter(fits);
    let here = people.clone().find(|it| it.team == team);
    let person = here.or_else(|| people.next())?;
    Some((format!("<@{}|{name}>", person.id), length))
}
