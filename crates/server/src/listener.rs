//! Accepting connections and serving HTTP/1.1 on them.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{Request, Uri, uri::PathAndQuery};
use futures_util::FutureExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::lifecycle::Lifecycle;
use crate::stall::Stalling;

/// Connections at once; more wait in the operating system's queue.
const CONNECTIONS: usize = 1_024;
/// For the head of a request, and for the next request on an idle connection.
const HEADER_TIMEOUT: Duration = Duration::from_secs(60);
/// For a client that does not read its answer.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);
/// The head of a request, and what is read of a body at a time. A longer head gets 431.
const BUFFER_BYTES: usize = 128 << 10;
/// Header lines of a request; more get 431.
const HEADER_LINES: usize = 100;
/// Pause after a failed accept, which without one would spin: out of file descriptors, say.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until the stop, then finishes the connections that are there.
pub(crate) async fn run(listener: TcpListener, router: Router, lifecycle: Lifecycle) {
    let connections = TaskTracker::new();
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    // Cancel safe: a connection that is accepted is always spawned.
    while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
        let accepted = tokio::select! {
            biased;
            () = lifecycle.stopping() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let (router, lifecycle) = (router.clone(), lifecycle.clone());
                connections.spawn(async move {
                    serve(stream, router, lifecycle).await;
                    drop(slot);
                });
            }
            Err(error) => {
                tracing::warn!(target: "server::listener", error = %error, "accept failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    // What the system has accepted on our behalf is answered too: closing the socket resets it.
    while let Some(Ok((stream, _))) = listener.accept().now_or_never() {
        let (router, lifecycle) = (router.clone(), lifecycle.clone());
        connections.spawn(serve(stream, router, lifecycle));
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn serve(stream: TcpStream, router: Router, lifecycle: Lifecycle) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(target: "server::listener", error = %error, "no TCP_NODELAY");
    }
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request: Request<Incoming>| router.call(tidy(request)));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_headers(HEADER_LINES)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(Stalling::new(stream, STALL_TIMEOUT)), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = lifecycle.stopping() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection => ended,
                () = lifecycle.killed() => Ok(()),
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(target: "server::listener", error = %error, "connection ended early");
    }
}

/// Joins repeated slashes: clients that glue base URL and path together send `//x` for `/x`.
fn tidy<B>(mut request: Request<B>) -> Request<B> {
    let uri = request.uri();
    if !uri.path().contains("//") {
        return request;
    }
    let mut path = String::with_capacity(uri.path().len());
    for part in uri.path().chars() {
        if part != '/' || !path.ends_with('/') {
            path.push(part);
        }
    }
    if let Some(query) = uri.query() {
        path.push('?');
        path.push_str(query);
    }
    if let Ok(path) = path.parse::<PathAndQuery>() {
        *request.uri_mut() = Uri::from(path);
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_slashes_are_joined_in_the_path_only() {
        for (given, expected) in [
            ("//logs3", "/logs3"),
            ("/a///b//", "/a/b/"),
            ("/a?b=//c", "/a?b=//c"),
            ("//a?b=//c", "/a?b=//c"),
        ] {
            let request = Request::get(given).body(()).expect("request");
            assert_eq!(tidy(request).uri(), expected);
        }
    }
}
