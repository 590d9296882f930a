//! An evaluation that may be killed at any moment and resumed.
//!
//! ```sh
//! cargo run -p tidegate-eval --example interrupted -- /tmp/data /tmp/calls.txt
//! # Interrupt it, then finish it. Each line of calls.txt is a call of the task.
//! cargo run -p tidegate-eval --example interrupted -- /tmp/data /tmp/calls.txt --resume demo
//! ```
//! With a URL as the last argument it also records there. The last line on stdout is the summary
//! as JSON.

use std::error::Error;
use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use tidegate_client::{Client, Config, Policy};
use tidegate_eval::{Case, Cells, Eval, Report, TaskError};

fn main() -> Result<(), Box<dyn Error>> {
    let usage = "usage: interrupted DATA_DIR CALLS_FILE [--resume RUN] [URL]";
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let resume = match arguments.iter().position(|argument| argument == "--resume") {
        Some(at) if at + 1 < arguments.len() => arguments.drain(at..at + 2).nth(1),
        Some(_) => return Err(usage.into()),
        None => None,
    };
    let [directory, calls, url @ ..] = &arguments[..] else { return Err(usage.into()) };
    // Appending is one step: whatever is in the file was called, even if the process died then.
    let calls = Arc::new(File::options().append(true).create(true).open(calls)?);
    let cells = Cells::new(directory);
    let cells = match resume {
        Some(run) => cells.resume(run),
        None => cells.run_id("demo"),
    };
    let eval = Eval::new("interrupted")
        .experiment_name("demo")
        .data((0..120_u32).map(|number| Case::new(number).expected(number / 2 * 2)))
        .trials(2)
        .try_task(async move |number: Arc<u32>, cx| {
            let line = format!("{number} {}\n", cx.trial());
            (&*calls).write_all(line.as_bytes()).map_err(TaskError::new)?;
            tokio::time::sleep(Duration::from_millis(5 + u64::from(*number % 7))).await;
            cx.set_metadata("parity", &(*number % 2));
            if *number % 10 == 7 { Err(TaskError::new("unlucky")) } else { Ok(*number) }
        })
        .task_version("1")
        .scorer("exact", |args| args.expected == Some(args.output))
        .scorer_version("exact", "1")
        .scorer("close", |args| match *args.input % 10 {
            9 => Err("cannot score"),
            _ => Ok(f64::from(*args.output) / 120.0),
        })
        .scorer_version("close", "1")
        .cells(cells)
        .max_concurrency(8)
        .report(Report::Silent);
    let outcome = match url {
        [] => tidegate_eval::block_on(eval.run_without_sending())??,
        [url, ..] => {
            let client = Client::new(Config::default().app_url(url).policy(Policy::Block))?;
            eval.run_blocking_with(&client)?
        }
    };
    writeln!(std::io::stdout(), "{}", outcome.to_json())?;
    Ok(())
}
