//! What Slice needs of a provider that sub-keys are made at.

use crate::{
    grant::{Grant, Key, KeyState},
    ids::{GrantId, ServiceName},
    leftover::Left,
    life::Life,
    money::Money,
    reply::Field,
    secret::Secret,
    time::Time,
};
use futures::future::BoxFuture;
use std::{fmt, time::Duration};

/// What a service's cap is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hardness {
    /// The provider refuses; requests already running may finish.
    Hard,
    /// Read every so often, and stopped at cap minus a margin: the most that may pass unseen at that
    /// pace.
    Metered {
        every: Duration,
        margin: Money,
        pace: String,
    },
    /// The price and the end date make the cap: Slice ends it so long before the money does.
    ByConstruction { early: Duration },
}

impl Hardness {
    /// Whether its provider itself refuses what is above the cap, whatever becomes of Slice.
    pub fn is_hard(&self) -> bool {
        matches!(self, Self::Hard)
    }

    /// The same words everywhere in chat.
    pub fn said(&self) -> String {
        match self {
            Self::Hard => "hard cap (requests already running may finish)".into(),
            Self::Metered {
                every,
                margin,
                pace,
            } => {
                format!(
                    "metered every {} min, stopped {margin} short of the cap: so much may pass unseen at \
                     {pace}; what is faster or later overshoots",
                    every.as_secs() / 60
                )
            }
            Self::ByConstruction { early } => format!(
                "price × time: Slice ends it {} min before the money does; while Slice is down, only its \
                 provider's own date may",
                early.as_secs() / 60
            ),
        }
    }
}

/// What can be changed about a key that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is another thing that can or cannot be changed"
)]
pub struct Adjusts {
    /// Its cap, by arming it again.
    pub cap: bool,
    /// The date at which its provider ends it by itself, by arming it again.
    pub end: bool,
    /// Its secret: another key can take its place.
    pub secret: bool,
    /// Whether it can stand still and go on. What cannot is ended where others are suspended.
    pub pause: bool,
    /// Whose it is: the same terms make one for another member.
    pub holder: bool,
}

impl Adjusts {
    /// What was made stays as it is until it ends.
    pub const NOTHING: Self = Self {
        cap: false,
        end: false,
        secret: false,
        pause: false,
        holder: false,
    };
}

/// What an adapter can do and promise.
#[derive(Clone, Debug)]
pub struct Capabilities {
    /// What people call the service.
    pub title: &'static str,
    pub hardness: Hardness,
    /// It can make something that cannot spend yet.
    pub inert: bool,
    pub smallest_cap: Money,
    /// How long after the bot's own end the provider ends the key by itself; `None`: it cannot.
    pub dead_man: Option<Duration>,
    /// What was used before a key's end may be billed so much later than other services do.
    pub bills_late: Option<Duration>,
    /// What an owner deposits beside the secret itself.
    pub credential: &'static [CredentialField],
    pub adjusts: Adjusts,
    /// Owners choose what members may take; nothing is to be had before they have.
    pub has_options: bool,
    /// A new key may be refused for so long: whether it is good yet is asked until then, before it is handed
    /// over. `None`: it is good at once.
    pub good_within: Option<Duration>,
    /// What nobody has revealed within this is ended; `None`: as for all services.
    pub reveal_within: Option<Duration>,
    /// What whoever takes it or approves it should know: a sentence.
    pub caution: Option<&'static str>,
    /// What becomes of what a key made when it is stopped at its cap: a sentence.
    pub stays: Option<&'static str>,
    /// How to use a key, as one line of shell with `$KEY` in the key's place.
    pub usage: String,
    /// Where a master key comes from: a sentence for the form.
    pub master_hint: &'static str,
}

impl Capabilities {
    /// Keys are stopped so much before their cap.
    pub fn margin(&self) -> Money {
        match &self.hardness {
            Hardness::Metered { margin, .. } => *margin,
            Hardness::Hard | Hardness::ByConstruction { .. } => Money::ZERO,
        }
    }
}

/// A part of a master credential that is no secret. It is sealed with the secret, as a line
/// `name:value` after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CredentialField {
    pub name: &'static str,
    pub label: &'static str,
    /// Empty: any text.
    pub choices: &'static [&'static str],
}

/// What is ordered of a service.
#[derive(Clone, Debug)]
pub struct Order {
    /// Found again by this after a crash.
    pub label: String,
    pub cap: Money,
    pub life: Life,
    /// When the provider ends it by itself.
    pub dead_man: Time,
    /// What its member wants of it beside that, as [`ServiceAdapter::agree`] gave it.
    pub terms: String,
    /// What the owners let members take, as [`ServiceAdapter::options`] gave it.
    pub options: String,
}

/// What an adapter is asked about what members may want of it.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    pub master: &'a Secret,
    /// What the owners let members take, as [`ServiceAdapter::options`] gave it; empty: nothing yet.
    pub options: &'a str,
    /// What was said beside cap and life, one wish a line.
    pub said: &'a str,
}

/// Why what was said is not to be had: a whole sentence, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    pub why: String,
    /// Filling in the form helps.
    pub asks: bool,
}

