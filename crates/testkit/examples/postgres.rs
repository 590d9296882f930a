//! Starts a PostgreSQL in a temporary directory, to try things by hand, until its stdin ends.
//!
//! ```sh
//! cargo run -p tidegate-testkit --example postgres
//! ```
//! Prints the URL of an empty database and the folder. However this ends, nothing stays behind.

use std::io::{self, Write as _};

use tidegate_testkit::postgres::Cluster;

fn main() -> io::Result<()> {
    let cluster = Cluster::quick();
    let url = cluster.url(&cluster.create_database());
    writeln!(io::stdout(), "{url}\n{}", cluster.socket_folder().display())?;
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}
