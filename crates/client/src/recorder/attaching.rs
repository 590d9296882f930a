//! Attachments of records: which a record brings, what they cost, and who uploads them.

use std::sync::Arc;

use super::{Draft, Recorder};
use crate::attachment::{self, Attachment, Claim};
use crate::budget::Lease;
use crate::config::Policy;
use crate::inbox::{DropReason, Refusal};

impl Recorder {
    /// How many bytes of attachments a record can bring.
    pub(crate) fn attachment_room(&self) -> u64 {
        match self.policy {
            Policy::Drop => self.budget.free_bytes(),
            Policy::Block | Policy::Spool => self.budget.capacity_bytes(),
        }
    }

    /// Leaves a record the attachments that this client has to upload for it: those whose
    /// reference is still in a field, after masking and replacing, and which no record before
    /// brought. Returns what they cost.
    #[cold]
    pub(super) fn claim(&self, draft: &mut Draft) -> u64 {
        let client = self.inbox.client;
        let mut claims = draft.event.attachments.take().map(|claims| *claims).unwrap_or_default();
        let raw = &draft.event.raw;
        claims.retain(|claim| {
            raw.iter().any(|(_, json)| attachment::refers_to(json.bytes(), claim.key))
        });
        // What one holds inside of its content is referred to from there.
        let nested = claims.iter().filter_map(|claim| claim.attachment.as_ref());
        let nested: Vec<Claim> = nested.flat_map(Attachment::nested).map(Claim::of).collect();
        claims.extend(nested);
        let mut known = Vec::with_capacity(claims.len());
        claims.retain(|claim| {
            let is_new = !known.contains(&claim.key) && attachment::is_due(claim.key, client);
            known.push(claim.key);
            is_new
        });
        let cost = claims.iter().filter_map(|claim| claim.attachment.as_ref());
        let cost = cost.map(Attachment::leased_bytes).sum();
        draft.event.attachments = (!claims.is_empty()).then(|| Box::new(claims));
        cost
    }

    /// A lease for the record alone, if it has attachments and there is room for it.
    pub(super) fn without_attachments(&self, draft: &mut Draft) -> Option<Lease> {
        draft.event.attachments.as_ref()?;
        let lease = self.budget.try_admit(draft.wire_bytes())?;
        if let Some(claims) = draft.event.attachments.take() {
            self.refuse_attachments(&claims, DropReason::BudgetFull);
        }
        Some(lease)
    }

    /// Hands the attachments of an accepted record over, each with its part of the lease.
    #[cold]
    pub(super) fn attach(&self, claims: Vec<Claim>, lease: &mut Lease) {
        for Claim { key, attachment } in claims {
            let Some(attachment) = attachment else {
                self.lost_attachment(DropReason::Released, Some(&key.to_string()), None);
                continue;
            };
            // Dropped if another thread was faster, which gives its bytes back.
            let part = lease.split(attachment.leased_bytes());
            if attachment::assign(&attachment, self.inbox.client) {
                let name = attachment.about().filename.clone();
                if !self.inbox.attach(attachment, part) {
                    self.notices.attachments_lost(1, DropReason::Shutdown, Some(&name));
                }
            }
        }
    }

    /// Counts attachments that are not uploaded, and has the server told.
    #[cold]
    pub(super) fn refuse_attachments(&self, claims: &[Claim], reason: DropReason) {
        for claim in claims {
            let about = claim.attachment.as_ref().map(Attachment::about);
            let name = about.map_or_else(|| claim.key.to_string(), |about| about.filename.clone());
            let message = reason.explain().to_owned();
            let refusal = about.map(|about| Refusal { about: Arc::clone(about), message });
            self.lost_attachment(reason, Some(&name), refusal);
        }
    }

    fn lost_attachment(&self, reason: DropReason, detail: Option<&str>, refusal: Option<Refusal>) {
        self.inbox.refuse_attachment(reason, refusal);
        self.notices.attachments_lost(1, reason, detail);
    }
}
