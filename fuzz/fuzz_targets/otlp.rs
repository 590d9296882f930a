//! The body of `POST /otel/v1/traces`, in protobuf and in JSON.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| tidegate_server::fuzzing::otlp(body));
