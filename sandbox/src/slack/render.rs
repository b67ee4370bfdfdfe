//! Messages and views as a person reads them.

use serde_json::{Value, json};

use super::world::{View, World};

/// What a person sees of a message or a view.
pub(super) struct Rendered {
    pub text: String,
    pub buttons: Vec<String>,
    /// Mentions of a group or broadcast, and links: markup that does something.
    pub alive: Vec<String>,
}

/// A message: its blocks, or its text if it has none.
pub(super) fn message(world: &World, text: &str, blocks: &[Value]) -> Rendered {
    let mut page = Page {
        world,
        alive: Vec::new(),
    };
    let fallback = page.mrkdwn(text);
    let text = if blocks.is_empty() {
        fallback
    } else {
        page.blocks(blocks)
    };
    let buttons = clickables(blocks)
        .into_iter()
        .map(|one| one.label)
        .collect();
    Rendered {
        text,
        buttons,
        alive: page.alive,
    }
}

/// A view with its title, what was typed so far, the errors shown, and its submit button.
pub(super) fn view(world: &World, view: &View) -> Rendered {
    let mut page = Page {
        world,
        alive: Vec::new(),
    };
    let empty = Vec::new();
    let blocks = view.body["blocks"].as_array().unwrap_or(&empty);
    let mut lines = Vec::new();
    if let Some(title) = view.body["title"]["text"].as_str() {
        lines.push(unescape(title));
    }
    lines.push(page.blocks(blocks));
    for (block, error) in &view.errors {
        let label = blocks.iter().find(|one| one["block_id"] == json!(block));
        let label = label
            .and_then(|one| one["label"]["text"].as_str())
            .unwrap_or(block);
        lines.push(format!("! {label}: {error}"));
    }
    let mut buttons: Vec<String> = clickables(blocks)
        .into_iter()
        .map(|one| one.label)
        .collect();
    if let Some(submit) = view.body["submit"]["text"].as_str() {
        lines.push(format!("[{submit}]"));
        buttons.push(submit.to_owned());
    }
    lines.retain(|line| !line.is_empty());
    Rendered {
        text: lines.join("\n"),
        buttons,
        alive: page.alive,
    }
}

/// Something that a click does something to: a button, or an option of a menu.
#[derive(Clone)]
pub(super) struct Clickable {
    pub label: String,
    pub block_id: String,
    pub element: Value,
    pub option: Option<Value>,
}

pub(super) fn clickables(blocks: &[Value]) -> Vec<Clickable> {
    let mut found = Vec::new();
    for block in blocks
        .iter()
        .filter(|block| block["type"] != json!("input"))
    {
        let block_id = block["block_id"].as_str().unwrap_or_default();
        let elements = block["elements"].as_array().into_iter().flatten();
        for element in elements.chain(block.get("accessory")) {
            let click = |label: &Value, option: Option<&Value>| Clickable {
                label: unescape(label.as_str().unwrap_or_default()),
                block_id: block_id.to_owned(),
                element: element.clone(),
                option: option.cloned(),
            };
            if element["type"] == json!("button") {
                found.push(click(&element["text"]["text"], None));
            }
            for option in options(element) {
                found.push(click(&option["text"]["text"], Some(option)));
            }
        }
    }
    found
}

/// The options of a menu, also those in groups.
pub(super) fn options(element: &Value) -> Vec<&Value> {
    let groups = element["option_groups"].as_array().into_iter().flatten();
    let grouped = groups
        .filter_map(|group| group["options"].as_array())
        .flatten();
    element["options"]
        .as_array()
        .into_iter()
        .flatten()
        .chain(grouped)
        .collect()
}

/// Slack's markup as a person reads it; what in it is alive is added to `alive`.
pub(super) fn mrkdwn(world: &World, text: &str, alive: &mut Vec<String>) -> String {
    let mut page = Page {
        world,
        alive: Vec::new(),
    };
    let text = page.mrkdwn(text);
    alive.append(&mut page.alive);
    text
}

pub(super) fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

struct Page<'a> {
    world: &'a World,
    alive: Vec<String>,
}

