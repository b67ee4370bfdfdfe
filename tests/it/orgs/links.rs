//! `link` and `link me`, across workspaces.

use super::{Town, people, workspace};
use crate::{postgres::Kind, runtime};
use slice_core::{
    books::Scope,
    event::{Actor, Event},
    ids::{ChannelId, Identity, PlatformName},
    ports::AuditQuery,
    role::{Group, GroupKind, Standing},
};
use std::time::Duration;

const MASTER: &str = "sk-or-mgmt-of-the-linked-teams-0123456789abcdef";
const BAD: &str = "That code doesn't work";

/// olga and ana in Slack, with a master key; odo and ann in Discord, with nothing.
pub struct Two {
    pub town: Town,
    url: String,
    pub olga: Identity,
    pub ana: Identity,
    odo: Identity,
    pub ann: Identity,
}

impl Two {
    pub async fn on(kind: Kind) -> (Self, crate::postgres::TestDatabase) {
        let database = kind.fresh();
        let slack = workspace(PlatformName::Slack, "TACME");
        let discord = workspace(PlatformName::Discord, "900");
        let listed = vec![slack.clone(), discord.clone()];
        let mut town = Town::on(database.url(), listed).await;
        let (olga, ana) = people(&town.chat, &slack, "S");
        let odo = town.chat.person(&discord, "901", Standing::Admin);
        let ann = town.chat.person(&discord, "902", Standing::Full);
        town.says(&olga, "help").await;
        town.says(&odo, "help").await;
        town.deposit(&olga, MASTER).await;
        town.says(&olga, "allocate <@SANA> 100").await;
        town.new_reads();
        let two = Self {
            town,
            url: database.url().to_owned(),
            olga,
            ana,
            odo,
            ann,
        };
        (two, database)
    }

    /// The code that a person is given.
    pub async fn code(&mut self, who: &Identity, line: &str) -> String {
        self.town.says(who, line).await;
        let read = self.town.reads(who);
        let said = read
            .lines()
            .find_map(|text| text.strip_prefix(&format!("/slice {line} ")));
        said.unwrap_or_else(|| panic!("no code in:\n{read}"))
            .to_owned()
    }

    pub async fn join(&mut self) {
        let (olga, odo) = (self.olga.clone(), self.odo.clone());
        let code = self.code(&olga, "link").await;
        self.town.says(&odo, &format!("link {code}")).await;
        let join = self.town.button(&olga, "Join");
        self.town.clicks(&olga, join).await;
    }

    async fn answer(&mut self, who: &Identity, line: &str) -> String {
        self.town.new_reads();
        self.town.says(who, line).await;
        self.town.reads(who)
    }
}

#[track_caller]
fn holds(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} should be in:\n{text}");
    }
}

pub fn a_workspace_joins(kind: Kind) {
    runtime().block_on(async {
        let (mut two, _database) = Two::on(kind).await;
        let (olga, odo, ann) = (two.olga.clone(), two.odo.clone(), two.ann.clone());
        let (ours, theirs) = (two.town.org(&olga).await, two.town.org(&odo).await);
        // A button of the org that is about to close.
        two.town.says(&odo, "vault list").await;
        two.town.says(&odo, "members").await;
        let old = two.town.button(&odo, "Allocate a budget");
        let code = two.code(&olga, "link").await;
        two.town
            .says(&odo, &format!("link {}", code.to_lowercase()))
            .await;
        let reads = two.town.new_reads();
        let text = |who: &Identity| {
            let hers = reads.iter().filter(|read| read.who.as_ref() == Some(who));
            hers.map(|read| read.text.as_str())
                .collect::<Vec<_>>()
                .join("\n")
        };
        holds(
            &text(&olga),
            &[
                "the Discord workspace the people of 900 (900)",
                "[Join]",
                "[No]",
            ],
        );
        holds(&text(&odo), &["was asked"]);
        assert!(!text(&odo).contains("TACME") && !text(&odo).contains("SOLGA"));
        assert_eq!(two.town.org(&odo).await, theirs, "nothing happened yet");
        let join = two.town.button(&olga, "Join");
        two.town.clicks(&olga, join).await;
        assert_eq!(two.town.org(&odo).await, ours);
        let reads = two.town.new_reads();
        let told = |who: &Identity, part: &str| {
            reads
                .iter()
                .any(|read| read.who.as_ref() == Some(who) && read.text.contains(part))
        };
        assert!(told(&odo, "part of the other org now"));
        assert!(told(&olga, "Joined."));
        closed_for_good(&two, ours, theirs).await;
        two.town.clicks(&odo, old).await;
        holds(&two.town.reads(&odo), &["too old"]);
        two.town.clicks(&olga, join).await;
        holds(&two.town.reads(&olga), &["done already"]);
        // Its people are the org's now, and nobody there is an owner.
        holds(
            &two.answer(&odo, "members").await,
            &["Only owners can do that"],
        );
        holds(&two.answer(&ann, "budget").await, &["can't do that"]);
        holds(
            &two.answer(&odo, &format!("link {code}")).await,
            &["Only owners can do that"],
        );
    });
}