/// Something made at a provider; it cannot spend until it is armed, where the service can do that.
#[derive(Debug)]
pub struct Issued {
    pub provider_id: String,
    pub secret: Secret,
    pub facts: Facts,
}

/// What a member reads about her key beside its cap and life, by name; nothing of it is secret.
pub type Facts = Vec<(String, String)>;

/// A key as the books know it: what an adapter is asked about.
#[derive(Clone, Debug)]
pub struct KeyRef {
    pub provider_id: String,
    pub label: String,
    /// As it was ordered.
    pub terms: String,
    pub facts: Facts,
    /// What it has spent in all, by the last reading.
    pub usage: Money,
    /// Where that reading ended, as [`Meter::cursor`] gave it.
    pub cursor: Option<String>,
    /// Slice has stopped it: where it is gone since, it is read by what its provider bills.
    pub is_stopped: bool,
}

impl KeyRef {
    /// `None`: the provider never gave it an id.
    pub fn new(grant: &Grant, key: &Key) -> Option<Self> {
        Some(Self {
            provider_id: key.provider_id.clone()?,
            label: key.label.clone(),
            terms: grant.terms.clone(),
            facts: key.facts.clone(),
            usage: key.usage,
            cursor: key.cursor.clone(),
            is_stopped: key.state == KeyState::Disabled,
        })
    }
}

/// Within what a key may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// What it may spend in all.
    pub cap: Money,
    /// When its provider ends it by itself. Where the provider's date is fixed at creation, that one
    /// stands.
    pub until: Time,
}

/// A key at a provider, as found by its label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub provider_id: String,
    pub usage: Money,
}

/// What a provider will let a key spend in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ceiling {
    At(Money),
    /// There is no limit.
    Open,
    /// The limit begins anew from time to time, so that it bounds no sum.
    Renewed,
    /// The limit leaves out what is spent over keys that the account has at other providers.
    Partial,
    /// The provider knows of none: the cap is Slice's to watch.
    Unsaid,
}

/// A key as its provider shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meter {
    /// What it has spent in all.
    pub usage: Money,
    pub ceiling: Ceiling,
    pub is_disabled: bool,
    /// Where the next reading begins, for a service that adds up what it finds: recorded together with
    /// the usage, or not at all.
    pub cursor: Option<String>,
    /// Why the usage is not all of it, if it is not. It is read again in the next round.
    pub missing: Option<ServiceError>,
}

/// A key in a provider's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub label: String,
    pub provider_id: String,
    /// `None`: the list does not say, and each key is read by itself.
    pub meter: Option<Meter>,
    /// What has to be known of it to read it when it has gone, if its provider says that in the list alone.
    pub facts: Facts,
}

/// What a failed call lets us conclude.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceError {
    /// The provider refused, and nothing changed there. The text is for people, written by us.
    Rejected(String),
    /// Nothing changed there; try again after this.
    Later { after: Duration, why: String },
    /// Something may have changed there: look before doing it again.
    Unknown(String),
    /// The provider does not know what we asked about.
    Gone,
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(why) | Self::Later { why, .. } | Self::Unknown(why) => f.write_str(why),
            Self::Gone => f.write_str("the provider does not know the key"),
        }
    }
}

/// What was made for one grant, and is used by another one's key as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// For which it was made.
    pub grant: GrantId,
    /// The key can add to what that grant is charged for, so it may go on no longer than that one may.
    pub adds: bool,
}

/// What is known about a master key after a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// What the account can still spend, if the provider says.
    pub balance: Option<Money>,
    /// What else an owner should know: a sentence.
    pub note: Option<String>,
}

