//! Where processor time went: functions by themselves, and the share of the SDK's own logger.

use std::collections::HashMap;

use super::script::{Function, Samples, Thread};

/// Threads that do nothing but record: uploads, the spool, and the profile of the run.
const OWN_THREADS: [&str; 2] = ["tidegate-upload", "tidegate-profil"];
const OWN_CRATE: &str = "tidegate_client::";
/// Functions of that crate that only run what others have given them.
const RUN_OTHERS: [&str; 3] = [
    "tidegate_client::span::Span::scope",
    "tidegate_client::span::Span::in_scope",
    "tidegate_client::span::traced",
];

/// Processor time of all threads, in nanoseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) total_ns: u64,
    pub(super) samples: usize,
    /// On the logger's own threads.
    pub(super) upload_ns: u64,
    /// In functions of the logger, and what they call, on threads of others.
    pub(super) record_ns: u64,
    /// Time in a function itself, not in what it calls; longest first.
    pub(super) own: Vec<(String, u64)>,
}

impl Times {
    pub(super) fn of(samples: &Samples) -> Self {
        let is_logger: Vec<bool> = samples.names.iter().map(|name| is_logger(name)).collect();
        let mut times =
            Self { total_ns: 0, samples: 0, upload_ns: 0, record_ns: 0, own: Vec::new() };
        let mut own: HashMap<Option<Function>, u64> = HashMap::new();
        for thread in &samples.threads {
            let is_own_thread = is_own_thread(thread);
            for sample in &thread.samples {
                let (stack, period_ns) = (thread.stack(sample), sample.period_ns);
                let add = |sum: &mut u64| *sum = sum.saturating_add(period_ns);
                add(&mut times.total_ns);
                times.samples += 1;
                add(own.entry(stack.last().copied()).or_default());
                if is_own_thread {
                    add(&mut times.upload_ns);
                } else if stack.iter().any(|function| is_logger[*function as usize]) {
                    add(&mut times.record_ns);
                }
            }
        }
        let name = |function: Option<Function>| match function {
            Some(function) => samples.names[function as usize].clone(),
            None => "[unknown]".to_owned(),
        };
        times.own = own.into_iter().map(|(function, ns)| (name(function), ns)).collect();
        times.own.sort_by(|(name, ns), (other, more)| more.cmp(ns).then_with(|| name.cmp(other)));
        times
    }

    /// Share of the logger in all of it, 0 to 1.
    pub(super) fn logger_ratio(&self) -> f64 {
        self.upload_ns.saturating_add(self.record_ns) as f64 / self.total_ns.max(1) as f64
    }
}

fn is_own_thread(thread: &Thread) -> bool {
    // The kernel keeps 15 bytes of a name.
    OWN_THREADS.contains(&thread.name.as_str())
}

/// Whether a function belongs to the logger: of its crate, a method of its types, or an
/// implementation for them.
fn is_logger(name: &str) -> bool {
    let path = name.trim_start_matches(['<', '&', '*']);
    let path = path.strip_prefix("mut ").or_else(|| path.strip_prefix("dyn ")).unwrap_or(path);
    path.starts_with(OWN_CRATE) && !RUN_OTHERS.iter().any(|other| is_part(path, other))
}

/// Whether a path is a function, or a closure in it.
fn is_part(path: &str, function: &str) -> bool {
    let rest = path.strip_prefix(function);
    rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = "\
tidegate-upload 1/2 1.0: 10
\t 1 malloc (libc.so.6)
\t 1 start_thread (libc.so.6)

worker 1/3 1.0: 30
\t 1 malloc (libc.so.6)
\t 1 <&tidegate_client::json::Json as core::fmt::Display>::fmt (x)
\t 1 tidegate_client::span::Span::scope::{{closure}} (x)
\t 1 my::task (x)

worker 1/3 1.1: 50
\t 1 my::compute (x)
\t 1 tidegate_client::span::Span::scope::{{closure}} (x)
\t 1 tidegate_client::span::traced<F>::{{closure}} (x)

worker 1/3 1.2: 5
";

    #[test]
    fn the_logger_is_what_it_does_and_not_what_runs_in_its_spans() {
        let times = Times::of(&Samples::read(SCRIPT.as_bytes()).expect("a string"));
        assert_eq!((times.total_ns, times.samples), (95, 4));
        assert_eq!((times.upload_ns, times.record_ns), (10, 30));
        assert!((times.logger_ratio() - 40.0 / 95.0).abs() < 1e-9);
        let own: Vec<(&str, u64)> =
            times.own.iter().map(|(name, ns)| (name.as_str(), *ns)).collect();
        assert_eq!(own, [("my::compute", 50), ("malloc", 40), ("[unknown]", 5)]);
    }

    #[test]
    fn names_that_only_look_alike_are_not_the_logger() {
        assert!(is_logger("tidegate_client::span::Span::scope_of_something"));
        assert!(is_logger("<tidegate_client::span::Span as core::ops::Drop>::drop"));
        for other in ["tidegate_eval::runner", "my_tidegate_client::x", "tidegate_client", ""] {
            assert!(!is_logger(other), "{other}");
        }
        assert_eq!(Times::of(&Samples::default()).logger_ratio(), 0.0);
    }
}
