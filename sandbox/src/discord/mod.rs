//! A Discord on loopback: REST API, gateway, signed deliveries, and the people in front of it.

mod api;
mod callbacks;
mod channels;
mod commands;
mod delivery;
mod forms;
mod furnish;
mod gateway;
mod guilds;
mod interactions;
mod limits;
mod lines;
mod markdown;
mod messages;
mod options;
mod payloads;
mod people;
mod permissions;
mod place;
mod problems;
mod rates;
mod render;
mod rows;
mod sessions;
mod webhooks;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Handle;

use crate::chat::Sight;
use crate::contracts::Contracts;
use crate::door::{self, Answer, Behind, Call, Shared};
use crate::faults::{DISCORD, Fault, Faults};
use crate::wire::Wire;

pub use delivery::{Delivery, Reply};
use lines::Word;
pub use people::DiscordPerson;
use world::{Answered, Frame, World};

/// Real time: an endpoint that has not answered a delivery by then never will.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(10);

/// The fake Discord: one application with its bot in one or more guilds. Clones are the same Discord.
#[derive(Clone)]
pub struct Discord {
    hub: Arc<Hub>,
}

struct Hub {
    world: Mutex<World>,
    last_delivery: Mutex<Option<delivery::Signed>>,
    http: reqwest::Client,
    runtime: Handle,
    wire: Wire,
    faults: Faults,
    contracts: Option<Contracts>,
}

impl Hub {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn last_delivery(&self) -> MutexGuard<'_, Option<delivery::Signed>> {
        self.last_delivery
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// What the official description has against a request.
    fn check_request(&self, call: &Call, path: &str, body: &Value) -> Vec<String> {
        let contracts = self.contracts.iter();
        contracts
            .flat_map(|all| all.discord_request(&call.method, &format!("/{path}"), body))
            .collect()
    }

    /// The same for the first answer to a signed delivery.
    fn check_callback(&self, body: &Value) -> Vec<String> {
        const CALLBACK: &str = "/interactions/1/token/callback";
        let contracts = self.contracts.iter();
        contracts
            .flat_map(|all| all.discord_request("POST", CALLBACK, body))
            .collect()
    }

    /// Records what the official description has against an answer of the sandbox itself.
    fn check_answer(&self, call: &Call, path: &str, answer: &Answer) {
        let Some(contracts) = &self.contracts else {
            return;
        };
        let (method, path) = (&call.method, format!("/{path}"));
        for problem in contracts.discord_answer(method, &path, answer.status, &answer.body) {
            self.wire.violation(format!(
                "discord {} {method} {path}: {problem}",
                answer.status
            ));
        }
    }
}

