//! Every way in which Slice says no, with what happened, whether anything changed, and what next.

use crate::{
    grant::State,
    ids::{MemberId, ServiceName},
    life::Life,
    money::Money,
    page::{Audience, Button, Page, Text},
    role::Role,
    time::Time,
};

/// A no. Nothing was changed, unless the variant says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The words make no command. `hint` is a sentence; `meant` are lines that may have been meant.
    Usage {
        said: String,
        hint: String,
        meant: Vec<String>,
    },
    /// One argument is wrong. Forms show it at the field.
    BadArgument {
        name: &'static str,
        said: String,
        why: String,
    },
    /// A text holds what looks like a key.
    LooksLikeAKey,
    NotAllowed {
        needs: Role,
    },
    /// Not a person who can use Slice, and why.
    NoAccess {
        why: String,
    },
    /// The role could not be checked, so it counts as missing.
    RoleUnknown {
        why: String,
    },
    NotForYou,
    UnknownWorkspace,
    NoAllocation,
    NoMaster {
        service: ServiceName,
        known: Vec<ServiceName>,
    },
    NoService {
        said: String,
        known: Vec<ServiceName>,
    },
    TooSmall {
        least: Money,
        service: ServiceName,
    },
    TooLong {
        longest: Life,
    },
    /// The budget is short. `rest`: what could be provisioned right now.
    Short {
        service: ServiceName,
        cap: Money,
        by: Money,
        rest: Option<Money>,
        member: MemberId,
        turns_at: Time,
        line: String,
    },
    NoSuchGrant {
        number: i64,
    },
    NotYourGrant {
        number: i64,
    },
    /// The grant is in a state in which this cannot be done.
    WrongState {
        number: i64,
        state: State,
        decided: Option<(MemberId, Time)>,
        cannot: &'static str,
    },
    SelfApproval {
        number: i64,
    },
    /// The budget is shorter than the owner was told: `line` is the approval that says so.
    AddsMore {
        number: i64,
        member: MemberId,
        top_up: Money,
        line: String,
    },
    /// More than was asked for.
    MoreThanAsked {
        number: i64,
        asked: Money,
    },
    AlreadyRevealed {
        number: i64,
        at: Option<Time>,
        member: MemberId,
    },
    /// The button or form was used before.
    AlreadyDone {
        by: Option<MemberId>,
        at: Time,
    },
    TooOld,
    /// The provider said no to a check.
    Provider {
        service: ServiceName,
        why: String,
    },
    /// Anything else, as a sentence of ours.
    Sentence {
        text: Text,
        next: Vec<Button>,
    },
    /// The platform delivered the same thing twice; the first one has its answer.
    Repeated,
    /// Another worker has taken over the grant.
    LostLease,
    /// The database could not be asked; nothing was changed.
    Unavailable,
    /// The database did not answer a commit; it may have been recorded.
    Unsure,
}

impl Refusal {
    /// A sentence of ours, `words in backticks` as code.
    pub fn sentence(text: impl AsRef<str>) -> Self {
        Self::Sentence {
            text: Text::from(text.as_ref()),
            next: vec![],
        }
    }

    /// A sentence with what to do next as a button.
    pub fn offering(text: impl AsRef<str>, button: Button) -> Self {
        Self::Sentence {
            text: Text::from(text.as_ref()),
            next: vec![button],
        }
    }

