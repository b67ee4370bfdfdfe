//! Commands as values, the parser that follows from them, and the one way to run one.

use crate::{
    all::ALL,
    args::{Args, Kind, Shape, Value},
    meant,
    reader::Reader,
    words::{self, LINE_CHARS_MAX, Word, Words},
};
use slice_core::{
    BoxFuture,
    books::Scope,
    desk::{Caller, Desk},
    page::Audience,
    refusal::{Refusal, shorten},
    reply::{Form, Reply},
    role::Role,
    secret::{Secret, looks_like_a_key},
};

/// What a platform should open before the answer is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    None,
    /// A form opens when needed arguments are missing.
    Form,
    /// The answer is a secret in a view.
    Reveal,
}

/// A handler. It runs only with a [`Call`].
pub type Run = for<'a> fn(Call<'a>) -> BoxFuture<'a, Result<Reply, Refusal>>;
/// Makes the form that asks for what is missing.
pub type MakeForm = for<'a> fn(Call<'a>) -> BoxFuture<'a, Result<Form, Refusal>>;

/// One command: from this follow parsing, help, both platforms' manifests and the role check.
pub struct Command {
    /// One or two words: `vault add`.
    pub name: &'static str,
    pub about: &'static str,
    pub role: Role,
    pub params: &'static [Shape],
    /// Lines that parse once `{service}` stands for a service.
    pub examples: &'static [&'static str],
    pub view: View,
    pub run: Run,
    pub form: Option<MakeForm>,
    /// Said by buttons only.
    pub hidden: bool,
    /// A word that stands for the whole name where people type: a group's name, for its commonest
    /// command. Platforms with menus show the name alone.
    pub short: Option<&'static str>,
}

impl Command {
    /// What nearly all commands leave as it is: shown, without a view or a form.
    pub const fn plain(name: &'static str, about: &'static str, role: Role, run: Run) -> Self {
        Self {
            name,
            about,
            role,
            params: &[],
            examples: &[],
            view: View::None,
            run,
            form: None,
            hidden: false,
            short: None,
        }
    }

    /// The only constructor of a [`Call`].
    pub fn admit<'a>(
        &'static self,
        desk: &'a Desk,
        caller: &'a Caller,
        args: Args,
    ) -> Result<Call<'a>, Refusal> {
        if caller.role < self.role {
            return Err(Refusal::NotAllowed { needs: self.role });
        }
        Ok(Call {
            command: self,
            desk,
            caller,
            args,
        })
    }

    /// `provision <service> <amount> [for <life>]`.
    pub fn usage(&self) -> String {
        let params = self.params.iter().filter(|shape| !shape.hidden);
        let params = params.filter(|shape| shape.kind != Kind::Secret);
        let words = std::iter::once(self.name.to_owned()).chain(params.map(Shape::usage));
        words.collect::<Vec<_>>().join(" ")
    }

    pub(crate) fn missing(&self, shape: &Shape) -> Refusal {
        let hint = format!(
            "The {} is missing. It goes like this: `/slice {}`.",
            shape.name,
            self.usage()
        );
        Refusal::Usage {
            said: self.name.to_owned(),
            hint,
            meant: vec![],
        }
    }

    /// The parameter that a form's field asks for, or one answer of it.
    fn asked_by(&self, field: &str) -> Option<&'static Shape> {
        let name = answer(field).map_or(field, |(of, _)| of);
        self.params.iter().find(|shape| shape.name == name)
    }

    /// The parameter that a word introduces.
    pub(crate) fn keyword(&self, word: &Word) -> Option<&'static Shape> {
        let word = word.bare.then(|| word.text.to_lowercase())?;
        self.params
            .iter()
            .find(|shape| shape.keyword == Some(word.as_str()))
    }
}

/// A command that its caller may run, with its arguments. Only [`Command::admit`] makes one.
pub struct Call<'a> {
    command: &'static Command,
    desk: &'a Desk,
    caller: &'a Caller,
    args: Args,
}

impl<'a> Call<'a> {
    pub fn command(&self) -> &'static Command {
        self.command
    }

    pub fn desk(&self) -> &'a Desk {
        self.desk
    }

    pub fn caller(&self) -> &'a Caller {
        self.caller
    }

    pub fn args(&self) -> &Args {
        &self.args
    }

    /// The transaction of this call. A call has one at the most: it marks the delivery as done.
    pub fn scope(&self) -> Scope {
        self.caller.scope()
    }

    /// A look at the books on behalf of the caller, which consumes nothing.
    pub fn look(&self) -> Scope {
        let actor = slice_core::event::Actor::Member(self.caller.member);
        Scope::new(self.caller.org, actor)
    }

    /// Buttons of an answer are the caller's own.
    pub fn mine(&self) -> Audience {
        Audience::Member(self.caller.member)
    }

    pub fn is_owner(&self) -> bool {
        self.caller.role == Role::Owner
    }
}

/// A line that was understood.
pub struct Parsed {
    pub command: &'static Command,
    pub args: Args,
    /// A form was asked for, or arguments are missing that the form asks for.
    pub wants_form: bool,
}

impl Parsed {
    /// What is missing is asked for by the command's form, if it has one.
    pub(crate) fn new(
        command: &'static Command,
        args: Args,
        wants_form: bool,
    ) -> Result<Self, Refusal> {
        let mut required = command.params.iter().filter(|shape| shape.required);
        let missing = required.find(|shape| args.find(shape.name).is_none());
        match missing {
            Some(shape) if command.form.is_none() => Err(command.missing(shape)),
            _ => Ok(Self {
                command,
                args,
                wants_form: wants_form || missing.is_some(),
            }),
        }
    }

