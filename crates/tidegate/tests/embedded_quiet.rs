//! A collector in the program, and a subscriber that wants everything: nothing of the upload or of
//! the collector is recorded, which would go on for ever. Alone in its process: it sets the global
//! subscriber.

use std::time::Duration;

use tidegate::Connection;
use tidegate::client::env::Settings;
use tidegate::client::{Destination, Policy};
use tracing_subscriber::prelude::*;

const DEADLINE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invariant_9_neither_the_upload_nor_the_collector_is_recorded() {
    let data = tempfile::TempDir::new().expect("a directory");
    let settings = Settings { data_dir: Some(data.path().to_owned()), ..Settings::default() };
    let connection = Connection::with(&settings, Policy::Block).expect("a collector");
    let client = connection.client().clone();
    let project = client.register_project("quiet").await.expect("a project");
    let traces = client.tracer(Destination::ProjectLogs(project.id));
    tracing_subscriber::registry().with(tidegate::tracing::layer().roots(traces)).init();
    for _ in 0..5 {
        tracing::info_span!("the host's own").in_scope(|| {});
        client.flush(DEADLINE).await.expect("all is delivered");
        client.login().await.expect("a login");
    }
    // One record for each start and one for each end.
    let stats = client.stats();
    assert_eq!((stats.accepted, stats.rows), (10, 5));
    drop(client);
    connection.close().await;
}
