//! Arguments of `tidegate health`.

use clap::Args;

use super::DataDir;

pub(crate) const HELP: &str = "\
Exit codes: 0 a write would be taken, 3 it would not.

For health checks of containers and service managers, which need no curl then.

Examples:
  tidegate health --data-dir /var/lib/tidegate
  tidegate health --url http://127.0.0.1:8787";

#[derive(Debug, Args)]
pub(crate) struct Health {
    #[command(flatten)]
    pub(crate) data_dir: DataDir,
    /// Asks the collector that listens there, whatever the data directory says: of several that share
    /// a directory, it names none.
    #[arg(long, value_name = "URL", value_parser = url)]
    pub(crate) url: Option<String>,
}

/// A URL of plain HTTP with a port and no path, as collectors print it.
fn url(text: &str) -> Result<String, String> {
    let authority = text.strip_prefix("http://").unwrap_or_default().trim_end_matches('/');
    let port = authority.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
    match port {
        Some(Ok(_)) if !authority.contains(['/', '@', '?', '#']) => {
            Ok(format!("http://{authority}"))
        }
        _ => Err("write it like http://127.0.0.1:8787".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::url;

    #[test]
    fn urls_are_those_that_collectors_listen_at() {
        for (given, meant) in [
            ("http://127.0.0.1:8787", "http://127.0.0.1:8787"),
            ("http://localhost:80/", "http://localhost:80"),
            ("http://[::1]:8787", "http://[::1]:8787"),
        ] {
            assert_eq!(url(given).as_deref(), Ok(meant));
        }
        let bad = ["", "http://", "127.0.0.1:8787", "https://a:1", "http://a", "http://[::1]"];
        for bad in bad.into_iter().chain(["http://a:1/b", "http://u@a:1", "http://a:99999"]) {
            assert!(url(bad).is_err(), "{bad}");
        }
    }
}
