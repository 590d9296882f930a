//! Which attachments are behind the references that stand in values.
//!
//! A value may hold an attachment anywhere, and may have become JSON long before it is recorded
//! (`json!` does that). So serializing an attachment notes it here, and an event looks into the
//! JSON that it is given for keys of this process. A program without attachments pays one load
//! of a counter for that.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

use uuid::{Builder, Uuid};

use super::{Attachment, Inner};
use crate::ids;

/// Attachments that are known at most; of further ones the oldest are forgotten.
const MOST_ENTRIES: usize = 65_536;
/// Bytes that are kept for references whose attachment nobody holds any more and no event has
/// taken. Beyond it the oldest are let go; an event that brings their reference counts a failure.
const MOST_LOOSE_BYTES: u64 = 64 << 20;
/// `xxxxxxxx-xxxx` of a key is the same for all of this process.
const PREFIX_CHARS: usize = 13;
const KEY_CHARS: usize = 36;

/// Whether any attachment was serialized in this process.
static ANY: AtomicBool = AtomicBool::new(false);
static REGISTRY: LazyLock<Mutex<Registry>> = LazyLock::new(Mutex::default);
static PREFIX: LazyLock<[u8; 6]> = LazyLock::new(|| {
    let [a, b, c, d, e, f, ..] = ids::random().to_be_bytes();
    [a, b, c, d, e, f]
});

/// An attachment that an event refers to.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) key: Uuid,
    /// `None` if its bytes are gone.
    pub(crate) attachment: Option<Attachment>,
}

impl Claim {
    pub(crate) fn of(attachment: &Attachment) -> Self {
        Self { key: attachment.key(), attachment: Some(attachment.clone()) }
    }
}

/// What an event refers to. Boxed: most events refer to nothing, and are moved often.
pub(crate) type Claims = Option<Box<Vec<Claim>>>;

#[derive(Default)]
struct Registry {
    entries: HashMap<Uuid, Entry>,
    /// Keys by age; some may be there twice, or gone.
    order: VecDeque<Uuid>,
    loose_bytes: u64,
}

struct Entry {
    handle: Weak<Inner>,
    /// Serialized, and not yet taken by an event.
    loose: Option<Attachment>,
    /// Which clients have it uploaded.
    clients: Vec<u64>,
}

/// A client, within this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientId(u64);

impl Default for ClientId {
    fn default() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed))
    }
}

/// No panic leaves it half changed: each method leaves it whole.
fn lock() -> MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A key that tells this process's attachments from others'.
pub(super) fn new_key() -> Uuid {
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&*PREFIX);
    bytes[6..14].copy_from_slice(&ids::random().to_be_bytes());
    bytes[14..].copy_from_slice(&ids::random().to_be_bytes()[..2]);
    Builder::from_random_bytes(bytes).into_uuid()
}

/// Notes that a reference to an attachment was written somewhere.
pub(super) fn serialized(attachment: &Attachment) {
    let mut registry = lock();
    registry.note(attachment);
    drop(registry);
    // After the entry: who sees this finds it.
    ANY.store(true, Ordering::Release);
}

/// Whether values may hold references to attachments of this process.
#[inline]
pub(crate) fn any_serialized() -> bool {
    ANY.load(Ordering::Acquire)
}

/// Takes the attachments that a JSON text refers to.
#[cold]
pub(crate) fn claims_in(json: &[u8]) -> Vec<Claim> {
    let mut found: Vec<Claim> = Vec::new();
    let keys = keys_in(json);
    if keys.is_empty() {
        return found;
    }
    let mut registry = lock();
    for key in keys {
        // An unknown one is so old that it was forgotten, or nobody has ever serialized it.
        if let Some(attachment) = registry.take(key)
            && found.iter().all(|known| known.key != key)
        {
            found.push(Claim { key, attachment });
        }
    }
    found
}

/// Keys of this process in a text.
fn keys_in(json: &[u8]) -> Vec<Uuid> {
    let mut prefix = Uuid::encode_buffer();
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&*PREFIX);
    let prefix = &*Uuid::from_bytes(bytes).hyphenated().encode_lower(&mut prefix);
    let Ok(text) = std::str::from_utf8(json) else { return Vec::new() };
    let starts = text.match_indices(&prefix[..PREFIX_CHARS]);
    let keys = starts.filter_map(|(at, _)| Uuid::try_parse(text.get(at..at + KEY_CHARS)?).ok());
    keys.collect()
}

/// Whether a text refers to an attachment.
pub(crate) fn refers_to(json: &[u8], key: Uuid) -> bool {
    keys_in(json).contains(&key)
}

/// Whether a client still has to upload an attachment.
pub(crate) fn is_due(key: Uuid, client: ClientId) -> bool {
    lock().entries.get(&key).is_none_or(|entry| !entry.clients.contains(&client.0))
}

/// Has a client upload an attachment; `false` if it does so already.
pub(crate) fn assign(attachment: &Attachment, client: ClientId) -> bool {
    let mut registry = lock();
    let key = attachment.key();
    // Forgotten meanwhile: noted again, so that the next event does not upload it once more.
    let entry = registry.entries.entry(key).or_insert_with(|| Entry {
        handle: Arc::downgrade(&attachment.0),
        loose: None,
        clients: Vec::new(),
    });
    let is_new = !entry.clients.contains(&client.0);
    if is_new {
        entry.clients.push(client.0);
    }
    is_new
}

/// An upload has failed: the next record of the attachment tries again.
pub(crate) fn unassign(key: Uuid, client: ClientId) {
    if let Some(entry) = lock().entries.get_mut(&key) {
        entry.clients.retain(|known| *known != client.0);
    }
}

impl Registry {
    fn note(&mut self, attachment: &Attachment) {
        let key = attachment.key();
        let entry = self.entries.entry(key).or_insert_with(|| Entry {
            handle: Arc::downgrade(&attachment.0),
            loose: None,
            clients: Vec::new(),
        });
        if entry.loose.is_none() {
            entry.loose = Some(attachment.clone());
            self.loose_bytes += attachment.in_memory_bytes();
            self.order.push_back(key);
        }
        while self.loose_bytes > MOST_LOOSE_BYTES || self.order.len() > 2 * MOST_ENTRIES {
            let Some(oldest) = self.order.pop_front() else { break };
            self.let_go(oldest);
        }
        while self.entries.len() > MOST_ENTRIES {
            let Some(oldest) = self.order.pop_front() else { break };
            self.let_go(oldest);
            self.entries.remove(&oldest);
        }
    }

    /// No longer keeps an attachment alive that nobody else does.
    fn let_go(&mut self, key: Uuid) -> Option<Attachment> {
        let loose = self.entries.get_mut(&key)?.loose.take()?;
        self.loose_bytes -= loose.in_memory_bytes();
        Some(loose)
    }

    /// Outer `None`: unknown. Inner `None`: its bytes are gone.
    fn take(&mut self, key: Uuid) -> Option<Option<Attachment>> {
        if let Some(loose) = self.let_go(key) {
            return Some(Some(loose));
        }
        let entry = self.entries.get(&key)?;
        Some(entry.handle.upgrade().map(Attachment))
    }
}
