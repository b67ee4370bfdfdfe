//! The whole bot behind a public address, over signed HTTP.

use crate::{
    closing::database_bytes,
    postgres::{self, Kind, TestDatabase},
    runtime,
    world::{MASTER, Way, World},
};
use slice_core::{
    ids::{PlatformName, Workspace, WorkspaceId},
    ports::Store,
};
use slice_sandbox::{Browser, Fault, Page, PersonKind};
use std::{sync::Arc, time::Duration};

pub const ALL: &[(&str, fn())] = &[
    (
        "slack_http::a_replayed_request_has_no_second_effect",
        a_replayed_request_has_no_second_effect,
    ),
    (
        "slack_http::a_second_workspace_installs_slice",
        a_second_workspace_installs_slice,
    ),
    ("slack_http::states_are_good_once", states_are_good_once),
    ("slack_http::who_may_not_install", who_may_not_install),
    (
        "slack_http::slack_fails_an_installation",
        slack_fails_an_installation,
    ),
    (
        "slack_http::an_app_is_removed_and_comes_back",
        an_app_is_removed_and_comes_back,
    ),
    (
        "slack_http::the_own_workspace_removes_slice",
        the_own_workspace_removes_slice,
    ),
    (
        "slack_http::no_route_without_a_client",
        no_route_without_a_client,
    ),
];

fn workspace(id: &str) -> Workspace {
    Workspace {
        platform: PlatformName::Slack,
        id: WorkspaceId::new(id),
    }
}

/// A world over HTTP with a second workspace, its owner ada, and whether it is listed.
async fn two_workspaces(database: &str, listed: bool) -> (World, String) {
    let mut world = World::over(Way::SlackHttp, database).await;
    let team = world.sandbox.slack.add_bare_workspace("Beta");
    let slack = &world.sandbox.slack;
    slack.add_person_in(&team, "ada", PersonKind::PrimaryOwner);
    slack.add_person_in(&team, "bob", PersonKind::Member);
    if listed {
        world.workspaces.push(workspace(&team));
    }
    world.start().await.expect("the bot starts");
    world.settled().await;
    (world, team)
}

/// A browser goes to the beginning; gives where Slack's own page is.
pub async fn begins(world: &World, browser: &mut Browser) -> String {
    let page = browser.opens(&format!("{}/slack/install", world.url)).await;
    assert_eq!(page.status, 302);
    page.location.expect("a way to Slack")
}

/// ada installs Slice in her workspace, from beginning to end.
async fn installs(world: &mut World, team: &str) -> Page {
    let mut browser = world.sandbox.slack.browser();
    let consent = begins(world, &mut browser).await;
    let back = world.sandbox.slack.consents(&consent, team, "ada");
    let page = browser.opens(&back).await;
    world.settled().await;
    page
}

pub async fn installed(world: &World) -> Vec<Workspace> {
    let store = &world.bot().desk.store;
    store.installed().await.expect("the database answers")
}

/// Whatever an installation left in chat and on disk, no token is in it.
pub async fn closes(world: &mut World) {
    let bytes = database_bytes(&world.database_url).await;
    let logs = crate::closing::logged_since(world.log_from);
    for secret in world.secrets() {
        for text in [&bytes, &logs] {
            let found = memchr::memmem::find(text, secret.as_bytes());
            assert!(found.is_none(), "a secret is kept or logged");
        }
    }
    let codes = memchr::memmem::find(&logs, b"sandbox-code-");
    assert!(codes.is_none(), "a code is logged");
    assert_eq!(world.sandbox.wire.violations(), [""; 0]);
    for org in world.bot().desk.store.orgs().await.expect("orgs") {
        let walked = world
            .bot()
            .desk
            .store
            .verify(org, None)
            .await
            .expect("a walk");
        walked.expect("a whole chain");
    }
}

fn on_each(test: impl AsyncFn(TestDatabase)) {
    for kind in postgres::kinds() {
        runtime().block_on(test(kind.fresh()));
    }
}

/// Whoever could read a request on its way sends it again within its five minutes, to a process that
/// remembers it and to one that does not.
fn a_replayed_request_has_no_second_effect() {
    let database = Kind::Sqlite.fresh();
    runtime().block_on(async {
        let mut world = World::over(Way::SlackHttp, database.url()).await;
        world.set_up().await;
        assert_eq!(world.sandbox.slack.sockets(), 0);
        world.says("ana", "provision openrouter 20").await;
        let slack = world.sandbox.slack.clone();
        for status in [401, 200] {
            let heard = slack.replay_last().await;
            assert_eq!((heard.status, heard.body.as_str()), (status, ""));
            world.settled().await;
            assert_eq!(world.live_keys().len(), 1, "no second key");
            world.kill();
            world.start().await.expect("the bot starts again");
        }
        world.clicks("ana", "I'm done: give it back").await;
        slack.replay_last().await;
        world.settled().await;
        assert_eq!(world.live_keys().len(), 0);
        world.finish().await;
    });
}

