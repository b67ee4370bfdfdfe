//! Audit events as sentences for people.

use crate::{
    changes::Wish,
    event::{Actor, Event, LeftoverEnd},
    ids::{Place, Workspace},
    linking::{self, Joins},
    page::Text,
    ports::AuditRow,
    refusal::shorten,
    role::Binding,
    settings,
};

/// One event as a sentence: who, what, with the grant's number in place of its id.
pub fn sentence(row: &AuditRow) -> Text {
    let who = match row.actor {
        Actor::Member(member) => Text::default().member(member),
        Actor::Slice => Text::new("Slice"),
        Actor::Operator => Text::new("The operator"),
    };
    let grant = row
        .grant
        .map_or_else(|| "a grant".to_owned(), |number| format!("grant {number}"));
    let text = who.and(" ").join(what(&row.event, &grant));
    match row.texts.as_slice() {
        [] => text.and("."),
        texts => text.and(format!(": “{}”.", texts.join("”, “"))),
    }
}

fn what(event: &Event, grant: &str) -> Text {
    match event {
        Event::OrgOpened => Text::new("opened the org"),
        Event::WorkspaceLinked { workspace } => Text::new(format!(
            "linked the {} workspace {}",
            workspace.platform.word(),
            workspace.id
        )),
        Event::AppInstalled { workspace, .. } => of_app("was installed in", workspace),
        Event::AppRemoved { workspace, .. } => of_app("was removed from", workspace),
        Event::AppReturned { workspace } => of_app("is back in", workspace),
        Event::DigestLost { place } => of_digest("could not post the digest in", place),
        Event::DigestFound { place } => of_digest("could post the digest again in", place),
        Event::MemberJoined { member } => Text::new("noted ").member(*member).and(" as a member"),
        Event::MemberLeft { member } => Text::new("noted that ").member(*member).and(" has left"),
        Event::MemberBack { member } => Text::new("noted that ").member(*member).and(" is back"),
        Event::MembersJoined { member, .. } => {
            Text::new("joined a second identity to ").member(*member)
        }
        Event::MonthOpened { month } => Text::new(format!("opened the month {month}")),
        Event::JobDone { job, due } => Text::new(format!("did the {} of ", job.said())).time(*due),
        Event::CarriedOver {
            member,
            month,
            amount,
        } => Text::new(format!("carried {amount} over into {month} for ")).member(*member),
        Event::SettingChanged { name, from, to } => Text::new(format!("changed {name} from "))
            .join(settings::shown(name, from))
            .and(" to ")
            .join(settings::shown(name, to)),
        Event::RoleBound { binding } => bound("bound", binding),
        Event::RoleUnbound { binding } => bound("unbound", binding),
        Event::AllocationSet { member, from, to } => Text::new("set the monthly budget of ")
            .member(*member)
            .and(from.map_or_else(String::new, |from| format!(" from {from}")))
            .and(format!(" to {to}")),
        Event::ToppedUp {
            member,
            month,
            amount,
            ..
        } => Text::new(format!("added {amount} to {month} for ")).member(*member),
        Event::MonthWarned { member, warned } => Text::new("warned ").member(*member).and(format!(
            " that {} % of the {} for {} are used",
            warned.percent, warned.of, warned.month
        )),
        Event::TextErased { member } => Text::new("erased the texts of ").member(*member),
        Event::UsageRead { readings, .. } => {
            let sum: crate::money::Money = readings.iter().map(|reading| reading.delta).sum();
            Text::new(format!(
                "read {sum} of new spending on {} keys",
                readings.len()
            ))
        }
        Event::StrayFound {
            stray,
            service,
            label,
            ..
        } => Text::new(format!(
            "found key #{stray} at {service}, which no books know: "
        ))
        .code(shorten(label)),
        other => match link(other) {
            Some(text) => text,
            None => Text::new(vault_or_grant(other, grant)),
        },
    }
}

