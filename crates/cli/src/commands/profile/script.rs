//! Reading what `perf script` prints.
//!
//! A sample is a line with thread, process, time and the time it stands for, a line per function
//! from the innermost one outwards, and an empty line:
//!
//! ```text
//! tidegate-upload 20367/20375  1263.190243224:    2004008
//!             98a74 malloc (/usr/lib/x86_64-linux-gnu/libc.so.6)
//!           2e8937e alloc::alloc::Global::alloc_impl (/opt/tidegate)
//!
//! ```

use std::collections::HashMap;
use std::io::{self, BufRead, Read as _};

/// What perf is asked to print, in this order.
pub(super) const FIELDS: &str = "comm,pid,tid,time,period,ip,sym,dso";
/// Longer lines are cut.
const MAX_LINE_BYTES: u64 = 64 << 10;
/// Deeper stacks lose their outermost functions.
const MAX_DEPTH: usize = 512;
/// Functions of all stacks together; further samples are counted and left out. 64 MiB.
const MAX_STACKED: usize = 16 << 20;
/// Different functions and threads; further ones share a name.
const MAX_NAMES: usize = 1 << 18;
/// Longest name of a function.
const MAX_NAME_BYTES: usize = 1 << 10;
const MAX_THREADS: usize = 10_000;

/// A function, by its position in [`Samples::names`].
pub(super) type Function = u32;

/// A moment at which a thread was on a processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sample {
    /// On the monotonic clock, in nanoseconds.
    pub(super) at_ns: u64,
    /// Time that it stands for.
    pub(super) period_ns: u64,
    /// Where its stack begins in [`Thread::stacks`], and how deep it is.
    pub(super) start: usize,
    pub(super) depth: usize,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Thread {
    /// Its last name: a thread is named by whoever makes it, until it names itself.
    pub(super) name: String,
    pub(super) process: u32,
    pub(super) id: u32,
    pub(super) samples: Vec<Sample>,
    /// Stacks of all samples, each from the outermost function to the innermost one.
    stacks: Vec<Function>,
}

impl Thread {
    /// From the outermost function to the innermost one.
    pub(super) fn stack(&self, sample: &Sample) -> &[Function] {
        self.stacks.get(sample.start..sample.start + sample.depth).unwrap_or_default()
    }

    /// Time on a processor.
    pub(super) fn total_ns(&self) -> u64 {
        self.samples.iter().map(|sample| sample.period_ns).fold(0, u64::saturating_add)
    }
}

/// All that was sampled.
#[derive(Debug, Default)]
pub(super) struct Samples {
    pub(super) names: Vec<String>,
    pub(super) threads: Vec<Thread>,
    /// Samples that there was no room for.
    pub(super) left_out: u64,
    known_names: HashMap<String, Function>,
    known_threads: HashMap<(u32, u32), usize>,
    stacked: usize,
}

/// First line of a sample.
struct Head<'a> {
    name: &'a str,
    process: u32,
    thread: u32,
    at_ns: u64,
    period_ns: u64,
}

impl Samples {
    /// Reads to the end. Lines that are none of a sample, such as comments, are skipped.
    ///
    /// # Errors
    /// The pipe breaks.
    pub(super) fn read(mut reader: impl BufRead) -> io::Result<Self> {
        let mut samples = Self::default();
        let mut line = Vec::new();
        let mut thread = None;
        // From the innermost function outwards, as it is printed.
        let mut stack: Vec<Function> = Vec::new();
        while next_line(&mut reader, &mut line)? {
            let text = String::from_utf8_lossy(&line);
            if let Some(line) = text.strip_prefix(['\t', ' ']) {
                if stack.len() < MAX_DEPTH
                    && thread.is_some()
                    && let Some(function) = function(line)
                {
                    stack.push(samples.name(&function));
                }
                continue;
            }
            samples.push(thread.take(), &mut stack);
            thread = head(&text).map(|head| (samples.thread(&head), head.at_ns, head.period_ns));
        }
        samples.push(thread, &mut stack);
        for thread in &mut samples.threads {
            thread.samples.sort_by_key(|sample| sample.at_ns);
        }
        Ok(samples)
    }

    fn push(&mut self, sample: Option<(usize, u64, u64)>, stack: &mut Vec<Function>) {
        let Some((thread, at_ns, period_ns)) = sample else { return stack.clear() };
        if self.stacked + stack.len() > MAX_STACKED {
            self.left_out += 1;
            return stack.clear();
        }
        self.stacked += stack.len();
        let thread = &mut self.threads[thread];
        let start = thread.stacks.len();
        thread.samples.push(Sample { at_ns, period_ns, start, depth: stack.len() });
        thread.stacks.extend(stack.drain(..).rev());
    }

    fn thread(&mut self, head: &Head<'_>) -> usize {
        let full = self.threads.len() >= MAX_THREADS;
        let key = (head.process, head.thread);
        let key = if full && !self.known_threads.contains_key(&key) { (0, 0) } else { key };
        let position = *self.known_threads.entry(key).or_insert_with(|| {
            self.threads.push(Thread { process: key.0, id: key.1, ..Thread::default() });
            self.threads.len() - 1
        });
        let thread = &mut self.threads[position];
        let name = if key == (0, 0) { "(other threads)" } else { head.name };
        if thread.name != name {
            name.clone_into(&mut thread.name);
        }
        position
    }

    fn name(&mut self, name: &str) -> Function {
        if let Some(known) = self.known_names.get(name) {
            return *known;
        }
        let name = if self.names.len() < MAX_NAMES { name } else { "(other)" };
        if let Some(known) = self.known_names.get(name) {
            return *known;
        }
        // Below the bound of names.
        let function = Function::try_from(self.names.len()).unwrap_or(Function::MAX);
        self.names.push(name.to_owned());
        self.known_names.insert(name.to_owned(), function);
        function
    }
}

