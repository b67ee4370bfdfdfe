//! A minimal Discord bot: a REST client and gateway connections.

use futures::{SinkExt, StreamExt};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use slice_sandbox::{Discord, DiscordPerson, PersonKind, Sandbox};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::bot::{START, until};

/// The intent that events about guilds, roles and channels need.
pub const GUILDS: u64 = 1;
pub const GUILD_MEMBERS: u64 = 2;
pub const EPHEMERAL: u64 = 64;

pub struct App {
    pub http: Client,
    pub sandbox: Sandbox,
    pub discord: Discord,
}

pub struct Gateway {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The number of the last event.
    pub seq: u64,
    pub session: String,
}

/// A guild with its owner Olga, the member Ana, and nothing registered.
pub async fn start() -> App {
    let sandbox = Sandbox::start(START)
        .await
        .expect("loopback has free ports");
    let discord = sandbox.discord.clone();
    discord.add_person("olga", PersonKind::PrimaryOwner);
    discord.add_person("ana", PersonKind::Member);
    let http = Client::builder()
        .no_proxy()
        .build()
        .expect("a plain client can be built");
    App {
        http,
        sandbox,
        discord,
    }
}

impl App {
    /// `POST /channels/1/messages` with the bot's token; status and body (`null` if empty).
    pub async fn call(&self, line: &str, body: Value) -> (u16, Value) {
        let token = self.discord.bot_token();
        read(self.send(line, Some(&token), body).await).await
    }

    pub async fn send(&self, line: &str, token: Option<&str>, body: Value) -> Response {
        let (method, path) = line.split_once(' ').expect("a method and a path");
        let url = format!("{}{path}", self.discord.api_url());
        let method = method.parse().expect("a method is a token");
        let mut request = self.http.request(method, url);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bot {token}"));
        }
        if !body.is_null() {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        request.send().await.expect("Discord answers")
    }

    /// What must work; the body.
    pub async fn fine(&self, line: &str, body: Value) -> Value {
        let (status, body) = self.call(line, body).await;
        assert!(status < 300, "{line}: {status} {body}");
        body
    }

    /// What must be refused; status and code.
    pub async fn refused(&self, line: &str, body: Value) -> (u16, u64) {
        let (status, body) = self.call(line, body).await;
        assert!(status >= 400, "{line}: {status} {body}");
        (status, body["code"].as_u64().expect("a refusal has a code"))
    }

    /// The id of the bot's direct message with somebody.
    pub async fn dm(&self, person: &str) -> String {
        let body = json!({ "recipient_id": self.discord.person(person).id() });
        let opened = self.fine("POST /users/@me/channels", body).await;
        opened["id"]
            .as_str()
            .expect("a channel has an id")
            .to_owned()
    }

    /// The first answer to an interaction: its status and body.
    pub async fn answer(&self, interaction: &Value, kind: u64, data: Value) -> (u16, Value) {
        let part = |key: &str| interaction[key].as_str().expect("a text").to_owned();
        let line = format!(
            "POST /interactions/{}/{}/callback",
            part("id"),
            part("token")
        );
        self.call(&line, json!({ "type": kind, "data": data }))
            .await
    }

    /// `PATCH …/messages/@original` and the like, by what follows the token.
    pub fn hook(&self, method: &str, interaction: &Value, rest: &str) -> String {
        let token = interaction["token"].as_str().expect("a token");
        format!(
            "{method} /webhooks/{}/{token}{rest}",
            self.discord.application_id()
        )
    }

    pub async fn connect(&self) -> Gateway {
        let url = self.fine("GET /gateway", Value::Null).await["url"].clone();
        let url = format!("{}/?v=10&encoding=json", url.as_str().expect("a URL"));
        let (stream, _) = tokio_tungstenite::connect_async(url)
            .await
            .expect("the gateway takes connections");
        let mut gateway = Gateway {
            stream,
            seq: 0,
            session: String::new(),
        };
        let hello = gateway
            .frame()
            .await
            .expect("a connection begins with a frame");
        assert_eq!(hello["op"], 10);
        gateway
    }