fn link(event: &Event) -> Option<Text> {
    Some(match event {
        Event::OrgClosed { into } => Text::new(format!("closed the org: it joined org {into}")),
        Event::LinkCodeMade { link, .. } => Text::new(format!("made a code for {}", a(*link))),
        Event::LinkTried { link, .. } => Text::new(format!("tried a code for {}", a(*link))),
        Event::LinkAsked {
            code, workspace, ..
        } => Text::new(format!("saw the code of #{code} said in "))
            .join(linking::named(workspace, None)),
        Event::LinkAnswered { code, joined } => Text::new(format!(
            "said {} to what came of the code of #{code}",
            if *joined { "yes" } else { "no" }
        )),
        _ => return None,
    })
}

fn a(link: Joins) -> &'static str {
    match link {
        Joins::Workspace => "another workspace",
        Joins::Identity => "a second identity",
    }
}

/// Slice is who acts here, and what it is about.
fn of_app(verb: &str, workspace: &Workspace) -> Text {
    let platform = workspace.platform.word();
    Text::new(format!("{verb} the {platform} workspace {}", workspace.id))
}

fn of_digest(verb: &str, place: &Place) -> Text {
    let channel = crate::page::Span::Channel(place.channel.clone());
    Text::new(format!("{verb} ")).push(channel)
}

fn bound(verb: &str, binding: &Binding) -> Text {
    let span = crate::page::Span::Group(binding.group.clone());
    Text::new(format!("{verb} "))
        .push(span)
        .and(format!(" as {}", binding.role.word()))
}

fn vault_or_grant(event: &Event, grant: &str) -> String {
    match event {
        Event::MasterAdded {
            service,
            version,
            last4,
            ..
        } => {
            format!("deposited a master key for {service} (version {version}, ends in {last4})")
        }
        Event::MasterRotated {
            service,
            version,
            last4,
            ..
        } => {
            format!("replaced the master key for {service} (version {version}, ends in {last4})")
        }
        Event::MasterRemoved { service, version } => {
            format!("removed the master key for {service} (version {version})")
        }
        Event::ProviderSilent { service, since } => {
            format!("could not read {service} since {}", since.short())
        }
        Event::ProviderBack { service } => format!("could read {service} again"),
        Event::GrantOpened {
            number,
            service,
            cap,
            life,
            state,
            ..
        } => {
            format!(
                "opened grant {number}: {cap} of {service} for {life}, {}",
                state.said()
            )
        }
        Event::GrantApproved {
            cap, asked, life, ..
        } if cap == asked => {
            format!("approved {grant} at {cap} for {life}")
        }
        Event::GrantApproved {
            cap, asked, life, ..
        } => {
            format!("approved {grant} at {cap} (asked: {asked}) for {life}")
        }
        Event::GrantMoved { from, to, .. } => {
            format!("moved {grant} from “{}” to “{}”", from.said(), to.said())
        }
        Event::GrantKept { until, .. } => {
            format!(
                "kept {grant} until {}, although its member has left",
                until.short()
            )
        }
        Event::GrantNoticed { notice, .. } => {
            format!("reminded the member of {grant}: it {}", notice.said())
        }
        Event::GrantWarned { warned, .. } => format!(
            "warned the member of {grant} that {} % of its {} are used",
            warned.percent, warned.of
        ),
        Event::GrantTransferred { .. } => {
            format!("gave what was left of {grant} to another member")
        }
        other => key(other, grant),
    }
}

