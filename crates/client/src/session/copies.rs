//! Whose copies of prompts and parameters may be used, in the words of the published SDK.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use secrecy::ExposeSecret as _;
use serde_json::json;

use super::{Connected, Session};
use crate::cache::Space;

impl Session {
    /// Whose copies of prompts and parameters may be used.
    pub(crate) fn cache_space(&self) -> Space {
        let app_url = self.config.locate.is_none().then_some(&*self.config.app_url);
        let api_key = self.config.api_key.as_ref().map(|key| key.expose_secret().trim());
        Space::new(app_url, self.config.org_name.as_deref(), api_key)
    }

    /// The organisation as the published JavaScript SDK notes it beside copies; `None` before the
    /// first login.
    pub(crate) fn organisation(&self) -> Option<Arc<str>> {
        self.organisation.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What one request may take.
    pub(crate) fn request_timeout(&self) -> Duration {
        self.config.request_timeout
    }

    pub(super) fn note_organisation(&self, connected: &Connected) {
        let of = json!(["loader-org", connected.app_url, connected.org.id]).to_string();
        *self.organisation.lock().unwrap_or_else(PoisonError::into_inner) = Some(of.into());
    }
}
