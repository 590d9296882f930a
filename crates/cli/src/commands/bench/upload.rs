//! One run of `bench upload` in this process.

use tokio::runtime::{Builder, Runtime};
use tokio::task::LocalSet;

use super::child::{ModelServer, failed};
use super::figures::Figures;
use super::{legacy, process, workload};
use crate::args::bench::{Strategy, Table, Upload};
use crate::exit::Failure;
use crate::profiles;

pub(super) fn run(upload: &Upload, runtime: &Runtime) -> Result<Figures, Failure> {
    check(upload)?;
    upload.profile.as_deref().map_or(Ok(()), profiles::check)?;
    tls();
    let server = match &upload.api_url {
        Some(_) => None,
        None => Some(runtime.block_on(ModelServer::start(&upload.latency))?),
    };
    let url = match (&upload.api_url, &server) {
        (Some(url), _) => url.clone(),
        (None, Some(server)) => server.url.clone(),
        (None, None) => return Err(failed(anyhow::anyhow!("no server"))),
    };
    let before = process::cpu_seconds();
    let ran = match upload.strategy {
        Strategy::Adaptive | Strategy::None => runtime.block_on(workload::run(upload, &url))?,
        // The emulated loggers live on one thread, as JavaScript does.
        Strategy::FixedBatches | Strategy::SerialChunks => Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(LocalSet::new().run_until(legacy::run(upload, &url)))?,
    };
    let cpu = process::cpu_seconds().zip(before).map(|(now, before)| now - before);
    let mut figures = Figures::of(upload, name(upload), ran, cpu);
    if let Some(server) = server {
        figures.server = Some(runtime.block_on(server.report())?);
        runtime.block_on(server.stop());
    }
    Ok(figures)
}

/// The options of the emulation mean nothing to the SDK.
pub(super) fn check(upload: &Upload) -> Result<(), Failure> {
    let emulation = upload.chunk.is_some()
        || upload.parallel_chunks
        || upload.flush_every_items.is_some()
        || upload.drain_delay.is_some();
    if matches!(upload.strategy, Strategy::Adaptive | Strategy::None) && emulation {
        return Err(Failure::usage(
            anyhow::anyhow!(
                "--chunk, --parallel-chunks, --flush-every-items and --drain-delay belong to the other strategies"
            ),
            "add --strategy serial-chunks or --strategy fixed-batches",
        ));
    }
    if upload.profile_dir.is_some() && upload.table != Some(Table::Seed) {
        let error = anyhow::anyhow!("--profile-dir belongs to --table seed");
        return Err(Failure::usage(error, "add --table seed, or give --profile FILE instead"));
    }
    if upload.profile.is_some() && upload.strategy == Strategy::None {
        let error = anyhow::anyhow!("--strategy none records nothing, so it has no profile");
        return Err(Failure::usage(error, "leave --profile out, or name another strategy"));
    }
    Ok(())
}

/// What is run, in the words of the command line.
pub(super) fn name(upload: &Upload) -> String {
    let mut name = match upload.strategy {
        Strategy::Adaptive => "adaptive".to_owned(),
        Strategy::FixedBatches => "fixed-batches".to_owned(),
        Strategy::SerialChunks => "serial-chunks".to_owned(),
        Strategy::None => "none".to_owned(),
    };
    if let Some(chunk) = upload.chunk {
        name += &format!(" --chunk {chunk}");
    }
    if upload.parallel_chunks {
        name += " --parallel-chunks";
    }
    if let Some(items) = upload.flush_every_items {
        name += &format!(" --flush-every-items {items}");
    }
    if upload.workload.flush_every_task {
        name += " --flush-every-task";
    }
    name
}

/// This program picks the provider for every TLS connection in it; the SDK brings its own.
pub(super) fn tls() {
    // An error says that one is installed already.
    rustls::crypto::ring::default_provider().install_default().ok();
}
