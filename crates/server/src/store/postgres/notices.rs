//! What collectors tell each other, by `NOTIFY tidegate`:
//!
//! - `changed N N N`: objects of these numbers were indexed; without numbers, too many to name.
//! - `keys`: a key was made or revoked.
//! - `objects`: an object was renamed or deleted.
//!
//! A collector that was cut off for a while may have missed anything, so it then acts as if told
//! all of it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use tokio::sync::watch;
use tokio_postgres::AsyncMessage;
use tokio_util::task::TaskTracker;

use super::database::{Database, in_time};
use crate::store::{Elsewhere, StoreError, Touched};

/// The one channel.
pub(super) const CHANNEL: &str = "tidegate";
/// Between two attempts to listen again. A revoked key is refused within a second everywhere.
const RETRY: Duration = Duration::from_millis(250);
/// How often a connection on which nothing comes is tried: a peer that vanished says nothing.
const PING_EVERY: Duration = Duration::from_secs(10);

/// A connection that listens, and the task that has it.
#[derive(Debug)]
pub(super) struct Notices {
    elsewhere: Arc<Elsewhere>,
    stop: watch::Sender<bool>,
    task: TaskTracker,
}

impl Notices {
    /// Listens in the background, again and again. Needs a runtime.
    pub(super) fn listen(database: Database, touched: Arc<Touched>) -> Self {
        let (stop, mut stopped) = watch::channel(false);
        let elsewhere = Arc::new(Elsewhere::default());
        let ear = Ear { touched, elsewhere: Arc::clone(&elsewhere) };
        let task = TaskTracker::new();
        task.spawn(async move {
            let mut lost = false;
            loop {
                // Cancel safe: what was missed is made up for by the next round.
                let ended = tokio::select! {
                    _ = stopped.wait_for(|stop| *stop) => return,
                    ended = ear.hear(&database) => ended,
                };
                if !std::mem::replace(&mut lost, true) {
                    tracing::warn!(
                        target: "server::store", error = ?ended.err(), "not told of changes for now"
                    );
                }
                let again = async {
                    tokio::time::sleep(RETRY).await;
                    database.client().await.is_ok()
                };
                tokio::select! {
                    _ = stopped.wait_for(|stop| *stop) => return,
                    is_back = again => lost = !is_back,
                }
            }
        });
        task.close();
        Self { elsewhere, stop, task }
    }

    /// What others change.
    pub(super) fn elsewhere(&self) -> Arc<Elsewhere> {
        Arc::clone(&self.elsewhere)
    }

    pub(super) async fn close(&self) {
        self.stop.send_replace(true);
        self.task.wait().await;
    }
}

struct Ear {
    touched: Arc<Touched>,
    elsewhere: Arc<Elsewhere>,
}

impl Ear {
    /// Listens on a connection of its own until that ends.
    async fn hear(&self, database: &Database) -> Result<(), StoreError> {
        let (client, mut connection) = in_time(async { Ok(database.apart().await?) }).await?;
        let messages = stream::poll_fn(move |context| connection.poll_message(context));
        let listening = async {
            let listen = format!("LISTEN {CHANNEL}");
            in_time(async { Ok(client.batch_execute(&listen).await?) }).await?;
            // Whatever was said before this moment, nobody here heard.
            self.touched.note_others();
            self.elsewhere.keys.notify_one();
            self.elsewhere.objects.notify_one();
            loop {
                tokio::time::sleep(PING_EVERY).await;
                in_time(async { Ok(client.batch_execute("SELECT 1").await?) }).await?;
            }
        };
        let mut messages = std::pin::pin!(messages);
        let mut listening = std::pin::pin!(listening);
        loop {
            // Cancel safe: the stream is polled where it was, and `listening` goes on.
            tokio::select! {
                ended = &mut listening => {
                    let ended: Result<(), StoreError> = ended;
                    return ended;
                }
                message = messages.next() => match message {
                    Some(Ok(AsyncMessage::Notification(notice))) => self.act(notice.payload()),
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(error.into()),
                    None => return Ok(()),
                },
            }
        }
    }

    fn act(&self, payload: &str) {
        let mut words = payload.split(' ');
        match words.next() {
            Some("changed") => {
                let numbers: Vec<i64> = words.filter_map(|word| word.parse().ok()).collect();
                match numbers.is_empty() {
                    true => self.touched.note_others(),
                    false => self.touched.note(numbers),
                }
            }
            Some("keys") => self.elsewhere.keys.notify_one(),
            Some("objects") => self.elsewhere.objects.notify_one(),
            // A newer collector may know more words.
            _ => {}
        }
    }
}
