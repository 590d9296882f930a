//! What to change, in plain words and with the names of the settings.

use tidegate_model::limits::DEFAULT_BACKPRESSURE_BYTES;
use tidegate_model::profile::{Header, Source};

use super::super::{Category, Cpu, Shape};

pub(super) fn serial_uploads(header: &Header<'_>) -> String {
    let what = "Uploads go one after another: each waits for the answer to the one before, while \
                its rows are ready. Send them in parallel";
    let how = match (header.source, header.lanes) {
        (Source::Server, _) => {
            "; with Braintrust's JavaScript SDK this means version 3.3.0 or later. As only the \
             server was watched, it is not known whether anybody waited for these uploads."
        }
        (Source::Sdk, Some(1)) => ": BRAINTRUST_MAX_CONCURRENT_LOG_REQUESTS is 1; leave it at 8.",
        _ => {
            ", as this SDK does (BRAINTRUST_MAX_CONCURRENT_LOG_REQUESTS, 8 unless set); a logger \
             that walks chunks and awaits each has to start all of them first."
        }
    };
    format!("{what}{how}")
}

pub(super) fn flush_per_task(header: &Header<'_>) -> String {
    // An emulated logger has no budget to speak of.
    let budget = match header.budget_bytes {
        Some(bytes) => format!("{bytes} here"),
        None => format!("{DEFAULT_BACKPRESSURE_BYTES} unless set"),
    };
    format!(
        "Cases stand still until their rows are on the server. Take the flush out of tasks and \
         scorers: the run flushes once at its end, and memory is bounded in bytes by \
         BRAINTRUST_FLUSH_BACKPRESSURE_BYTES ({budget}), not by flushing."
    )
}

pub(super) fn small_batches(header: &Header<'_>) -> String {
    let mut text = "Uploads come in more rounds than their bytes need, and every round takes the \
                    fixed time of a request again. Send what is ready as one round, spread evenly \
                    over all lanes and bounded by bytes instead of rows"
        .to_owned();
    if header.source == Source::Server {
        text.push('.');
        return text;
    }
    if let Some(rows) = header.max_rows.filter(|&rows| rows < 1_000) {
        text.push_str(&format!(
            "; requests are capped at {rows} rows here: leave BRAINTRUST_DEFAULT_BATCH_SIZE unset"
        ));
    }
    if let Some(bytes) = header.budget_bytes.filter(|&bytes| bytes < DEFAULT_BACKPRESSURE_BYTES) {
        text.push_str(&format!(
            "; only {bytes} bytes may be pending here: raise BRAINTRUST_FLUSH_BACKPRESSURE_BYTES \
             to its default of {DEFAULT_BACKPRESSURE_BYTES}"
        ));
    }
    text.push('.');
    text
}

pub(super) fn retries(status: Option<u16>, any_failed: bool) -> String {
    let why = match status {
        Some(429) => {
            "The server limits the rate of uploads: lower BRAINTRUST_MAX_CONCURRENT_LOG_REQUESTS, \
             or have the limit raised."
        }
        Some(413) => {
            "Bodies are larger than the server takes: set BRAINTRUST_MAX_REQUEST_SIZE to its \
             limit, or make the logged values smaller."
        }
        Some(401 | 403) => "The key is refused: check BRAINTRUST_API_KEY.",
        Some(400..=499) => {
            "The server refuses rows: the notices of the run say which, and repeating them is of \
             no use."
        }
        Some(_) => "The server fails: look at its log and its load before anything else here.",
        None if any_failed => {
            "Requests end without an answer: look at the network, at proxies between, and at \
             BRAINTRUST_HTTP_TIMEOUT."
        }
        None => "Requests were repeated.",
    };
    format!(
        "Failed uploads and their repeats take up requests or hold the run up. {why} \
         BRAINTRUST_NUM_RETRIES only decides how soon rows are given up."
    )
}

pub(super) fn server_bound(header: &Header<'_>, shape: &Shape) -> String {
    let mut text = "Uploads overlap and are few; what remains is the time the server takes to \
                    answer. A nearer or faster server helps"
        .to_owned();
    let lanes = header.lanes.map(|lanes| lanes as usize);
    if let Some(lanes) = lanes
        && shape.uploads.peak_in_flight >= lanes
        && header.source != Source::Server
    {
        text.push_str(&format!(
            "; all {lanes} lanes were in use: more of them \
             (BRAINTRUST_MAX_CONCURRENT_LOG_REQUESTS) help if the server can take more at once"
        ));
    }
    if shape.gate_waits > 0 {
        text.push_str(
            "; producers waited at the gate: a larger BRAINTRUST_FLUSH_BACKPRESSURE_BYTES lets \
             cases run ahead of the uploads",
        );
    }
    text.push_str("; and so does logging less in each span.");
    text
}

pub(super) fn provider_bound(header: &Header<'_>, names_provider: bool) -> String {
    let who = if names_provider {
        "Cases wait for a model (spans of type llm)"
    } else {
        "Cases wait for something outside of this process that no llm span names: a model, a \
         service, a timer, a lock"
    };
    let most = header.max_concurrency.map_or(String::new(), |most| format!(" ({most} here)"));
    format!(
        "{who}; recording costs this run next to nothing. Run more cases at once: raise \
         max_concurrency{most}, or let adaptive concurrency find what the provider takes; a \
         cache of answers or a faster model helps as well."
    )
}

pub(super) fn cpu_bound(scorers: bool, cpu: Option<&Cpu>) -> String {
    let who = if scorers { "Scorers" } else { "Tasks" };
    let cores = cpu.and_then(|cpu| Some((cpu.cores_used, f64::from(cpu.cores?))));
    let how = match cores {
        Some((used, cores)) if used < 1.5 && cores >= 2.0 => {
            "About one processor is busy although there are more: run on a runtime with several \
             threads, and move long computations off it (tokio::task::spawn_blocking, or a \
             blocking scorer)."
        }
        _ => {
            "A higher max_concurrency would not help: make the computation cheaper, or spread the \
             run over machines with --shard."
        }
    };
    format!(
        "{who} compute for most of the wall. {how} `tidegate profile` shows in which functions."
    )
}

pub(super) fn healthy(largest: Option<Category>) -> String {
    let spent = match largest {
        Some(Category::Idle) => {
            " No case was under way for the largest part: look at what happens before the first \
             case, and at how fast the data arrives."
        }
        Some(Category::Task) => " The largest part is spent in tasks.",
        Some(Category::Scorer) => " The largest part is spent in scorers.",
        Some(Category::Other) => " The largest part is spent in cases, beside task and scorers.",
        Some(Category::Gate | Category::Flush) => {
            " The largest part is spent waiting for uploads, though for less than half of the wall."
        }
        Some(Category::Tail) => {
            " The largest part is the last uploads after the last case, as every run has them."
        }
        None => "",
    };
    format!("Nothing stands out; there is nothing to change about recording.{spent}")
}