/// The closed org's trail ends with the other's name, is proven, and takes nothing more.
async fn closed_for_good(two: &Two, ours: slice_core::ids::OrgId, theirs: slice_core::ids::OrgId) {
    let store = &two.town.desk.store;
    assert_eq!(store.orgs().await.expect("orgs"), [ours]);
    assert_eq!(store.closed_orgs().await.expect("orgs"), [theirs]);
    let events = two.town.proven(theirs).await;
    two.town.proven(ours).await;
    let query = AuditQuery {
        limit: 1,
        ..AuditQuery::default()
    };
    let rows = store.audit(theirs, &query).await.expect("a trail");
    assert_eq!(rows[0].event, Event::OrgClosed { into: ours });
    let written = store
        .record(
            Scope::new(theirs, Actor::Operator),
            Box::new(|_| Ok(slice_core::books::Entry::event(Event::OrgOpened))),
        )
        .await;
    assert!(written.is_err(), "nothing is added to a closed trail");
    assert_eq!(two.town.proven(theirs).await, events);
}

pub fn codes_that_do_not_work(kind: Kind) {
    runtime().block_on(async {
        let (mut two, _database) = Two::on(kind).await;
        let (olga, odo, ana) = (two.olga.clone(), two.odo.clone(), two.ana.clone());
        let bad = |text: &str| holds(text, &[BAD]);
        let guess = "link 0000-0000-0000-0000";
        let said = two.answer(&odo, guess).await;
        bad(&said);
        // Whatever is wrong with a code, the sentence is the same.
        assert_eq!(two.answer(&odo, "link nonsense").await, said);
        let late = two.code(&olga, "link").await;
        two.town.sandbox.clock.advance(Duration::from_mins(10));
        assert_eq!(
            two.answer(&odo, &format!("link {late}")).await,
            said,
            "expired"
        );
        let of_a_person = two.code(&ana, "link me").await;
        assert_eq!(two.answer(&odo, &format!("link {of_a_person}")).await, said);
        assert_eq!(
            two.answer(&odo, &format!("link me {of_a_person}")).await,
            said,
            "foreign"
        );
        assert_eq!(
            two.answer(&ana, &format!("link me {of_a_person}")).await,
            said,
            "her own"
        );
        // Five tries within ten minutes, and no more, right or wrong.
        let code = two.code(&olga, "link").await;
        for _ in 0..3 {
            bad(&two.answer(&odo, guess).await);
        }
        let right = format!("link {code}");
        holds(
            &two.answer(&odo, &right).await,
            &["5 tries are allowed within 10 minutes"],
        );
        two.town.sandbox.clock.advance(Duration::from_mins(10));
        bad(&two.answer(&odo, &right).await);
        for number in 0..6 {
            let said = two.answer(&olga, "link").await;
            assert_eq!(
                said.contains("5 codes are allowed"),
                number == 5,
                "{number}: {said}"
            );
        }
        // The database has seen no code.
        let bytes = crate::closing::database_bytes(&two.url).await;
        assert!(memchr::memmem::find(&bytes, code.as_bytes()).is_none());
        let plain = code.replace('-', "");
        assert!(memchr::memmem::find(&bytes, plain.as_bytes()).is_none());
    });
}

