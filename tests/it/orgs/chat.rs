//! A chat platform with many workspaces, as the edge and the workers see it.
//!
//! The sandbox's Slack serves the one workspace of its token. Where many orgs live in one process,
//! the platform is played here instead: the other side of its port, which keeps people and what
//! they read. Everything between `Edge::receive` and that port is the real bot.

use slice_core::{
    BoxFuture,
    ids::{
        ActionId, ChannelId, Identity, MemberId, MessageId, Place, PlatformName, UserId, Workspace,
    },
    inbound::{Answers, Expected},
    page::{Block, Page, Span, Text},
    ports::{Address, GroupFacts, Known, Letter, Names, Platform, PlatformError, Posted},
    reply::{Attachment, Form, Reveal},
    role::{Group, GroupKind, Standing},
};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Something that somebody read, or could have.
#[derive(Clone, Debug)]
pub struct Read {
    pub workspace: Workspace,
    /// The one reader; `None`: whoever is in the channel.
    pub who: Option<Identity>,
    pub text: String,
    /// Labels and actions of its buttons, or of a form.
    pub actions: Vec<(String, ActionId)>,
}

#[derive(Default)]
struct Rows {
    people: HashMap<Identity, Standing>,
    groups: HashMap<Group, HashSet<UserId>>,
    read: Vec<Read>,
}

/// All platforms of a test; clones are the same.
#[derive(Clone, Default)]
pub struct Chat(Arc<Mutex<Rows>>);

impl Chat {
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn person(&self, workspace: &Workspace, user: &str, standing: Standing) -> Identity {
        let who = Identity {
            workspace: workspace.clone(),
            user: UserId::new(user),
        };
        self.rows().people.insert(who.clone(), standing);
        who
    }

    pub fn join(&self, group: &Group, who: &Identity) {
        let mut rows = self.rows();
        let people = rows.groups.entry(group.clone()).or_default();
        people.insert(who.user.clone());
    }

    /// What was read since the read of this number.
    pub fn since(&self, from: usize) -> Vec<Read> {
        self.rows().read[from..].to_vec()
    }

    pub fn count(&self) -> usize {
        self.rows().read.len()
    }

    fn note(
        &self,
        workspace: &Workspace,
        who: Option<&Identity>,
        said: (String, Vec<(String, ActionId)>),
    ) {
        self.rows().read.push(Read {
            workspace: workspace.clone(),
            who: who.cloned(),
            text: said.0,
            actions: said.1,
        });
    }

    pub fn on(&self, name: PlatformName) -> Arc<dyn Platform> {
        let chat = self.clone();
        Arc::new(OnPlatform { chat, name })
    }

    pub fn answers(&self, who: &Identity) -> Box<dyn Answers> {
        let chat = self.clone();
        Box::new(Ear {
            chat,
            who: who.clone(),
        })
    }
}

fn text(text: &Text, names: Names<'_>) -> String {
    let name = |member: &MemberId| {
        let found = names.iter().find(|(id, _)| id == member);
        match found {
            Some((_, Known::Here(user))) => format!("<@{user}>"),
            Some((_, Known::Elsewhere(who))) => format!("somebody elsewhere ({})", who.user),
            None => "somebody".to_owned(),
        }
    };
    let span = |span: &Span| match span {
        Span::Plain(text) | Span::Bold(text) | Span::Code(text) => text.clone(),
        Span::Member(member) => name(member),
        Span::Channel(channel) => format!("<#{channel}>"),
        Span::Group(group) => format!("<#{}>", group.id),
        Span::Time(time) => time.short(),
    };
    text.0.iter().map(span).collect()
}

fn said(page: &Page, names: Names<'_>) -> (String, Vec<(String, ActionId)>) {
    let (mut lines, mut actions) = (vec![], vec![]);
    for block in &page.0 {
        match block {
            Block::Heading(heading) => lines.push(heading.clone()),
            Block::Text(part) | Block::Note(part) | Block::Bar { label: part, .. } => {
                lines.push(text(part, names));
            }
            Block::Fields(fields) => {
                lines.extend(
                    fields
                        .iter()
                        .map(|(name, part)| format!("{name}: {}", text(part, names))),
                );
            }
            Block::Chart(chart) => lines.push(chart.alt()),
            Block::Table { rows, .. } => lines.extend(rows.iter().flatten().cloned()),
            Block::Buttons(buttons) => {
                for button in buttons {
                    lines.push(format!("[{}]", button.label));
                    actions.extend(button.action.map(|action| (button.label.clone(), action)));
                }
            }
        }
    }
    (lines.join("\n"), actions)
}

/// One person's way back.
struct Ear {
    chat: Chat,
    who: Identity,
}

impl Ear {
    fn hear(
        &self,
        said: (String, Vec<(String, ActionId)>),
    ) -> BoxFuture<'_, Result<(), PlatformError>> {
        self.chat.note(&self.who.workspace, Some(&self.who), said);
        Box::pin(async { Ok(()) })
    }
}