/// The cookie that binds the beginning to one browser is nobody else's.
async fn expect_a_careful_cookie(world: &World) {
    let mut browser = world.sandbox.slack.browser();
    let begun = browser.opens(&format!("{}/slack/install", world.url)).await;
    let cookie = begun.set_cookie.expect("a cookie");
    let careful = "; Path=/; Max-Age=600; HttpOnly; Secure; SameSite=Lax";
    assert!(
        cookie.starts_with("__Host-") && cookie.ends_with(careful),
        "{cookie}"
    );
}

/// From the first page to two teams that never see each other, also after a restart.
fn a_second_workspace_installs_slice() {
    on_each(async |database| {
        let (mut world, team) = two_workspaces(database.url(), true).await;
        world.log_from = crate::closing::log_end();
        expect_a_careful_cookie(&world).await;
        let page = installs(&mut world, &team).await;
        assert_eq!(page.status, 200, "{}", page.text);
        assert!(page.text.contains("Beta can use /slice"), "{}", page.text);
        let cleared = page.set_cookie.expect("a cookie");
        assert!(cleared.contains("Max-Age=0"), "{cleared}");
        world.expect("ada", &["Slice is here", "[1. Deposit a master key]"]);
        assert_eq!(installed(&world).await, [workspace(&team)]);
        world.says("ada", "allocate @bob 30").await;
        world.expect("bob", &["gave you a monthly budget of $30.00"]);
        world.says("olga", "allocate @ana 100").await;
        world.kill();
        world.start().await.expect("the bot starts again");
        world.all_read();
        world.reads("ada");
        world.says("ada", "members").await;
        let hers = world.expect("ada", &["@ada (owner)", "@bob", "of $30.00"]);
        world.says("olga", "members").await;
        let ours = world.expect("olga", &["@olga (owner)", "@ana", "of $100.00"]);
        assert!(!hers.contains("ana") && !ours.contains("@bob") && !ours.contains("@ada"));
        let again = installs(&mut world, &team).await;
        assert_eq!(again.status, 200, "{}", again.text);
        assert_eq!(world.reads("ada"), "", "she is greeted once");
        world.says("bob", "budget").await;
        world.expect("bob", &["$30.00"]);
        closes(&mut world).await;
    });
}

/// A state counts in its own browser, for ten minutes, for one use: an answer with another one is a
/// quiet page, and keeps nothing.
fn states_are_good_once() {
    let database = Kind::Sqlite.fresh();
    runtime().block_on(async {
        let (world, team) = two_workspaces(database.url(), true).await;
        let slack = world.sandbox.slack.clone();
        let stale = |page: &Page| page.status == 400 && page.text.contains("can't go on");
        let (mut hers, mut his) = (slack.browser(), slack.browser());
        let consent = begins(&world, &mut hers).await;
        begins(&world, &mut his).await;
        let back = slack.consents(&consent, &team, "ada");
        assert!(stale(&his.opens(&back).await), "a foreign state");
        assert!(stale(&slack.browser().opens(&back).await), "no cookie");
        let mut bent = hers.clone();
        let other = back.replace("state=1", "state=2");
        assert!(
            other != back && stale(&bent.opens(&other).await),
            "an altered state"
        );
        let without = format!("{}/slack/oauth?code=1.sandbox-code", world.url);
        assert!(stale(&hers.clone().opens(&without).await), "no state");
        let mut late = hers.clone();
        world.sandbox.clock.advance(Duration::from_mins(10));
        assert!(stale(&late.opens(&back).await), "a late state");
        world
            .sandbox
            .clock
            .set(world.sandbox.clock.now() - 600_000_000);
        let exchanges = || {
            let crossings = world.sandbox.wire.crossings();
            crossings
                .iter()
                .filter(|one| one.what == "GET /api/oauth.v2.access")
                .count()
        };
        assert_eq!((exchanges(), installed(&world).await.len()), (0, 0));
        let declined = hers.clone().opens(&slack.declines(&consent)).await;
        assert_eq!(declined.status, 200);
        assert!(declined.text.contains("You said no"), "{}", declined.text);
        assert!(
            stale(&hers.clone().opens(&back).await),
            "it was used for the no"
        );

        let consent = begins(&world, &mut hers).await;
        let back = slack.consents(&consent, &team, "ada");
        let mut copy = hers.clone();
        assert_eq!(hers.opens(&back).await.status, 200);
        assert!(stale(&copy.opens(&back).await), "a used state");
        assert!(stale(&hers.opens(&back).await), "the page reloaded");
        assert_eq!(exchanges(), 1);
        assert_eq!(installed(&world).await.len(), 1);
    });
}

