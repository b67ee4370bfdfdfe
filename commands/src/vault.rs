//! The vault's commands: master keys come in through a form, are checked at their provider, and are sealed.

pub mod add;
pub mod check;
pub mod delete;
pub mod discard;
pub mod list;
pub mod options;
pub mod remove;
pub mod rotate;
pub mod take;

use crate::{
    forms::{choices, form},
    grammar::Call,
    keys::title,
    param::Param,
};
use slice_core::{
    books::{Books, Entry, Master},
    drift::Drift,
    event::Event,
    grant::{Key, KeyState},
    ids::ServiceName,
    page::{Button, Page, Text},
    ports::{Health, KeyRef, ServiceAdapter, ServiceError},
    refusal::Refusal,
    reply::{Field, FieldKind, Form},
    secret::Secret,
    vault::SealOwner,
};

const SERVICE: Param<ServiceName> = Param::service("service", "The provider");
/// A part of a credential is no longer than this.
const PART_MAX: u32 = 200;
const KEY: Param<Secret> = Param::secret("key", "The master key; it goes into a form");

/// The event of a deposit: the first version is added, later ones take its place.
pub fn deposited(service: &ServiceName, version: i64, secret: &Secret) -> Event {
    let service = service.clone();
    let (last4, fingerprint) = (secret.last4(), secret.fingerprint());
    if version == 1 {
        Event::MasterAdded {
            service,
            version,
            last4,
            fingerprint,
        }
    } else {
        Event::MasterRotated {
            service,
            version,
            last4,
            fingerprint,
        }
    }
}

/// Seals a master key as the next version of its service.
fn seal(call: &Call<'_>, books: &Books, service: &ServiceName) -> Result<Entry, Refusal> {
    let secret = &credential(call, service)?;
    let version = books.org.master(service).map_or(0, |master| master.version) + 1;
    let owner = SealOwner::Master {
        org: books.org.id,
        service: service.clone(),
        version,
    };
    let sealed = call.desk().vault.seal(&books.org.data_key, &owner, secret);
    let seal = sealed.map_err(|_| {
        Refusal::sentence(
            "The vault key does not fit this database, so nothing was stored. Ask whoever runs \
             Slice to look at `slice check`.",
        )
    })?;
    Ok(Entry::event(deposited(service, version, secret)).seal(owner, seal))
}

/// The adapter of the service that the call names.
fn adapter<'a>(call: &Call<'a>, service: &ServiceName) -> Result<&'a dyn ServiceAdapter, Refusal> {
    let services = &call.desk().services;
    services.find(service).ok_or_else(|| Refusal::NoService {
        said: service.to_string(),
        known: services.names(),
    })
}

/// The secret in the form, with the parts that the service wants of its owner.
fn credential(call: &Call<'_>, service: &ServiceName) -> Result<Secret, Refusal> {
    let wanted = adapter(call, service)?.capabilities().credential;
    let whole = KEY.need(call)?.parts(wanted.iter().map(|field| field.name));
    whole.map_err(|missing| {
        let field = wanted.iter().find(|field| field.name == missing);
        let label = field.map_or(missing, |field| field.label);
        Refusal::offering(
            format!("{service} needs “{label}” as well. Nothing was stored."),
            Button::new("Open the form", format!("vault add {service}"), call.mine()).primary(),
        )
    })
}

/// Asks the provider whether the key in the form is good.
async fn check(call: &Call<'_>, service: &ServiceName) -> Result<Health, Refusal> {
    let adapter = adapter(call, service)?;
    adapter
        .check(&credential(call, service)?)
        .await
        .map_err(|why| no(service, &why))
}

/// A provider's no, or its silence.
fn no(service: &ServiceName, why: &ServiceError) -> Refusal {
    match why {
        ServiceError::Rejected(why) => Refusal::Provider {
            service: service.clone(),
            why: sentence(why),
        },
        ServiceError::Gone => Refusal::Provider {
            service: service.clone(),
            why: "It does not know this key.".into(),
        },
        ServiceError::Later { why, .. } | ServiceError::Unknown(why) => Refusal::sentence(format!(
            "{service} could not say whether the key is good: {} Nothing was stored. Try again in a \
             minute.",
            sentence(why)
        )),
    }
}