fn key(event: &Event, grant: &str) -> String {
    match event {
        Event::KeyIntended { attempt, .. } => format!("began key {attempt} of {grant}"),
        Event::KeyMinted { attempt, .. } => format!("sealed key {attempt} of {grant}"),
        Event::DoubleFound { .. } => {
            format!("found a second one of {grant} at its provider, and ends it")
        }
        Event::KeyArmed { attempt, cap, .. } => {
            format!("armed key {attempt} of {grant} with {cap}")
        }
        Event::KeyDisabled { attempt, .. } => format!("disabled key {attempt} of {grant}"),
        Event::KeyEnabling { attempt, cap, .. } => {
            format!("let key {attempt} of {grant} spend again, up to {cap} in all")
        }
        Event::KeyEnabled { attempt, .. } => format!("enabled key {attempt} of {grant}"),
        Event::KeyGone { attempt, .. } => format!("noted that key {attempt} of {grant} is gone"),
        Event::KeySilent { attempt, since, .. } => {
            format!(
                "could not read key {attempt} of {grant} since {}",
                since.short()
            )
        }
        Event::KeyReadable { attempt, .. } => format!("could read key {attempt} of {grant} again"),
        Event::DataLeft { what, monthly, .. } => {
            format!("found that {what} stays of {grant}, for {monthly} a month")
        }
        Event::LeftoverDiscarded { .. } => format!("wants what stays of {grant} deleted"),
        Event::LeftoverClosed { how, .. } => match how {
            LeftoverEnd::TakenOver => format!("took over what stayed of {grant}"),
            LeftoverEnd::Deleted => format!("deleted what stayed of {grant}"),
            LeftoverEnd::Gone => format!("noted that nothing stays of {grant} any more"),
        },
        Event::DriftSeen { attempt, drift, .. } => match drift {
            Some(drift) => format!(
                "found key {attempt} of {grant} changed at its provider: it {}",
                drift.said()
            ),
            None => format!("found key {attempt} of {grant} put right at its provider"),
        },
        Event::KeyCapped { attempt, cap, .. } => {
            format!("let key {attempt} of {grant} spend up to {cap} in all")
        }
        other => change(other, grant),
    }
}

fn change(event: &Event, grant: &str) -> String {
    let wished = |wish: &Wish| match wish {
        Wish::Cap(cap) => format!("a cap of {cap} for {grant}"),
        Wish::Life(life) => format!("{life} more for {grant}"),
    };
    match event {
        Event::ChangeAsked { wish, .. } => format!("asked for {}", wished(wish)),
        Event::ChangeDenied { wish, .. } => format!("denied {}", wished(wish)),
        Event::CapChanging { from, to, .. } => {
            format!("began to change the cap of {grant} from {from} to {to}")
        }
        Event::CapChanged { from, to, .. } => {
            format!("changed the cap of {grant} from {from} to {to}")
        }
        Event::RotationBegun { old, .. } => format!("began to replace key {old} of {grant}"),
        Event::OverlapBegun { until, .. } => {
            format!(
                "left the old key of {grant} beside the new one until {}",
                until.short()
            )
        }
        Event::RotationDone { attempt, .. } => {
            format!("replaced the key of {grant}: key {attempt} is the one now")
        }
        Event::ExtensionBegun { to, .. } => {
            format!("began to move the end of {grant} to {}", to.short())
        }
        Event::GrantExtended { from, to, .. } => {
            format!(
                "moved the end of {grant} from {} to {}",
                from.short(),
                to.short()
            )
        }
        Event::ChangeDropped { cap, .. } => {
            format!("left {grant} as it was, with a cap of {cap}")
        }
        Event::GrantRenewed { month, .. } => format!("began {grant} anew for {month}"),
        other => shown_or_stray(other, grant),
    }
}

fn shown_or_stray(event: &Event, grant: &str) -> String {
    match event {
        Event::RevealBegun { .. } => format!("opened the key of {grant}"),
        Event::RevealFailed { .. } => {
            format!("could not show the key of {grant}, and kept it sealed")
        }
        Event::Revealed { certain: true, .. } => format!("showed the key of {grant} and erased it"),
        Event::Revealed { .. } => format!("may have shown the key of {grant}, and erased it"),
        Event::RevealRefused { .. } => format!("was refused a second reveal of {grant}"),
        Event::StrayAdopted { stray, .. } => format!("adopted key #{stray} as {grant}"),
        Event::StrayDiscarded { stray, service } => {
            format!("wants key #{stray} at {service} deleted")
        }
        Event::StrayStuck { stray, service } => {
            format!("could not delete key #{stray} at {service} so far")
        }
        Event::StrayGone {
            stray,
            service,
            usage,
        } => match usage {
            Some(usage) => {
                format!("found key #{stray} gone at {service}, after it had spent {usage}")
            }
            None => format!("found key #{stray} gone at {service}"),
        },
        Event::OptionsSet { service, options } => {
            let choices = options.replace('\n', ", ");
            format!("chose what members may take of {service} ({choices})")
        }
        other => spent(other, grant),
    }
}

