//! What is asked of the sandbox beyond plain commands, and the record of what everybody saw.

use super::{Town, VAULT_KEY, World};
use slice_sandbox::{Change, Place};
use std::path::Path;

/// Codes that join are chance; what is said around them is not.
fn without_codes(text: &str) -> String {
    const LENGTH: usize = 19;
    let is_code = |part: &[u8]| {
        part.iter().enumerate().all(|(at, letter)| match at % 5 {
            4 => *letter == b'-',
            _ => letter.is_ascii_digit() || letter.is_ascii_uppercase(),
        })
    };
    let codes = text.as_bytes().windows(LENGTH).filter(|part| is_code(part));
    let mut codes: Vec<_> = codes
        .map(|code| String::from_utf8_lossy(code).into_owned())
        .collect();
    codes.dedup();
    codes
        .into_iter()
        .fold(text.to_owned(), |text, code| text.replace(&code, "⟨code⟩"))
}

/// So are the ids in the names of pictures and of buckets.
fn without_ids(text: &str) -> String {
    const PICTURE: &str = "daily-spending-";
    /// Of the sandbox's account; a grant's id follows.
    const BUCKET: &str = "slice-2a33349e-";
    let text = cut_after(text, (PICTURE, 36), "⟨id⟩");
    cut_after(&text, (BUCKET, 32), "⟨id⟩")
}

/// What stands behind each `stem` is so long, and is replaced.
fn cut_after(text: &str, (stem, length): (&str, usize), by: &str) -> String {
    let mut parts = text.split(stem);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let rest = part.get(length..).unwrap_or_default();
        format!("{text}{stem}{by}{rest}")
    })
}

impl World {
    /// A person types exactly this, escaped by nobody, as a hostile client would send it.
    pub async fn says_raw(&mut self, who: &str, line: &str) {
        self.town.types_raw(who, line);
        self.settled().await;
    }

    /// `thief` sends a click on a button that only `who` sees.
    pub async fn replays_click_as(&mut self, who: &str, label: &str, thief: &str) {
        let stolen = self.town.person(thief).click_stolen(who, label);
        stolen.unwrap_or_else(|why| panic!("{why}"));
        self.settled().await;
        let thief = self.town.person(thief);
        if let Some(yes) = thief.is_asked(label) {
            thief.click(&yes).unwrap_or_else(|why| panic!("{why}"));
            self.settled().await;
        }
    }

    /// A click on a button whose action never was.
    pub async fn clicks_unknown_action(&mut self, who: &str) {
        let value = "00000000-0000-4000-8000-000000000000";
        let forged = self.town.person(who).click_forged(value);
        forged.unwrap_or_else(|why| panic!("{why}"));
        self.settled().await;
    }

    /// The newest button that a person sees whose label begins so.
    pub fn button_like(&self, who: &str, beginning: &str) -> String {
        let buttons = self.town.person(who).buttons();
        let found = buttons
            .iter()
            .find(|label| label.starts_with(beginning))
            .cloned();
        found.unwrap_or_else(|| panic!("{who} sees no button {beginning:?}, but {buttons:?}"))
    }

    /// The key in a person's open view; she closes it.
    pub fn revealed_key(&self, who: &str) -> String {
        let ana = self.town.person(who);
        let answer = || {
            let sights = ana.sees().into_iter().rev();
            let mut texts = sights.map(|sight| sight.text);
            texts
                .find(|text| text.contains("sk-or-v1-"))
                .unwrap_or_default()
        };
        let shown = ana.modal().unwrap_or_else(answer);
        ana.close_modal().expect("the view closes");
        let key = shown
            .split_whitespace()
            .find(|word| word.starts_with("sk-or-v1-"));
        key.unwrap_or_else(|| panic!("no key in {shown}"))
            .to_owned()
    }

    /// A person uses a key for `usd` at a time until it is refused; gives the answers' codes.
    pub async fn curls(&mut self, who: &str, key: &str, usd: &str) -> Vec<String> {
        let url = format!("{}/chat/completions", self.sandbox.openrouter.url());
        let client = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client");
        let mut codes: Vec<String> = vec![];
        let body = r#"{"model":"sandbox/echo","messages":[{"role":"user","content":"hello"}]}"#;
        while codes.last().is_none_or(|code| code == "200") && codes.len() < 100 {
            let request = client
                .post(&url)
                .bearer_auth(key)
                .header("content-type", "application/json")
                .header("x-sandbox-cost", usd)
                .body(body);
            let answer = request.send().await.expect("the provider answers");
            codes.push(answer.status().as_u16().to_string());
        }
        if self.echo {
            println!("{who}$ curl {url}\n    {}", codes.join(", then "));
        }
        codes
    }

