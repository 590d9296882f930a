//! The examples as programs, on real data, against an independent count.

mod bad_input;
mod language_id;
mod sharing;
mod support;
mod ways_in;