    /// What the person reads.
    pub fn page(&self) -> Page {
        match self {
            Self::Short { .. } => self.short(),
            Self::WrongState { .. } => self.wrong_state(),
            Self::AlreadyRevealed { number, at, member } => {
                let text = Text::new(format!("The key of grant {number} was shown already"));
                let text = at.map_or_else(|| text.clone(), |at| text.clone().and(" at ").time(at));
                let rest = ". A key is shown once; the owners have been told of this attempt. If you \
                            don't have it any more, give the grant back and provision another.";
                let line = format!("revoke {number}");
                let back = Button::new("I'm done: give it back", line, Audience::Member(*member));
                Page::say(text.and(rest)).buttons(vec![back])
            }
            Self::AlreadyDone { by, at } => {
                let text = Text::new("That was done already");
                let text =
                    by.map_or_else(|| text.clone(), |by| text.clone().and(" by ").member(by));
                Page::say(text.and(" at ").time(*at).and(". Nothing was changed now."))
            }
            Self::MoreThanAsked { number, asked } => {
                let line = format!("approve {number} less");
                Page::say(Text::new(format!(
                    "The request is for {asked}; an approval can be for that much or less. Nothing \
                     was changed."
                )))
                .buttons(vec![Button::new(
                    "Approve less…",
                    line,
                    Audience::Owners,
                )])
            }
            Self::AddsMore {
                number,
                member,
                top_up,
                line,
            } => {
                let text = Text::new(format!(
                    "Approving grant {number} now adds {top_up} to this month of "
                ))
                .member(*member)
                .and(", because no more than the rest of it is free. Nothing was changed yet.");
                let yes = format!("Approve (+{top_up} this month)");
                let yes = Button::new(yes, line, Audience::Owners).primary();
                Page::say(text).buttons(vec![yes])
            }
            Self::Sentence { text, next } => Page::say(text.clone()).buttons(next.clone()),
            other => Page::say(other.line()),
        }
    }

    /// The refusals that need no buttons.
    fn line(&self) -> Text {
        match self {
            Self::Usage { said, hint, meant } => usage(said, hint, meant),
            Self::BadArgument { name, said, why } => Text::new(format!("The {name} "))
                .code(said)
                .and(" ")
                .join(Text::from(why.as_str()))
                .and(". Nothing was changed."),
            Self::LooksLikeAKey => Text::from(
                "That text holds what looks like an API key, so Slice refused it unread and stored \
                 nothing. The key has been in a chat message now: rotate it at its provider. Keys \
                 go into the form of `/slice vault add`, never into a message.",
            ),
            Self::NotAllowed { needs } => Text::from(match needs {
                Role::Owner => {
                    "Only owners can do that. Nothing was changed. Ask one of your owners, or see \
                     what you can do with `/slice help`."
                }
                _ => {
                    "You can't do that: it takes a budget, and a place in the groups that owners have \
                     bound, if they have. Nothing was changed. Ask an owner to give you a \
                     budget with `/slice allocate`, or to add you."
                }
            }),
            Self::NoAccess { why } => Text::new(format!("{why} Nothing was changed.")),
            Self::RoleUnknown { why } => Text::new(format!(
                "Slice could not check that you may do this ({why}), so it did nothing. Try again in \
                 a minute. If that does not help, Slice can't see a channel that a role is bound to: \
                 invite it there again with /invite @Slice; where the channel is gone, whoever runs \
                 Slice can unbind it with "
            ))
            .code("slice unbind")
            .and("."),
            Self::NotForYou => Text::from("That button is for somebody else. Nothing was changed."),
            Self::UnknownWorkspace => Text::from(
                "This workspace is not known to this Slice. Its operator can allow it with \
                 `slice invite`. Nothing was changed.",
            ),
            Self::NoAllocation => Text::from(
                "You have no budget yet, so there is nothing to take from. Nothing was changed. Ask \
                 an owner for one (`/slice allocate`).",
            ),
            Self::NoMaster { service, known } => Text::new(format!(
                "There is no master key for {service} in the vault, so nothing was changed. {}",
                known_services(known)
            ))
            .and(" An owner can deposit one with ")
            .say(format!("vault add {service}"))
            .and("."),
            Self::NoService { said, known } => Text::new("There is no service called ")
                .code(said)
                .and(format!(
                    ". Slice knows: {}. Nothing was changed.",
                    list(known)
                )),
            Self::TooOld => Text::from(
                "That button is too old. Nothing was changed. Type the command instead; `/slice help` \
                 lists them.",
            ),
            Self::Provider { service, why } => {
                Text::new(format!("{service} refused: {why} Nothing was changed."))
            }
            Self::Unsure => Text::from(
                "The database did not answer, so Slice can't tell whether that was recorded. Look \
                 with `/slice keys` or `/slice audit show` before you try again.",
            ),
            other => other.rule(),
        }
    }

