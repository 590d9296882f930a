//! Names that no other test has, and ports.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::net::{Ipv4Addr, TcpListener};

/// 32 hexadecimal digits.
pub(crate) fn hex() -> String {
    bytes::<16>().iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").ok();
        text
    })
}

fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let mut source = File::open("/dev/urandom").expect("a source of random bytes");
    source.read_exact(&mut bytes).expect("random bytes");
    bytes
}

/// A free port of 127.0.0.1 for a server that is to come back on the same one.
///
/// Not one that the system would give to an outgoing connection: it could take it while the server
/// is away.
///
/// # Panics
/// If none is free.
#[must_use]
pub fn fixed_port() -> u16 {
    (0..1_000)
        .map(|_| 10_000 + u16::from_ne_bytes(bytes()) % 20_000)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .expect("a free port")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_differ_and_ports_are_free() {
        let names: BTreeSet<String> = (0..100).map(|_| hex()).collect();
        assert_eq!(names.len(), 100);
        assert!(names.iter().all(|name| name.len() == 32));
        let port = fixed_port();
        assert!((10_000..30_000).contains(&port));
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("free");
    }
}
