//! The listener for metrics and health: GET and HEAD only, headers within five seconds, a bounded number of
//! connections, and a page of metrics that is rendered at most once a second.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use measurement::time::Timestamp;
use tokio::{net::TcpListener, sync::Semaphore};

use crate::{clock, health::Health, metrics::Page};

const CONNECTIONS: usize = 256;
const HEADERS_WITHIN: Duration = Duration::from_secs(5);
/// Longest life of a connection: a slow reader must not keep one for ever.
const CONNECTION_WITHIN: Duration = Duration::from_mins(5);

#[derive(Clone)]
struct Shared {
    page: Page,
    health: Health,
    rendered: Arc<Mutex<(Timestamp, String)>>,
}

/// The routes that every service has.
pub fn router(page: Page, health: Health) -> Router {
    let shared = Shared { page, health, rendered: Arc::new(Mutex::new((Timestamp::MIN, String::new()))) };
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .with_state(shared)
}

async fn metrics(State(shared): State<Shared>) -> Response {
    let now = clock::now();
    let mut rendered = shared.rendered.lock().unwrap_or_else(PoisonError::into_inner);
    if now.0.saturating_sub(rendered.0.0) >= 1000 {
        match shared.page.render() {
            Ok(text) => *rendered = (now, text),
            Err(fault) => {
                tracing::error!(%fault, "metrics cannot be rendered");
                return (StatusCode::INTERNAL_SERVER_ERROR, "metrics cannot be rendered\n").into_response();
            }
        }
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], rendered.1.clone()).into_response()
}

async fn healthz(State(shared): State<Shared>) -> Response {
    answer(shared.health.is_alive(clock::now()), "alive\n", "the worker's loop stands still\n")
}

async fn readyz(State(shared): State<Shared>) -> Response {
    answer(shared.health.is_ready(), "ready\n", "not ready: nothing assigned or still restoring\n")
}

fn answer(good: bool, yes: &'static str, no: &'static str) -> Response {
    if good { yes.into_response() } else { (StatusCode::SERVICE_UNAVAILABLE, no).into_response() }
}

/// Listens. The address is bound before this returns.
pub async fn bind(listen: &str) -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Serves until dropped.
pub async fn serve(listener: TcpListener, router: Router) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(fault) => {
                tracing::warn!(%fault, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(router.clone());
        #[expect(clippy::disallowed_methods, reason = "a connection is no worker: its end concerns nobody else")]
        tokio::spawn(async move {
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADERS_WITHIN)
                .max_headers(64)
                .serve_connection(TokioIo::new(stream), service);
            if let Ok(Err(fault)) = tokio::time::timeout(CONNECTION_WITHIN, connection).await {
                tracing::debug!(%fault, "a connection ended early");
            }
            drop(permit);
        });
    }
}
