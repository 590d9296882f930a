//! What changes, told to pages that watch: at most once per object and [`INTERVAL`], and nobody's
//! slowness costs memory, since only the latest of each object is kept and readers come for it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tidegate_model::Destination;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::app::App;
use crate::keys::random_hex;
use crate::store::{Changed, Noted, StoreError};

/// Between two tellings.
const INTERVAL: Duration = Duration::from_millis(500);
/// Objects whose latest change is kept, of about 400 bytes each. Who has not seen one that is
/// forgotten is told to read everything again.
const MOST_OBJECTS: usize = 1_024;
/// Readers at once.
const MOST_READERS: usize = 128;

/// The latest change of each object, in their order.
#[derive(Debug)]
pub(crate) struct Live {
    kept: Mutex<Kept>,
    newest: watch::Sender<u64>,
    readers: Arc<Semaphore>,
    /// Tells the numbers of this process from those of another.
    run: String,
}

#[derive(Debug, Default)]
struct Kept {
    /// Of the last change.
    number: u64,
    /// Changes up to this one may be forgotten.
    forgotten: u64,
    changes: BTreeMap<u64, Arc<Changed>>,
    /// Number of an object's change.
    numbers: HashMap<(&'static str, String), u64>,
}

/// What a reader wants to know of.
#[derive(Debug, Clone)]
pub(crate) enum Watched {
    Everything,
    /// A project, by its id.
    Project(String),
    Object(Destination),
}

impl Watched {
    fn holds(&self, changed: &Changed) -> bool {
        match self {
            Self::Everything => true,
            Self::Project(id) => changed.project_id.as_ref() == Some(id),
            Self::Object(object) => {
                (object.kind(), object.object_id()) == (changed.object_type, &changed.object_id)
            }
        }
    }
}

/// What came after a place.
#[derive(Debug, PartialEq)]
pub(crate) enum News {
    /// Too much to tell: everything is to be read again.
    Reset,
    /// Changes with their numbers, in order.
    Changes(Vec<(u64, Arc<Changed>)>),
}

impl Live {
    pub(crate) fn new() -> Result<Self, StoreError> {
        Ok(Self {
            kept: Mutex::default(),
            newest: watch::Sender::default(),
            readers: Arc::new(Semaphore::new(MOST_READERS)),
            run: random_hex::<4>()?,
        })
    }

    /// Makes room for a reader, until dropped; `None` if there are too many. The receiver tells
    /// of the newest number.
    pub(crate) fn join(&self) -> Option<(OwnedSemaphorePermit, watch::Receiver<u64>)> {
        let place = Arc::clone(&self.readers).try_acquire_owned().ok()?;
        Some((place, self.newest.subscribe()))
    }

    /// Readers just now.
    pub(crate) fn readers(&self) -> usize {
        MOST_READERS - self.readers.available_permits()
    }

    /// Counts readers, for figures.
    pub(crate) fn readers_counter(&self) -> impl Fn() -> usize + Send + Sync + 'static {
        let readers = Arc::clone(&self.readers);
        move || MOST_READERS - readers.available_permits()
    }

    /// The id of an event.
    pub(crate) fn id(&self, number: u64) -> String {
        format!("{}-{number}", self.run)
    }

    /// Reads an id; `None` if it is of another process.
    pub(crate) fn number(&self, id: &str) -> Option<u64> {
        let number = id.strip_prefix(&*self.run)?.strip_prefix('-')?.parse().ok()?;
        (number <= self.lock().number).then_some(number)
    }

    /// What came after a number, and the number to ask for next.
    pub(crate) fn after(&self, number: u64, watched: &Watched) -> (News, u64) {
        let kept = self.lock();
        if number < kept.forgotten {
            return (News::Reset, kept.number);
        }
        let changes = kept.changes.range(number + 1..);
        let changes = changes.filter(|(_, changed)| watched.holds(changed));
        let changes = changes.map(|(number, changed)| (*number, Arc::clone(changed)));
        (News::Changes(changes.collect()), kept.number)
    }

    fn tell(&self, changes: Vec<Changed>) {
        let mut kept = self.lock();
        for changed in changes {
            kept.number += 1;
            let number = kept.number;
            let object = (changed.object_type, changed.object_id.clone());
            if let Some(before) = kept.numbers.insert(object, number) {
                kept.changes.remove(&before);
            }
            kept.changes.insert(number, Arc::new(changed));
            if kept.changes.len() > MOST_OBJECTS
                && let Some((oldest, changed)) = kept.changes.pop_first()
            {
                kept.numbers.remove(&(changed.object_type, changed.object_id.clone()));
                kept.forgotten = oldest;
            }
        }
        self.newest.send_replace(kept.number);
    }

