//! A server on the loopback address, in a runtime of its own: for what is a function of bytes.

use axum::Router;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::{
    net::TcpListener,
    runtime::{self, Runtime},
};

/// A runtime on this thread, and TLS for whoever makes clients in it.
pub fn runtime() -> Runtime {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime")
}

/// Answers until its runtime ends. Gives where.
pub async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
