//! One of the client processes of `tests/soak`: records spans until its stdin ends, then flushes.
//!
//! ```sh
//! soak-client URL PROJECT_ID CLIENT ROWS_PER_SECOND
//! ```
//! The last line on stdout is JSON: `spans`, how many it recorded, and `receipt`, what the SDK says
//! became of them. What row n of a client is at the end follows from the numbers alone, so that the
//! test can tell without being told (`tests/soak/expected.rs`).

use std::collections::VecDeque;
use std::error::Error;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;
use tidegate_client::{Client, Config, Event, FlushError, Policy, Span, SpanOptions};
use tidegate_model::Destination;

/// Longer than anything here is away, with a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(240);
/// Servers that hang are given up sooner than by default, for the sake of the other ones.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// So many spans are open at a time: their start, and what is logged later, go in requests of their
/// own, which have to be merged in this order.
const OPEN: usize = 40;
/// Rows between two pauses.
const PAUSE_ROWS: u64 = 10;
/// Between two flushes beside the recording.
const FLUSH_PAUSE: Duration = Duration::from_millis(500);

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: soak-client URL PROJECT_ID CLIENT ROWS_PER_SECOND";
    let mut next = || arguments.next().ok_or(usage);
    let (url, project) = (next()?, Destination::ProjectLogs(next()?));
    let (name, rows_per_second): (u64, u64) = (next()?.parse()?, next()?.parse()?);
    let pause = Duration::from_micros(PAUSE_ROWS * 1_000_000 / rows_per_second);

    let config = Config::default().app_url(url).policy(Policy::Block).admit_timeout(PATIENCE);
    let client = Client::new(config.give_up_after(PATIENCE).request_timeout(REQUEST_TIMEOUT))?;
    let stopped = stdin_ends();
    let spans = thread::scope(|scope| {
        let flushes = scope.spawn(|| flush_until(&client, &stopped));
        let spans = record(&client, &project, name, pause, &stopped);
        // An error names what is lost or still pending.
        flushes.join().map_err(|_| "the flushes panicked")??;
        client.flush_blocking(PATIENCE)?;
        Ok::<u64, Box<dyn Error>>(spans)
    })?;
    let receipt = client.stats();
    writeln!(io::stdout(), "{}", json!({"spans": spans, "receipt": receipt}))?;
    Ok(())
}

/// Records spans until it is stopped; how many.
fn record(
    client: &Client,
    project: &Destination,
    name: u64,
    pause: Duration,
    stopped: &AtomicBool,
) -> u64 {
    let mut open = VecDeque::new();
    let mut number = 0;
    while !stopped.load(Ordering::Relaxed) {
        let options = SpanOptions::new("soak").row_id(format!("{name}-{number}"));
        let text = text(name, number);
        let event = Event::new().input(&json!({"client": name, "number": number, "text": text}));
        let span = client.start_span(project.clone(), options.event(event));
        span.log(Event::new().output("not yet").metadata(&json!({"first": number})));
        if number % 3 == 0 {
            // Whole in one request.
            finish(&span, number);
        } else {
            open.push_back((span, number));
        }
        if open.len() > OPEN
            && let Some((span, number)) = open.pop_front()
        {
            finish(&span, number);
        }
        number += 1;
        if number % PAUSE_ROWS == 0 {
            thread::park_timeout(pause);
        }
    }
    for (span, number) in open {
        finish(&span, number);
    }
    number
}

/// Flushes that cover what there is, while more is recorded.
fn flush_until(client: &Client, stopped: &AtomicBool) -> Result<(), FlushError> {
    while !stopped.load(Ordering::Relaxed) {
        client.flush_blocking(PATIENCE)?;
        thread::park_timeout(FLUSH_PAUSE);
    }
    Ok(())
}

fn finish(span: &Span, number: u64) {
    let answer = format!("answer {number}");
    span.log(Event::new().output(&answer).metadata(&json!({"last": number})));
    span.end();
}

/// From nothing to some kilobytes, different for each row.
fn text(name: u64, number: u64) -> String {
    let length = number * 7_919 % 2_000;
    format!("{name}:{number} ").repeat(usize::try_from(length / 8).unwrap_or(0))
}

fn stdin_ends() -> Arc<AtomicBool> {
    let ended = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&ended);
    thread::spawn(move || {
        io::copy(&mut io::stdin(), &mut io::sink()).ok();
        seen.store(true, Ordering::Relaxed);
    });
    ended
}
