//! Everything that can go wrong on demand, as one enum that tests iterate over.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::BoxFuture;

pub(crate) const SLACK: &str = "slack";
pub(crate) const DISCORD: &str = "discord";
pub(crate) const OPENROUTER: &str = "openrouter";
pub(crate) const AWS: &str = "aws";
pub(crate) const RUNPOD: &str = "runpod";

const EVERY: &[&str] = &[SLACK, DISCORD, OPENROUTER, AWS, RUNPOD];
const ONLY_SLACK: &[&str] = &[SLACK];
const ONLY_DISCORD: &[&str] = &[DISCORD];
const CHATS: &[&str] = &[SLACK, DISCORD];
const ONLY_OPENROUTER: &[&str] = &[OPENROUTER];
const ONLY_RUNPOD: &[&str] = &[RUNPOD];
const ONLY_AWS: &[&str] = &[AWS];
const GATED: &[&str] = &[AWS, RUNPOD];

/// One way to misbehave. "Every" means every wire; each answers with its own shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Every: the credential is not known (Slack: `invalid_auth`). No effect.
    Unauthorized401,
    /// `OpenRouter`: the account is out of credits. No effect.
    PaymentRequired402,
    /// Every: the credential may not (Slack: `missing_scope`). No effect.
    Forbidden403,
    /// Every: there is no such thing (Slack's methods: `channel_not_found`). No effect.
    NotFound404,
    /// AWS: something else is under way with the same thing (`OperationAborted`, `DeleteConflict`,
    /// `ConcurrentModification`). No effect.
    Conflict409,
    /// Every: too many requests, with `Retry-After` in seconds (AWS: `Throttling`, `SlowDown`). No effect.
    RateLimited429 { retry_after: u32 },
    /// Every: no effect.
    ServerError500,
    /// Every: the effect happens, the answer is a 500.
    ServerErrorAfter500,
    /// Every: an HTML page of a proxy. No effect.
    BadGateway502,
    /// Every: the connection is cut without an answer. No effect.
    LostBefore,
    /// Every: the effect happens, the connection is cut without an answer.
    LostAfter,
    /// Every: no effect, no answer ever.
    HangBefore,
    /// Every: the effect happens, no answer ever.
    HangAfter,
    /// Every: the answer comes late by this many real milliseconds.
    Slow { millis: u32 },
    /// Every: the effect happens, the answer is no JSON.
    MalformedJson,
    /// Every: the effect happens, the answer is 100 MB long.
    HugeBody,
    /// Every: the effect happens, the answer ends in the middle.
    TruncatedBody,
    /// Slack: the socket is cut right after the next envelope, before its ack counts. Discord: right
    /// after the next event.
    DropSocket,
    /// Slack and Discord: instead of the next envelope or event, the socket is asked to reconnect; it
    /// comes after that.
    RefreshSocket,
    /// Slack and Discord: the next envelope or event is delivered twice.
    DuplicateDelivery,
    /// Slack: `views.open` and `views.push` answer `expired_trigger_id`.
    ExpiredTrigger,
    /// Slack: the next use of a `response_url` answers 404 `used_url`.
    ClosedResponseUrl,
    /// Slack: messages answer `is_archived`.
    ChannelArchived,
    /// Slack: messages answer `not_in_channel`.
    NotInChannel,
    /// Slack: ephemeral messages answer `user_not_in_channel`.
    UserNotInChannel,
    /// Slack: any method answers `token_revoked`.
    TokenRevoked,
    /// Discord: instead of the next event, the session ends for good; the event is lost.
    InvalidSession,
    /// Discord: from the next event on, nothing passes over the connection any more.
    ZombieSocket,
    /// Discord: messages answer 50007.
    DmClosed,
    /// Discord: the first answer to an interaction answers 10062.
    UnknownInteraction,
    /// `RunPod`: no machine is free. No effect.
    NoCapacity,
    /// AWS and `RunPod`: an HTML page with status 200, as of a gate before the provider. No effect.
    HtmlPage,
}