fn spent(event: &Event, grant: &str) -> String {
    match event {
        Event::SpendAssumed { reading, .. } => {
            format!(
                "counted {} of {grant} as spent: its key is gone",
                reading.delta
            )
        }
        Event::SpendCorrected { from, to, .. } => {
            format!("corrected the spending of {grant} from {from} to {to}")
        }
        other => told_above(other),
    }
}

/// Listed so that an event without a sentence does not compile.
#[expect(
    clippy::too_many_lines,
    reason = "a line for each kind of event, and no logic"
)]
fn told_above(event: &Event) -> String {
    match event {
        Event::SpendAssumed { .. }
        | Event::SpendCorrected { .. }
        | Event::OrgOpened
        | Event::AppInstalled { .. }
        | Event::AppRemoved { .. }
        | Event::AppReturned { .. }
        | Event::WorkspaceLinked { .. }
        | Event::MemberJoined { .. }
        | Event::MemberLeft { .. }
        | Event::MemberBack { .. }
        | Event::MembersJoined { .. }
        | Event::OrgClosed { .. }
        | Event::LinkCodeMade { .. }
        | Event::LinkTried { .. }
        | Event::LinkAsked { .. }
        | Event::LinkAnswered { .. }
        | Event::MonthOpened { .. }
        | Event::CarriedOver { .. }
        | Event::JobDone { .. }
        | Event::DigestLost { .. }
        | Event::DigestFound { .. }
        | Event::SettingChanged { .. }
        | Event::RoleBound { .. }
        | Event::RoleUnbound { .. }
        | Event::MasterAdded { .. }
        | Event::MasterRotated { .. }
        | Event::MasterRemoved { .. }
        | Event::OptionsSet { .. }
        | Event::ProviderSilent { .. }
        | Event::ProviderBack { .. }
        | Event::AllocationSet { .. }
        | Event::ToppedUp { .. }
        | Event::GrantOpened { .. }
        | Event::GrantApproved { .. }
        | Event::GrantMoved { .. }
        | Event::GrantKept { .. }
        | Event::GrantNoticed { .. }
        | Event::GrantWarned { .. }
        | Event::MonthWarned { .. }
        | Event::GrantTransferred { .. }
        | Event::KeyIntended { .. }
        | Event::KeyMinted { .. }
        | Event::DoubleFound { .. }
        | Event::KeyArmed { .. }
        | Event::KeyDisabled { .. }
        | Event::KeyEnabling { .. }
        | Event::KeyEnabled { .. }
        | Event::KeyGone { .. }
        | Event::KeySilent { .. }
        | Event::KeyReadable { .. }
        | Event::DataLeft { .. }
        | Event::LeftoverDiscarded { .. }
        | Event::LeftoverClosed { .. }
        | Event::KeyCapped { .. }
        | Event::ChangeAsked { .. }
        | Event::ChangeDenied { .. }
        | Event::CapChanging { .. }
        | Event::CapChanged { .. }
        | Event::RotationBegun { .. }
        | Event::OverlapBegun { .. }
        | Event::RotationDone { .. }
        | Event::ExtensionBegun { .. }
        | Event::GrantExtended { .. }
        | Event::ChangeDropped { .. }
        | Event::GrantRenewed { .. }
        | Event::DriftSeen { .. }
        | Event::StrayFound { .. }
        | Event::StrayAdopted { .. }
        | Event::StrayDiscarded { .. }
        | Event::StrayStuck { .. }
        | Event::StrayGone { .. }
        | Event::RevealBegun { .. }
        | Event::RevealFailed { .. }
        | Event::Revealed { .. }
        | Event::RevealRefused { .. }
        | Event::UsageRead { .. }
        | Event::TextErased { .. } => String::new(),
    }
}
