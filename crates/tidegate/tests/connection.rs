//! Where a run sends. The embedded collector itself is tested by the examples.

use tidegate::client::Policy;
use tidegate::client::env::Settings;
use tidegate::{Connection, Error};

/// Runs only in the build without the feature: `cargo xtask test` makes one.
#[cfg(not(feature = "embedded"))]
#[test]
fn without_a_destination_and_without_the_embedded_collector_it_says_what_to_set() {
    let error = Connection::with(&Settings::default(), Policy::Block).expect_err("nowhere to go");
    assert!(matches!(error, Error::NoDestination));
    let report = error.report();
    let lines: Vec<&str> = report.lines().collect();
    assert_eq!(lines[0], "error: nowhere to send the run: no destination is set");
    assert!(lines[1].starts_with("hint: set BRAINTRUST_APP_URL"), "{report}");
    assert!(lines[1].contains("BRAINTRUST_API_KEY") && lines[1].contains("`embedded`"));
    assert_eq!(lines.len(), 2);
}

#[cfg(feature = "embedded")]
#[tokio::test]
async fn with_nothing_set_the_data_directory_is_served_and_released() {
    use std::time::Duration;

    use tidegate::client::ExperimentOptions;

    let data = tempfile::tempdir().expect("a directory");
    let settings = Settings { data_dir: Some(data.path().join("deep/er")), ..Settings::default() };
    for run in 1..=2 {
        // On a runtime with one thread, which the collector must not need.
        let connection = Connection::with(&settings, Policy::Block).expect("served");
        let options = ExperimentOptions::new("p").name("e");
        let experiment = connection.client().register_experiment(options).await;
        let experiment = experiment.expect("registered");
        assert_eq!(experiment.url, None, "an address that ends with the run is no link");
        connection.client().start_span(experiment.destination(), "s").end();
        let receipt = connection.client().flush(Duration::from_secs(60)).await;
        assert_eq!(receipt.expect("stored").rows, 1);
        let base = connection.client().base_experiment(&experiment.id).await.expect("an answer");
        assert_eq!(base.is_some(), run == 2, "the second run finds the first");
        connection.close().await;
    }
}

#[cfg(feature = "embedded")]
#[test]
fn a_data_directory_that_cannot_be_used_is_reported_before_the_run() {
    let parent = tempfile::tempdir().expect("a directory");
    std::fs::write(parent.path().join("file"), "").expect("written");
    let settings =
        Settings { data_dir: Some(parent.path().join("file/data")), ..Settings::default() };
    let error = Connection::with(&settings, Policy::Block).expect_err("below a file");
    assert!(matches!(error, Error::Collector(_)), "{error}");
    assert!(error.hint().contains("TIDEGATE_DATA_DIR"));
}

#[cfg(feature = "embedded")]
#[tokio::test]
async fn a_logger_finds_its_destination_by_itself() {
    use std::time::Duration;

    use tidegate::LoggerOptions;
    use tidegate::client::Event;

    let data = tempfile::tempdir().expect("a directory");
    let settings = Settings { data_dir: Some(data.path().join("data")), ..Settings::default() };
    for _ in 0..2 {
        let options = LoggerOptions::new("service").policy(Policy::Block);
        let logger = options.init(&settings).await.expect("a logger");
        logger.log(Event::new().input("ping"));
        let receipt = logger.flush(Duration::from_secs(60)).await.expect("stored");
        assert_eq!(receipt.rows, 1);
        logger.close().await;
    }
    let nothing = LoggerOptions::new("service").sample_ratio(0.0);
    let logger = nothing.init(&settings).await.expect("a logger");
    assert_eq!(logger.log(Event::new().input("ping")), None);
    logger.close().await;
    let elsewhere = LoggerOptions::new("service").org_name("elsewhere").init(&settings).await;
    let report = elsewhere.expect_err("no such organisation").report();
    assert!(report.contains("\"elsewhere\"") && report.contains("BRAINTRUST_ORG_NAME"), "{report}");
}

#[test]
fn a_url_or_a_key_beats_the_data_directory() {
    let data = tempfile::tempdir().expect("a directory");
    let inside = data.path().join("unused");
    for settings in [
        Settings { app_url: Some("http://127.0.0.1:1".into()), ..Settings::default() },
        Settings { api_url: Some("http://127.0.0.1:1".into()), ..Settings::default() },
        Settings { api_key: Some("key".into()), ..Settings::default() },
    ] {
        let settings = Settings { data_dir: Some(inside.clone()), ..settings };
        let connection = Connection::with(&settings, Policy::Block).expect("nothing is sent yet");
        drop(connection);
        assert!(!inside.exists());
    }
}

#[cfg(feature = "embedded")]
#[test]
fn a_program_without_a_runtime_serves_its_own_directory() {
    without_a_runtime();
}

/// Where blocking on another runtime, or dropping one, would panic.
#[cfg(feature = "embedded")]
#[tokio::test(flavor = "current_thread")]
async fn inside_of_a_runtime_a_blocking_connection_opens_and_closes_too() {
    without_a_runtime();
}

#[cfg(feature = "embedded")]
fn without_a_runtime() {
    use std::time::Duration;

    use tidegate::LoggerOptions;
    use tidegate::blocking::{self, Blocking};
    use tidegate::client::Event;

    let deadline = Duration::from_secs(60);
    let data = tempfile::tempdir().expect("a directory");
    let settings = Settings { data_dir: Some(data.path().join("data")), ..Settings::default() };
    let connection = Blocking::new(Connection::with(&settings, Policy::Block).expect("served"));
    let logger = connection.client().init_logger("service").expect("a logger");
    logger.log(Event::new().input("ping"));
    assert_eq!(logger.flush(deadline).expect("stored").rows, 1);
    drop(logger);
    connection.close().expect("in time");

    let logger = blocking::wait(deadline, LoggerOptions::new("service").init(&settings));
    let logger = Blocking::new(logger.expect("in time").expect("the directory is free again"));
    let answer = logger.traced("request", || 42);
    logger.log(Event::new().output(&answer));
    assert_eq!(logger.flush(deadline).expect("stored").rows, 2);
    logger.close().expect("in time");
}
