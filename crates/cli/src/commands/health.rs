//! `tidegate health`: asks the collector of a data directory, or of a URL, whether it is ready.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use anyhow::anyhow;
use tidegate_server::read_holder;

use crate::args::health::Health;
use crate::exit::Failure;
use crate::printer::Printer;

/// Longest wait for a connection, and then for each part of an answer.
const TIMEOUT: Duration = Duration::from_secs(3);
/// The status line is at the start.
const ANSWER_BYTES: u64 = 1_024;

/// Prints `ready`, or fails with what is wrong.
pub(crate) fn run(health: &Health, printer: &Printer) -> Result<(), Failure> {
    let url = match &health.url {
        Some(url) => url.clone(),
        None => served(health)?,
    };
    match status(&url) {
        Ok(200) => printer.data("ready"),
        Ok(status) => {
            let error = anyhow!("the collector at {url} is not ready (HTTP {status})");
            let hint = "GET /health/ready says why: it is stopping, its disk is full, or its database \
                        does not answer; and so does its log";
            Err(Failure::failed(error, hint))
        }
        Err(error) => {
            let error = anyhow::Error::from(error)
                .context(format!("the collector at {url} does not answer"));
            Err(Failure::failed(error, "start it again with `tidegate serve`"))
        }
    }
}

/// Where the collector of the data directory listens.
fn served(health: &Health) -> Result<String, Failure> {
    let directory = health.data_dir.path();
    match read_holder(directory) {
        Some(holder) => Ok(holder.url),
        None => {
            let error = anyhow!("no collector serves {}", directory.display());
            let hint = "start one with `tidegate serve`, or use --data-dir; of those that share a \
                        database, name one with --url";
            Err(Failure::failed(error, hint))
        }
    }
}

/// One request, written out: what a library would add is not needed on the way to oneself.
pub(super) fn status(url: &str) -> io::Result<u16> {
    let authority = url.strip_prefix("http://").unwrap_or(url);
    let mut stream = connect(authority)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let request =
        format!("GET /health/ready HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES).read_to_end(&mut answer)?;
    parse(&answer).ok_or_else(|| io::Error::other("that is no HTTP answer"))
}

/// Connects to the first address of a name that answers: `localhost` has two.
fn connect(authority: &str) -> io::Result<TcpStream> {
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in authority.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, TIMEOUT) {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn parse(answer: &[u8]) -> Option<u16> {
    let digits = answer.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}
