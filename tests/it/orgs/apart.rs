//! Whatever people of one org say, click, send or guess: nothing of another org's comes to them,
//! and nothing of another org's changes.

use super::{Town, people, workspace};
use crate::{postgres::Kind, runtime};
use rand::{Rng, SeedableRng, rngs::StdRng};
use slice_core::{
    ids::{ActionId, Identity, OrgId, PlatformName, Workspace},
    inbound::Said,
    ports::AuditQuery,
    secret::Secret,
};

const ORGS: usize = 4;
/// More of both with `SLICE_ORGS_STEPS`.
const STEPS: usize = 150;
const SEEDS: [u64; 2] = [11, 12];

/// An org with its people. All that is its own carries its mark, and nothing else does.
struct Team {
    org: OrgId,
    mark: String,
    place: Workspace,
    people: Vec<Identity>,
}

/// What anybody has ever seen and somebody could steal.
#[derive(Default)]
struct Loot {
    actions: Vec<ActionId>,
    codes: Vec<String>,
}

/// No ids or words that people type by themselves look like it.
fn mark(number: usize) -> String {
    format!("ZQ{number}ZQ")
}

async fn found(town: &mut Town, number: usize) -> Team {
    let platform = PlatformName::ALL[number % 2];
    let mark = mark(number);
    let place = workspace(platform, &format!("W{mark}"));
    let (olga, ana) = people(&town.chat, &place, &format!("U{mark}"));
    let bo = town.chat.person(
        &place,
        &format!("U{mark}BO"),
        slice_core::role::Standing::Full,
    );
    town.says(&olga, "help").await;
    town.deposit(
        &olga,
        &format!("sk-or-mgmt-{number}-0123456789abcdef-{mark}"),
    )
    .await;
    for who in [&ana, &bo] {
        town.says(&olga, &format!("allocate <@{}> 100", who.user))
            .await;
    }
    // Numbers that only some orgs have, for others to guess.
    for _ in 0..number * 4 {
        town.says(&ana, &format!("provision openrouter 1 as \"first {mark}\""))
            .await;
    }
    Team {
        org: town.org(&olga).await,
        mark,
        place,
        people: vec![olga, ana, bo],
    }
}

/// All that can be said of an org's state: its trail's head, its budgets and its grants.
async fn state(town: &Town, team: &Team) -> String {
    let store = &town.desk.store;
    let newest = AuditQuery {
        metering: true,
        limit: 1,
        ..AuditQuery::default()
    };
    let head = store.audit(team.org, &newest).await.expect("a trail");
    let mut members = store.members(team.org).await.expect("members");
    // Who spoke last with which role is a note, and no state.
    members.sort_by_key(|row| row.id);
    let mut said = format!("{:?}", head.first().map(|row| (row.seq, row.mac.clone())));
    for row in members {
        let grants = store.grants(team.org, row.id, 1000).await.expect("grants");
        let grants: Vec<_> = grants
            .iter()
            .map(|grant| (grant.number, grant.state, grant.usage(), grant.revealed_at))
            .collect();
        said = format!("{said}\n{:?} {:?} {grants:?}", row.id, row.budget);
    }
    said
}

/// A line that anybody may think of, with numbers, people and codes of anywhere.
fn line(chance: &mut StdRng, teams: &[Team], own: &Team, loot: &Loot) -> String {
    let number = chance.random_range(1..16);
    let event = chance.random_range(1..60);
    let team = if chance.random_bool(0.6) {
        own
    } else {
        &teams[chance.random_range(0..teams.len())]
    };
    let who = &team.people[chance.random_range(0..team.people.len())].user;
    let code = match loot.codes.len() {
        0 => "0000-0000-0000-0000".to_owned(),
        some => loot.codes[chance.random_range(0..some)].clone(),
    };
    let mark = &own.mark;
    match chance.random_range(0..30) {
        0..6 => format!("provision openrouter {number} as \"n{mark}\" because \"why {mark}\""),
        6..8 => format!("provision openrouter 60 because \"much {mark}\""),
        8 => "keys".into(),
        9 => "budget".into(),
        10 => "members".into(),
        11 => format!("reveal {number}"),
        12 => format!("revoke {number}"),
        13 => format!("withdraw {number}"),
        14 => format!("approve {number}"),
        15 => format!("deny {number} \"no {mark}\""),
        16 => format!("audit show <@{who}>"),
        17 => "audit export".into(),
        18 => format!("allocate <@{who}> {}", 50 + number),
        19 => format!("topup <@{who}> {number}"),
        20 => format!("keep {number}"),
        21 => format!("transfer {number} <@{who}>"),
        22 => "link".into(),
        23 => format!("link {code}"),
        24 => "link me".into(),
        25 => format!("link me {code}"),
        26 => format!("join workspace {event}"),
        27 => format!("join me {event}"),
        28 => "vault list".into(),
        _ => "settings".into(),
    }
}

fn said(chance: &mut StdRng, teams: &[Team], own: &Team, loot: &Loot) -> Said {
    let action = match loot.actions.len() {
        0 => None,
        some => Some(loot.actions[chance.random_range(0..some)]),
    };
    match (chance.random_range(0..10), action) {
        (0..3, Some(action)) => Said::Click(action),
        (3, Some(action)) => Said::Submit {
            action,
            fields: vec![("amount".into(), Secret::new("5".into()))],
        },
        _ => Said::Line(line(chance, teams, own, loot)),
    }
}

