//! The body of `POST /logs3`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| tidegate_server::fuzzing::logs3(body));
