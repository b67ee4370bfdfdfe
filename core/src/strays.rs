//! Keys at a provider that carry Slice's label and that its books do not know: owners hear of each
//! once and decide, and until then nothing is done to it.

mod discards;
mod known;

use crate::{
    books::{Books, Entry, Member, Message},
    desk::Desk,
    drift::Drift,
    event::{Event, Reading},
    grant::{Grant, LABEL_PREFIX, State},
    ids::{GrantId, MemberId, ServiceName},
    life::Life,
    money::Money,
    page::{Audience, Button, Page, Text},
    ports::{Ceiling, KeyRef, Listed, Meter, ServiceError},
    refusal::{Refusal, shorten},
    time::Time,
};

pub use discards::{Left, discard, gone, stuck};
pub use known::{Alike, is_known};

/// A label of ours has 44 characters. A longer one is kept no longer than this, and is nobody's to
/// adopt.
pub const LABEL_MAX: usize = 100;
/// More findings of one round are told by their number.
const SHOWN: usize = 8;

/// A key that the books do not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stray {
    /// Counts up per org.
    pub number: i64,
    pub service: ServiceName,
    /// What stands at the provider: somebody else's text.
    pub label: String,
    pub provider_id: String,
    /// Since when an owner wants it deleted.
    pub discarded_at: Option<Time>,
    /// When owners were told that this does not work.
    pub stuck_at: Option<Time>,
    /// A key of the books carries the same label.
    pub is_double: bool,
}

impl Stray {
    /// As its provider is asked about it.
    pub fn key(&self) -> KeyRef {
        KeyRef {
            provider_id: self.provider_id.clone(),
            label: self.label.clone(),
            terms: String::new(),
            facts: vec![],
            usage: Money::ZERO,
            cursor: None,
            is_stopped: self.discarded_at.is_some(),
        }
    }

    fn topic(&self) -> String {
        format!("stray/{}", self.number)
    }

    fn named(&self) -> Text {
        Text::new(format!("The {} key ", self.service)).code(shorten(&self.label))
    }

    /// The owners' message about it says this from now on.
    fn edited<'a>(&self, books: &'a Books, text: Text) -> impl Iterator<Item = Message> + 'a {
        let (page, topic) = (Page::say(text), self.topic());
        let owners = books.org.owners_at().into_iter();
        owners.map(move |to| Message::new(to, page.clone()).topic(topic.clone()).edit())
    }
}

/// Listed keys that are in no live grant of these books, nor told of already: the store says which of
/// them no books know.
pub fn candidates(books: &Books, service: &ServiceName, listed: &[Listed]) -> Vec<Listed> {
    let keys = || books.live.iter().flat_map(|grant| &grant.keys);
    let known = |id: &str| keys().any(|key| key.provider_id.as_deref() == Some(id));
    let told = |id: &str| {
        let mut strays = books.strays.iter();
        strays.any(|stray| stray.service == *service && stray.provider_id == id)
    };
    let unknown = |one: &&Listed| !known(&one.provider_id) && !told(&one.provider_id);
    listed.iter().filter(unknown).cloned().collect()
}

/// What a round found: each stranger is recorded and told once.
pub fn found(books: &Books, service: &ServiceName) -> Entry {
    let mut entry = Entry::default();
    let count = books.strangers.len();
    for (place, listed) in (0i64..).zip(&books.strangers) {
        let label: String = listed.label.chars().take(LABEL_MAX).collect();
        let number = books.next_stray + place;
        entry = entry.and(Event::StrayFound {
            stray: number,
            service: service.clone(),
            provider_id: listed.provider_id.clone(),
            label: label.clone(),
        });
        if SHOWN <= usize::try_from(place).unwrap_or(SHOWN) {
            continue;
        }
        let stray = Stray {
            number,
            service: service.clone(),
            label,
            provider_id: listed.provider_id.clone(),
            discarded_at: None,
            stuck_at: None,
            is_double: false,
        };
        let page = finding(&stray, listed.meter.as_ref());
        let owners = books.org.owners_at().into_iter();
        entry = entry.say_all(owners.map(|to| Message::new(to, page.clone()).topic(stray.topic())));
    }
    if let Some(more) = count.checked_sub(SHOWN).filter(|more| 0 < *more) {
        let text = format!(
            "{more} more keys at {service} carry Slice's label, and its books do not know them. So many may be \
             those of another Slice that uses the same account. Nothing is done to them; "
        );
        let page = Page::say(Text::new(text).say("audit show").and(" names each."));
        let owners = books.org.owners_at().into_iter();
        entry = entry.say_all(owners.map(|to| Message::new(to, page.clone())));
    }
    entry
}

