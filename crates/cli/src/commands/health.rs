//! `tidegate health`: asks the collector of a data directory whether it is ready.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
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
    let directory = health.data_dir.path().display();
    let Some(holder) = read_holder(health.data_dir.path()) else {
        let error = anyhow!("no collector serves {directory}");
        return Err(Failure::failed(error, "start one with `tidegate serve`, or use --data-dir"));
    };
    match status(&holder.url) {
        Ok(200) => printer.data("ready"),
        Ok(status) => {
            let error = anyhow!("the collector at {} is not ready (HTTP {status})", holder.url);
            Err(Failure::failed(error, "it is stopping, or its disk is full: look at its log"))
        }
        Err(error) => {
            let context = format!("the collector at {} does not answer", holder.url);
            let error = anyhow::Error::from(error).context(context);
            Err(Failure::failed(error, "start it again with `tidegate serve`"))
        }
    }
}

/// One request, written out: what a library would add is not needed on the way to oneself.
pub(super) fn status(url: &str) -> io::Result<u16> {
    let authority = url.strip_prefix("http://").unwrap_or(url);
    let address: SocketAddr = authority.parse().map_err(io::Error::other)?;
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let request =
        format!("GET /health/ready HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES).read_to_end(&mut answer)?;
    parse(&answer).ok_or_else(|| io::Error::other("that is no HTTP answer"))
}

fn parse(answer: &[u8]) -> Option<u16> {
    let digits = answer.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}
