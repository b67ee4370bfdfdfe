//! The HTTP front of a wire: records, applies faults, and lets a test cut or hang a connection.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::serve::{IncomingStream, Listener};
use futures::task::AtomicWaker;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use crate::faults::{Fault, Faults};
use crate::wire::{Direction, Fate, Wire};

/// More than any request a bot may send.
const REQUEST_MAX: usize = 32 << 20;
const HUGE: usize = 100 << 20;
const NO_CONTENT: u16 = 204;

/// The parts of the sandbox that all wires share.
pub(crate) struct Shared {
    pub clock: crate::clock::Clock,
    pub wire: Wire,
    pub faults: Faults,
    pub contracts: Option<crate::contracts::Contracts>,
}

/// A request as the wires see it.
pub(crate) struct Call {
    pub method: String,
    pub path: String,
    /// Path and query as they were sent, still encoded: what a signature is about.
    pub target: String,
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Call {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    pub fn is_form(&self) -> bool {
        self.header("content-type")
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
    }

    /// The fields of a form body.
    pub fn form(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(&self.body)
            .into_owned()
            .collect()
    }

    /// The body as the record shows it, together with the query.
    fn shown(&self) -> Value {
        let body = if self.is_form() {
            pairs(self.form())
        } else if let Ok(json) = serde_json::from_slice(&self.body) {
            json
        } else if let Ok(text) = std::str::from_utf8(&self.body) {
            Value::from(text)
        } else {
            json!({ "bytes": self.body.len() })
        };
        match (self.query.is_empty(), self.body.is_empty()) {
            (true, true) => Value::Null,
            (true, false) => body,
            (false, true) => pairs(self.query.clone()),
            (false, false) => json!({ "query": pairs(self.query.clone()), "body": body }),
        }
    }
}

fn pairs(fields: Vec<(String, String)>) -> Value {
    fields
        .into_iter()
        .map(|(name, value)| (name, Value::from(value)))
        .collect::<Map<_, _>>()
        .into()
}

/// What a wire answers.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    /// A JSON string is sent as plain text.
    pub body: Value,
    /// What is sent instead of the body, which then only says what it is.
    pub raw: Option<Bytes>,
}

impl Answer {
    pub fn json(status: u16, body: Value) -> Answer {
        Answer {
            status,
            headers: Vec::new(),
            body,
            raw: None,
        }
    }

    /// Bytes of another kind; the record shows `shown`.
    pub fn raw(status: u16, kind: &str, bytes: impl Into<Bytes>, shown: Value) -> Answer {
        let answer = Answer {
            raw: Some(bytes.into()),
            ..Answer::json(status, shown)
        };
        answer.header("content-type", &kind)
    }

    pub fn text(status: u16, body: &str) -> Answer {
        Answer::json(status, Value::from(body))
    }

    pub fn header(mut self, name: &'static str, value: &impl ToString) -> Answer {
        self.headers.push((name, value.to_string()));
        self
    }

    fn bytes(&self) -> Bytes {
        match &self.body {
            _ if self.raw.is_some() => self.raw.clone().unwrap_or_default(),
            Value::Null if self.status == NO_CONTENT => Bytes::new(),
            Value::String(text) => text.clone().into(),
            json => json.to_string().into(),
        }
    }

    fn with(&self, body: Body) -> Response {
        let kind = if self.body.is_string() {
            "text/plain; charset=utf-8"
        } else {
            "application/json"
        };
        let mut response = Response::builder().status(self.status);
        if !self.headers.iter().any(|(name, _)| *name == "content-type") {
            response = response.header("content-type", kind);
        }
        for (name, value) in &self.headers {
            response = response.header(*name, value);
        }
        response
            .body(body)
            .expect("the sandbox's own headers are valid")
    }
}

/// What stands behind a door.
pub(crate) trait Behind: Clone + Send + Sync + 'static {
    const WIRE: &'static str;
    fn wire(&self) -> &Wire;
    fn faults(&self) -> &Faults;
    /// How the record and the faults name a request: `METHOD /path` unless the wire knows better.
    fn line(&self, call: &Call) -> String {
        format!("{} {}", call.method, call.path)
    }
    /// The effect and its answer.
    fn answer(&self, call: &Call) -> impl Future<Output = Answer> + Send;
    /// The answer of a fault that has one, in this wire's shape.
    fn refusal(&self, fault: Fault, call: &Call) -> Option<Answer>;
}

/// Serves a wire on a listener until the runtime ends.
pub(crate) fn serve<B: Behind>(listener: TcpListener, behind: B, extra: Router<B>) {
    let app = extra.fallback(pass::<B>).with_state(behind);
    let app = app.into_make_service_with_connect_info::<Cut>();
    tokio::spawn(async move { axum::serve(CuttableListener(listener), app).await });
}

async fn pass<B: Behind>(
    State(behind): State<B>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: Request,
) -> Response {
    let open = behind.wire().open();
    let response = answer(&behind, &cut, request).await;
    drop(open);
    response
}