/// Nothing is kept of a workspace that is not invited, of another app, of the one whose token the
/// environment has, or of too few permissions.
fn who_may_not_install() {
    let database = Kind::Sqlite.fresh();
    runtime().block_on(async {
        let (mut world, team) = two_workspaces(database.url(), false).await;
        world.log_from = crate::closing::log_end();
        let slack = world.sandbox.slack.clone();
        let page = installs(&mut world, &team).await;
        assert_eq!(page.status, 403);
        let invite = format!("slice invite slack/{team}");
        assert!(page.text.contains(&invite), "{}", page.text);
        let revoked = world.sandbox.wire.crossings();
        let revoked = revoked
            .iter()
            .filter(|one| one.what == "POST /api/auth.revoke");
        assert_eq!(
            revoked.count(),
            1,
            "a token that nobody keeps does not live on"
        );
        world
            .bot()
            .desk
            .store
            .invite(&workspace(&team))
            .await
            .expect("an invitation");

        slack.answer_as_app("A0OTHER01");
        let page = installs(&mut world, &team).await;
        assert_eq!(page.status, 409);
        assert!(page.text.contains("SLACK_CLIENT_ID"), "{}", page.text);
        slack.uninstall_from(&team);
        world.settled().await;
        slack.answer_as_app("A0SLICE01");

        let mut browser = slack.browser();
        let consent = begins(&world, &mut browser).await;
        let less = consent.replace("%2Cfiles%3Awrite", "");
        assert_ne!(less, consent);
        let page = browser.opens(&slack.consents(&less, &team, "ada")).await;
        assert_eq!(page.status, 400);
        assert!(
            page.text.contains("all that Slice asks for"),
            "{}",
            page.text
        );

        let consent = begins(&world, &mut browser).await;
        let home = slack.consents(&consent, &slack.team_id(), "olga");
        let page = browser.opens(&home).await;
        assert_eq!(page.status, 409);
        assert!(page.text.contains("stays as it is"), "{}", page.text);
        assert_eq!(installed(&world).await.len(), 0);
        let orgs = world.bot().desk.store.orgs().await.expect("orgs");
        assert_eq!(orgs.len(), 1, "nothing was opened");

        assert_eq!(
            installs(&mut world, &team).await.status,
            200,
            "once invited"
        );
        slack.uninstall_from(&team);
        slack.answer_as_app("A0OTHER01");
        let page = installs(&mut world, &team).await;
        assert_eq!(page.status, 409, "another app does not take its place");
        world.says("olga", "help").await;
        world.expect("olga", &["allocate"]);
        closes(&mut world).await;
    });
}

/// Whatever Slack's answer is, the page says that nothing was kept, and nothing was.
fn slack_fails_an_installation() {
    let database = Kind::Sqlite.fresh();
    runtime().block_on(async {
        let (mut world, team) = two_workspaces(database.url(), true).await;
        let faults = world.sandbox.faults.clone();
        for (route, fault, status) in [
            ("oauth.v2.access", Fault::ServerError500, 502),
            ("oauth.v2.access", Fault::LostAfter, 502),
            ("oauth.v2.access", Fault::MalformedJson, 502),
            ("oauth.v2.access", Fault::Unauthorized401, 400),
            ("auth.test", Fault::LostBefore, 502),
            ("auth.test", Fault::TokenRevoked, 400),
            ("users.info", Fault::BadGateway502, 502),
        ] {
            faults.inject_on(route, fault, 1);
            let page = installs(&mut world, &team).await;
            assert_eq!(page.status, status, "{route}, {fault:?}");
            assert_eq!(faults.pending(), 0, "{route}, {fault:?}");
            assert!(page.text.contains("Begin anew"), "{}", page.text);
            assert_eq!(installed(&world).await.len(), 0, "{route}, {fault:?}");
        }
        let bad = format!("{}/slack/oauth?state=x&code=x", world.url);
        assert_eq!(world.sandbox.slack.browser().opens(&bad).await.status, 400);
        assert_eq!(installs(&mut world, &team).await.status, 200);
    });
}

async fn removals(world: &World, of: &str) -> usize {
    let store = &world.bot().desk.store;
    let org = store
        .org_of(&workspace(of))
        .await
        .expect("the database answers");
    let org = org.expect("an org");
    let links = store.links(org, 0, 1_000).await.expect("links");
    links
        .iter()
        .filter(|link| link.event.contains("app_removed"))
        .count()
}

