//! Which attachment is uploaded next, how often it is tried, and what becomes of it: no I/O, no
//! clock.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{About, Attachment, OVERHEAD_BYTES};
use crate::budget::Lease;
use crate::inbox::DropReason;
use crate::pipeline::backoff::{self, Random};

/// Uploads at once, beside the lanes of rows.
pub(crate) const LANES: usize = 4;
/// Of these, how many may be files. They wait for room in the budget piece by piece; an upload
/// from memory makes room, and always finds a lane.
const FILE_LANES: usize = LANES - 1;
/// Tries of one attachment, as Braintrust's specification has it.
const TRIES: u32 = 8;
/// The first delay is up to this long; each further one up to twice as long.
const BASE_DELAY: Duration = Duration::from_millis(500);
/// Failures that wait to be told to the server. They hold no lease, so there are not many.
const MOST_REPORTS: usize = 1_000;

/// An attachment that was accepted.
#[derive(Debug)]
pub(crate) struct Upload {
    /// Position in the order of acceptance.
    pub(crate) sequence: u64,
    pub(crate) attachment: Attachment,
    pub(crate) lease: Lease,
}

/// What is to be done for one attachment now.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) about: Arc<About>,
    pub(crate) what: What,
}

#[derive(Debug, Clone)]
pub(crate) enum What {
    Upload(Attachment),
    /// All its bytes are there; only that is to be said.
    Complete,
    /// There will be no upload, for this reason.
    Report(String),
}

#[derive(Debug)]
struct Job {
    about: Arc<About>,
    work: Work,
    tries: u32,
    is_uploaded: bool,
}

#[derive(Debug)]
enum Work {
    Upload(Upload),
    Report { message: String, failed: Option<Failed> },
}

/// An attachment that is given up, for the ledger.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) sequence: u64,
    pub(crate) reason: DropReason,
    pub(crate) detail: String,
    _lease: Lease,
}

/// How a try ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Done,
    /// It may succeed later.
    Retry {
        after: Option<Duration>,
        detail: String,
        is_uploaded: bool,
    },
    /// It never will.
    Stop {
        reason: DropReason,
        detail: String,
    },
}

/// What has become of an attachment.
#[derive(Debug)]
pub(crate) enum Fate {
    Uploaded { sequence: u64 },
    Failed { about: Arc<About>, failed: Failed },
}

#[derive(Debug)]
pub(crate) struct Queue {
    random: Random,
    waiting: VecDeque<Job>,
    delayed: Vec<(Instant, Job)>,
    running: HashMap<u64, Job>,
    next: u64,
    running_files: usize,
    reports: usize,
}

impl Job {
    fn step(&self) -> Step {
        let what = match &self.work {
            Work::Upload(_) if self.is_uploaded => What::Complete,
            Work::Upload(upload) => What::Upload(upload.attachment.clone()),
            Work::Report { message, .. } => What::Report(message.clone()),
        };
        Step { about: Arc::clone(&self.about), what }
    }

    fn is_file(&self) -> bool {
        match &self.work {
            Work::Upload(upload) => upload.attachment.is_file(),
            Work::Report { .. } => false,
        }
    }

    /// The settled remains of a job that nothing more is done for.
    fn fail(self, reason: DropReason) -> Option<Fate> {
        let failed = match self.work {
            Work::Upload(Upload { sequence, lease, .. }) => {
                let detail = String::new();
                Failed { sequence, reason, detail, _lease: lease }
            }
            Work::Report { failed, .. } => failed?,
        };
        Some(Fate::Failed { about: self.about, failed })
    }
}

impl Queue {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            waiting: VecDeque::new(),
            delayed: Vec::new(),
            running: HashMap::new(),
            next: 0,
            running_files: 0,
            reports: 0,
        }
    }

    pub(crate) fn add(&mut self, upload: Upload) {
        let about = Arc::clone(upload.attachment.about());
        let work = Work::Upload(upload);
        self.waiting.push_back(Job { about, work, tries: 0, is_uploaded: false });
    }

    /// Has the server told of an attachment that was refused before it got here.
    pub(crate) fn report(&mut self, about: Arc<About>, message: String) {
        if self.reports < MOST_REPORTS {
            self.reports += 1;
            let work = Work::Report { message, failed: None };
            self.waiting.push_back(Job { about, work, tries: 0, is_uploaded: false });
        }
    }

    /// The next step and its number, if one is due and a lane is free.
    pub(crate) fn start(&mut self, now: Instant) -> Option<(u64, Step)> {
        while let Some(at) = self.delayed.iter().position(|(due, _)| *due <= now) {
            self.waiting.push_back(self.delayed.swap_remove(at).1);
        }
        if self.running.len() >= LANES {
            return None;
        }
        let files_wait = self.running_files >= FILE_LANES;
        let at = self.waiting.iter().position(|job| !(files_wait && job.is_file()))?;
        let job = self.waiting.remove(at)?;
        self.running_files += usize::from(job.is_file());
        self.next += 1;
        let step = job.step();
        self.running.insert(self.next, job);
        Some((self.next, step))
    }

    /// Takes in how a step ended, and says what has become of the attachment, if that is decided.
    pub(crate) fn finished(&mut self, number: u64, verdict: Verdict, now: Instant) -> Option<Fate> {
        let mut job = self.running.remove(&number)?;
        self.running_files -= usize::from(job.is_file());
        let upload = match job.work {
            Work::Upload(upload) => upload,
            // Told or not: it is tried once, since the ledger here knows it anyway.
            Work::Report { failed, .. } => {
                self.reports -= usize::from(failed.is_none());
                return failed.map(|failed| Fate::Failed { about: job.about, failed });
            }
        };
        job.tries += 1;
        let (reason, detail) = match verdict {
            Verdict::Done => return Some(Fate::Uploaded { sequence: upload.sequence }),
            Verdict::Retry { after, is_uploaded, .. } if job.tries < TRIES => {
                let due = now + backoff::delay_from(BASE_DELAY, job.tries, after, &mut self.random);
                job.is_uploaded = is_uploaded;
                job.work = Work::Upload(upload);
                self.delayed.push((due, job));
                return None;
            }
            Verdict::Retry { detail, .. } => (DropReason::Unreachable, detail),
            Verdict::Stop { reason, detail } => (reason, detail),
        };
        let Upload { sequence, mut lease, attachment } = upload;
        // Its bytes are of no more use, and may be many.
        drop(attachment);
        lease.shrink_to(OVERHEAD_BYTES);
        let failed = Failed { sequence, reason, detail: detail.clone(), _lease: lease };
        if reason == DropReason::Unauthorized {
            // The server would not listen.
            return Some(Fate::Failed { about: job.about, failed });
        }
        let message = format!("{}: {detail}", reason.explain());
        job.work = Work::Report { message, failed: Some(failed) };
        self.waiting.push_front(job);
        None
    }

    /// When a delayed job is due.
    pub(crate) fn wake(&self) -> Option<Instant> {
        self.delayed.iter().map(|(due, _)| *due).min().filter(|_| self.running.len() < LANES)
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.running.is_empty() && self.waiting.is_empty() && self.delayed.is_empty()
    }

    /// Gives up everything, what is under way included.
    pub(crate) fn abandon(&mut self, reason: DropReason) -> Vec<Fate> {
        let delayed = std::mem::take(&mut self.delayed).into_iter().map(|(_, job)| job);
        let running = std::mem::take(&mut self.running).into_values();
        let waiting = std::mem::take(&mut self.waiting).into_iter();
        waiting.chain(delayed).chain(running).filter_map(|job| job.fail(reason)).collect()
    }
}