impl Page<'_> {
    fn blocks(&mut self, blocks: &[Value]) -> String {
        let lines: Vec<String> = blocks.iter().map(|block| self.block(block)).collect();
        lines
            .into_iter()
            .filter(|line| !line.is_empty())
            .collect::<Vec<_>>()
            .join("\n")
    }

    fn block(&mut self, block: &Value) -> String {
        match block["type"].as_str().unwrap_or_default() {
            "header" => self.text(&block["text"]),
            "section" => self.section(block),
            "context" | "actions" => self.all(&block["elements"], " "),
            "divider" => "---".to_owned(),
            "image" => self.element(block),
            "input" => self.input(block),
            "markdown" => block["text"].as_str().unwrap_or_default().to_owned(),
            "rich_text" => self.all(&block["elements"], "\n"),
            "table" => {
                let rows: Vec<&Value> = block["rows"].as_array().into_iter().flatten().collect();
                rows.into_iter()
                    .map(|row| self.all(row, " | "))
                    .collect::<Vec<_>>()
                    .join("\n")
            }
            other => format!("[{other}]"),
        }
    }

    fn section(&mut self, block: &Value) -> String {
        let mut lines = Vec::new();
        if block["text"].is_object() {
            lines.push(self.text(&block["text"]));
        }
        for field in block["fields"].as_array().into_iter().flatten() {
            let text = self.text(field);
            lines.push(match text.split_once('\n') {
                Some((label, value)) => format!("{}: {value}", label.trim_end_matches(':')),
                None => text,
            });
        }
        if block["accessory"].is_object() {
            lines.push(self.element(&block["accessory"]));
        }
        lines.join("\n")
    }

    fn input(&mut self, block: &Value) -> String {
        let label = self.text(&block["label"]);
        let element = &block["element"];
        let choices: Vec<String> = options(element)
            .into_iter()
            .map(|option| self.text(&option["text"]))
            .collect();
        let filled = [
            &element["initial_value"],
            &element["initial_option"]["text"]["text"],
            &element["initial_date"],
            &element["initial_user"],
            &element["initial_channel"],
            &element["initial_conversation"],
        ];
        let filled = filled
            .into_iter()
            .find_map(Value::as_str)
            .map(|text| self.reference(text));
        let mut line = format!("{label}: {}", filled.unwrap_or_else(|| "____".to_owned()));
        if !choices.is_empty() {
            line = format!("{line} ({})", choices.join(" | "));
        }
        if block["optional"] == json!(true) {
            line.push_str(" (optional)");
        }
        if block["hint"].is_object() {
            line = format!("{line}\n  {}", self.text(&block["hint"]));
        }
        line
    }

    /// An id of a person or channel as its name; other text as it is.
    fn reference(&self, text: &str) -> String {
        if let Some(person) = self.world.person(text) {
            return format!("@{}", person.handle);
        }
        match self.world.channel(text) {
            Some(channel) => format!("#{}", channel.name),
            None => text.to_owned(),
        }
    }

    fn all(&mut self, elements: &Value, separator: &str) -> String {
        let elements = elements.as_array().into_iter().flatten();
        let parts: Vec<String> = elements.map(|element| self.element(element)).collect();
        parts.join(separator)
    }

    fn element(&mut self, element: &Value) -> String {
        let word = |key: &str| element[key].as_str().unwrap_or_default().to_owned();
        match element["type"].as_str().unwrap_or_default() {
            "plain_text" | "mrkdwn" => self.text(element),
            "button" => format!("[{}]", self.text(&element["text"])),
            "image" => format!("[image: {}]", word("alt_text")),
            "rich_text" => self.all(&element["elements"], "\n"),
            "rich_text_section" | "rich_text_preformatted" => self.all(&element["elements"], ""),
            "rich_text_quote" => {
                let text = self.all(&element["elements"], "");
                text.lines()
                    .map(|line| format!("> {line}"))
                    .collect::<Vec<_>>()
                    .join("\n")
            }
            "rich_text_list" => self.list(element),
            "text" | "raw_text" => word("text"),
            "raw_number" => element["value"].to_string(),
            "link" => {
                self.alive.push(format!("link {}", word("url")));
                if element["text"].is_string() {
                    word("text")
                } else {
                    word("url")
                }
            }
            "user" => self.mention_user(&word("user_id")),
            "channel" => self.mention_channel(&word("channel_id")),
            "usergroup" => self.mention_group(&word("usergroup_id"), ""),
            "broadcast" => self.broadcast(&word("range")),
            "emoji" => format!(":{}:", word("name")),
            "date" if element["fallback"].is_string() => word("fallback"),
            "date" => moment(element["timestamp"].as_i64().unwrap_or(0)),
            "color" => word("value"),
            _ => {
                let hint = element["placeholder"]["text"]
                    .as_str()
                    .unwrap_or("choose")
                    .to_owned();
                let choices: Vec<String> = options(element)
                    .into_iter()
                    .map(|one| self.text(&one["text"]))
                    .collect();
                format!("[{hint}: {}]", choices.join(" | "))
            }
        }
    }

    fn list(&mut self, list: &Value) -> String {
        let items: Vec<&Value> = list["elements"].as_array().into_iter().flatten().collect();
        let ordered = list["style"] == json!("ordered");
        let mut lines = Vec::new();
        for (at, item) in items.into_iter().enumerate() {
            let text = self.element(item);
            let mark = if ordered {
                format!("{}.", at + 1)
            } else {
                "•".to_owned()
            };
            lines.push(format!("{mark} {text}"));
        }
        lines.join("\n")
    }

    /// A text object.
    fn text(&mut self, text: &Value) -> String {
        let content = text["text"].as_str().unwrap_or_default();
        match text["type"].as_str() {
            Some("mrkdwn") if text["verbatim"] != json!(true) => self.mrkdwn(content),
            Some("mrkdwn") => self.mrkdwn(content),
            _ => unescape(content),
        }
    }

    fn mrkdwn(&mut self, text: &str) -> String {
        let mut read = String::new();
        let mut rest = text;
        while let Some(start) = rest.find('<') {
            read.push_str(&rest[..start]);
            let Some(end) = rest[start..].find('>').map(|end| start + end) else {
                break;
            };
            let token = self.token(&rest[start + 1..end]);
            read.push_str(&token);
            rest = &rest[end + 1..];
        }
        read.push_str(rest);
        unescape(&without_emphasis(&read))
    }

    /// What stands between `<` and `>`.
    fn token(&mut self, token: &str) -> String {
        let (target, label) = token.split_once('|').unwrap_or((token, ""));
        if let Some(user) = target.strip_prefix('@') {
            return self.mention_user(user);
        }
        if let Some(channel) = target.strip_prefix('#') {
            return self.mention_channel(channel);
        }
        if let Some(group) = target.strip_prefix("!subteam^") {
            return self.mention_group(group, label);
        }
        if let Some(date) = target.strip_prefix("!date^") {
            let seconds = date.split('^').next().and_then(|text| text.parse().ok());
            return if label.is_empty() {
                moment(seconds.unwrap_or(0))
            } else {
                label.to_owned()
            };
        }
        if let Some(range) = target.strip_prefix('!') {
            return self.broadcast(range);
        }
        self.alive.push(format!("link {target}"));
        if label.is_empty() {
            target.to_owned()
        } else {
            label.to_owned()
        }
    }

    fn mention_user(&mut self, id: &str) -> String {
        let id = id.split('|').next().unwrap_or(id);
        let name = format!("@{}", self.world.handle(id));
        self.alive.push(format!("user {name}"));
        name
    }

    fn mention_channel(&mut self, id: &str) -> String {
        let name = self
            .world
            .channel(id)
            .map_or(id, |channel| channel.name.as_str());
        format!("#{name}")
    }

    fn mention_group(&mut self, id: &str, label: &str) -> String {
        let group = self.world.usergroups.iter().find(|group| group.id == id);
        let name = group.map_or(label.trim_start_matches('@'), |group| group.handle.as_str());
        self.alive.push(format!("group @{name}"));
        format!("@{name}")
    }

    fn broadcast(&mut self, range: &str) -> String {
        self.alive.push(format!("broadcast @{range}"));
        format!("@{range}")
    }
}