/// Two events tell of one removal, which is recorded once; what Slack still lets in is not removed,
/// whatever an event says; and a removal that nobody heard of is found out at the next start.
fn an_app_is_removed_and_comes_back() {
    on_each(async |database| {
        let (mut world, team) = two_workspaces(database.url(), true).await;
        world.log_from = crate::closing::log_end();
        let slack = world.sandbox.slack.clone();
        assert_eq!(installs(&mut world, &team).await.status, 200);
        world.says("ada", "vault add openrouter").await;
        world.submits("ada", &[("Master key", MASTER)]).await;
        world.says("ada", "allocate @bob 30").await;
        world.says("bob", "provision openrouter 20").await;
        let can_spend = |world: &World| {
            let keys = world.sandbox.openrouter.keys();
            let there = keys.iter().filter(|key| !key.deleted);
            there.map(|key| !key.disabled).collect::<Vec<_>>()
        };
        assert_eq!(can_spend(&world), [true]);
        slack.tell_of_uninstallation(&team);
        world.settled().await;
        assert_eq!(removals(&world, &team).await, 0, "the event was late");
        world.says("ada", "help").await;

        slack.uninstall_from(&team);
        world.settled().await;
        assert_eq!(removals(&world, &team).await, 1);
        assert_eq!(installed(&world).await, [], "its token is erased");
        assert_eq!(can_spend(&world), [false], "nobody can be told of the key");
        let backlog = world.bot().desk.store.backlog().await.expect("a backlog");
        assert_eq!(backlog.0, 0, "nothing waits for who can't be reached");

        assert_eq!(installs(&mut world, &team).await.status, 200);
        assert_eq!(can_spend(&world), [true], "it goes on");
        slack.tell_of_uninstallation(&team);
        world.settled().await;
        assert_eq!(
            removals(&world, &team).await,
            1,
            "it came back before the event"
        );
        world.reads("ada");
        world.says("ada", "audit show").await;
        world.expect(
            "ada",
            &["was removed from the slack workspace", "was installed in"],
        );

        world.kill();
        let checked = crate::program::check(&world);
        assert!(
            checked.contains(&format!("ok   installation in {team}: its token is good")),
            "{checked}"
        );
        slack.set_installed(&team, false);
        let checked = crate::program::check(&world);
        assert!(
            checked.contains(&format!(
                "FAIL installation in {team}: its token is refused"
            )),
            "{checked}"
        );
        world.start().await.expect("the bot starts again");
        world.settled().await;
        assert_eq!(removals(&world, &team).await, 2, "no event told of it");
        assert_eq!(can_spend(&world), [false]);
        assert_eq!(installed(&world).await, []);
        closes(&mut world).await;
    });
}

/// The token of the environment dies with it. Other workspaces go on, and when the program starts
/// with a good one, its own does as well.
fn the_own_workspace_removes_slice() {
    let database = Kind::Sqlite.fresh();
    runtime().block_on(async {
        let (mut world, team) = two_workspaces(database.url(), true).await;
        let slack = world.sandbox.slack.clone();
        let home = slack.team_id();
        assert_eq!(installs(&mut world, &team).await.status, 200);
        slack.uninstall();
        world.settled().await;
        assert_eq!(removals(&world, &home).await, 1);
        let store: Arc<dyn Store> = world.bot().desk.store.clone();
        let is_removed = async || {
            store
                .is_removed(&workspace(&home))
                .await
                .expect("it answers")
        };
        assert!(is_removed().await);
        let backlog = store.backlog().await.expect("a backlog");
        assert_eq!(backlog.0, 0, "nothing waits for who can't be reached");
        world.says("ada", "members").await;
        world.expect("ada", &["Nobody has a budget yet"]);
        world.kill();
        slack.set_installed(&home, true);
        world.start().await.expect("the bot starts again");
        world.settled().await;
        let store = world.bot().desk.store.clone();
        let is_removed = store.is_removed(&workspace(&home)).await;
        assert!(!is_removed.expect("it answers"));
        world.says("olga", "audit show").await;
        world.expect("olga", &["is back in the slack workspace"]);
    });
}

/// Without a client id there is nothing to install, and no page that says so.
fn no_route_without_a_client() {
    let database = Kind::Sqlite.fresh();
    runtime().block_on(async {
        let mut world = World::new(database.url()).await;
        world.start().await.expect("the bot starts");
        for path in ["/slack/install", "/slack/oauth", "/slack/commands"] {
            let address = format!("{}{path}", world.url);
            let page = world.sandbox.slack.browser().opens(&address).await;
            assert_eq!(page.status, 404, "{path}");
        }
    });
}