impl Discord {
    pub(crate) async fn start(shared: &Shared) -> std::io::Result<Discord> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let base = format!("http://{}", listener.local_addr()?);
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(DELIVERY_TIMEOUT)
            .build()
            .map_err(std::io::Error::other)?;
        let mut world = World::new(shared.clock.clone(), base, delivery::public_key());
        world.add_guild("Acme", true);
        let hub = Hub {
            world: Mutex::new(world),
            last_delivery: Mutex::default(),
            http,
            runtime: Handle::current(),
            wire: shared.wire.clone(),
            faults: shared.faults.clone(),
            contracts: shared.contracts.clone(),
        };
        let discord = Discord { hub: Arc::new(hub) };
        let extra = Router::new().route("/", get(gateway::link));
        door::serve(listener, discord.clone(), extra);
        Ok(discord)
    }

    /// `http://127.0.0.1:PORT`: what stands for `https://discord.com`; the API is below `/api/v10`.
    pub fn url(&self) -> String {
        self.hub.world().base.clone()
    }

    /// `http://127.0.0.1:PORT/api/v10`.
    pub fn api_url(&self) -> String {
        format!("{}/api/v10", self.url())
    }

    /// The bot's token, without `Bot `.
    pub fn bot_token(&self) -> String {
        self.hub.world().token.clone()
    }

    /// The application's id, which is its bot's user id, too.
    pub fn application_id(&self) -> String {
        world::APP.to_owned()
    }

    /// The key that deliveries are signed for, as hex: what an operator copies from the portal.
    pub fn public_key(&self) -> String {
        self.hub.world().verify_key.clone()
    }

    /// The id of the first guild.
    pub fn guild_id(&self) -> String {
        self.hub.world().guilds[0].id.clone()
    }

    /// What nobody but the bot may know: its token and the tokens of interactions.
    pub fn secrets(&self) -> Vec<String> {
        let world = self.hub.world();
        let tokens = world.interactions.iter().map(|one| one.token.clone());
        tokens.chain([world.token.clone()]).collect()
    }

    /// The token is another one from now on; open connections live on.
    pub fn revoke_token(&self) {
        self.hub.world().token.push_str("-new");
    }

    /// Switches privileged intents on for the application, as bits: 2 is members.
    pub fn enable_intents(&self, intents: u64) {
        self.hub.world().enabled_intents = intents;
    }

    /// With `true`, buckets are enforced: 5 messages to a channel within 5 s, 50 requests a second to
    /// any other route and to all together, 10 new direct messages within 10 minutes.
    pub fn rate_limits(&self, on: bool) {
        self.hub.world().rates.on = on;
    }

    /// Answers everything but interactions with a global 429 for this long.
    pub fn close_api(&self, time: Duration) {
        let mut world = self.hub.world();
        let micros = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        world.rates.closed_until = world.clock.now().saturating_add(micros);
    }

    /// Requests that were answered with 401, 403 or 429: 10,000 within ten minutes are a ban.
    pub fn invalid_requests(&self) -> u64 {
        self.hub.world().rates.invalid
    }

    /// In the lines of a command (such as `vault add`), `word` introduces `option`: people say
    /// `for 7d` where the option is called `life`. `by_place`: it is also filled by its place.
    pub fn introduces(&self, command: &str, word: &str, option: &str, by_place: bool) {
        self.hub.world().words.push(Word {
            command: command.to_owned(),
            option: option.to_owned(),
            said: word.to_owned(),
            by_place,
        });
    }

    /// The commands that are registered globally, as Discord shows them.
    pub fn commands(&self) -> Vec<Value> {
        let world = self.hub.world();
        let global = world.commands.iter().find(|set| set.guild.is_none());
        global.map_or_else(Vec::new, |set| set.all.clone())
    }

    /// Interactions without an answer whose time is not over and that somebody can still answer:
    /// not acknowledged, or deferred ("thinking…") and not answered yet. An acknowledgement without a
    /// word (6) is an answer.
    pub fn unanswered(&self) -> usize {
        let world = self.hub.world();
        let open = world.interactions.iter().filter(|one| world.is_open(one));
        open.count()
    }

    /// Interactions that were never acknowledged and never will be; their people were told so, or
    /// would be by now.
    pub fn failed(&self) -> usize {
        let world = self.hub.world();
        let lost = |one: &&world::Interaction| one.answered == Answered::No && !world.is_open(one);
        world.interactions.iter().filter(lost).count()
    }

    /// Gateway connections with a session.
    pub fn sockets(&self) -> usize {
        self.hub.world().connected()
    }

    /// The time between heartbeats that new connections are told: 41,250 ms at first.
    pub fn set_heartbeat(&self, every: Duration) {
        let millis = u64::try_from(every.as_millis()).unwrap_or(u64::MAX);
        self.hub.world().heartbeat_millis = millis;
    }

    /// Cuts all connections without a word.
    pub fn drop_sockets(&self) {
        self.hub.world().send_all(|| Frame::Cut, false);
    }

    /// Asks all connections to reconnect (op 7); new events wait for the resumption.
    pub fn refresh_sockets(&self) {
        self.hub.world().send_all(|| Frame::Reconnect, true);
    }

    /// Ends all sessions (op 9). If they are not `resumable`, what was not sent over them is lost.
    pub fn invalidate_sessions(&self, resumable: bool) {
        self.hub
            .world()
            .send_all(|| Frame::Invalid(resumable), true);
    }

    /// From now on nothing passes over the open connections, not even the answer to a heartbeat; a
    /// bot finds that out by itself and resumes over a new one.
    pub fn zombie_sockets(&self) {
        self.hub.world().send_all(|| Frame::Zombie, false);
    }

    /// Closes all connections with a code, such as 4004.
    pub fn close_sockets(&self, code: u16) {
        self.hub.world().send_all(|| Frame::Close(code), false);
    }

    /// Sends the last interaction once more, as a new event or request with the same content.
    pub fn redeliver_last(&self) {
        let payload = self.last_interaction();
        if self.hub.world().endpoint.is_none() {
            return self.inject_event("INTERACTION_CREATE", &payload);
        }
        let (discord, open) = (self.clone(), self.hub.wire.open());
        self.hub.runtime.spawn(async move {
            let _ = discord.deliver_raw(Delivery::Signed, &payload).await;
            drop(open);
            discord.hub.wire.touch();
        });
    }

    /// Sends any event over the gateway, for what no real person could do.
    pub fn inject_event(&self, name: &'static str, data: &Value) {
        self.hub.world().tell(0, name, data);
        self.hub.wire.touch();
    }

    /// An interaction by anybody, anywhere, with any `data`; it is sent and can be answered.
    /// `kind`: 2 command, 3 component, 4 autocomplete, 5 modal. Ids are taken as they are.
    pub fn inject_interaction(
        &self,
        kind: u64,
        (user, guild, channel): (&str, Option<&str>, &str),
        data: Value,
    ) -> String {
        self.interact(interactions::Act {
            kind,
            user: user.to_owned(),
            guild: guild.map(str::to_owned),
            channel: channel.to_owned(),
            data,
            message: None,
            modal: None,
        })
    }

    /// Everything that anybody saw after the sight with this number (0: from the start).
    pub fn sights_since(&self, n: u64) -> Vec<Sight> {
        self.hub.world().sights.since(n)
    }

    /// Live markup of everything the bot showed, in order: `user @ana`, `role @owners`,
    /// `link https://…`. Whether a mention also rings somebody is told by [`Discord::pings`].
    pub fn alive_markup(&self) -> Vec<String> {
        self.hub.world().alive.clone()
    }

    /// Whom the bot's messages pinged, in order: `user @ana`, `role @owners`, `@everyone`. Ephemeral
    /// messages and edits ping nobody.
    pub fn pings(&self) -> Vec<String> {
        self.hub.world().pings.clone()
    }

    /// The content of an attached file, newest first, by name.
    pub fn file(&self, name: &str) -> Option<Vec<u8>> {
        let world = self.hub.world();
        let newest = world.files.iter().rev().find(|file| file.name == name)?;
        Some(newest.bytes.clone())
    }

    /// Guilds, channels, messages and open modals; no token.
    pub fn state_json(&self) -> Value {
        let world = self.hub.world();
        let guilds = world.guilds.iter();
        let channels = world.channels.iter();
        let messages = world.messages.iter().filter(|one| !one.deleted).map(|one| {
            let mut shown = payloads::message(&world, one, true);
            shown["ephemeral_to"] = json!(one.ephemeral_to);
            shown
        });
        let modals = world.modals.iter().filter(|modal| modal.open);
        json!({
            "guilds": guilds
                .map(|guild| payloads::whole_guild(&world, guild, true))
                .collect::<Vec<_>>(),
            "channels": channels
                .map(|channel| payloads::channel(&world, channel))
                .collect::<Vec<_>>(),
            "messages": messages.collect::<Vec<_>>(),
            "modals": modals.map(|modal| modal.body.clone()).collect::<Vec<_>>(),
        })
    }
}

