//! A team's account at `RunPod`, and what becomes of its pods.

use super::World;
use slice_core::{grant::Grant, money::Money};
use slice_sandbox::PodState;
use std::time::Duration;

/// The team's key there.
pub const RUNPOD_MASTER: &str = "rpa_MASTERCANARY0123456789";
/// The account that it is of.
pub const ACCOUNT: &str = "team";
/// What pods are leased with where nobody says another; $0.40 an hour.
pub const GPU: &str = "A40";
/// The same, as the provider calls it.
pub const GPU_ID: &str = "NVIDIA A40";
/// An image that takes a password, and one that is reached by SSH alone.
pub const IMAGES: &str = "runpod/pytorch:1.0.2 JUPYTER_PASSWORD 8888, nvidia/cuda:12.4.1";
/// What the books may be above a bill: the reading itself is rounded up.
const ROUNDING: Money = Money::from_micros(2_000);

impl World {
    /// The team has an account with $100.
    pub fn opens_runpod_account(&self) {
        self.sandbox.runpod.add_key(RUNPOD_MASTER, ACCOUNT, "100");
    }

    /// An owner puts the key of the team's account into the vault.
    pub async fn deposits_runpod(&mut self) {
        self.opens_runpod_account();
        self.says("olga", "vault add runpod").await;
        self.submits("olga", &[("Master key", RUNPOD_MASTER)]).await;
    }

    /// An owner turns pods on, with an A40, 10 GB and port 8888 where nobody says otherwise.
    pub async fn turns_pods_on(&mut self) {
        self.says("olga", "vault options runpod").await;
        self.submits(
            "olga",
            &[
                ("Pods", "on"),
                ("Images that may run", IMAGES),
                ("GPU, where nobody says another", GPU),
                ("Disk in GB, likewise", "10"),
                ("Port, likewise", "8888"),
            ],
        )
        .await;
    }

    /// The team of `set_up`, with pods as well.
    pub async fn set_up_pods(&mut self) {
        self.set_up().await;
        self.deposits_runpod().await;
        self.turns_pods_on().await;
        self.expect("olga", &["Saved: this is what members may take of runpod"]);
        self.all_read();
    }

    /// The pods of Slice's that run, and cost money.
    pub fn live_pods(&self) -> Vec<PodState> {
        let mut pods = self.slice_pods();
        pods.retain(|pod| pod.ended_at.is_none());
        pods
    }

    /// All that Slice ever made.
    pub fn slice_pods(&self) -> Vec<PodState> {
        let mut pods = self.sandbox.runpod.pods();
        pods.retain(|pod| pod.name.starts_with("slice-"));
        pods
    }

    /// Time passes until `RunPod` has billed every pod that has ended: those as well that end meanwhile,
    /// because nobody revealed them.
    pub async fn all_pods_are_billed(&mut self) {
        loop {
            let begun = self.sandbox.clock.now();
            self.later(Duration::from_mins(75)).await;
            self.later(Duration::from_mins(15)).await;
            let ends = self.slice_pods().into_iter().map(|pod| pod.ended_at);
            if ends.flatten().all(|end| end <= begun) {
                return;
            }
        }
    }

    /// The passwords that were generated for pods.
    pub fn passwords(&self) -> Vec<String> {
        let pods = self.slice_pods().into_iter().flat_map(|pod| pod.env);
        let passwords = pods.filter(|(name, _)| name == "JUPYTER_PASSWORD");
        passwords.map(|(_, value)| value).collect()
    }

    /// What the provider charges for all pods of a grant until now.
    fn pods_bill(&self, grant: &Grant) -> Money {
        let name = format!("slice-{}-", grant.id);
        let pods = self.slice_pods().into_iter();
        let pods = pods.filter(|pod| pod.name.starts_with(&name));
        pods.map(|pod| Money::from_micros(pod.bill_micros)).sum()
    }

    /// Every pod that runs is behind an active grant, and the books hold what it cost.
    pub(crate) fn compare_pods(&self, grants: &[Grant]) {
        use slice_core::grant::{KeyState, State};
        let live = self.live_pods();
        let mut known = 0;
        for grant in grants
            .iter()
            .filter(|grant| grant.service.as_str() == "runpod")
        {
            let number = grant.number;
            for key in &grant.keys {
                let id = key.provider_id.as_deref().unwrap_or_default();
                let runs = live.iter().any(|pod| pod.id == id);
                match (grant.state, key.state) {
                    (State::Active, KeyState::Armed) => {
                        assert!(runs, "the pod of grant {number} runs");
                    }
                    (_, KeyState::Gone) => assert!(!runs, "the pod of grant {number} has ended"),
                    (state, key) => panic!("grant {number} stands still at {state}, {key:?}"),
                }
                known += usize::from(runs);
            }
            let (books, bill) = (grant.usage(), self.pods_bill(grant));
            assert!(
                bill <= books && books <= bill + ROUNDING,
                "grant {number}: the books hold {books}, the provider charges {bill}"
            );
        }
        assert_eq!(
            known,
            live.len(),
            "each pod that runs is in the books: {live:#?}"
        );
    }
}
