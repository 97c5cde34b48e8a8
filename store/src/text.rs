//! Words from outside (a gateway's message, a reason typed at an engine) as the database can keep them.
//!
//! Text and jsonb hold every character but NUL. A step that failed on one would fail on every further try, so it is replaced
//! here and nowhere refused.

use std::borrow::Cow;

use serde_json::Value;

/// The same text without NUL.
pub(crate) fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{FFFD}")) } else { Cow::Borrowed(text) }
}

/// The same value with [`storable`] strings and keys.
pub(crate) fn storable_json(value: Value) -> Value {
    match value {
        Value::String(text) if text.contains('\0') => Value::String(storable(&text).into_owned()),
        Value::Array(items) => Value::Array(items.into_iter().map(storable_json).collect()),
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(name, value)| (storable(&name).into_owned(), storable_json(value)))
                .collect(),
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_nul_is_replaced() {
        assert_eq!(storable("₦5\n\u{1}"), "₦5\n\u{1}");
        assert_eq!(storable("a\0b"), "a\u{FFFD}b");
        let value = storable_json(json!({ "a\0": ["\0", 1, null, { "b": "\0" }] }));
        assert_eq!(value, json!({ "a\u{FFFD}": ["\u{FFFD}", 1, null, { "b": "\u{FFFD}" }] }));
    }
}
