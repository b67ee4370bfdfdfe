//! The shorter flows of the crash table. Each begins in a world that stands, and points are counted
//! from there on.

mod pods;

use super::{Point, arm, arm_wire, counted, every_point, revive, survive};
use crate::{
    closing,
    postgres::Kind,
    runtime,
    scenarios::{code_in, workspace_joined},
    slack_http::{begins, installed},
    world::{Died, Way, World},
};
use slice_core::{
    BoxFuture,
    books::Scope,
    event::Actor,
    grant::{Grant, Pause, State},
    ids::{MemberId, PlatformName, Workspace, WorkspaceId},
    money::Money,
    steps::LATE_BILLING,
};
use slice_sandbox::{Fate, PersonKind};

/// So many tests share the points of each.
pub const PARTS: usize = 2;
/// A flow that is not done when it was begun so often never will be: the bot dies once.
const BEGINNINGS_MAX: usize = 3;

/// What people do while the bot dies.
pub struct Flow {
    pub name: &'static str,
    way: Way,
    /// Makes the world in which it begins.
    before: Step,
    play: Step,
    /// What must be so in the end, whatever happened.
    after: Step,
}

type Step = for<'a> fn(&'a mut World) -> BoxFuture<'a, ()>;

pub const ALL: &[Flow] = &[
    Flow {
        name: "a_leaver_comes_back",
        way: Way::SlackSocket,
        before: |world| Box::pin(one_key(world)),
        play: |world| Box::pin(leave_and_come_back(world)),
        after: |world| Box::pin(as_before(world)),
    },
    Flow {
        name: "a_key_is_transferred",
        way: Way::SlackSocket,
        before: |world| Box::pin(one_leaver(world)),
        play: |world| Box::pin(transfer(world)),
        after: |world| Box::pin(transferred(world)),
    },
    Flow {
        name: "a_workspace_joins",
        way: Way::Both,
        before: |world| Box::pin(world.set_up()),
        play: |world| Box::pin(link(world, Joining::Workspace)),
        after: |world| Box::pin(one_org(world)),
    },
    Flow {
        name: "two_identities_become_one",
        way: Way::Both,
        before: |world| Box::pin(two_members(world)),
        play: |world| Box::pin(link(world, Joining::Identity)),
        after: |world| Box::pin(one_member(world)),
    },
    Flow {
        name: "a_workspace_installs_slice",
        way: Way::SlackHttp,
        before: |world| Box::pin(two_workspaces(world)),
        play: |world| Box::pin(install(world)),
        after: |world| Box::pin(one_installation(world)),
    },
    pods::LEASED,
    pods::GIVEN_BACK,
];

impl Flow {
    pub fn points(&'static self, kind: Kind, part: usize) {
        // A death before a crossing leaves what the one before it left, and the long flow plays both.
        every_point(kind, (part, PARTS), &[Fate::DieAfter], |url, point| {
            runtime().block_on(self.dies_at(url, point))
        });
    }

    async fn dies_at(&self, url: &str, point: Option<Point>) -> (usize, usize) {
        let mut world = World::over(self.way, url).await;
        world.log_from = closing::log_end();
        let trigger = arm(&mut world);
        (self.before)(&mut world).await;
        trigger.set(point);
        let wires = arm_wire(&world.sandbox, point, world.killed.clone());
        (self.play)(&mut world).await;
        let counts = counted(&wires, &trigger);
        world.sandbox.wire.clear_hook();
        trigger.set(None);
        (self.after)(&mut world).await;
        counts
    }
}

/// What somebody does; whoever sees that nothing came of it does it again.
async fn acts(world: &mut World, act: impl Fn(&World), is_done: impl AsyncFn(&World) -> bool) {
    act(world);
    let outcome = world.settle().await;
    if survive(world, outcome).await && !is_done(world).await {
        act(world);
        world.settled().await;
    }
}

/// The grants of an org, oldest first.
async fn grants(world: &World) -> Vec<Grant> {
    let org = world.org().await;
    let store = &world.bot().desk.store;
    let mut grants = vec![];
    for row in store.members(org).await.expect("it answers") {
        let hers = store.grants(org, row.id, 10).await.expect("it answers");
        grants.extend(hers);
    }
    grants.sort_by_key(|grant| grant.number);
    grants
}

