//! A Slack, a Discord, an `OpenRouter`, an AWS and a `RunPod` on loopback that speak the real wire protocols, keep state, enforce
//! real limits and misbehave on demand.
//!
//! ```no_run
//! # async fn run() -> std::io::Result<()> {
//! use slice_sandbox::{PersonKind, Sandbox};
//!
//! let sandbox = Sandbox::start(1_700_000_000_000_000).await?;
//! sandbox.openrouter.add_management_key("sk-or-mgmt-test", "acme", "100");
//! sandbox.slack.add_person("ana", PersonKind::Member);
//! let ana = sandbox.slack.person("ana");
//! ana.command("/slice", "provision openrouter 20");
//! # Ok(())
//! # }
//! ```

mod aws;
mod chat;
mod clock;
mod contracts;
mod discord;
mod door;
mod faults;
mod multipart;
mod openrouter;
mod runpod;
mod slack;
mod wire;

pub use aws::{AccessKey, Act, Aws, AwsUser, Bill, BucketState, Moto};
pub use chat::{Change, ChannelId, ChannelKind, PersonKind, Place, Sight, UserId};
pub use clock::Clock;
pub use contracts::Contracts;
pub use discord::{Delivery, Discord, DiscordPerson, Reply};
pub use faults::{Fault, Faults};
pub use openrouter::{KeyState, OpenRouter, Spent, micros_from_usd, usd_from_micros};
pub use runpod::{Access, PodState, RunPod};
pub use slack::{Browser, Forgery, Heard, Page, Person, Slack, Workspace};
pub use wire::{Crossing, Direction, Fate, Hook, Wire};

/// The whole fake world. Every part is a cheap clone of the same thing.
#[derive(Clone)]
pub struct Sandbox {
    pub slack: Slack,
    pub discord: Discord,
    pub openrouter: OpenRouter,
    pub aws: Aws,
    pub runpod: RunPod,
    pub clock: Clock,
    pub wire: Wire,
    pub faults: Faults,
}

impl Sandbox {
    /// Starts all wires on ports of their own; the clock stands at `start_unix_micros` (UTC).
    /// With `SLICE_CONTRACTS` set, everything is held to the official descriptions.
    ///
    /// # Errors
    /// If no port of the loopback interface can be had.
    pub async fn start(start_unix_micros: i64) -> std::io::Result<Sandbox> {
        let shared = door::Shared {
            clock: Clock::new(start_unix_micros),
            wire: Wire::default(),
            faults: Faults::default(),
            contracts: Contracts::from_env(),
        };
        Ok(Sandbox {
            slack: Slack::start(&shared).await?,
            discord: Discord::start(&shared).await?,
            openrouter: OpenRouter::start(&shared).await?,
            aws: Aws::start(&shared).await?,
            runpod: RunPod::start(&shared).await?,
            clock: shared.clock,
            wire: shared.wire,
            faults: shared.faults,
        })
    }
}
