//! Starts an S3-compatible server with an empty bucket, to try things by hand, until its stdin ends.
//!
//! ```sh
//! cargo run -p tidegate-testkit --example s3
//! ```
//! Prints the URL of the bucket and the variables that a program needs to reach it. However this
//! ends, nothing stays behind.

use std::io::{self, Write as _};

use tidegate_testkit::s3::shared;

fn main() -> io::Result<()> {
    let mut out = io::stdout();
    writeln!(out, "s3://{}", shared().create_bucket())?;
    for (name, value) in shared().environment() {
        writeln!(out, "{name}={value}")?;
    }
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}