async fn one_key(world: &mut World) {
    world.set_up().await;
    world.says("ana", "provision openrouter 20").await;
    let [key] = world.live_keys().try_into().expect("one key");
    let spent = world.sandbox.openrouter.spend(&key.secret, "3.25");
    spent.expect("the key spends");
}

async fn becomes(world: &mut World, kind: PersonKind) {
    world.town.set_kind("ana", kind);
    let outcome = world.settle().await;
    survive(world, outcome).await;
}

async fn leave_and_come_back(world: &mut World) {
    becomes(world, PersonKind::Guest).await;
    let [grant] = grants(world).await.try_into().expect("one grant");
    assert_eq!(grant.state, State::Suspended(Pause::Leaver));
    assert!(world.standing_keys()[0].disabled, "it can spend nothing");
    becomes(world, PersonKind::Member).await;
}

async fn as_before(world: &mut World) {
    let [grant] = grants(world).await.try_into().expect("one grant");
    assert_eq!(grant.state, State::Active);
    let [key] = world.live_keys().try_into().expect("one key");
    assert_eq!(key.limit_micros, Some(20_000_000));
    world.says("ana", "budget").await;
    world.expect("ana", &["Free: $80.00"]);
    world.finish().await;
}

async fn one_leaver(world: &mut World) {
    one_key(world).await;
    world.says("olga", "allocate @bo 50").await;
    world.town.set_kind("ana", PersonKind::Guest);
    world.settled().await;
}

async fn transfer(world: &mut World) {
    let says = |world: &World| {
        let olga = world.town.person("olga");
        olga.command("/slice", "transfer 1 @bo")
            .expect("she types it");
    };
    acts(world, says, async |world| grants(world).await.len() == 2).await;
}

async fn transferred(world: &mut World) {
    world.later(LATE_BILLING).await;
    let [old, new] = grants(world).await.try_into().expect("two grants");
    assert!(matches!(old.state, State::Ended(_)), "{}", old.state);
    assert_eq!(old.committed(), Money::ZERO);
    assert_eq!(
        (new.state, new.cap),
        (State::Active, Money::from_micros(16_750_000))
    );
    let [key] = world.standing_keys().try_into().expect("one key");
    assert_eq!(key.limit_micros, Some(16_750_000));
    world.says("olga", "members").await;
    world.expect("olga", &["free $96.75", "free $33.25"]);
    world.finish().await;
}

/// What a code joins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Joining {
    Workspace,
    Identity,
}

/// From a code to the answer; whoever finds that it came to nothing begins anew.
async fn link(world: &mut World, what: Joining) {
    for _ in 0..BEGINNINGS_MAX {
        if joins(world, what).await.is_err() {
            revive(world).await;
            while world.town.name() != "Slack" {
                world.crosses();
            }
        }
        if is_joined(world, what).await {
            return;
        }
    }
    panic!("nothing was joined");
}

async fn joins(world: &mut World, what: Joining) -> Result<(), Died> {
    let (who, made, said) = match what {
        Joining::Workspace => ("olga", "link", "link workspace"),
        Joining::Identity => ("ana", "link me", "link me"),
    };
    types(world, who, made).await?;
    let code = code_in(&world.reads(who), made);
    world.crosses();
    types(world, who, &format!("{said} {code}")).await?;
    if what == Joining::Identity {
        presses(world, who, "Yes, that is me").await?;
    }
    world.crosses();
    presses(
        world,
        who,
        if what == Joining::Workspace {
            "Join"
        } else {
            "That is me"
        },
    )
    .await
}

async fn types(world: &mut World, who: &str, line: &str) -> Result<(), Died> {
    world.reads(who);
    world
        .town
        .person(who)
        .command("/slice", line)
        .expect("it is typed");
    world.settle().await
}

async fn presses(world: &mut World, who: &str, label: &str) -> Result<(), Died> {
    world
        .town
        .person(who)
        .click(label)
        .expect("the button is there");
    world.settle().await
}

