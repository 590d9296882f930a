//! A door in front of the server: open, shut, or one behind which nobody answers.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::Server;
use crate::random;

const PIECE_BYTES: usize = 16 << 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    Open,
    Refusing,
    Hanging,
}

#[derive(Debug)]
struct State {
    door: Door,
    /// Bytes of requests that may still pass before it hangs.
    allowance: Option<usize>,
    /// Both ends of what is under way, to cut it.
    connections: Vec<TcpStream>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// Of the server.
    address: String,
}

/// Passes connections on to a server until it is told otherwise; it keeps its port. One that is
/// dropped refuses.
#[derive(Debug)]
pub struct Gate {
    server: &'static Server,
    port: u16,
    shared: Arc<Shared>,
    listening: Option<JoinHandle<()>>,
}

impl Gate {
    /// An open one.
    ///
    /// # Panics
    /// Without a free port.
    #[must_use]
    pub fn before(server: &'static Server) -> Self {
        let state = State { door: Door::Refusing, allowance: None, connections: Vec::new() };
        let (state, changed) = (Mutex::new(state), Condvar::new());
        let shared = Arc::new(Shared { state, changed, address: server.address() });
        let mut gate = Self { server, port: random::fixed_port(), shared, listening: None };
        gate.open();
        gate
    }

    /// As [`Server::environment`], through this gate.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        self.server.environment_of(format!("http://127.0.0.1:{}", self.port))
    }

    /// Lets everything pass, also what hangs.
    ///
    /// # Panics
    /// If something else has taken its port meanwhile.
    pub fn open(&mut self) {
        self.shared.turn(Door::Open, None);
        if self.listening.is_none() {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).expect("its port");
            let shared = Arc::clone(&self.shared);
            self.listening = Some(thread::spawn(move || accept(&listener, &shared)));
        }
    }

    /// Cuts all connections and refuses new ones, as if the server was gone.
    pub fn refuse(&mut self) {
        self.shared.turn(Door::Refusing, None);
        if let Some(listening) = self.listening.take() {
            // Wakes it. Once it has ended nobody listens on the port.
            TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok();
            listening.join().ok();
        }
    }

    /// Takes connections and answers nothing, as if the network swallowed everything.
    pub fn hang(&mut self) {
        self.shared.turn(Door::Hanging, None);
    }

    /// As [`Gate::hang`], once so many bytes of requests have passed, heads included.
    pub fn hang_after(&mut self, bytes: usize) {
        self.shared.turn(Door::Open, Some(bytes));
    }

    /// Waits until it hangs.
    ///
    /// # Panics
    /// If it does not within `deadline`.
    pub fn wait_until_hanging(&self, deadline: Duration) {
        let hangs = |state: &mut State| state.door != Door::Hanging;
        let state = self.shared.lock();
        let waited = self.shared.changed.wait_timeout_while(state, deadline, hangs);
        let (_state, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(!waited.timed_out(), "too few bytes came to the bucket within {deadline:?}");
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.refuse();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self, door: Door, allowance: Option<usize>) {
        let mut state = self.lock();
        (state.door, state.allowance) = (door, allowance);
        if door == Door::Refusing {
            for stream in state.connections.drain(..) {
                stream.shutdown(Shutdown::Both).ok();
            }
        }
        self.changed.notify_all();
    }

    /// Waits while the door hangs; whether `bytes` of a request may pass then.
    fn passes(&self, bytes: usize) -> bool {
        let mut state = self.lock();
        if let Some(left) = state.allowance {
            state.allowance = left.checked_sub(bytes);
            if state.allowance.is_none() {
                state.door = Door::Hanging;
                self.changed.notify_all();
            }
        }
        let hangs = |state: &mut State| state.door == Door::Hanging;
        let state = self.changed.wait_while(state, hangs).unwrap_or_else(PoisonError::into_inner);
        state.door == Door::Open
    }

    /// Notes a connection, so that it can be cut; not if the door is shut.
    fn note(&self, one: &TcpStream, other: &TcpStream) -> bool {
        let (Ok(one), Ok(other)) = (one.try_clone(), other.try_clone()) else { return false };
        let mut state = self.lock();
        if state.door == Door::Refusing {
            return false;
        }
        // What has ended does no harm, but would keep its file open.
        state.connections.retain(|stream| stream.peer_addr().is_ok());
        state.connections.extend([one, other]);
        true
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.lock().door == Door::Refusing {
            return;
        }
        let Ok(stream) = stream else { continue };
        let shared = Arc::clone(shared);
        thread::spawn(move || connect(&stream, &shared));
    }
}

fn connect(client: &TcpStream, shared: &Arc<Shared>) {
    if !shared.passes(0) {
        return;
    }
    let Ok(server) = TcpStream::connect(&shared.address) else { return };
    if !shared.note(client, &server) {
        return;
    }
    thread::scope(|scope| {
        scope.spawn(|| copy(client, &server, |bytes| shared.passes(bytes)));
        copy(&server, client, |_| shared.passes(0));
    });
}

/// Until the end of either side, which the other is told.
fn copy(mut from: &TcpStream, mut to: &TcpStream, passes: impl Fn(usize) -> bool) {
    let mut piece = [0; PIECE_BYTES];
    while let Ok(read @ 1..) = from.read(&mut piece)
        && passes(read)
        && to.write_all(&piece[..read]).is_ok()
    {}
    from.shutdown(Shutdown::Read).ok();
    to.shutdown(Shutdown::Write).ok();
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;
    use crate::s3::shared;
    use crate::send;

    fn ask(gate: &Gate, body: &[u8], timeout: Duration) -> std::io::Result<u16> {
        let url = format!("http://127.0.0.1:{}", gate.port);
        // Whatever it answers: a signature is for another test.
        send(&url, "PUT", "/bucket/key", &[], body, timeout).map(|reply| reply.status)
    }

    #[test]
    fn a_gate_passes_refuses_and_hangs_on_one_port() {
        let long = Duration::from_secs(60);
        let mut gate = Gate::before(shared());
        let usual = ask(&gate, b"", long).expect("an answer");
        gate.refuse();
        let refused = ask(&gate, b"", long).expect_err("nobody listens");
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        gate.open();
        assert_eq!(ask(&gate, b"", long).expect("an answer"), usual);

        gate.hang();
        let nothing = ask(&gate, b"", Duration::from_millis(100)).expect_err("no answer");
        assert!(matches!(nothing.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{nothing}");
        thread::scope(|scope| {
            let waiting = scope.spawn(|| ask(&gate, b"", long));
            gate.shared.turn(Door::Open, None);
            assert_eq!(waiting.join().expect("no panic").expect("an answer"), usual);
        });

        gate.hang_after(100_000);
        assert_eq!(ask(&gate, b"", long).expect("an answer"), usual);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| ask(&gate, &[0; 1_000_000], long));
            gate.wait_until_hanging(long);
            gate.shared.turn(Door::Refusing, None);
            waiting.join().expect("no panic").expect_err("the connection is cut");
        });
    }
}
