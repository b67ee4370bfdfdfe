//! How a world begins: the team that most scenarios start from, and a second bot.

use super::{MASTER, Running, World, WorldClock};
use slice::bot::Bot;
use slice_sandbox::ChannelKind;
use std::sync::Arc;

impl World {
    /// A second replica in this process, on the same database, with its own runtime, its own connections
    /// and its own chance. Slack's envelopes come to either.
    pub async fn start_twin(&mut self) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let mut parts = self.parts();
        parts.clock = Arc::new(WorldClock::new(self.sandbox.clock.clone(), 4));
        let starting = runtime.spawn(async move {
            let store = parts.open_store().await.expect("the database opens");
            Bot::start(parts, Arc::new(store)).await
        });
        let bot = starting.await.expect("the start does not panic");
        let bot = Arc::new(bot.expect("the bot starts"));
        self.twin = Some(Running { runtime, bot });
    }

    /// The team with a private owners' channel that the bot may post to and the master key in the
    /// vault; ana has $100 a month. Everything said so far is read.
    pub async fn set_up(&mut self) {
        self.start().await.expect("the bot starts");
        self.settled().await;
        self.deposit().await;
        self.owners_channel().await;
        self.says("olga", "allocate @ana 100").await;
        self.all_read();
        // The story tells this part; other transcripts begin after it.
        self.said.clear();
    }

    pub async fn deposit(&mut self) {
        self.says("olga", "vault add openrouter").await;
        self.submits("olga", &[("Master key", MASTER)]).await;
    }

    pub async fn owners_channel(&mut self) {
        self.town.add_channel("slice-owners", ChannelKind::PRIVATE);
        self.town.join("slice-owners", "olga");
        self.town.invite_bot("slice-owners");
        self.says("olga", "settings owners-channel #slice-owners")
            .await;
    }

    pub fn all_read(&self) {
        for who in ["olga", "ana", "bo"] {
            self.reads(who);
        }
    }
}
