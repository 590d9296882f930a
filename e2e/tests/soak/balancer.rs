//! A TCP balancer, as collectors stand behind one: a connection goes to the next that takes it.

use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// A running balancer. It ends with the test process.
pub(crate) struct Balancer {
    url: String,
    refused: Arc<AtomicU64>,
}

impl Balancer {
    /// Listens on a free port, for servers on these ports.
    pub(crate) fn start(ports: Vec<u16>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let refused = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&refused);
        thread::spawn(move || {
            for (turn, client) in listener.incoming().flatten().enumerate() {
                let first = turn % ports.len();
                let turns = ports[first..].iter().chain(&ports[..first]);
                let mut turns = turns.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, *port)));
                match turns.find_map(|address| TcpStream::connect(address).ok()) {
                    // A dropped connection tells the client.
                    None => drop(count.fetch_add(1, Ordering::Relaxed)),
                    Some(server) => join(&client, &server),
                }
            }
        });
        Self { url, refused }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Connections that no server took.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

/// Passes on what each says, until one of them is gone: then the other one is told at once.
fn join(client: &TcpStream, server: &TcpStream) {
    for (from, to) in [(client, server), (server, client)] {
        let (Ok(mut from), Ok(mut to)) = (from.try_clone(), to.try_clone()) else { return };
        thread::spawn(move || {
            io::copy(&mut from, &mut to).ok();
            for stream in [from, to] {
                stream.shutdown(Shutdown::Both).ok();
            }
        });
    }
}
