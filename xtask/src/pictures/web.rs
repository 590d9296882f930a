//! Pictures of web pages, of two evaluations of `examples/` that run for them.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};

use crate::setup;
use crate::step::{self, root};

/// What of `examples/` they need. It is copied to where no repository is: an experiment is recorded
/// with whoever made the commit, which is nobody's business in a picture.
const COPIED: [&str; 5] =
    ["language_id.toml", "qa.toml", "data/udhr.jsonl", "data/qa.jsonl", "programs/language_id.py"];
const STAND_IN: &str = "programs/model_server.py";

/// A server that ends with its owner.
struct Server {
    child: Child,
    url: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

pub(super) fn run(pictures: &Path) -> Result<()> {
    setup::run(false)?;
    let directory = std::env::temp_dir().join(format!("tidegate-pictures-{}", std::process::id()));
    let done = in_directory(&directory, pictures);
    fs::remove_dir_all(&directory).ok();
    done
}

fn in_directory(directory: &Path, pictures: &Path) -> Result<()> {
    for file in COPIED.into_iter().chain([STAND_IN]) {
        let to = directory.join(file);
        let parent = to.parent().context("a file without a directory")?;
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        fs::copy(root().join("examples").join(file), &to)
            .with_context(|| format!("cannot copy examples/{file}"))?;
    }
    let tidegate = root().join("target/release/tidegate");
    let server = start(&tidegate, &directory.join("data-dir"))?;
    let record = |command: &mut Command| {
        command.current_dir(directory).env("BRAINTRUST_APP_URL", &server.url);
        step::run(command.env("BRAINTRUST_API_KEY", "any"))
    };
    record(Command::new(&tidegate).args(["eval", "language_id.toml"]))?;
    record(Command::new("python3").arg(STAND_IN).arg(&tidegate).args(["eval", "qa.toml"]))?;
    let installed = root().join("target/e2e/js-web");
    for file in ["browser.mjs", "pictures.mjs"] {
        fs::copy(root().join("e2e/js/web").join(file), installed.join(file))
            .with_context(|| format!("cannot copy e2e/js/web/{file}"))?;
    }
    let mut node = Command::new("node");
    step::run(node.arg(installed.join("pictures.mjs")).arg(&server.url).arg(pictures))
}

fn start(tidegate: &Path, data: &Path) -> Result<Server> {
    let mut serve = Command::new(tidegate);
    serve.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data);
    serve.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = serve.spawn().context("cannot start the server")?;
    let stderr = child.stderr.take();
    let mut server = Server { child, url: String::new() };
    // Read on by a thread until it ends: a full pipe would stop the server.
    let mut lines = BufReader::new(stderr.context("no stderr of the server")?).lines();
    for line in lines.by_ref() {
        if let Some(url) = line?.strip_prefix("listening on ") {
            url.clone_into(&mut server.url);
            break;
        }
    }
    std::thread::spawn(move || lines.for_each(drop));
    anyhow::ensure!(!server.url.is_empty(), "the server does not start");
    Ok(server)
}
