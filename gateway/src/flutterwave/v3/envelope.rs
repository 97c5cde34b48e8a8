//! The frame around every v3 answer: `{"status":"success"|"error","message":…,"data":…,"meta":…}`.

use serde::Deserialize;
use serde_json::value::RawValue;

/// The frame, with its contents still as text: a field of another type there must not hide what the frame says.
#[derive(Deserialize)]
pub(super) struct Envelope<'a> {
    pub(super) status: String,
    #[serde(default)]
    pub(super) message: Option<String>,
    #[serde(borrow, default)]
    pub(super) data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) meta: Option<&'a RawValue>,
}

impl<'a> Envelope<'a> {
    /// `None` where the body is not such a frame: HTML, a truncated body, trailing bytes, another shape.
    pub(super) fn read(body: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    /// `data` of a success.
    pub(super) fn success(&self) -> Option<&'a RawValue> {
        if self.status == "success" { self.data } else { None }
    }

    /// A success that holds nothing.
    pub(super) fn is_empty_success(&self) -> bool {
        self.status == "success" && self.data.is_none()
    }

    /// `message` of an error.
    pub(super) fn error(&self) -> Option<&str> {
        if self.status == "error" { self.message.as_deref() } else { None }
    }
}
