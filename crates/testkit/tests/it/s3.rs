//! The S3-compatible server ends with its test program, whatever becomes of it.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use crate::postgres::wait_until;

#[test]
fn a_server_ends_with_the_program_that_started_it_even_by_kill_9() {
    let test = std::env::current_exe().expect("a test executable");
    // target/<profile>/deps/<test>
    let program = test.ancestors().nth(2).expect("a folder").join("examples/s3");
    for killed in [true, false] {
        let mut parent = Command::new(&program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example `s3` is built");
        let lines = BufReader::new(parent.stdout.take().expect("piped")).lines();
        let lines: Vec<String> = lines.take(5).collect::<Result<_, _>>().expect("five lines");
        let endpoint = lines.iter().find_map(|line| line.strip_prefix("AWS_ENDPOINT_URL=http://"));
        let address = endpoint.unwrap_or_else(|| panic!("{lines:?}"));
        assert!(TcpStream::connect(address).is_ok(), "{address}");
        if killed {
            parent.kill().expect("alive until now");
        }
        // Closes its stdin as well, at which it ends by itself.
        parent.wait().expect("reaped");
        wait_until("the server ends", || TcpStream::connect(address).is_err());
    }
}