impl Fault {
    pub const ALL: &'static [Fault] = &[
        Fault::Unauthorized401,
        Fault::PaymentRequired402,
        Fault::Forbidden403,
        Fault::NotFound404,
        Fault::Conflict409,
        Fault::RateLimited429 { retry_after: 1 },
        Fault::ServerError500,
        Fault::ServerErrorAfter500,
        Fault::BadGateway502,
        Fault::LostBefore,
        Fault::LostAfter,
        Fault::HangBefore,
        Fault::HangAfter,
        Fault::Slow { millis: 50 },
        Fault::MalformedJson,
        Fault::HugeBody,
        Fault::TruncatedBody,
        Fault::DropSocket,
        Fault::RefreshSocket,
        Fault::DuplicateDelivery,
        Fault::ExpiredTrigger,
        Fault::ClosedResponseUrl,
        Fault::ChannelArchived,
        Fault::NotInChannel,
        Fault::UserNotInChannel,
        Fault::TokenRevoked,
        Fault::InvalidSession,
        Fault::ZombieSocket,
        Fault::DmClosed,
        Fault::UnknownInteraction,
        Fault::NoCapacity,
        Fault::HtmlPage,
    ];

    /// The wires that this fault can happen on: `slack`, `discord`, `openrouter`, `aws`, `runpod`.
    pub const fn wires(self) -> &'static [&'static str] {
        match self {
            Fault::PaymentRequired402 => ONLY_OPENROUTER,
            Fault::NoCapacity => ONLY_RUNPOD,
            Fault::Conflict409 => ONLY_AWS,
            Fault::HtmlPage => GATED,
            Fault::DropSocket | Fault::RefreshSocket | Fault::DuplicateDelivery => CHATS,
            Fault::InvalidSession
            | Fault::ZombieSocket
            | Fault::DmClosed
            | Fault::UnknownInteraction => ONLY_DISCORD,
            Fault::ExpiredTrigger
            | Fault::ClosedResponseUrl
            | Fault::ChannelArchived
            | Fault::NotInChannel
            | Fault::UserNotInChannel
            | Fault::TokenRevoked => ONLY_SLACK,
            _ => EVERY,
        }
    }

    /// Whether the request's effect happens although its answer is not the usual one.
    pub const fn has_effect(self) -> bool {
        matches!(
            self,
            Fault::ServerErrorAfter500
                | Fault::LostAfter
                | Fault::HangAfter
                | Fault::Slow { .. }
                | Fault::MalformedJson
                | Fault::HugeBody
                | Fault::TruncatedBody
        )
    }

    /// The crossings it can happen at, as parts of `METHOD /path`, `envelope type` or `event NAME`.
    const fn routes(self) -> &'static [&'static str] {
        match self {
            Fault::DropSocket | Fault::RefreshSocket | Fault::DuplicateDelivery => {
                &["envelope ", "event "]
            }
            Fault::InvalidSession | Fault::ZombieSocket => &["event "],
            Fault::DmClosed => &["/messages"],
            Fault::UnknownInteraction => &["/callback"],
            Fault::ExpiredTrigger => &["/api/views.open", "/api/views.push"],
            Fault::ClosedResponseUrl => &["/respond/"],
            Fault::ChannelArchived | Fault::NotInChannel => &["/api/chat."],
            Fault::UserNotInChannel => &["/api/chat.postEphemeral"],
            Fault::TokenRevoked => &["/api/"],
            _ => &["GET ", "HEAD ", "POST ", "PUT ", "PATCH ", "DELETE "],
        }
    }
}

struct Planned {
    route: String,
    fault: Fault,
    times: usize,
}

/// Requests that get lost on their way and come to their end when nobody expects it any more.
#[derive(Default)]
struct Late {
    routes: Vec<String>,
    requests: Vec<BoxFuture<'static, ()>>,
}