/// Reads a line without its end; what is too long is cut.
fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let read = reader.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if read as u64 == MAX_LINE_BYTES {
        reader.skip_until(b'\n')?;
    }
    Ok(read > 0)
}

/// `name pid/tid time: period`; the name may hold spaces.
fn head(line: &str) -> Option<Head<'_>> {
    let (before, period) = line.rsplit_once(':')?;
    let period_ns = period.trim().parse().ok()?;
    let (before, time) = before.trim_end().rsplit_once(char::is_whitespace)?;
    let (name, ids) = before.trim_end().rsplit_once(char::is_whitespace)?;
    let (process, thread) = ids.split_once('/')?;
    let (seconds, fraction) = time.split_once('.')?;
    // Nine digits with --ns, six without.
    let digits = u32::try_from(fraction.len()).ok().filter(|digits| *digits <= 9)?;
    let fraction = fraction.parse::<u64>().ok()?.checked_mul(10_u64.pow(9 - digits))?;
    let seconds: u64 = seconds.parse().ok()?;
    Some(Head {
        name: name.trim(),
        process: process.parse().ok()?,
        thread: thread.parse().ok()?,
        at_ns: seconds.checked_mul(1_000_000_000)?.checked_add(fraction)?,
        period_ns,
    })
}

/// `address symbol (file)`; the symbol may hold spaces and parentheses. Nothing for the mark at
/// which perf has given up going outwards.
fn function(line: &str) -> Option<String> {
    let (address, rest) = line.trim_start().split_once(' ')?;
    u64::from_str_radix(address, 16).ok()?;
    let at = rest.rfind(" (").filter(|_| rest.ends_with(')'));
    // Without a file the line was cut.
    let Some(at) = at else { return Some(cut(rest)) };
    let (mut symbol, mut file) = (&rest[..at], &rest[at + 2..rest.len() - 1]);
    if file == "deleted)" {
        let at = symbol.rfind(" (")?;
        (symbol, file) = (&symbol[..at], &symbol[at + 2..]);
    }
    let file = file.rsplit('/').next().unwrap_or(file);
    match (symbol.trim(), file) {
        ("[unknown]", "[unknown]") => None,
        ("[unknown]", file) => Some(format!("[unknown] in {file}")),
        (symbol, "[kernel.kallsyms]") => Some(format!("{symbol} [kernel]")),
        (symbol, _) => Some(cut(symbol)),
    }
}

fn cut(symbol: &str) -> String {
    symbol[..symbol.floor_char_boundary(MAX_NAME_BYTES)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(samples: &Samples, thread: usize, sample: usize) -> Vec<&str> {
        let thread = &samples.threads[thread];
        let stack = thread.stack(&thread.samples[sample]);
        stack.iter().map(|function| samples.names[*function as usize].as_str()).collect()
    }

    #[test]
    fn samples_have_thread_time_and_stack_from_the_outside() {
        let text = "\
# a comment: 1
my worker 7/9  1261.033505805:    2004008 
\t            e298 _dl_relocate_object (/usr/lib/ld-linux-x86-64.so.2)
\tffffffff816217a3 do_fault ([kernel.kallsyms])
\t          12c95b0 <F as core::ops::Fn(u8)>::call (my) (/tmp/a b (deleted))
\t          12c95b1 [unknown] (/opt/lib.so)
\tffffffffffffffff [unknown] ([unknown])

my worker 7/9  1261.000001:    5 

main 7/7  3.5:    1 
\t  1 main (x)
";
        let samples = Samples::read(text.as_bytes()).expect("a string");
        assert_eq!(samples.threads.len(), 2);
        let worker = &samples.threads[0];
        assert_eq!((worker.name.as_str(), worker.process, worker.id), ("my worker", 7, 9));
        // In the order of time, whatever that of the lines.
        let times: Vec<(u64, u64)> =
            worker.samples.iter().map(|s| (s.at_ns, s.period_ns)).collect();
        assert_eq!(times, [(1_261_000_001_000, 5), (1_261_033_505_805, 2_004_008)]);
        assert_eq!(worker.total_ns(), 2_004_013);
        assert!(names(&samples, 0, 0).is_empty());
        let stack = [
            "[unknown] in lib.so",
            "<F as core::ops::Fn(u8)>::call (my)",
            "do_fault [kernel]",
            "_dl_relocate_object",
        ];
        assert_eq!(names(&samples, 0, 1), stack);
        assert_eq!(names(&samples, 1, 0), ["main"]);
        assert_eq!(samples.threads[1].samples[0].at_ns, 3_500_000_000);
    }

    #[test]
    fn what_is_no_sample_is_skipped_and_nothing_is_unbounded() {
        let long = "y".repeat(200_000);
        let deep = "\t 1 f (x)\n".repeat(2_000);
        let text = format!(
            "\t 12 orphan (x)\nx: y\na b/c 1.1: 1\na 1/2 99999999999999999999.1: 1\n\
             a 1/2 1.1234567890: 1\na 1/2 1.5: 1\n\t 1 {long} (x)\n{deep}\n\u{0}\u{1b}\n"
        );
        let samples = Samples::read(text.as_bytes()).expect("a string");
        assert_eq!(samples.threads.len(), 1);
        let names = names(&samples, 0, 0);
        assert_eq!(names.len(), MAX_DEPTH);
        assert!(names.iter().all(|name| name.len() <= MAX_NAME_BYTES));
        assert!(Samples::read(&b""[..]).expect("nothing").threads.is_empty());
    }
}