fn finding(stray: &Stray, meter: Option<&Meter>) -> Page {
    let may = match meter.map(|meter| (meter.usage, meter.is_disabled, meter.ceiling)) {
        None => String::new(),
        Some((used, true, _)) => format!(" It has spent {used}, and is disabled."),
        Some((used, _, Ceiling::At(cap))) => {
            format!(" It has spent {used}, and may spend up to {cap} in all.")
        }
        Some((used, _, ceiling)) => {
            let drift = Drift::of_ceiling(ceiling).unwrap_or(Drift::Uncapped);
            format!(" It has spent {used}, and {}.", drift.said())
        }
    };
    let text = Text::new(format!("A key at {} carries Slice's label, ", stray.service))
        .code(shorten(&stray.label))
        .and(format!(
            ", and Slice's books do not know it.{may} It may be another Slice's that uses the same account. \
             Nothing is done to it before an owner decides."
        ));
    let adopt = Button::new(
        "Adopt…",
        format!("adopt {}", stray.number),
        Audience::Owners,
    );
    let revoke = Button::new(
        "Revoke",
        format!("vault discard {}", stray.number),
        Audience::Owners,
    );
    let question = format!("Delete this key at {} now?", stray.service);
    Page::say(text)
        .buttons(vec![adopt, revoke.danger(question)])
        .note(
            "Adopting it makes it a member's grant: what it has spent and spends is charged to that budget, \
             and Slice ends it in time. Its secret stays with whoever has it.",
        )
}

/// What a look at keys that wait, or that an owner discarded, came to.
#[derive(Default)]
pub struct Looked {
    /// Those that are not there any more, by their numbers, and what they had spent.
    pub gone: Vec<(i64, Option<Money>)>,
    /// Those that an owner discarded and that are still there.
    pub left: Vec<Left>,
}

impl Desk {
    /// Strangers that a second look shows too: what a worker looked for and deleted meanwhile is gone.
    /// Where there is no second look, they are found in a later round.
    pub(crate) async fn still_there(&self, books: &Books, service: &ServiceName) -> Vec<Listed> {
        if books.strangers.is_empty() {
            return vec![];
        }
        let listed = match self.provider(books, service) {
            Ok((adapter, _, secret)) => adapter.list(&secret, LABEL_PREFIX).await,
            Err(why) => Err(why),
        };
        let listed = listed.unwrap_or_default();
        let there = |one: &&Listed| {
            let mut ids = listed.iter().map(|other| &other.provider_id);
            ids.any(|id| *id == one.provider_id)
        };
        books.strangers.iter().filter(there).cloned().collect()
    }

    /// Deletes what owners discarded, and finds out what is gone. What cannot be done now is done in a
    /// later round.
    pub(crate) async fn look_at_strays(
        &self,
        books: &Books,
        service: &ServiceName,
        listed: &[Listed],
    ) -> Looked {
        let mut looked = Looked::default();
        for stray in books.strays.iter().filter(|one| one.service == *service) {
            let is_listed = listed
                .iter()
                .any(|one| one.provider_id == stray.provider_id);
            if is_listed && stray.discarded_at.is_none() {
                continue;
            }
            let mut is_stopped = false;
            match self.look_at_stray(books, stray, &mut is_stopped).await {
                Ok(Some(usage)) => looked.gone.push((stray.number, Some(usage))),
                Err(ServiceError::Gone) => looked.gone.push((stray.number, None)),
                Err(why) if stray.discarded_at.is_some() => {
                    looked.left.push(Left {
                        stray: stray.number,
                        why: why.to_string(),
                        is_stopped,
                    });
                }
                Ok(None) | Err(_) => {}
            }
        }
        looked
    }