/// The faults still to come. Clones share the plan.
#[derive(Clone, Default)]
pub struct Faults {
    plan: Arc<Mutex<Vec<Planned>>>,
    late: Arc<Mutex<Late>>,
}

impl Faults {
    /// Lets the next `times` crossings that the fault can happen at go wrong, on any wire.
    pub fn inject(&self, fault: Fault, times: usize) {
        self.inject_on("", fault, times);
    }

    /// The same, only where `wire METHOD /path` (for example `openrouter POST /api/v1/keys`; of AWS
    /// `aws POST iam:CreateUser` or `aws PUT s3:CreateBucket name`) or
    /// `slack envelope type` or `discord event NAME` contains `route`; with a space at its end, a route
    /// names a whole word.
    pub fn inject_on(&self, route: &str, fault: Fault, times: usize) {
        self.plan().push(Planned {
            route: route.to_owned(),
            fault,
            times,
        });
    }

    /// Cuts the next request on this route off without an answer. What it asks for is done when it
    /// arrives.
    pub fn delay_on(&self, route: &str) {
        self.late().routes.push(route.to_owned());
    }

    /// What was delayed arrives, and is answered to nobody. Gives how many requests that were.
    pub async fn arrive(&self) -> usize {
        let requests = std::mem::take(&mut self.late().requests);
        futures::future::join_all(requests).await.len()
    }

    /// Whether this crossing is to be delayed.
    pub(crate) fn delays(&self, wire: &str, line: &str) -> bool {
        let whole = format!("{wire} {line} ");
        let routes = &mut self.late().routes;
        let place = routes
            .iter()
            .position(|route| whole.contains(route.as_str()));
        place.map(|place| routes.remove(place)).is_some()
    }

    pub(crate) fn keep(&self, request: BoxFuture<'static, ()>) {
        self.late().requests.push(request);
    }

    /// How many faults are still to come.
    pub fn pending(&self) -> usize {
        let planned: usize = self.plan().iter().map(|planned| planned.times).sum();
        planned + self.late().routes.len()
    }

    /// Nothing goes wrong any more.
    pub fn clear(&self) {
        self.plan().clear();
    }

    /// The fault for this crossing, if one is planned; it is used up by that.
    pub(crate) fn take(&self, wire: &str, line: &str) -> Option<Fault> {
        let whole = format!("{wire} {line} ");
        let fits = |planned: &Planned| {
            planned.times > 0
                && planned.fault.wires().contains(&wire)
                && planned
                    .fault
                    .routes()
                    .iter()
                    .any(|route| line.contains(route))
                && whole.contains(&planned.route)
        };
        let mut plan = self.plan();
        let planned = plan.iter_mut().find(|planned| fits(planned))?;
        planned.times -= 1;
        let fault = planned.fault;
        plan.retain(|planned| planned.times > 0);
        Some(fault)
    }

    fn late(&self) -> MutexGuard<'_, Late> {
        self.late.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn plan(&self) -> MutexGuard<'_, Vec<Planned>> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_happens_where_it_can_and_as_often_as_planned() {
        let faults = Faults::default();
        faults.inject_on("POST /api/v1/keys", Fault::ServerError500, 1);
        faults.inject(Fault::DropSocket, 1);
        assert_eq!(faults.take(OPENROUTER, "GET /api/v1/keys"), None);
        assert_eq!(faults.take(SLACK, "POST /api/chat.postMessage"), None);
        assert_eq!(
            faults.take(OPENROUTER, "POST /api/v1/keys"),
            Some(Fault::ServerError500)
        );
        assert_eq!(faults.take(OPENROUTER, "POST /api/v1/keys"), None);
        assert_eq!(
            faults.take(SLACK, "envelope interactive"),
            Some(Fault::DropSocket)
        );
        assert_eq!(faults.pending(), 0);
    }
}