fn slack(world: &World) -> Workspace {
    Workspace {
        platform: PlatformName::Slack,
        id: WorkspaceId::new(world.sandbox.slack.team_id()),
    }
}

fn discord(world: &World) -> Workspace {
    Workspace {
        platform: PlatformName::Discord,
        id: WorkspaceId::new(world.sandbox.discord.guild_id()),
    }
}

async fn is_joined(world: &World, what: Joining) -> bool {
    let store = &world.bot().desk.store;
    let org = store.org_of(&slack(world)).await.expect("it answers");
    match what {
        Joining::Workspace => org == store.org_of(&discord(world)).await.expect("it answers"),
        Joining::Identity => identities(world).await.1 == 2,
    }
}

/// The member with a budget, and by how many identities she is known.
async fn identities(world: &World) -> (MemberId, usize) {
    let (org, desk) = (world.org().await, &world.bot().desk);
    let members = desk.store.members(org).await.expect("it answers");
    let with = members.iter().filter(|row| row.allocation.is_some());
    let [ana] = with.collect::<Vec<_>>().try_into().expect("one budget");
    let known = desk.identities(org, ana.id).await.expect("it answers");
    (ana.id, known.len())
}

async fn one_org(world: &mut World) {
    let (org, store) = (world.org().await, world.bot().desk.store.clone());
    let closed = store.closed_orgs().await.expect("it answers");
    let [closed] = closed.try_into().expect("one closed org");
    assert_ne!(org, closed);
    let walked = store.verify(closed, None).await.expect("it answers");
    walked.expect("its trail is whole");
    let books = store.books(Scope::new(org, Actor::Slice)).await;
    let workspaces = books.expect("it answers").org.workspaces;
    assert_eq!(workspaces, [slack(world), discord(world)]);
    world.finish().await;
}

/// Both workspaces are one org's, and ana has a key in Slack.
async fn two_members(world: &mut World) {
    world.set_up().await;
    workspace_joined(world).await;
    world.says("ana", "provision openrouter 20").await;
}

async fn one_member(world: &mut World) {
    let (ana, known) = identities(world).await;
    assert_eq!(known, 2);
    let [grant] = grants(world).await.try_into().expect("one grant");
    assert_eq!((grant.member, grant.state), (ana, State::Active));
    for _ in 0..2 {
        world.says("ana", "budget").await;
        world.expect("ana", &["$100.00", "$80.00"]);
        world.crosses();
    }
    world.finish().await;
}

async fn two_workspaces(world: &mut World) {
    let slack = world.sandbox.slack.clone();
    let team = slack.add_bare_workspace("Beta");
    slack.add_person_in(&team, "ada", PersonKind::PrimaryOwner);
    let beta = Workspace {
        platform: PlatformName::Slack,
        id: WorkspaceId::new(team),
    };
    world.workspaces.push(beta);
    world.start().await.expect("the bot starts");
    world.settled().await;
}

/// ada's browser goes through the installation; where it gets no answer, she begins anew.
async fn install(world: &mut World) {
    for _ in 0..BEGINNINGS_MAX {
        if browses(world).await.is_err() {
            revive(world).await;
        }
        if installed(world).await == world.workspaces {
            return;
        }
    }
    panic!("nothing was installed");
}

async fn browses(world: &mut World) -> Result<(), Died> {
    let mut browser = world.sandbox.slack.browser();
    let team = world.workspaces[0].id.to_string();
    let consent = begins(world, &mut browser).await;
    let back = world.sandbox.slack.consents(&consent, &team, "ada");
    let killed = world.killed.clone();
    tokio::select! {
        page = browser.opens(&back) => assert_eq!(page.status, 200, "{}", page.text),
        () = killed.notified() => return Err(Died),
    }
    world.settle().await
}

async fn one_installation(world: &mut World) {
    let greeted = world.reads("ada").matches("Slice is here").count();
    assert_eq!(greeted, 1, "she is greeted once");
    world.says("ada", "members").await;
    world.expect("ada", &["Nobody has a budget yet"]);
    world.says("olga", "members").await;
    world.expect("olga", &["Nobody has a budget yet"]);
    crate::slack_http::closes(world).await;
}
