//! The text of a query in SQL.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| tidegate_server::fuzzing::btql_sql(text));
