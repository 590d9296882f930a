//! Asking the process that holds a data directory.

use std::io;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Holder;

/// Carries [`Holder::token`].
pub(crate) const TOKEN_HEADER: &str = "x-tidegate-token";

/// Most that an answer may have; a list of ten thousand keys has less.
const ANSWER_BYTES: usize = 8 << 20;

/// Posts a body to a path of the holder, within a time, and returns status and body of the answer.
pub(crate) async fn call(
    holder: &Holder,
    path: &'static str,
    body: Vec<u8>,
    within: Duration,
) -> io::Result<(StatusCode, Bytes)> {
    timeout(within, post(holder, path, body)).await.unwrap_or(Err(io::ErrorKind::TimedOut.into()))
}

async fn post(
    holder: &Holder,
    path: &'static str,
    body: Vec<u8>,
) -> io::Result<(StatusCode, Bytes)> {
    let authority = holder.url.strip_prefix("http://").ok_or(io::ErrorKind::InvalidData)?;
    let stream = TcpStream::connect(authority).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    let request = Request::post(path)
        .header("host", authority)
        .header(TOKEN_HEADER, &holder.token)
        .body(Full::new(Bytes::from(body)))
        .map_err(io::Error::other)?;
    let exchange = async move {
        let reply = sender.send_request(request).await.map_err(io::Error::other)?;
        let status = reply.status();
        let body = Limited::new(reply.into_body(), ANSWER_BYTES).collect().await;
        Ok((status, body.map_err(io::Error::other)?.to_bytes()))
    };
    tokio::select! {
        answer = exchange => answer,
        // An ended connection has handed over what came, so the exchange ends as well.
        () = async { drop(connection.await); std::future::pending().await } => unreachable!(),
    }
}
