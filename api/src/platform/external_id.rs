//! The marketplace's own ids, as they stand in a path.

use std::borrow::Cow;

use poem_openapi::{
    registry::{MetaSchema, MetaSchemaRef},
    types::{ParseFromParameter, ParseResult, ToJSON, Type},
};
use serde_json::Value;

use crate::problem::{FieldCode, Problem};

/// The column holds this many.
const MAX_CHARS: usize = 100;

/// 1 to 100 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ExternalId(pub String);

impl ExternalId {
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let fits = (1..=MAX_CHARS).contains(&text.len());
        if fits && text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("must have 1 to {MAX_CHARS} visible ASCII characters"))
        }
    }

    /// The id to push under.
    pub(crate) fn checked(self) -> Result<String, Problem> {
        let invalid = |why: String| Problem::invalid_parameter("external_id", FieldCode::InvalidId, &why);
        Self::read(&self.0).map(|id| id.0).map_err(invalid)
    }

    /// The id to look up: one that nothing can have is an unknown one.
    pub(crate) fn known(self) -> Result<String, Problem> {
        self.checked().map_err(|_| Problem::not_found())
    }
}

impl Type for ExternalId {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "external_id".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            min_length: Some(1),
            max_length: Some(MAX_CHARS),
            pattern: Some("^[!-~]{1,100}$".to_owned()),
            ..MetaSchema::new("string")
        }))
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl ParseFromParameter for ExternalId {
    /// Takes anything: what is wrong with it is said by [`ExternalId::checked`], which knows what is asked for.
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        Ok(Self(value.to_owned()))
    }
}

impl ToJSON for ExternalId {
    fn to_json(&self) -> Option<Value> {
        Some(Value::String(self.0.clone()))
    }
}
