//! What most of the wall is needed for.

use super::super::Category;
use super::thresholds::{BOUND_WALL_RATIO, SATURATED_CORES_RATIO};
use super::{Cause, Evidence, Figure, Finding, advice, count, faults, number, ratio, us};

/// Somebody waits, and the server is at work. Decided only if uploads have no fault.
pub(super) fn server_bound(evidence: &Evidence<'_>) -> Option<Finding> {
    let wall_ratio = evidence.busy_ratio();
    if wall_ratio <= BOUND_WALL_RATIO {
        return None;
    }
    let shape = evidence.shape;
    let mut figures = uploads(evidence);
    figures.push(us("request_us_median", shape.request_us.median, "median duration of a request"));
    figures.extend(shape.cost.map(|cost| us("fixed_us", cost.fixed_us, "fixed cost of a request")));
    figures.extend(faults::per_row(evidence));
    let advice = advice::server_bound(&evidence.profile.header, shape);
    Some(Finding { cause: Cause::ServerBound, wall_ratio, evidence: figures, advice })
}

/// How the time of cases divides between this process and what is outside of it.
struct Work {
    /// Share of the wall in which cases compute.
    computing: f64,
    /// Share of the wall in which cases wait for something outside.
    outside: f64,
}

impl Work {
    /// Of what cases do outside of `llm` spans, as much is computing as there is processor time
    /// for. If the process uses all processors, everything is: then also a model that runs
    /// inside of this process. Without a measurement only `llm` spans are known to be outside.
    fn of(evidence: &Evidence<'_>) -> Option<Self> {
        let path = evidence.path?;
        let (work, llm) = (path.work_ratio(), path.llm_ratio());
        let Some(cpu) = evidence.cpu else {
            return Some(Self { computing: 0.0, outside: llm });
        };
        let is_saturated = cpu
            .cores
            .is_some_and(|cores| cpu.cores_used >= f64::from(cores) * SATURATED_CORES_RATIO);
        let computing = if is_saturated { work } else { (work - llm).min(cpu.cores_used) };
        Some(Self { computing, outside: work - computing })
    }
}

/// Cases wait for what is outside of this process.
pub(super) fn provider_bound(evidence: &Evidence<'_>) -> Option<Finding> {
    let (path, work) = (evidence.path?, Work::of(evidence)?);
    if work.outside <= BOUND_WALL_RATIO {
        return None;
    }
    let mut figures = vec![
        ratio("outside_ratio", work.outside, "of the wall, cases waited outside of this process"),
        ratio("llm_ratio", path.llm_ratio(), "of the wall, cases were inside of llm spans"),
        ratio("task_ratio", path.task_ratio, "of the wall in tasks"),
        ratio("scorer_ratio", path.scorer_ratio, "of the wall in scorers"),
    ];
    figures.extend(cores(evidence));
    figures.extend(
        evidence
            .profile
            .header
            .max_concurrency
            .map(|most| count("max_concurrency", most as usize, "cases at once at most")),
    );
    let names_provider = path.llm_ratio() * 2.0 >= work.outside;
    let advice = advice::provider_bound(&evidence.profile.header, names_provider);
    Some(Finding {
        cause: Cause::ProviderBound,
        wall_ratio: work.outside,
        evidence: figures,
        advice,
    })
}

/// Cases compute.
pub(super) fn cpu_bound(evidence: &Evidence<'_>) -> Option<Finding> {
    let (path, work) = (evidence.path?, Work::of(evidence)?);
    if work.computing <= BOUND_WALL_RATIO {
        return None;
    }
    let mut figures = vec![
        ratio("computing_ratio", work.computing, "of the wall, cases computed"),
        ratio("task_ratio", path.task_ratio, "of the wall in tasks"),
        ratio("scorer_ratio", path.scorer_ratio, "of the wall in scorers"),
        ratio("other_ratio", path.other_ratio, "of the wall in cases beside both"),
    ];
    figures.extend(cores(evidence));
    let scorers = path.scorer_ratio > path.task_ratio;
    let advice = advice::cpu_bound(scorers, evidence.cpu);
    Some(Finding { cause: Cause::CpuBound, wall_ratio: work.computing, evidence: figures, advice })
}

/// Nothing stands out.
pub(super) fn healthy(evidence: &Evidence<'_>) -> Finding {
    let mut figures = uploads(evidence);
    let path = evidence.path;
    let largest = path.and_then(|path| {
        let order = |a: &Category, b: &Category| path.ratio(*a).total_cmp(&path.ratio(*b));
        Category::ALL.into_iter().max_by(order)
    });
    if let (Some(path), Some(category)) = (path, largest) {
        let name = match category {
            Category::Task => "task_ratio",
            Category::Scorer => "scorer_ratio",
            Category::Other => "other_ratio",
            Category::Gate => "gate_ratio",
            Category::Flush => "flush_ratio",
            Category::Tail => "tail_ratio",
            Category::Idle => "idle_ratio",
        };
        figures.push(ratio(name, path.ratio(category), "the largest share of the wall"));
    }
    figures.extend(cores(evidence));
    // No fault and no bound: nothing of the wall is explained by it.
    let advice = advice::healthy(largest);
    Finding { cause: Cause::Healthy, wall_ratio: 0.0, evidence: figures, advice }
}

fn uploads(evidence: &Evidence<'_>) -> Vec<Figure> {
    let uploads = &evidence.shape.uploads;
    vec![
        ratio("blocked_ratio", evidence.blocked_ratio(), "of the wall somebody waited for uploads"),
        count("requests", uploads.requests, "upload requests"),
        count("overlapping_pairs", uploads.overlapping_pairs, "pairs of them that overlap"),
        number("mean_in_flight", uploads.mean_in_flight, "requests under way on average"),
        count("peak_in_flight", uploads.peak_in_flight, "requests under way at most"),
    ]
}

fn cores(evidence: &Evidence<'_>) -> Vec<Figure> {
    let Some(cpu) = evidence.cpu else { return Vec::new() };
    let used = number("cores_used", cpu.cores_used, "processors used on average");
    let all = cpu.cores.map(|cores| count("cores", cores as usize, "processors there are"));
    [Some(used), all].into_iter().flatten().collect()
}
