//! Records a few spans and ends, without a word about flushing: what is pending is delivered when
//! the client is dropped, also by a panic that unwinds `main`.
//!
//! ```sh
//! cargo run -p tidegate-client --example plain -- http://127.0.0.1:8787 20
//! ```

use std::error::Error;
use std::io::Write as _;
use std::time::Duration;

use tidegate_client::{Client, Config, Event, SpanOptions};
use tidegate_model::Destination;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: plain URL SPANS [panic]";
    let url = arguments.next().ok_or(usage)?;
    let spans: u64 = arguments.next().ok_or(usage)?.parse()?;
    let panics = arguments.next().is_some_and(|word| word == "panic");

    let config = Config::default().app_url(url).api_key("a-key");
    let client = Client::new(config.shutdown_timeout(Duration::from_secs(60)))?;
    for number in 0..spans {
        let options = SpanOptions::new("step").row_id(format!("span-{number}"));
        let span = client.start_span(Destination::Experiment("e1".into()), options);
        span.log(Event::new().input(&number).output("answer"));
    }
    assert!(!panics, "on purpose");
    writeln!(std::io::stdout(), "recorded {spans} spans")?;
    Ok(())
}
