//! Real runs in a data directory, for the commands that read them.

use std::path::Path;

use serde_json::json;
use tidegate::Connection;
use tidegate::client::Policy;
use tidegate::client::env::Settings;
use tidegate_eval::{Case, Eval, Report};

use crate::support::tidegate;

/// An experiment of 100 cases, each with `trials` trials, of which those in `wrong` are wrong and
/// every tenth fails if `failing`. Inputs and outputs are what CSV and Markdown trip over.
#[derive(Clone, Copy)]
pub(crate) struct Recipe {
    pub(crate) project: &'static str,
    pub(crate) name: &'static str,
    pub(crate) wrong: &'static [u32],
    pub(crate) trials: u32,
    pub(crate) failing: bool,
}

pub(crate) const RECIPE: Recipe =
    Recipe { project: "p", name: "base", wrong: &[], trials: 1, failing: false };

pub(crate) fn record(data_dir: &Path, recipe: Recipe) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let settings = Settings { data_dir: Some(data_dir.to_owned()), ..Settings::default() };
        let connection = Connection::with(&settings, Policy::Block).expect("a collector");
        let Recipe { project, name, wrong, trials, failing } = recipe;
        let case = |n: u32| {
            let input = json!({"n": n, "text": format!("line 1, \"quoted\"\r\nline {n} | ü")});
            Case::new(input)
                .expected(json!({"n": n, "ok": true}))
                .id(format!("case {n}"))
                .tags(["t", "u"])
        };
        Eval::new(project)
            .experiment_name(name)
            .data((0..100).map(case))
            .trials(trials)
            .try_task(async move |input, cx| {
                let n = input["n"].as_u64().unwrap_or_default() as u32;
                cx.add_metric("tokens", f64::from(n));
                if failing && n.is_multiple_of(10) {
                    return Err("no answer,\nsorry");
                }
                Ok(json!({"n": n, "ok": !wrong.contains(&n)}))
            })
            .scorer("exact", |args| args.expected == Some(args.output))
            .scorer("length", |args| 0.5 + 0.001 * (args.input["n"].as_f64().unwrap_or_default()))
            .scorer("picky", |args| match args.input["n"].as_u64() {
                Some(7) => Err("cannot judge"),
                _ => Ok(1.0),
            })
            .report(Report::Silent)
            .run_with(connection.client())
            .await
            .expect("runs");
        connection.close().await;
    });
}

/// Runs the binary on a data directory; returns the exit code, stdout and stderr.
pub(crate) fn on(data_dir: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut all = arguments.to_vec();
    let data_dir = data_dir.to_str().expect("UTF-8");
    all.extend(["--data-dir", data_dir]);
    let finished = tidegate(&all);
    (finished.status.code(), finished.stdout, finished.stderr)
}
