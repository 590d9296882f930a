//! Whole runs: how the runner behaves, and what a real collector has afterwards.

mod adapting;
mod cells;
mod classifying;
mod controls;
mod gates;
mod interrupted;
mod profiled;
mod recorded;
mod reports;
mod runner;
mod sdk;
mod sources;
mod stopping;
mod tasks;
mod traces;
mod world;
