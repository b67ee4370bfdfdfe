//! `slice serve`: the bot until SIGTERM or Ctrl-C.

use super::Failure;
use crate::{bot::Bot, config::Config, http};
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
    let ready = {
        let bot = bot.clone();
        move || {
            let bot = bot.clone();
            Box::pin(async move { bot.ready().await }) as _
        }
    };
    let router = http::router(Arc::new(ready)).merge(bot.router());
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
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
