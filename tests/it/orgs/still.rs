//! A workspace that Slice no longer serves: what only it knows stands still.

use super::{Town, links::Two};
use crate::{postgres::Kind, runtime};
use slice_core::grant::Pause;

fn live(town: &Town) -> usize {
    let keys = town.sandbox.openrouter.keys();
    keys.iter()
        .filter(|key| !key.disabled && !key.deleted)
        .count()
}

pub fn what_one_workspace_knows(kind: Kind) {
    runtime().block_on(async {
        let (mut two, _database) = Two::on(kind).await;
        let (olga, ana, ann) = (two.olga.clone(), two.ana.clone(), two.ann.clone());
        two.join().await;
        let bo = two
            .town
            .chat
            .person(&ana.workspace, "SBO", slice_core::role::Standing::Full);
        two.town.says(&olga, "allocate <@SBO> 20").await;
        two.town.says(&ana, "provision openrouter 10").await;
        two.town.says(&bo, "provision openrouter 10").await;
        // ana is known in Discord as well.
        let code = two.code(&ana, "link me").await;
        two.town.says(&ann, &format!("link me {code}")).await;
        let yes = two.town.button(&ann, "Yes, that is me");
        two.town.clicks(&ann, yes).await;
        let me = two.town.button(&ana, "That is me");
        two.town.clicks(&ana, me).await;
        assert_eq!(live(&two.town), 2);
        let desk = two.town.desk.clone();
        let pause = Pause::Uninstalled;
        let stopped = desk.suspend_workspace(&ana.workspace, pause).await;
        assert_eq!(stopped.expect("recorded").len(), 1, "bo alone");
        let again = desk.suspend_workspace(&ana.workspace, pause).await;
        assert_eq!(again.expect("recorded"), [], "said again, it does nothing");
        two.town.works().await;
        assert_eq!(live(&two.town), 1);
        // Another reason's return does not wake it.
        let other = desk
            .resume_workspace(&ana.workspace, Pause::MasterDead)
            .await;
        assert_eq!(other.expect("recorded"), []);
        let resumed = desk.resume_workspace(&ana.workspace, pause).await;
        assert_eq!(resumed.expect("recorded").len(), 1);
        two.town.works().await;
        assert_eq!(live(&two.town), 2);
    });
}