    /// Whether a form's fields would be taken: names and whole sentences of those that would not.
    pub fn check(&self, fields: &[(String, Secret)]) -> Vec<(String, String)> {
        let mut wrong = vec![];
        let mut given = vec![];
        for (name, field) in fields {
            let shape = self.command.asked_by(name);
            match shape.map(|shape| (shape, shape.read_field(field))) {
                Some((shape, Ok(Some(_)))) => given.push(shape.name),
                Some((_, Ok(None))) => {}
                Some((_, Err(why))) => wrong.push((name.clone(), why)),
                None => wrong.push((name.clone(), "This field is not known.".into())),
            }
        }
        let missing = self.command.params.iter().filter(|shape| shape.required);
        for shape in missing {
            let in_form = fields.iter().any(|(name, _)| name == shape.name);
            let there = given.contains(&shape.name)
                || (!in_form && self.args.find(shape.name).is_some())
                || wrong.iter().any(|(name, _)| name == shape.name);
            if !there {
                wrong.push((
                    shape.name.to_owned(),
                    format!("The {} is needed.", shape.name),
                ));
            }
        }
        wrong
    }

    /// Takes a submitted form's values. Those that were left blank are as if never said.
    pub fn fill(&mut self, fields: Vec<(String, Secret)>) -> Result<(), Vec<(String, String)>> {
        let wrong = self.check(&fields);
        if !wrong.is_empty() {
            return Err(wrong);
        }
        for shape in self.command.params {
            if fields
                .iter()
                .any(|(name, _)| answer(name).is_some_and(|(of, _)| of == shape.name))
            {
                // What was said before the form is among its first answers.
                self.args.remove(shape.name);
            }
        }
        let mut parts = vec![];
        for (name, field) in fields {
            let Some(shape) = self.command.asked_by(&name) else {
                continue;
            };
            let value = shape.read_field(&field);
            if let (Some((_, what)), Kind::Terms(max)) = (answer(&name), shape.kind) {
                if let Ok(Some(Value::Text(text))) = value {
                    let wish = format!("{what}:{text}");
                    let added = self.args.add(shape.name, &wish, max);
                    added.map_err(|_| {
                        let why = format!("All answers together have more than {max} characters.");
                        vec![(name.clone(), why)]
                    })?;
                }
                continue;
            }
            if let Some((_, part)) = answer(&name)
                && shape.kind == Kind::Secret
            {
                if let Ok(Some(Value::Secret(value))) = value {
                    parts.push((shape.name, part.to_owned(), value));
                }
                continue;
            }
            match value {
                Ok(Some(value)) => self.args.set(shape.name, value),
                Ok(None) => self.args.remove(shape.name),
                Err(why) => return Err(vec![(name, why)]),
            }
        }
        for (of, part, value) in parts {
            self.args.join(of, &part, &value);
        }
        self.wants_form = false;
        Ok(())
    }

    /// Checks the role, then answers with the form or runs the command.
    pub async fn answer(self, desk: &Desk, caller: &Caller) -> Result<Reply, Refusal> {
        let Self {
            command,
            args,
            wants_form,
        } = self;
        let call = command.admit(desk, caller, args)?;
        match command.form {
            Some(form) if wants_form => form(call).await.map(Reply::Form),
            _ => (command.run)(call).await,
        }
    }
}

/// `terms.size`: one answer of the parameter `terms`.
fn answer(field: &str) -> Option<(&str, &str)> {
    field.split_once('.')
}

/// Understands a command line, without `/slice`. An empty one is `help`.
pub fn parse(line: &str) -> Result<Parsed, Refusal> {
    let chars = line.chars().count();
    if LINE_CHARS_MAX < chars {
        return Err(Refusal::Usage {
            said: shorten(line),
            hint: format!("It has {chars} characters; {LINE_CHARS_MAX} is the most."),
            meant: vec![],
        });
    }
    let line = words::clean(line).trim().to_owned();
    if looks_like_a_key(&line) {
        return Err(Refusal::LooksLikeAKey);
    }
    let mut words = Words::new(line.strip_prefix("/slice ").unwrap_or(&line));
    let command = command(&mut words).ok_or_else(|| meant::command(&line))?;
    Reader::new(&line, command).read(words)
}

/// The command that a line begins with. The words that name it are taken.
fn command(words: &mut Words<'_>) -> Option<&'static Command> {
    let mut ahead = *words;
    let mut word = || match ahead.take() {
        Ok(Some(word)) => Some((word.text.to_lowercase(), ahead)),
        _ => None,
    };
    let named = |name: &str| ALL.iter().find(|command| command.name == name);
    let Some((mut first, mut after)) = word() else {
        return words.is_empty().then(|| named("help"))?;
    };
    if let Some((second, after_both)) = word()
        && let Some(command) = named(&format!("{first} {second}"))
    {
        (first, after) = (command.name.to_owned(), after_both);
    }
    let bare = || {
        let lists = [format!("{first} list"), format!("{first} show")];
        lists
            .iter()
            .filter(|_| after.is_empty())
            .find_map(|name| named(name))
    };
    let short = || {
        let stands_for = |command: &&Command| command.short == Some(first.as_str());
        ALL.iter().find(stands_for)
    };
    let command = named(&first).or_else(bare).or_else(short)?;
    *words = after;
    Some(command)
}