    /// The refusals that name a limit or a grant.
    fn rule(&self) -> Text {
        match self {
            Self::TooSmall { least, service } => Text::new(format!(
                "The smallest cap for {service} is {least}. Nothing was changed. Ask for {least} or \
                 more; owners set their own floor with "
            ))
            .say("settings smallest-cap")
            .and("."),
            Self::TooLong { longest } => Text::new(format!(
                "A key may live {longest} at most. Nothing was changed. Owners can change that with "
            ))
            .say("settings longest-life")
            .and("."),
            Self::NoSuchGrant { number } => Text::new(format!(
                "There is no grant {number}. Nothing was changed. See yours with "
            ))
            .say("keys")
            .and("."),
            Self::NotYourGrant { number } => {
                Text::new(format!("Grant {number} is not yours. Nothing was changed."))
            }
            Self::SelfApproval { number } => Text::new(format!(
                "Grant {number} is your own request, and nobody approves their own. Nothing was \
                 changed. Another owner can approve it; if you are the only one, see "
            ))
            .say("settings sole-owner on")
            .and("."),
            _ => Text::from(
                "Slice can't reach its database right now. Nothing was changed. Try again in a \
                 minute.",
            ),
        }
    }

    fn short(&self) -> Page {
        let Self::Short {
            cap,
            by,
            rest,
            member,
            turns_at,
            line,
            service,
        } = self
        else {
            return Page::default();
        };
        let mine = Audience::Member(*member);
        let mut next = vec![];
        if let Some(rest) = rest {
            let label = format!("Provision {rest}");
            next.push(
                Button::new(
                    label,
                    format!("provision {service} {}{line}", rest.decimal()),
                    mine,
                )
                .primary(),
            );
        }
        let label = format!("Ask for the whole: +{by} this month");
        next.push(Button::new(
            label,
            format!("ask {service} {}{line}", cap.decimal()),
            mine,
        ));
        let text = Text::default()
            .bold(format!("{by} short"))
            .and(format!(
                " for {cap} of {service}: your budget has {} free until ",
                rest.unwrap_or_default()
            ))
            .time(*turns_at)
            .and(". Nothing was reserved. An owner can approve the rest for this month.");
        Page::say(text).buttons(next)
    }

    fn wrong_state(&self) -> Page {
        let Self::WrongState {
            number,
            state,
            decided,
            cannot,
        } = self
        else {
            return Page::default();
        };
        let mut text = Text::new(format!("Grant {number} is {}", state.said()));
        if let Some((by, at)) = decided {
            text = text
                .and(" (decided by ")
                .member(*by)
                .and(" at ")
                .time(*at)
                .and(")");
        }
        let already = if state.said() == *cannot {
            "already"
        } else {
            "now"
        };
        Page::say(text.and(match already {
            "already" => " already. Nothing was changed.".to_owned(),
            _ => format!(", so it can't be {cannot}. Nothing was changed."),
        }))
    }
}

fn usage(said: &str, hint: &str, meant: &[String]) -> Text {
    let mut text = Text::new("I don't understand ")
        .code(shorten(said))
        .and(". ")
        .join(Text::from(hint));
    for (index, line) in meant.iter().enumerate() {
        text = text
            .and(if index == 0 { " Did you mean " } else { " or " })
            .say(line);
    }
    text.and(if meant.is_empty() {
        " Nothing was changed."
    } else {
        "? Nothing was changed."
    })
}

/// Others' text in a sentence of ours stays short.
pub fn shorten(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    let mut short: String = text
        .chars()
        .filter(|letter| !letter.is_control())
        .take(CHARS_MAX)
        .collect();
    if text.chars().count() > CHARS_MAX {
        short.push('…');
    }
    if short.is_empty() {
        "(nothing)".into()
    } else {
        short
    }
}

fn known_services(known: &[ServiceName]) -> String {
    if known.is_empty() {
        "The vault is empty.".into()
    } else {
        format!("The vault has: {}.", list(known))
    }
}

fn list(services: &[ServiceName]) -> String {
    let names: Vec<_> = services.iter().map(ServiceName::as_str).collect();
    names.join(", ")
}
