//! `tidegate bench`: the figures that the project is measured by.
//!
//! `upload` runs a whole evaluation ([`workload`]) through the SDK or through an emulation of
//! older loggers ([`legacy`]), against a server with a latency model in a process of its own
//! ([`model`]), and looks at the timeline of requests ([`figures`]). `log` measures what a span
//! costs the thread that records it, `eval` what the runner costs, `ingest` what the collector takes
//! in, `fill` how fast it answers when it has much.

mod child;
mod collector;
mod corpus;
mod eval;
mod figures;
mod fill;
mod ingest;
mod lag;
mod legacy;
mod load;
mod log;
mod model;
mod overhead;
mod process;
mod rows;
mod table;
mod upload;
mod workload;

use tokio::runtime::Runtime;

use crate::args::bench::{Bench, Table, What};
use crate::exit::Failure;
use crate::printer::Printer;

pub(crate) fn run(bench: &Bench, printer: &Printer, runtime: &Runtime) -> Result<(), Failure> {
    match &bench.what {
        What::Model(model) => runtime.block_on(model::run(model, printer)),
        What::Log(log) => log::run(log, printer, runtime),
        What::Ingest(ingest) => runtime.block_on(ingest::run(ingest, printer)),
        What::Fill(fill) => runtime.block_on(fill::run(fill, printer)),
        What::Eval(runner) => eval::run(runner, printer, runtime),
        What::Upload(upload) if upload.table == Some(Table::Seed) => {
            runtime.block_on(table::run(upload, printer))
        }
        What::Upload(upload) if upload.table == Some(Table::Overhead) => {
            runtime.block_on(overhead::run(upload, printer))
        }
        What::Upload(upload) if upload.runs > 1 => runtime.block_on(table::repeat(upload, printer)),
        What::Upload(upload) => {
            let figures = upload::run(upload, runtime)?;
            if upload.json {
                return printer.data(serde_json::to_string(&figures).unwrap_or_default());
            }
            printer.data(table::one(&figures))
        }
    }
}