async fn answer<B: Behind>(behind: &B, cut: &Cut, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let Ok(body) = axum::body::to_bytes(body, REQUEST_MAX).await else {
        behind.wire().violation(format!(
            "{} {} {path}: the body is too large or broken",
            B::WIRE,
            parts.method
        ));
        return Answer::text(413, "too large").with(Body::from("too large"));
    };
    let query = parts.uri.query().unwrap_or_default().as_bytes();
    let call = Call {
        method: parts.method.to_string(),
        path,
        target: parts.uri.to_string(),
        query: url::form_urlencoded::parse(query).into_owned().collect(),
        headers: parts.headers,
        body,
    };
    let line = behind.line(&call);
    let fate = behind
        .wire()
        .cross(B::WIRE, Direction::In, line.clone(), call.shown());
    if fate == Fate::DieBefore {
        return std::future::pending().await;
    }
    if behind.faults().delays(B::WIRE, &line) {
        let (late, wire) = (behind.clone(), behind.wire().clone());
        behind.faults().keep(Box::pin(async move {
            let _ = late.answer(&call).await;
            wire.touch();
        }));
        return cut.now().await;
    }
    let fault = behind.faults().take(B::WIRE, &line);
    match fault {
        Some(Fault::LostBefore) => return cut.now().await,
        Some(Fault::HangBefore) => return std::future::pending().await,
        _ => {}
    }
    let refusal = fault.and_then(|fault| behind.refusal(fault, &call));
    let answer = match (fault, refusal) {
        (Some(fault), Some(refusal)) if !fault.has_effect() => refusal,
        (Some(Fault::ServerErrorAfter500), Some(refusal)) => {
            let _ = behind.answer(&call).await;
            refusal
        }
        _ => behind.answer(&call).await,
    };
    if fate == Fate::DieAfter {
        return std::future::pending().await;
    }
    let said = format!("{} {line}", answer.status);
    behind
        .wire()
        .record(B::WIRE, Direction::Out, said, answer.body.clone());
    deliver(&answer, fault, cut).await
}

/// Sends an answer, or what a fault makes of it.
async fn deliver(answer: &Answer, fault: Option<Fault>, cut: &Cut) -> Response {
    let bytes = answer.bytes();
    match fault {
        Some(Fault::LostAfter) => cut.now().await,
        Some(Fault::HangAfter) => std::future::pending().await,
        Some(Fault::Slow { millis }) => {
            tokio::time::sleep(Duration::from_millis(u64::from(millis))).await;
            answer.with(Body::from(bytes))
        }
        Some(Fault::MalformedJson) => answer.with(Body::from("{\"data\": [oops")),
        Some(Fault::HugeBody) => answer.with(Body::from_stream(huge())),
        Some(Fault::TruncatedBody) => {
            let half = bytes.slice(..bytes.len() / 2);
            let cut_off = io::Error::from(io::ErrorKind::ConnectionAborted);
            let parts = [Ok(half), Err(cut_off)];
            answer.with(Body::from_stream(futures::stream::iter(parts)))
        }
        _ => answer.with(Body::from(bytes)),
    }
}

fn huge() -> impl futures::Stream<Item = io::Result<Bytes>> {
    let chunk = Bytes::from(vec![b'a'; 1 << 16]);
    let start = Bytes::from_static(b"{\"ok\":true,\"data\":\"");
    let filling = std::iter::repeat_n(chunk, HUGE >> 16);
    let all = std::iter::once(start)
        .chain(filling)
        .chain([Bytes::from_static(b"\"}")]);
    futures::stream::iter(all.map(Ok))
}

/// Fields of a request by name, for the wires.
pub(crate) fn by_name(fields: Vec<(String, String)>) -> HashMap<String, String> {
    fields.into_iter().collect()
}

/// Cuts one TCP connection from the inside.
#[derive(Clone, Default)]
pub(crate) struct Cut {
    state: Arc<CutState>,
}

#[derive(Default)]
struct CutState {
    cut: AtomicBool,
    reader: AtomicWaker,
}

impl Cut {
    /// Cuts the connection; never returns, because nobody is left to answer.
    pub async fn now(&self) -> Response {
        self.cut();
        std::future::pending().await
    }

    pub fn cut(&self) {
        self.state.cut.store(true, Ordering::SeqCst);
        self.state.reader.wake();
    }

    fn is_cut(&self) -> bool {
        self.state.cut.load(Ordering::SeqCst)
    }
}

impl Connected<IncomingStream<'_, CuttableListener>> for Cut {
    fn connect_info(stream: IncomingStream<'_, CuttableListener>) -> Cut {
        stream.io().cut.clone()
    }
}

struct CuttableListener(TcpListener);

impl Listener for CuttableListener {
    type Io = Cuttable;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Cuttable, Self::Addr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        let _ = stream.set_nodelay(true);
        (
            Cuttable {
                stream,
                cut: Cut::default(),
            },
            address,
        )
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

/// A connection that fails as soon as it is cut.
struct Cuttable {
    stream: TcpStream,
    cut: Cut,
}

impl Cuttable {
    fn alive(&self) -> io::Result<()> {
        if self.cut.is_cut() {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl AsyncRead for Cuttable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.cut.state.reader.register(context.waker());
        self.alive()?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Cuttable {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.alive()?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
