//! Records spans that survive the death of the process, and says which ones for sure.
//!
//! ```sh
//! cargo run -p tidegate-client --example durable -- http://127.0.0.1:8787 /tmp/spool 100
//! ```
//! Each line on stdout names a span whose `log()` has returned. Whatever happens to this process
//! afterwards, the next one with the same spool directory, or `tidegate spool drain`, delivers it.

use std::error::Error;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use tidegate_client::{Client, Config, Event, Policy, SpanOptions};
use tidegate_model::Destination;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: durable URL SPOOL_DIR SPANS [RUN]";
    let url = arguments.next().ok_or(usage)?;
    let spool = PathBuf::from(arguments.next().ok_or(usage)?);
    let spans: u64 = arguments.next().ok_or(usage)?.parse()?;
    let run = arguments.next().unwrap_or_default();

    let config = Config::default().app_url(url).policy(Policy::Block);
    let client = Client::new(config.spool_dir(spool).durable(true))?;
    let mut out = std::io::stdout().lock();
    for number in 0..spans {
        let id = format!("span-{run}-{number}");
        let destination = Destination::Experiment("e1".into());
        let span = client.start_span(destination, SpanOptions::new("step").row_id(&id));
        span.log(Event::new().input(&number).output("not yet"));
        span.log(Event::new().output(&format!("answer {number}")));
        writeln!(out, "{id}")?;
        out.flush()?;
        span.end();
    }
    client.flush_blocking(Duration::from_secs(60))?;
    Ok(())
}