impl Answers for Ear {
    fn wait(&self, _: Expected) -> BoxFuture<'_, Result<(), PlatformError>> {
        Box::pin(async { Ok(()) })
    }

    fn say<'a>(
        &'a self,
        page: &'a Page,
        names: Names<'a>,
    ) -> BoxFuture<'a, Result<(), PlatformError>> {
        self.hear(said(page, names))
    }

    fn form<'a>(
        &'a self,
        form: &'a Form,
        names: Names<'a>,
    ) -> BoxFuture<'a, Result<(), PlatformError>> {
        let (mut lines, mut actions) = said(&form.intro, names);
        for field in &form.fields {
            let initial = field.initial.clone().unwrap_or_default();
            lines = format!("{lines}\n{}: {initial}", field.label);
        }
        actions.extend(form.action.map(|action| (form.submit.clone(), action)));
        self.hear((lines, actions))
    }

    fn reveal<'a>(
        &'a self,
        reveal: &'a Reveal,
        names: Names<'a>,
    ) -> BoxFuture<'a, Result<(), PlatformError>> {
        let (lines, actions) = said(&reveal.page, names);
        self.hear((format!("{}\n{lines}", reveal.secret.expose()), actions))
    }
}

/// One of the platforms.
struct OnPlatform {
    chat: Chat,
    name: PlatformName,
}

impl OnPlatform {
    fn deliver(&self, to: Address<'_>, letter: &Letter<'_>) -> Posted {
        let (workspace, who, channel) = match to {
            Address::Person(who) => (&who.workspace, Some(who), ChannelId::new(who.user.as_str())),
            Address::Channel(place) => (&place.workspace, None, place.channel.clone()),
        };
        self.chat
            .note(workspace, who, said(letter.page, letter.names));
        Posted {
            place: Place {
                workspace: workspace.clone(),
                channel,
            },
            id: letter.id.to_string(),
        }
    }
}

impl Platform for OnPlatform {
    fn name(&self) -> PlatformName {
        self.name
    }

    fn post<'a>(
        &'a self,
        to: Address<'a>,
        letter: &'a Letter<'a>,
    ) -> BoxFuture<'a, Result<Posted, PlatformError>> {
        Box::pin(async move { Ok(self.deliver(to, letter)) })
    }

    fn edit<'a>(
        &'a self,
        posted: &'a Posted,
        letter: &'a Letter<'a>,
    ) -> BoxFuture<'a, Result<(), PlatformError>> {
        Box::pin(async move {
            self.deliver(Address::Channel(&posted.place), letter);
            Ok(())
        })
    }

    fn find<'a>(
        &'a self,
        _: Address<'a>,
        _: MessageId,
    ) -> BoxFuture<'a, Result<Option<Posted>, PlatformError>> {
        Box::pin(async { Ok(None) })
    }

    fn send_file<'a>(
        &'a self,
        to: &'a Identity,
        file: &'a Attachment,
    ) -> BoxFuture<'a, Result<(), PlatformError>> {
        let text = String::from_utf8_lossy(&file.content).into_owned();
        self.chat.note(&to.workspace, Some(to), (text, vec![]));
        Box::pin(async { Ok(()) })
    }

    fn standing<'a>(&'a self, who: &'a Identity) -> BoxFuture<'a, Result<Standing, PlatformError>> {
        let known = self.chat.rows().people.get(who).copied();
        Box::pin(async move { Ok(known.unwrap_or(Standing::Gone)) })
    }

    fn is_in<'a>(
        &'a self,
        who: &'a Identity,
        group: &'a Group,
    ) -> BoxFuture<'a, Result<bool, PlatformError>> {
        let rows = self.chat.rows();
        let people = rows.groups.get(group);
        let is_in = people.is_some_and(|people| people.contains(&who.user));
        Box::pin(async move { Ok(is_in && who.workspace == group.workspace) })
    }

    fn group<'a>(
        &'a self,
        workspace: &'a Workspace,
        kind: GroupKind,
        id: &'a ChannelId,
    ) -> BoxFuture<'a, Result<Option<GroupFacts>, PlatformError>> {
        let group = Group {
            workspace: workspace.clone(),
            kind,
            id: id.clone(),
        };
        let known = self.chat.rows().groups.contains_key(&group);
        let facts = known.then(|| GroupFacts {
            name: id.to_string(),
            private: true,
            shared: false,
            archived: false,
            can_post: true,
        });
        Box::pin(async move { Ok(facts) })
    }

    fn workspace_name<'a>(
        &'a self,
        workspace: &'a Workspace,
    ) -> BoxFuture<'a, Result<Option<String>, PlatformError>> {
        let name = format!("the people of {}", workspace.id);
        Box::pin(async move { Ok(Some(name)) })
    }

    fn is_installed<'a>(&'a self, _: &'a Workspace) -> BoxFuture<'a, Result<bool, PlatformError>> {
        Box::pin(async { Ok(true) })
    }

    fn installer<'a>(
        &'a self,
        workspace: &'a Workspace,
    ) -> BoxFuture<'a, Result<Option<Identity>, PlatformError>> {
        let rows = self.chat.rows();
        let admins = rows.people.iter().filter(|(_, is)| **is == Standing::Admin);
        let of_it = admins
            .map(|(who, _)| who)
            .filter(|who| who.workspace == *workspace);
        let first = of_it.min().cloned();
        Box::pin(async move { Ok(first) })
    }
}