fn moment(seconds: i64) -> String {
    let time = chrono::DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    time.format("%Y-%m-%d %H:%M").to_string()
}

/// Takes away the stars, underscores and tildes that Slack would turn into bold, italic and
/// struck text; what stands between backticks stays as it is.
fn without_emphasis(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut kept = String::new();
    let mut open: Option<char> = None;
    let mut code = false;
    for (at, &mark) in chars.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| chars[at]);
        let after = chars.get(at + 1).copied();
        let word = |one: Option<char>| one.is_some_and(char::is_alphanumeric);
        let gap = |one: Option<char>| one.is_none_or(char::is_whitespace);
        if mark == '`' {
            code = !code;
        }
        if code || !matches!(mark, '*' | '_' | '~') {
            kept.push(mark);
        } else if open == Some(mark) && !gap(before) && !word(after) {
            open = None;
        } else if open.is_none() && !word(before) && !gap(after) && closes(&chars[at + 1..], mark) {
            open = Some(mark);
        } else {
            kept.push(mark);
        }
    }
    kept
}

fn closes(rest: &[char], mark: char) -> bool {
    let line = rest.split(|&one| one == '\n').next().unwrap_or(rest);
    (1..line.len()).any(|at| {
        let free = line
            .get(at + 1)
            .is_none_or(|after| !after.is_alphanumeric());
        line[at] == mark && !line[at - 1].is_whitespace() && free
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emphasis_disappears_only_where_slack_would_show_it() {
        for (text, read) in [
            ("*bold* and _it_", "bold and it"),
            ("snake_case_name 2*3*4", "snake_case_name 2*3*4"),
            ("`*code*`", "`*code*`"),
            ("* no", "* no"),
        ] {
            assert_eq!(without_emphasis(text), read);
        }
    }
}
