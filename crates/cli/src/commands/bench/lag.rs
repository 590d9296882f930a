//! How far search is behind the rows, as the collector itself says.

use std::time::Duration;

use anyhow::{Context as _, bail};

use super::child::failed;
use super::load::{authorized, client};
use crate::clock;
use crate::exit::Failure;

/// The gauge that is zero once everything is found.
const GAUGE: &str = "tidegate_search_lag_rows";
/// Longest time without any progress.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(100);

/// Waits until search has seen everything; returns how long that took.
pub(super) async fn wait(url: &str, key: Option<&str>) -> Result<Duration, Failure> {
    let waited: anyhow::Result<Duration> = async {
        let client = client(1)?;
        let began = clock::now();
        let mut least = (f64::INFINITY, began);
        loop {
            let request = authorized(client.get(format!("{url}/metrics")), key);
            let text = request.send().await?.error_for_status()?.text().await?;
            let value = text.lines().find_map(|line| line.strip_prefix(GAUGE)?.strip_prefix(' '));
            let value = value.with_context(|| format!("the metrics have no {GAUGE}"))?;
            let behind: f64 = value.trim().parse()?;
            if behind == 0.0 {
                return Ok(clock::now().duration_since(began));
            }
            let now = clock::now();
            if behind < least.0 {
                least = (behind, now);
            } else if now.duration_since(least.1) > PATIENCE {
                bail!("search stays {behind} rows behind");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
    .await;
    waited.context("cannot tell how far search is behind").map_err(failed)
}
