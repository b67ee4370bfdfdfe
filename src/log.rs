//! Logs: text or JSON, and never a frame or a body, whatever `RUST_LOG` says.

use crate::config::LogFormat;
use tracing::{Level, Metadata, Subscriber, subscriber::Interest};
use tracing_subscriber::{
    EnvFilter, Layer,
    fmt::MakeWriter,
    layer::{Context, Filter, SubscriberExt},
    util::SubscriberInitExt,
};

/// Crates that print frames, bodies or connection strings below INFO. Their secrets are ours.
const LOUD: [&str; 12] = [
    "aws_",
    "h2",
    "hyper",
    "hyper_rustls",
    "hyper_util",
    "reqwest",
    "rustls",
    "sqlx",
    "tokio_tungstenite",
    "tower",
    "tungstenite",
    "want",
];

/// Say tickets, answers' bodies, or a whole frame that they cannot read, at WARN or ERROR, and keep
/// events in their spans. What they know, our own platform modules say by code.
const MUTE: [&str; 2] = ["serenity", "slack_morphism"];

/// Lets nothing below INFO through from crates that print what they carry.
struct Quiet;

impl Quiet {
    fn lets_through(metadata: &Metadata<'_>) -> bool {
        let target = metadata.target();
        let loud = LOUD.iter().any(|loud| target.starts_with(loud));
        let mute = MUTE.iter().any(|mute| target.starts_with(mute));
        !mute && (*metadata.level() <= Level::INFO || !loud)
    }
}

impl<S: Subscriber> Filter<S> for Quiet {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        Self::lets_through(metadata)
    }

    /// What stands in the code says it once and for all.
    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if Self::lets_through(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }
}

/// A subscriber that writes to `writer`, filtered by `RUST_LOG` (default `info`) and quiet about what crates carry.
pub fn subscriber<W>(format: LogFormat, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    filtered(format, writer, || {
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"))
    })
}

/// The same with everything that is not too loud to be logged at all.
pub fn all<W>(format: LogFormat, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    filtered(format, writer, || EnvFilter::new("trace"))
}

fn filtered<W>(
    format: LogFormat,
    writer: W,
    filter: impl Fn() -> EnvFilter,
) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let text = (format == LogFormat::Text).then_some(());
    let (text, json) = match text {
        Some(()) => (Some(writer), None),
        None => (None, Some(writer)),
    };
    let text = text.map(|writer| {
        tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(writer)
    });
    let json = json.map(|writer| tracing_subscriber::fmt::layer().json().with_writer(writer));
    tracing_subscriber::registry()
        .with(text.map(|layer| layer.with_filter(Quiet).with_filter(filter())))
        .with(json.map(|layer| layer.with_filter(Quiet).with_filter(filter())))
}

/// Logs to standard error for the rest of the process.
pub fn init(format: LogFormat) {
    // A second call finds the first one's subscriber, which does as well.
    let _ = subscriber(format, std::io::stderr).try_init();
}
