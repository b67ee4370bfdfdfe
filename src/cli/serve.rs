//! `slice serve`: the bot until SIGTERM or Ctrl-C.

use super::Failure;
use crate::{bot::Bot, config::Config};
use std::{process::ExitCode, sync::Arc};
use tokio::{net::TcpListener, signal::unix::SignalKind};
use tracing::info;

pub(super) async fn serve(config: Config) -> Result<ExitCode, Failure> {
    let listen = config.listen;
    let parts = super::parts(config)?;
    let store = Arc::new(parts.open_store().await?);
    let listener = TcpListener::bind(listen).await?;
    let listen = listener.local_addr()?;
    let bot = Arc::new(Bot::start(parts, store).await?);
    let serving = bot.serve(listener);
    info!(%listen, "Health at http://{listen}/healthz and /readyz");
    let mut term = tokio::signal::unix::signal(SignalKind::terminate())?;
    let end = async {
        tokio::select! {
            _ = term.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    bot.run(end).await;
    serving.abort();
    Ok(ExitCode::SUCCESS)
}
