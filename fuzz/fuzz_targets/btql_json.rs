//! The body of `POST /btql`, with a query as JSON nodes or as text.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| tidegate_server::fuzzing::btql_json(body));