    /// The newest file whose name ends so, as text.
    pub fn file(&self, ending: &str) -> String {
        let sights = self.town.sights_since(0).into_iter().rev();
        let mut files = sights.filter(|sight| sight.place == Place::File);
        let name = files.find_map(|sight| {
            let name = sight.text.lines().next().unwrap_or_default().to_owned();
            name.ends_with(ending).then_some(name)
        });
        let name = name.unwrap_or_else(|| panic!("no file {ending}"));
        let bytes = self.town.file(&name).expect("the file's bytes");
        String::from_utf8(bytes).expect("a text file")
    }

    /// How many audit events the org has.
    pub async fn org_events(&self) -> i64 {
        let org = self.org().await;
        let walked = self
            .bot()
            .desk
            .store
            .verify(org, None)
            .await
            .expect("the database answers");
        walked.expect("a whole chain").0
    }

    /// The conversation depends on who was first: its words are not compared.
    pub fn loose(&mut self) {
        self.loose = true;
    }

    pub fn is_loose(&self) -> bool {
        self.loose
    }

    /// Everything that anybody saw, in order, with secrets as ⟨secret 1⟩.
    pub fn transcript(&self) -> String {
        let mut text = self.said.join("\n");
        for (number, secret) in self.secrets().iter().enumerate() {
            text = text.replace(secret.as_str(), &format!("⟨secret {}⟩", number + 1));
        }
        let provider = self.sandbox.openrouter.url().trim_end_matches("/api/v1");
        let text = text.replace(provider, "http://the-provider");
        let text = without_ids(&without_codes(&text));
        // Long texts of hostile people are not worth their bytes.
        let lines = text
            .lines()
            .map(|line| line.chars().take(400).collect::<String>());
        lines.collect::<Vec<_>>().join("\n") + "\n"
    }

    pub fn secrets(&self) -> Vec<String> {
        let mut secrets = self.sandbox.openrouter.secrets();
        secrets.extend(self.sandbox.aws.secrets());
        secrets.extend(self.moto.iter().flat_map(slice_sandbox::Moto::secrets));
        secrets.extend(self.sandbox.runpod.secrets());
        secrets.extend(self.towns().flat_map(Town::secrets));
        secrets.push(VAULT_KEY.to_owned());
        secrets
    }

    /// Those that were made for people: each of them is shown once at the most.
    pub fn handed_out(&self) -> Vec<String> {
        let keys = self.sandbox.openrouter.keys().into_iter();
        let keys = keys.map(|key| key.secret);
        let access = self.aws_keys_made().into_iter().map(|key| key.secret);
        keys.chain(access).chain(self.passwords()).collect()
    }

    /// Notes what was done and what everybody then saw; prints it where somebody watches.
    pub(super) fn note(&mut self, what: Option<String>) {
        let mut lines: Vec<String> = what.into_iter().collect();
        let mark = self.elsewhere.as_ref().map(|_| self.town.name());
        lines.extend(noted(&self.town, &mut self.seen, mark));
        if let Some((town, seen)) = &mut self.elsewhere {
            let name = town.name();
            lines.extend(noted(town, seen, Some(name)));
        }
        if self.echo && !lines.is_empty() {
            println!("{}", lines.join("\n"));
        }
        self.said.extend(lines);
    }
}

/// What everybody newly saw in a town; `mark`: its name, where there are several.
fn noted(town: &Town, seen: &mut u64, mark: Option<&str>) -> Vec<String> {
    let mut lines = vec![];
    for sight in town.sights_since(*seen) {
        *seen = sight.n;
        let person = match mark {
            Some(mark) => format!("{} in {mark}", sight.person),
            None => sight.person.clone(),
        };
        if sight.change == Change::Deleted {
            lines.push(format!("    {person}: ({}, closed)", sight.place));
            continue;
        }
        let text = match sight.place {
            Place::File => match sight.text.split_once('\n').unwrap_or_default() {
                // The names of images are chance.
                (name, alt) if Path::new(name).extension() == Some("png".as_ref()) => {
                    format!("(image) {alt}")
                }
                (name, content) => format!("(file) {name}, {} lines", content.lines().count()),
            },
            _ => sight.to_string(),
        };
        let indented = text.replace('\n', "\n      ");
        lines.push(format!("    {person}: {indented}"));
    }
    lines
}
