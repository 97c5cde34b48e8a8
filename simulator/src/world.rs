//! What every request, the agenda and the control handle share.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::books::Books;
use crate::books::accept::Terms;
use crate::faults::Faults;
use crate::settings::Settings;

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) secret_key: String,
    pub(crate) books: Books,
    pub(crate) faults: Faults,
    settings: Mutex<Arc<Settings>>,
    /// Counts look-ups, so that chance treats each anew.
    pub(crate) lookups: std::sync::atomic::AtomicU64,
    /// Rung after each try of a webhook.
    pub(crate) webhook_tried: watch::Sender<u64>,
}

impl World {
    pub(crate) fn new(secret_key: String, books: Books, settings: Settings) -> Self {
        Self {
            secret_key,
            books,
            faults: Faults::default(),
            settings: Mutex::new(Arc::new(settings)),
            lookups: std::sync::atomic::AtomicU64::new(0),
            webhook_tried: watch::Sender::new(0),
        }
    }

    pub(crate) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the settings by what `change` makes of them.
    pub(crate) fn change_settings(
        &self,
        change: impl FnOnce(&Settings) -> Result<Settings, String>,
    ) -> Result<Arc<Settings>, String> {
        let mut settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        *settings = Arc::new(change(&settings)?);
        Ok(Arc::clone(&settings))
    }

    pub(crate) fn terms<'a>(&'a self, settings: &'a Settings) -> Terms<'a> {
        Terms { settings, faults: &self.faults }
    }
}
