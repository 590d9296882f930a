//! A real collector and a client of it.

use serde_json::Value;
use tempfile::TempDir;
use tidegate_client::{Client, Config, Policy};
use tidegate_server::{Handle, Options, Role, start};

pub(crate) struct World {
    pub(crate) client: Client,
    pub(crate) collector: Handle,
    _data: TempDir,
}

pub(crate) async fn world() -> World {
    world_with(|config| config).await
}

pub(crate) async fn world_with(adapt: impl FnOnce(Config) -> Config) -> World {
    let data = TempDir::new().expect("a directory");
    let listen = "127.0.0.1:0".parse().expect("an address");
    let options = Options::new(data.path()).listen(listen).role(Role::Embedded);
    let collector = start(options).await.expect("a collector");
    let config = Config::default().app_url(collector.url()).policy(Policy::Block);
    let client = Client::new(adapt(config)).expect("a client");
    World { client, collector, _data: data }
}

impl World {
    /// Rows by an independent way: plain HTTP on a thread, not the client under test.
    pub(crate) async fn rows(&self, id: &str) -> Vec<Value> {
        self.rows_of("experiment", id).await
    }

    pub(crate) async fn rows_of(&self, kind: &'static str, id: &str) -> Vec<Value> {
        let (url, id) = (self.collector.url().to_owned(), id.to_owned());
        tokio::task::spawn_blocking(move || tidegate_testkit::rows(&url, kind, &id))
            .await
            .expect("rows")
    }

    pub(crate) async fn flushed(&self) {
        self.client.flush(std::time::Duration::from_secs(120)).await.expect("stored");
    }

    /// Follows an address as a browser does, and says whether it led to a page.
    pub(crate) async fn opens(&self, address: &str) -> bool {
        let (url, mut address) = (self.collector.url().to_owned(), address.to_owned());
        let follow = move || {
            for _ in 0..5 {
                let path = address.strip_prefix(&url).unwrap_or(&address).to_owned();
                let reply = tidegate_testkit::get(&url, &path);
                let to = reply.headers.iter().find_map(|line| line.strip_prefix("location: "));
                match (reply.status, to) {
                    (300..400, Some(to)) => address = to.to_owned(),
                    (status, _) => return status == 200,
                }
            }
            false
        };
        tokio::task::spawn_blocking(follow).await.expect("an answer")
    }
}