pub fn who_holds_something_does_not_join(kind: Kind) {
    runtime().block_on(async {
        let (mut two, _database) = Two::on(kind).await;
        let (olga, odo) = (two.olga.clone(), two.odo.clone());
        let code = two.code(&olga, "link").await;
        two.town.says(&odo, "allocate <@902> 5").await;
        let said = two.answer(&odo, &format!("link {code}")).await;
        holds(&said, &["a member's budget", "the other way round"]);
        // The right way round is refused as well: the other side holds something too.
        let other = two.code(&odo, "link").await;
        let said = two.answer(&olga, &format!("link {other}")).await;
        holds(&said, &["a master key", "a member's budget"]);
    });
}

pub fn joining_is_asked_for(kind: Kind) {
    runtime().block_on(async {
        let (mut two, _database) = Two::on(kind).await;
        let (olga, odo, ana) = (two.olga.clone(), two.odo.clone(), two.ana.clone());
        let theirs = two.town.org(&odo).await;
        holds(
            &two.answer(&ana, "link").await,
            &["Only owners can do that"],
        );
        let code = two.code(&olga, "link").await;
        two.town.says(&odo, &format!("link {code}")).await;
        // A code that was said is used up, whoever says it again.
        holds(&two.answer(&odo, &format!("link {code}")).await, &[BAD]);
        let (join, no) = (two.town.button(&olga, "Join"), two.town.button(&olga, "No"));
        two.town.clicks(&ana, join).await;
        holds(&two.town.reads(&ana), &["for somebody else"]);
        two.town.clicks(&odo, join).await;
        holds(&two.town.reads(&odo), &["too old"]);
        two.town.clicks(&olga, no).await;
        two.town.clicks(&olga, join).await;
        holds(&two.town.reads(&olga), &["Nothing waits for that answer"]);
        assert_eq!(two.town.org(&odo).await, theirs);
        // What was empty when it asked may hold something when the answer comes.
        let code = two.code(&olga, "link").await;
        two.town.says(&odo, &format!("link {code}")).await;
        let join = two.town.button(&olga, "Join");
        two.town.says(&odo, "allocate <@902> 5").await;
        two.town.clicks(&olga, join).await;
        holds(&two.town.reads(&olga), &["can't join any more"]);
        assert_eq!(two.town.org(&odo).await, theirs);
        // An answer that comes after an hour is none.
        two.town.sandbox.clock.advance(Duration::from_hours(2));
        two.town.clicks(&olga, join).await;
        holds(&two.town.reads(&olga), &["Nothing waits"]);
    });
}