    /// Something changed, and nobody knows what.
    fn forget(&self) {
        let mut kept = self.lock();
        let number = kept.number + 1;
        *kept = Kept { number, forgotten: number, ..Kept::default() };
        self.newest.send_replace(number);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells of changes until the stop. Nothing is looked up while nobody reads.
pub(crate) async fn run(app: Arc<App>) {
    let touched = app.store.touched();
    let telling = async {
        loop {
            let Noted { objects, others } = touched.take().await;
            if app.live.readers() == 0 || others {
                app.live.forget();
            } else {
                match app.store.tallied(objects.into_iter().collect()).await {
                    Ok(changes) => app.live.tell(changes),
                    Err(StoreError::Closed) => return,
                    Err(error) => {
                        tracing::warn!(target: "server::live", error = ?error, "changes not told");
                        app.live.forget();
                    }
                }
            }
            tokio::time::sleep(INTERVAL).await;
        }
    };
    // Cancel safe: both only wait, look up and tell.
    tokio::select! {
        () = app.lifecycle.stopping() => {}
        () = telling => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(id: &str, rows: u64) -> Changed {
        Changed {
            object_type: "experiment",
            object_id: id.into(),
            project_id: Some(format!("project of {id}")),
            rows,
            cases: 0,
            errors: 0,
            last_write: None,
        }
    }

    fn told(live: &Live, after: u64, watched: &Watched) -> Vec<(u64, String, u64)> {
        match live.after(after, watched).0 {
            News::Reset => panic!("reset"),
            News::Changes(changes) => {
                let told = |(number, c): (u64, Arc<Changed>)| (number, c.object_id.clone(), c.rows);
                changes.into_iter().map(told).collect()
            }
        }
    }

    #[test]
    fn a_reader_gets_the_latest_of_each_object_in_order() {
        let live = Live::new().expect("random");
        live.tell(vec![changed("a", 1), changed("b", 1)]);
        live.tell(vec![changed("a", 2)]);
        let all = Watched::Everything;
        assert_eq!(told(&live, 0, &all), [(2, "b".into(), 1), (3, "a".into(), 2)]);
        assert_eq!(told(&live, 2, &all), [(3, "a".into(), 2)]);
        assert_eq!(told(&live, 3, &all), []);
        let only_b = Watched::Object(Destination::Experiment("b".into()));
        assert_eq!(told(&live, 0, &only_b), [(2, "b".into(), 1)]);
        let project = Watched::Project("project of a".into());
        assert_eq!(told(&live, 0, &project), [(3, "a".into(), 2)]);
        assert_eq!(live.after(0, &only_b).1, 3);
    }

    #[test]
    fn who_missed_something_that_is_forgotten_is_told_so() {
        let live = Live::new().expect("random");
        let many = (0..MOST_OBJECTS + 5).map(|n| changed(&n.to_string(), 1)).collect();
        live.tell(many);
        let all = Watched::Everything;
        let newest = (MOST_OBJECTS + 5) as u64;
        assert_eq!(live.after(4, &all), (News::Reset, newest));
        assert_eq!(told(&live, 5, &all).len(), MOST_OBJECTS);
        assert_eq!(live.lock().numbers.len(), MOST_OBJECTS);
        live.forget();
        assert_eq!(live.after(newest, &all), (News::Reset, newest + 1));
        assert_eq!(told(&live, newest + 1, &all), []);
    }

    #[test]
    fn ids_of_another_process_are_none() {
        let (live, other) = (Live::new().expect("random"), Live::new().expect("random"));
        live.tell(vec![changed("a", 1)]);
        assert_eq!(live.number(&live.id(1)), Some(1));
        assert_eq!(live.number(&live.id(2)), None, "not yet");
        assert_eq!(live.number(&other.id(1)), None);
        assert_eq!(live.number("1"), None);
    }

    #[test]
    fn there_is_room_for_so_many_readers() {
        let live = Live::new().expect("random");
        let places: Vec<_> = (0..MOST_READERS).filter_map(|_| live.join()).collect();
        assert_eq!(live.readers(), MOST_READERS);
        assert!(live.join().is_none());
        drop(places);
        assert!(live.join().is_some());
    }
}