    /// Gives what it had spent, if it was deleted now. It is stopped before it is read a last time.
    async fn look_at_stray(
        &self,
        books: &Books,
        stray: &Stray,
        is_stopped: &mut bool,
    ) -> Result<Option<Money>, ServiceError> {
        let (adapter, _, secret) = self.provider(books, &stray.service)?;
        let (key, id) = (stray.key(), stray.provider_id.as_str());
        if stray.discarded_at.is_none() {
            adapter.read(&secret, &key).await?;
            return Ok(None);
        }
        let last = adapter.disable(&secret, &key).await?;
        *is_stopped = true;
        let usage = match last {
            Some(last) => last.usage,
            None => adapter.read(&secret, &key).await?.usage,
        };
        adapter.delete(&secret, id).await?;
        Ok(Some(usage))
    }
}

/// The finding that an owner names: by its number, or by the label.
pub fn named<'a>(books: &'a Books, name: &str) -> Result<&'a Stray, Refusal> {
    let number = name.strip_prefix('#').unwrap_or(name).parse::<i64>().ok();
    let mut found = books
        .strays
        .iter()
        .filter(|stray| Some(stray.number) == number || stray.label == name);
    match (found.next(), found.next()) {
        (Some(stray), None) => Ok(stray),
        (Some(_), Some(_)) => Err(Refusal::sentence(
            "Two keys carry that label. Nothing was changed. Use the buttons in the messages about them, or say \
             the number that `audit show` gives the one that you mean.",
        )),
        (None, _) => Err(Refusal::sentence(
            "Slice knows of no such key that waits for a decision: it was adopted, deleted, or never found. \
             Nothing was changed.",
        )),
    }
}

fn waits(stray: &Stray) -> Result<(), Refusal> {
    match stray.discarded_at {
        None => Ok(()),
        Some(at) => Err(Refusal::sentence(format!(
            "That key is being deleted at {} since {}, because an owner wants it so. Nothing was changed.",
            stray.service,
            at.short()
        ))),
    }
}