/// The grant that a line names, if the org of whoever said it has none of that number.
async fn guessed(town: &Town, own: &Team, said: &Said) -> Option<i64> {
    let Said::Line(line) = said else {
        return None;
    };
    let (word, rest) = line.split_once(' ')?;
    let about = [
        "reveal", "revoke", "withdraw", "approve", "deny", "keep", "transfer",
    ];
    let number = rest.split(' ').next().unwrap_or_default().parse().ok()?;
    let store = &town.desk.store;
    let mut numbers = vec![];
    for row in store.members(own.org).await.expect("members") {
        let grants = store.grants(own.org, row.id, 1000).await.expect("grants");
        numbers.extend(grants.iter().map(|grant| grant.number));
    }
    (about.contains(&word) && !numbers.contains(&number)).then_some(number)
}

/// A number that is another org's tells no more than one that is nobody's.
fn tells_nothing(town: &Town, from: usize, guess: Option<i64>) {
    let Some(number) = guess else {
        return;
    };
    let none = [
        "There is no grant",
        "can't do that",
        "Only owners",
        "Nothing was changed",
    ];
    for read in town.chat.since(from) {
        let hint = read.text.contains(&format!("Grant {number} "));
        assert!(!hint, "grant {number} is another org's:\n{}", read.text);
        let refused = none.iter().any(|part| read.text.contains(part));
        assert!(refused, "grant {number} is nobody's here:\n{}", read.text);
    }
}

/// Nothing that was read holds another org's mark, apart from what its reader typed herself.
fn look(town: &mut Town, teams: &[Team], typed: &str, loot: &mut Loot) {
    for read in town.new_reads() {
        let team = teams.iter().find(|team| team.place == read.workspace);
        let team = team.expect("a known workspace");
        for other in teams.iter().filter(|other| other.org != team.org) {
            let hers = !typed.contains(&other.mark);
            assert!(
                !hers || !read.text.contains(&other.mark),
                "{} read of {}, after {typed:?}:\n{}",
                team.mark,
                other.mark,
                read.text
            );
        }
        loot.actions
            .extend(read.actions.iter().map(|(_, action)| *action));
        let codes = read
            .text
            .lines()
            .filter_map(|line| line.strip_prefix("/slice link "));
        let codes = codes.map(|code| code.trim_start_matches("me ").to_owned());
        loot.codes.extend(codes);
    }
}

async fn play(town: &mut Town, teams: &[Team], chance: &mut StdRng) {
    let steps = std::env::var("SLICE_ORGS_STEPS").ok();
    let steps = steps.and_then(|steps| steps.parse().ok()).unwrap_or(STEPS);
    let mut loot = Loot::default();
    look(town, teams, "", &mut loot);
    let mut changes = 0;
    for step in 0..steps {
        let own = &teams[chance.random_range(0..teams.len())];
        let who = own.people[chance.random_range(0..own.people.len())].clone();
        let said = said(chance, teams, own, &loot);
        let typed = format!("{said:?}");
        let mut before = vec![];
        for team in teams {
            before.push(state(town, team).await);
        }
        let (guess, from) = (guessed(town, own, &said).await, town.chat.count());
        town.hands_in(&who, said).await;
        tells_nothing(town, from, guess);
        for (team, before) in teams.iter().zip(before) {
            let after = state(town, team).await;
            changes += usize::from(after != before);
            let untouched = team.org == own.org || after == before;
            assert!(
                untouched,
                "step {step}: {typed} by {} changed {}:\n{before}\nis now\n{after}",
                own.mark, team.mark
            );
        }
        look(town, teams, &typed, &mut loot);
        town.works().await;
        // What comes by itself was typed by nobody.
        look(town, teams, "", &mut loot);
        if step % 40 == 39 {
            town.sandbox
                .clock
                .advance(std::time::Duration::from_mins(11));
            town.works().await;
            look(town, teams, "", &mut loot);
        }
    }
    assert!(steps / 10 < changes, "much happened: {changes} changes");
    assert!(
        loot.codes.len() > 2 && loot.actions.len() > 20,
        "and much could be stolen"
    );
}

/// Rows that carry an org's mark are that org's.
async fn rows_are_apart(town: &Town, teams: &[Team]) {
    for team in teams {
        assert_eq!(town.org(&team.people[0]).await, team.org, "nobody moved");
        town.proven(team.org).await;
        let all = AuditQuery {
            metering: true,
            limit: 100_000,
            ..AuditQuery::default()
        };
        let rows = town
            .desk
            .store
            .audit(team.org, &all)
            .await
            .expect("a trail");
        let trail = slice_commands::export::jsonl(&rows);
        let grants = town.desk.store.live_grants(team.org).await.expect("grants");
        let grants = format!("{grants:?}");
        for other in teams.iter().filter(|other| other.org != team.org) {
            assert!(
                !trail.contains(&other.mark),
                "{} in the trail of {}",
                other.mark,
                team.mark
            );
            assert!(
                !grants.contains(&other.mark),
                "{} in grants of {}",
                other.mark,
                team.mark
            );
        }
    }
}

pub fn orgs_never_see_each_other(kind: Kind) {
    let seeds = match kind {
        Kind::Sqlite => &SEEDS[..],
        Kind::Postgres => &SEEDS[..1],
    };
    for seed in seeds {
        let database = kind.fresh();
        runtime().block_on(async {
            let places = (0..ORGS).map(|number| {
                workspace(PlatformName::ALL[number % 2], &format!("W{}", mark(number)))
            });
            let mut town = Town::on(database.url(), places.collect()).await;
            let mut teams = vec![];
            for number in 0..ORGS {
                teams.push(found(&mut town, number).await);
            }
            let mut chance = StdRng::seed_from_u64(*seed);
            play(&mut town, &teams, &mut chance).await;
            rows_are_apart(&town, &teams).await;
        });
    }
}