impl Behind for Discord {
    const WIRE: &'static str = DISCORD;

    fn wire(&self) -> &Wire {
        &self.hub.wire
    }

    fn faults(&self) -> &Faults {
        &self.hub.faults
    }

    async fn answer(&self, call: &Call) -> Answer {
        if let Some(answer) = api::answer(&self.hub, call) {
            return answer;
        }
        let attachment = call.path.strip_prefix("/attachments/");
        let id = attachment.and_then(|rest| rest.split('/').next());
        let world = self.hub.world();
        let file = world.files.iter().find(|file| Some(file.id.as_str()) == id);
        if let Some(file) = file {
            return Answer::text(200, &String::from_utf8_lossy(&file.bytes));
        }
        let line = format!("discord {} {}", call.method, call.path);
        self.hub.wire.violation(format!("{line}: no such route"));
        api::refusal(api::NOT_FOUND)
    }

    fn refusal(&self, fault: Fault, _: &Call) -> Option<Answer> {
        let answer = match fault {
            Fault::Unauthorized401 => api::refusal(api::UNAUTHORIZED),
            Fault::Forbidden403 => api::refusal(api::MISSING_ACCESS),
            Fault::NotFound404 => api::refusal(api::NOT_FOUND),
            Fault::RateLimited429 { retry_after } => {
                rates::too_many(i64::from(retry_after) * 1_000_000, false)
            }
            Fault::ServerError500 | Fault::ServerErrorAfter500 => {
                api::refusal((500, 0, "500: Internal Server Error"))
            }
            Fault::BadGateway502 => Answer::text(502, "<html><h1>502 Bad Gateway</h1></html>"),
            Fault::DmClosed => api::refusal(api::DM_CLOSED),
            Fault::UnknownInteraction => api::refusal(api::UNKNOWN_INTERACTION),
            _ => return None,
        };
        api::count_invalid(&mut self.hub.world(), answer.status);
        Some(answer)
    }
}