/// With a full stop.
fn sentence(text: &str) -> String {
    let text = text.trim();
    if text.ends_with(['.', '!', '?']) {
        text.to_owned()
    } else {
        format!("{text}.")
    }
}

/// The form for a master key. `offered`: the services to choose from.
fn key_form(
    call: &Call<'_>,
    titled: &str,
    line: &str,
    offered: Vec<ServiceName>,
) -> Result<Form, Refusal> {
    let wanted = SERVICE.get(call);
    let chosen = wanted
        .filter(|wanted| offered.contains(wanted))
        .or(offered.first().cloned());
    let mut form = form(titled, line, call.mine());
    form.submit = "Check and seal".into();
    form.intro = Page::say(
        "The key is checked at its provider, then sealed. Nobody sees it again, and no message or \
         log holds it.",
    );
    let hints = offered.iter().map(|service| {
        let facts = adapter(call, service)?.capabilities();
        Ok(format!("{}: {}", facts.title, facts.master_hint))
    });
    let hint = Some(hints.collect::<Result<Vec<_>, Refusal>>()?.join(" "));
    let parts = parts(call, &offered)?;
    form.fields = vec![
        Field {
            kind: choices(offered),
            initial: chosen.map(|chosen| chosen.to_string()),
            ..SERVICE.field("Service")
        },
        Field {
            hint,
            ..KEY.field("Master key")
        },
    ];
    form.fields.extend(parts);
    Ok(form)
}

/// The fields beside the secret. Where several services are offered, each says whose they are.
fn parts(call: &Call<'_>, offered: &[ServiceName]) -> Result<Vec<Field>, Refusal> {
    let mut parts = vec![];
    for service in offered {
        let facts = adapter(call, service)?.capabilities();
        for field in facts.credential {
            let kind = if field.choices.is_empty() {
                FieldKind::Line { max: PART_MAX }
            } else {
                choices(field.choices)
            };
            let hint = (1 < offered.len()).then(|| format!("Only for {}", facts.title));
            parts.push(Field {
                name: format!("{}.{}", KEY.name(), field.name),
                label: field.label.into(),
                kind,
                optional: hint.is_some(),
                initial: None,
                hint,
            });
        }
    }
    Ok(parts)
}

fn balance(health: &Health) -> String {
    let balance = health.balance.map_or_else(String::new, |balance| {
        format!(" Its account has {balance} left.")
    });
    let note = health.note.iter().map(|note| format!(" {note}"));
    note.fold(balance, |told, note| told + &note)
}

fn facts(master: &Master) -> Text {
    Text::new(format!("version {}, ends in ", master.version))
        .code(&master.last4)
        .and(", since ")
        .time(master.added_at)
}

/// Owners hear of every change of the vault.
/// The same, where it was done at the command line.
pub fn put_by_operator(version: i64, title: &str) -> Page {
    let done = if version == 1 {
        "deposited a"
    } else {
        "replaced the"
    };
    Page::say(Text::new(format!(
        "Whoever runs Slice {done} master key for {title}, at the command line."
    )))
}

fn announcement(call: &Call<'_>, what: &str, service: &ServiceName) -> Page {
    let title = title(call.desk(), service);
    Page::say(
        Text::default()
            .member(call.caller().member)
            .and(format!(" {what} {title}.")),
    )
}

/// So many keys are asked for before a master key is taken for a stranger.
const PROBES: usize = 3;

/// Whether a new master key knows nothing of what the service's keys are, or have left: then it is of
/// another account.
pub async fn is_stranger(adapter: &dyn ServiceAdapter, books: &Books, master: &Secret) -> bool {
    let stands = |key: &&Key| match key.state {
        KeyState::Gone => key.left.is_some(),
        _ => key.drift != Some(Drift::Gone),
    };
    let mut known = vec![];
    for grant in books.live.iter().chain(&books.left) {
        if grant.service == *adapter.name() {
            let keys = grant.keys.iter().filter(stands);
            known.extend(keys.filter_map(|key| KeyRef::new(grant, key)));
        }
    }
    known.truncate(PROBES);
    let mut unknown = 0;
    for key in known {
        match adapter.knows(master, &key).await {
            Ok(false) => unknown += 1,
            _ => return false,
        }
    }
    0 < unknown
}