    /// A connection that is identified and has heard of its guilds.
    pub async fn ready(&self, intents: u64) -> Gateway {
        let mut gateway = self.connect().await;
        gateway.identify(&self.discord.bot_token(), intents).await;
        let ready = gateway.event("READY").await;
        gateway.session = ready["session_id"].as_str().expect("a session").to_owned();
        for _ in ready["guilds"].as_array().expect("guilds") {
            if intents & GUILDS != 0 {
                gateway.event("GUILD_CREATE").await;
            }
        }
        gateway
    }

    pub fn ana(&self) -> DiscordPerson {
        self.discord.person("ana")
    }

    pub fn olga(&self) -> DiscordPerson {
        self.discord.person("olga")
    }

    pub async fn until(&self, so: impl FnMut() -> bool) {
        until(&self.sandbox, so).await;
    }

    /// Registers `/slice` with a few subcommands of every sort.
    pub async fn register(&self) -> Value {
        let text = |name: &str| json!({ "type": 3, "name": name, "description": name });
        let needed = |kind: u64, name: &str| json!({ "type": kind, "name": name, "description": name, "required": true });
        let sub = |name: &str, options: Value| json!({ "type": 1, "name": name, "description": name, "options": options });
        let service = json!({ "type": 3, "name": "service", "description": "service",
            "autocomplete": true });
        let reason = json!({ "type": 3, "name": "reason", "description": "why",
            "max_length": 300 });
        let role = json!({ "type": 3, "name": "role", "description": "what", "required": true,
            "choices": [{ "name": "owner", "value": "owner" }, { "name": "user", "value": "user" }] });
        let grant = json!({ "type": 4, "name": "grant", "description": "number",
            "required": true, "min_value": 1 });
        let roles = json!({ "type": 2, "name": "roles", "description": "roles", "options": [
            sub("list", json!([])),
            sub("bind", json!([needed(8, "group"), role])),
        ]});
        let who = json!([needed(6, "member"), text("amount")]);
        let provision = json!([service, text("amount"), text("life"), text("name"), reason]);
        let body = json!([{
            "name": "slice", "type": 1, "description": "Keys", "contexts": [0],
            "integration_types": [0], "options": [
                sub("help", json!([])),
                sub("provision", provision),
                sub("revoke", json!([grant])),
                sub("allocate", who),
                sub("owners", json!([text("channel")])),
                roles,
            ],
        }]);
        let line = format!(
            "PUT /applications/{}/commands",
            self.discord.application_id()
        );
        self.fine(&line, body).await
    }
}

impl Gateway {
    pub async fn say(&mut self, frame: Value) {
        let text = Message::Text(frame.to_string().into());
        self.stream.send(text).await.expect("the gateway listens");
    }

    pub async fn identify(&mut self, token: &str, intents: u64) {
        self.say(
            json!({ "op": 2, "d": { "token": token, "intents": intents, "compress": true,
            "properties": { "os": "linux", "browser": "test", "device": "test" } } }),
        )
        .await;
    }

    pub async fn resume(&mut self, token: &str, session: &str, seq: u64) {
        let data = json!({ "token": token, "session_id": session, "seq": seq });
        self.say(json!({ "op": 6, "d": data })).await;
    }

    /// The next frame; the code if it is a close, 0 if the connection just ended.
    pub async fn frame(&mut self) -> Result<Value, u16> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    let frame: Value = serde_json::from_str(&text).expect("a frame is JSON");
                    self.seq = frame["s"].as_u64().unwrap_or(self.seq);
                    return Ok(frame);
                }
                Some(Ok(Message::Close(frame))) => {
                    return Err(frame.map_or(0, |frame| frame.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(0),
            }
        }
    }

    /// The data of the next event, which must be this one.
    pub async fn event(&mut self, name: &str) -> Value {
        let frame = self.frame().await.expect("an event");
        assert_eq!(frame["t"], name, "{frame}");
        frame["d"].clone()
    }

    pub async fn interaction(&mut self) -> Value {
        self.event("INTERACTION_CREATE").await
    }
}

pub async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().await.expect("an answer is text");
    if text.is_empty() {
        return (status, Value::Null);
    }
    (
        status,
        serde_json::from_str(&text).unwrap_or(Value::from(text)),
    )
}