/// A provider that sub-keys are made at. Every call has a time limit of its own.
pub trait ServiceAdapter: Send + Sync {
    fn name(&self) -> &ServiceName;
    fn capabilities(&self) -> &Capabilities;
    /// What its money buys where owners let members take that, and at which price: the rest of a sentence
    /// that begins with its name.
    fn price(&self, options: &str) -> String;
    /// Understands what was said beside cap and life, one wish a line; gives it as it is kept. The
    /// error is a whole sentence.
    fn terms(&self, said: &str) -> Result<String, String> {
        match said.lines().next() {
            None => Ok(String::new()),
            Some(first) => Err(format!(
                "“{}” means nothing to {}: there is nothing to choose but cap and life.",
                crate::refusal::shorten(first),
                self.name()
            )),
        }
    }
    /// The same, where owners choose what may be had, and its price is that of now.
    fn agree<'a>(&'a self, asking: Asking<'a>) -> BoxFuture<'a, Result<String, Unmet>> {
        let terms = self.terms(asking.said);
        let terms = terms.map_err(|why| Unmet { why, asks: true });
        Box::pin(futures::future::ready(terms))
    }
    /// What a key with these terms uses that was made for another grant.
    fn shares(&self, _terms: &str) -> Option<Share> {
        None
    }
    /// What a form asks for beside cap and life, after that was said already. The answers come back to
    /// [`Self::agree`] as `name:answer`, one a line.
    fn questions<'a>(
        &'a self,
        _asking: Asking<'a>,
    ) -> BoxFuture<'a, Result<Vec<Field>, ServiceError>> {
        Box::pin(futures::future::ready(Ok(vec![])))
    }
    /// What a form asks owners, as its answers are now. They come back to [`Self::options`] as
    /// `name:answer`, one a line.
    fn choices<'a>(
        &'a self,
        _asking: Asking<'a>,
    ) -> BoxFuture<'a, Result<Vec<Field>, ServiceError>> {
        Box::pin(futures::future::ready(Ok(vec![])))
    }
    /// Understands what owners let members take, one answer a line; gives it as it is kept. The error is
    /// a whole sentence.
    fn options(&self, _said: &str) -> Result<String, String> {
        Err(format!("There is nothing to choose for {}.", self.name()))
    }
    /// Whether owners let members have nothing of it.
    fn is_off(&self, _options: &str) -> bool {
        false
    }
    /// What was wanted or chosen, for people to read.
    fn wants(&self, terms: &str) -> Facts {
        let whole = terms.replace('\n', ", ");
        let said = Some(whole).filter(|whole| !whole.is_empty());
        said.map(|whole| ("Terms".to_owned(), whole))
            .into_iter()
            .collect()
    }
    /// How long the money lasts at these terms; `None`: that is up to whoever has it.
    fn lasts(&self, _cap: Money, _terms: &str) -> Option<Duration> {
        None
    }
    /// How to use a key with these facts, with `$KEY` in the key's place.
    fn usage(&self, _facts: &Facts) -> String {
        self.capabilities().usage.clone()
    }
    /// Whether the master key is good for making keys.
    fn check<'a>(&'a self, master: &'a Secret) -> BoxFuture<'a, Result<Health, ServiceError>>;
    /// Makes something that cannot spend.
    fn issue<'a>(
        &'a self,
        master: &'a Secret,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<Issued, ServiceError>>;
    /// Lets it be used within these bounds and no others, and reads back that it is so.
    fn arm<'a>(
        &'a self,
        master: &'a Secret,
        key: &'a KeyRef,
        bounds: Bounds,
    ) -> BoxFuture<'a, Result<(), ServiceError>>;
    /// Whether its provider takes the key, of which this is the secret, yet: asked with the key itself, of
    /// those that are not good at once. Whatever is no yes says why not.
    fn try_out<'a>(
        &'a self,
        _secret: &'a Secret,
        _key: &'a KeyRef,
    ) -> BoxFuture<'a, Result<(), ServiceError>> {
        Box::pin(futures::future::ready(Ok(())))
    }
    /// All keys with exactly this label, disabled ones included.
    fn find<'a>(
        &'a self,
        master: &'a Secret,
        label: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Found>, ServiceError>>;
    /// Every key whose label begins with `prefix`, disabled ones included: one reading for all.
    fn list<'a>(
        &'a self,
        master: &'a Secret,
        prefix: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Listed>, ServiceError>>;
    /// What the key has spent, and may spend.
    fn read<'a>(
        &'a self,
        master: &'a Secret,
        key: &'a KeyRef,
    ) -> BoxFuture<'a, Result<Meter, ServiceError>>;
    /// Stops it. Gives its last reading, where nobody can read it at once afterwards.
    fn disable<'a>(
        &'a self,
        master: &'a Secret,
        key: &'a KeyRef,
    ) -> BoxFuture<'a, Result<Option<Meter>, ServiceError>>;
    /// Lets a stopped one spend again, up to its cap as it stands there.
    fn enable<'a>(
        &'a self,
        master: &'a Secret,
        provider_id: &'a str,
    ) -> BoxFuture<'a, Result<(), ServiceError>>;
    /// What stays of a key that was removed and goes on costing money, as it is now. `None`: nothing.
    fn left<'a>(
        &'a self,
        _master: &'a Secret,
        _key: &'a KeyRef,
    ) -> BoxFuture<'a, Result<Option<Left>, ServiceError>> {
        Box::pin(futures::future::ready(Ok(None)))
    }
    /// Deletes what stays of it, for good, or as much of it as takes no long time. Gives whether all of it
    /// is gone.
    fn discard<'a>(
        &'a self,
        _master: &'a Secret,
        _key: &'a KeyRef,
    ) -> BoxFuture<'a, Result<bool, ServiceError>> {
        Box::pin(futures::future::ready(Ok(true)))
    }
    /// Whether the key was made in the account of this master key.
    fn knows<'a>(
        &'a self,
        master: &'a Secret,
        key: &'a KeyRef,
    ) -> BoxFuture<'a, Result<bool, ServiceError>> {
        Box::pin(async move {
            match self.read(master, key).await {
                Ok(_) => Ok(true),
                Err(ServiceError::Gone) => Ok(false),
                Err(why) => Err(why),
            }
        })
    }
    /// Removes it. That it is gone already is a success.
    fn delete<'a>(
        &'a self,
        master: &'a Secret,
        provider_id: &'a str,
    ) -> BoxFuture<'a, Result<(), ServiceError>>;
}