/// How an owner wants a key to be adopted.
#[derive(Clone, Debug)]
pub struct Adoption {
    /// As its provider shows it now.
    pub meter: Meter,
    pub life: Option<Life>,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adopted {
    pub number: i64,
    pub cap: Money,
    pub usage: Money,
    pub ends_at: Time,
}

/// The key becomes a grant of the books' member. All that it may ever spend must fit that budget: what
/// it has spent is charged, and the rest held. Its provider needs to hear nothing.
pub fn adopt(books: &Books, name: &str, adoption: &Adoption) -> Result<(Entry, Adopted), Refusal> {
    let stray = named(books, name)?;
    waits(stray)?;
    let member = books.member.as_ref().ok_or(Refusal::NoAllocation)?;
    let cap = adoptable(stray, &adoption.meter)?;
    let life = adoption.life.unwrap_or(books.org.settings.default_life);
    if books.org.settings.longest_life < life {
        let longest = books.org.settings.longest_life;
        return Err(Refusal::TooLong { longest });
    }
    takes(books, member, cap)?;
    let grant = GrantId::from_random(books.fresh[0]);
    let adopted = Adopted {
        number: books.org.next_grant,
        cap,
        usage: adoption.meter.usage,
        ends_at: books.now + life.duration(),
    };
    let events = events(books, stray, (grant, member.id, life), adopted);
    let entry = Entry {
        events,
        ..Entry::default()
    };
    let by = books.actor.member();
    let mut text = stray.named().and(" is now ").member(member.id);
    text = text.and(format!("'s grant {} of {cap}", adopted.number));
    if let Some(by) = by {
        text = text.and(", adopted by ").member(by);
    }
    let edited = stray.edited(books, text.and("."));
    let told = Message::new(
        crate::books::To::Member(member.id),
        told(stray, by, &adopted),
    );
    Ok((entry.say_all(edited).say(told), adopted))
}

fn events(
    books: &Books,
    stray: &Stray,
    (grant, member, life): (GrantId, MemberId, Life),
    adopted: Adopted,
) -> Vec<Event> {
    const ATTEMPT: i64 = 1;
    let moved = |from, to| Event::GrantMoved {
        grant,
        from,
        to,
        by: books.actor.member(),
        why: None,
    };
    let reading = Reading {
        grant,
        attempt: ATTEMPT,
        member,
        usage: adopted.usage,
        delta: adopted.usage,
        cursor: None,
    };
    let mut events = vec![
        Event::GrantOpened {
            grant,
            number: adopted.number,
            member,
            service: stray.service.clone(),
            cap: adopted.cap,
            life,
            state: State::Reserved,
            name: None,
            reason: None,
            terms: None,
            monthly: false,
        },
        moved(State::Reserved, State::Issuing),
        Event::KeyIntended {
            grant,
            attempt: ATTEMPT,
            label: stray.label.clone(),
            dead_man: None,
        },
        Event::KeyMinted {
            grant,
            attempt: ATTEMPT,
            provider_id: stray.provider_id.clone(),
            facts: vec![],
        },
        Event::KeyArmed {
            grant,
            attempt: ATTEMPT,
            cap: adopted.cap,
            ends_at: adopted.ends_at,
            reveal_by: None,
        },
        moved(State::Issuing, State::Active),
        Event::StrayAdopted {
            stray: stray.number,
            grant,
        },
    ];
    if !reading.delta.is_zero() {
        events.push(Event::UsageRead {
            month: books.month,
            readings: vec![reading],
        });
    }
    events
}

/// What it may spend in all, if that is a cap that can be held.
fn adoptable(stray: &Stray, meter: &Meter) -> Result<Money, Refusal> {
    let why = match meter.ceiling {
        _ if LABEL_MAX <= stray.label.chars().count() => {
            "its label is too long to be one of Slice's"
        }
        _ if stray.is_double => "its label is that of another key, which the books know",
        _ if meter.is_disabled => "it is disabled there; enable it there first",
        Ceiling::Open | Ceiling::Unsaid => "it has no cap there; set one there first",
        Ceiling::Renewed => {
            "its limit there begins anew from time to time; take the reset off there first"
        }
        Ceiling::Partial => {
            "its limit there leaves out what it spends over provider keys of the account's own (BYOK); let it \
             include that there first"
        }
        Ceiling::At(cap) if cap <= meter.usage => "it has spent all that it may",
        Ceiling::At(cap) => return Ok(cap),
    };
    Err(Refusal::sentence(format!(
        "That key can't be adopted: {why}. Nothing was changed. `/slice vault discard {}` deletes it.",
        stray.number
    )))
}

fn takes(books: &Books, member: &Member, cap: Money) -> Result<(), Refusal> {
    if member.allocation.is_none() || member.left_at.is_some() {
        return Err(Refusal::sentence(
            "That person has no budget that it could be charged to, or has left. Nothing was changed. \
             Allocate a budget first.",
        ));
    }
    let settings = &books.org.settings;
    let sole = settings
        .sole_owner_from
        .is_some_and(|from| from <= books.now);
    if books.actor.member() == Some(member.id) && settings.free_hand < cap && !sole {
        return Err(Refusal::sentence(format!(
            "{cap} is more than the {} that anybody takes without another owner's yes, and the grant would be \
             your own. Nothing was changed. Another owner can adopt it for you.",
            settings.free_hand
        )));
    }
    let short = member.budget.top_up_for(cap);
    if short.is_zero() {
        return Ok(());
    }
    Err(Refusal::sentence(format!(
        "{short} short: the key may spend {cap} in all, and that person's budget has {} free until the month \
         ends ({}). Nothing was changed. Add to that person's month first, with topup, or lower the key's limit \
         at its provider.",
        member.budget.free(),
        books.org.turns_at.short()
    )))
}

fn told(stray: &Stray, by: Option<MemberId>, adopted: &Adopted) -> Page {
    let who = by.map_or_else(|| Text::new("Your owners"), |by| Text::default().member(by));
    let text = who.and(format!(
        " made a {} key that was found at its provider your grant {}: {} of your budget, {} of it spent \
         already. It ends ",
        stray.service, adopted.number, adopted.cap, adopted.usage
    ));
    let text = text.time(adopted.ends_at).and(
        ". Slice never had its secret: whoever has it goes on using it, and what it spends is charged to you.",
    );
    Page::say(text)
}

impl Grant {
    /// Slice did not make its key, and never had the secret.
    pub fn is_adopted(&self) -> bool {
        let own = |key: &crate::grant::Key| key.label == crate::grant::label(self.id, key.attempt);
        self.key().is_some_and(|key| !own(key))
    }
}