pub fn two_identities_are_one_member(kind: Kind) {
    runtime().block_on(async {
        let (mut two, _database) = Two::on(kind).await;
        let (olga, ana, ann, odo) = (
            two.olga.clone(),
            two.ana.clone(),
            two.ann.clone(),
            two.odo.clone(),
        );
        two.join().await;
        bind_owners_in_discord(&mut two, &olga, &odo).await;
        two.town.says(&odo, "allocate <@902> 40").await;
        two.town.says(&odo, "topup <@902> 5").await;
        two.town.says(&ana, "provision openrouter 50").await;
        two.town.says(&ann, "provision openrouter 30").await;
        let code = two.code(&ana, "link me").await;
        two.town.says(&ann, &format!("link me {code}")).await;
        let yes = two.town.button(&ann, "Yes, that is me");
        two.town.clicks(&ann, yes).await;
        let me = two.town.button(&ana, "That is me");
        two.town.clicks(&ann, me).await;
        holds(&two.town.reads(&ann), &["for somebody else"]);
        two.town.clicks(&ana, me).await;
        // $100 and not $140; $5 more this month; $50 and $30 are held.
        holds(&two.town.reads(&ana), &["$25.00 is free"]);
        for who in [&ana, &ann] {
            let said = two.answer(who, "keys").await;
            holds(&said, &["Grant 1", "Grant 2"]);
        }
        two.town.says(&ann, "reveal 1").await;
        let key = &two.town.sandbox.openrouter.keys()[0].secret;
        holds(&two.town.reads(&ann), &[key]);
        // Both names find everything that either did.
        let (one, other) = (
            two.answer(&olga, "audit show <@SANA>").await,
            two.answer(&odo, "audit show <@902>").await,
        );
        holds(&one, &["the key of grant 1", "moved grant 2"]);
        holds(&other, &["the key of grant 1", "moved grant 2"]);
        let org = two.town.org(&olga).await;
        two.town.proven(org).await;
        // Said once more, there is nothing to join.
        let again = two.code(&ann, "link me").await;
        holds(&two.answer(&ana, &format!("link me {again}")).await, &[BAD]);
        // She has left only when neither identity has a role.
        two.town.chat.person(&ann.workspace, "902", Standing::Gone);
        two.town.sandbox.clock.advance(Duration::from_mins(10));
        two.town.works().await;
        let live = |town: &Town| {
            let keys = town.sandbox.openrouter.keys();
            keys.iter()
                .filter(|key| !key.disabled && !key.deleted)
                .count()
        };
        assert_eq!(live(&two.town), 2);
        two.town.chat.person(&ana.workspace, "SANA", Standing::Gone);
        two.town.sandbox.clock.advance(Duration::from_mins(10));
        two.town.works().await;
        assert_eq!(live(&two.town), 0);
    });
}

/// olga joins an identity of hers in Discord, and makes a role there the owners'.
async fn bind_owners_in_discord(two: &mut Two, olga: &Identity, odo: &Identity) {
    let place = &odo.workspace;
    let there = two.town.chat.person(place, "903", Standing::Full);
    let group = Group {
        workspace: place.clone(),
        kind: GroupKind::DiscordRole,
        id: ChannelId::new("77"),
    };
    for who in [&there, odo] {
        two.town.chat.join(&group, who);
    }
    let mine = Group {
        workspace: olga.workspace.clone(),
        kind: GroupKind::UserGroup,
        id: ChannelId::new("SOWNERS"),
    };
    two.town.chat.join(&mine, olga);
    two.town
        .says(olga, "roles bind <!subteam^SOWNERS> owner")
        .await;
    let refused = two.answer(&there, "roles bind <@&77> owner").await;
    holds(&refused, &["Only owners can do that"]);
    let code = two.code(&there, "link me").await;
    two.town.says(olga, &format!("link me {code}")).await;
    let yes = two.town.button(olga, "Yes, that is me");
    two.town.clicks(olga, yes).await;
    let me = two.town.button(&there, "That is me");
    two.town.clicks(&there, me).await;
    let bound = two.answer(&there, "roles bind <@&77> owner").await;
    holds(&bound, &["is an owner now"]);
}

pub fn no_owner_by_being_an_admin(kind: Kind) {
    runtime().block_on(async {
        let (mut two, _database) = Two::on(kind).await;
        let (olga, odo) = (two.olga.clone(), two.odo.clone());
        two.join().await;
        // Neither at once, nor after the bot greeted the workspace once more.
        two.town
            .edge
            .welcome(&odo.workspace)
            .await
            .expect("it greets");
        holds(
            &two.answer(&odo, "members").await,
            &["Only owners can do that"],
        );
        two.town
            .says(&two.ana.clone(), "provision openrouter 60")
            .await;
        let reads = two.town.new_reads();
        let asked: Vec<_> = reads
            .iter()
            .filter(|read| read.text.contains("asks for grant 1"))
            .collect();
        assert!(!asked.is_empty() && asked.iter().all(|read| read.who.as_ref() == Some(&olga)));
    });
}
