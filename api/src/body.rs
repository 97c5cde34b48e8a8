//! Request bodies: JSON, read field by field, so that one answer names every field that is wrong.
//!
//! A body type derives poem-openapi's `Object` for the document and reads itself here with [`Fields`]; a test compares the two.
//! Unknown fields are refused: a mistyped optional field that is silently ignored moves money the wrong way.

use chrono::{DateTime, Utc};
use poem::{Request, RequestBody};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    error::ContentTypeError,
    registry::{MetaMediaType, MetaRequest, Registry},
    types::Type,
};
use serde_json::{Map, Value};
use uuid::Uuid;

use domain::{Currency, Money};

use crate::{
    limits::MAX_BODY_BYTES,
    money::{Amount, field_error},
    problem::{Code, FieldCode, FieldError, Problem},
};

/// How a body of the document's shape is read from a JSON object.
pub(crate) trait FromFields {
    /// What is left when everything has been checked.
    type Checked: Send;

    /// `None` only after at least one error was noted.
    fn from_fields(fields: &mut Fields) -> Option<Self::Checked>;
}

/// A JSON body of the shape `T`, parsed and checked.
pub(crate) struct Body<T: FromFields>(pub T::Checked);

impl<'a, T: FromFields + Type> ApiExtractor<'a> for Body<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let content = vec![MetaMediaType { content_type: "application/json", schema: T::schema_ref() }];
        Some(MetaRequest { description: None, content, required: true })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let content_type = request.content_type().ok_or(ContentTypeError::ExpectContentType)?;
        if !is_json(content_type) {
            return Err(ContentTypeError::NotSupported { content_type: content_type.to_owned() }.into());
        }
        let bytes = body.take()?.into_bytes_limit(MAX_BODY_BYTES).await?;
        Ok(Self(parse::<T>(&bytes)?))
    }
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// Reads `T` from the bytes of a body.
pub(crate) fn parse<T: FromFields>(bytes: &[u8]) -> Result<T::Checked, Problem> {
    let value: Value = serde_json::from_slice(bytes).map_err(|wrong| {
        // Line and column, never the content: it may be an account number.
        let place = format!("line {}, column {}", wrong.line(), wrong.column());
        Problem::new(Code::MalformedJson, format!("The body is not valid JSON ({place})."))
    })?;
    let Value::Object(object) = value else {
        return Err(Problem::new(Code::MalformedJson, "The body must be a JSON object."));
    };
    let mut fields = Fields { object, errors: vec![] };
    let read = T::from_fields(&mut fields);
    fields.refuse_the_rest();
    match read {
        Some(read) if fields.errors.is_empty() => Ok(read),
        Some(_) | None => Err(Problem::invalid(fields.errors)),
    }
}

/// A field's name is repeated to the client, within reason.
fn cut(name: &str) -> String {
    /// Longer than any field of ours.
    const MAX_CHARS: usize = 64;
    name.chars().take(MAX_CHARS).collect()
}

/// The fields of a body, taken out one by one; what is left over is unknown.
pub(crate) struct Fields {
    object: Map<String, Value>,
    errors: Vec<FieldError>,
}

impl Fields {
    /// The field, unless it is absent; `null` is absent.
    fn take(&mut self, name: &str) -> Option<Value> {
        self.object.remove(name).filter(|value| !value.is_null())
    }

    fn required(&mut self, name: &str) -> Option<Value> {
        let value = self.take(name);
        if value.is_none() {
            self.refuse(name, FieldCode::Required, "is required");
        }
        value
    }

    /// Notes that a field is wrong.
    pub(crate) fn refuse(&mut self, name: &str, code: FieldCode, detail: impl Into<String>) {
        self.errors.push(FieldError::new(name, code, detail));
    }

    /// What nobody asked for is a mistake.
    fn refuse_the_rest(&mut self) {
        for name in self.object.keys() {
            let what = "is not a field of this request";
            self.errors.push(FieldError::new(cut(name), FieldCode::UnknownField, what));
        }
    }

    /// An object within, read by `read`; what is wrong in it is told under its path.
    pub(crate) fn nested<T>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let Value::Object(object) = self.required(name)? else {
            self.refuse(name, FieldCode::WrongType, "must be an object");
            return None;
        };
        let mut fields = Self { object, errors: vec![] };
        let value = read(&mut fields);
        fields.refuse_the_rest();
        let is_right = fields.errors.is_empty();
        let under = |error: FieldError| FieldError { field: format!("{name}.{}", error.field), ..error };
        self.errors.extend(fields.errors.into_iter().map(under));
        value.filter(|_| is_right)
    }

    /// A JSON number without a fraction, zero or above.
    pub(crate) fn whole_number(&mut self, name: &str) -> Option<u32> {
        let value = self.required(name)?;
        self.number_of(name, &value)
    }

    pub(crate) fn whole_number_or(&mut self, name: &str, absent: u32) -> Option<u32> {
        match self.take(name) {
            None => Some(absent),
            Some(value) => self.number_of(name, &value),
        }
    }

    fn number_of(&mut self, name: &str, value: &Value) -> Option<u32> {
        if !value.is_number() {
            self.refuse(name, FieldCode::WrongType, "must be a number");
            return None;
        }
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        if number.is_none() {
            self.refuse(name, FieldCode::InvalidValue, "must be a whole number from 0 to 4294967295");
        }
        number
    }

    /// An amount whose currency is known from elsewhere: a decimal string.
    pub(crate) fn amount_in(&mut self, name: &str, currency: Currency) -> Option<Money> {
        let Value::String(text) = self.required(name)? else {
            let why = "must be a decimal string such as \"1500.00\": JSON numbers lose digits on their way";
            self.refuse(name, FieldCode::AmountNotAString, why);
            return None;
        };
        match Money::parse(&text, currency) {
            Ok(money) => Some(money),
            Err(wrong) => {
                self.errors.push(field_error(name, &wrong));
                None
            }
        }
    }

    fn text_of(&mut self, name: &str, value: Value, max_chars: usize) -> Option<String> {
        let Value::String(text) = value else {
            self.refuse(name, FieldCode::WrongType, "must be a string");
            return None;
        };
        let text = text.trim().to_owned();
        if text.chars().count() > max_chars {
            self.refuse(name, FieldCode::TooLong, format!("must have at most {max_chars} characters"));
        } else if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
            // PostgreSQL cannot store NUL, and the others make a log or a CSV say what it does not.
            self.refuse(name, FieldCode::ForbiddenCharacter, "must not have control characters");
        } else {
            return Some(text);
        }
        None
    }

    /// 1 to `max_chars` characters, without spaces around them.
    pub(crate) fn text(&mut self, name: &str, max_chars: usize) -> Option<String> {
        let value = self.required(name)?;
        let text = self.text_of(name, value, max_chars)?;
        if text.is_empty() {
            self.refuse(name, FieldCode::Empty, "must not be empty");
            return None;
        }
        Some(text)
    }

    /// At most `max_chars` characters; absent and empty are the same.
    pub(crate) fn optional_text(&mut self, name: &str, max_chars: usize) -> Option<String> {
        let value = self.take(name)?;
        self.text_of(name, value, max_chars).filter(|text| !text.is_empty())
    }

    /// A text that `parse` understands, or what it says about it.
    pub(crate) fn parsed<T>(
        &mut self,
        name: &str,
        code: FieldCode,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        /// Nothing that is parsed is longer.
        const MAX_CHARS: usize = 100;
        let text = self.text(name, MAX_CHARS)?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(why) => {
                self.refuse(name, code, why);
                None
            }
        }
    }

    /// What `read` makes of a value of any shape, where there is one.
    pub(crate) fn optional<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&Value) -> Result<T, &'static str>,
    ) -> Option<T> {
        let value = self.take(name)?;
        match read(&value) {
            Ok(read) => Some(read),
            Err(why) => {
                self.refuse(name, FieldCode::InvalidValue, why);
                None
            }
        }
    }

    /// How many fields were wrong so far.
    pub(crate) fn mistakes(&self) -> usize {
        self.errors.len()
    }

    pub(crate) fn id(&mut self, name: &str) -> Option<Uuid> {
        self.parsed(name, FieldCode::InvalidId, |text| {
            Uuid::try_parse(text).map_err(|_| "must be a UUID".to_owned())
        })
    }

    /// RFC 3339, kept to the microsecond as the database does.
    pub(crate) fn time(&mut self, name: &str) -> Option<DateTime<Utc>> {
        self.parsed(name, FieldCode::InvalidTime, |text| {
            let wrong = || "must be an RFC 3339 time such as 2026-11-22T09:00:00Z".to_owned();
            let time = DateTime::parse_from_rfc3339(text).map_err(|_| wrong())?;
            DateTime::from_timestamp_micros(time.timestamp_micros()).ok_or_else(wrong)
        })
    }

    /// The same, where it may be left out. Outside: is it valid; inside: is it there.
    #[expect(clippy::option_option, reason = "outside: is it valid; inside: is it there")]
    pub(crate) fn optional_time(&mut self, name: &str) -> Option<Option<DateTime<Utc>>> {
        if self.object.get(name).is_none_or(Value::is_null) {
            self.take(name);
            return Some(None);
        }
        self.time(name).map(Some)
    }

    /// A list of texts of at most 100 characters; absent is empty.
    pub(crate) fn words(&mut self, name: &str) -> Option<Vec<String>> {
        const MOST: usize = 100;
        const MAX_CHARS: usize = 100;
        let items = match self.take(name) {
            None => return Some(vec![]),
            Some(Value::Array(items)) => items,
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
                self.refuse(name, FieldCode::WrongType, "must be a list of strings");
                return None;
            }
        };
        if items.len() > MOST {
            self.refuse(name, FieldCode::TooLong, format!("must have at most {MOST} items"));
            return None;
        }
        items.into_iter().map(|item| self.text_of(name, item, MAX_CHARS)).collect()
    }

    pub(crate) fn bool(&mut self, name: &str) -> Option<bool> {
        let value = self.required(name)?;
        self.object.insert(name.to_owned(), value);
        self.bool_or(name, false)
    }

    /// A list of 1 to `most` ids.
    pub(crate) fn ids(&mut self, name: &str, most: usize) -> Option<Vec<Uuid>> {
        let value = self.required(name)?;
        let Value::Array(values) = value else {
            self.refuse(name, FieldCode::WrongType, "must be a list");
            return None;
        };
        if values.is_empty() || values.len() > most {
            self.refuse(name, FieldCode::InvalidValue, format!("must have 1 to {most} ids"));
            return None;
        }
        let ids: Option<Vec<Uuid>> =
            values.iter().map(|value| value.as_str().and_then(|id| id.parse().ok())).collect();
        if ids.is_none() {
            self.refuse(name, FieldCode::InvalidId, "must have nothing but ids");
        }
        ids
    }

    pub(crate) fn bool_or(&mut self, name: &str, absent: bool) -> Option<bool> {
        match self.take(name) {
            None => Some(absent),
            Some(Value::Bool(value)) => Some(value),
            Some(Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_)) => {
                self.refuse(name, FieldCode::WrongType, "must be true or false");
                None
            }
        }
    }

    /// An amount above or below zero.
    pub(crate) fn signed_money(&mut self, name: &str) -> Option<Money> {
        let value = self.required(name)?;
        match Amount::read(name, &value) {
            Ok(Amount(money)) if money.is_zero() => {
                self.refuse(&format!("{name}.amount"), FieldCode::InvalidValue, "must not be zero");
                None
            }
            Ok(Amount(money)) => Some(money),
            Err(errors) => {
                self.errors.extend(errors);
                None
            }
        }
    }

    /// An amount greater than zero.
    pub(crate) fn positive_money(&mut self, name: &str) -> Option<Money> {
        let value = self.required(name)?;
        match Amount::read(name, &value) {
            Ok(Amount(money)) => match money.positive() {
                Ok(money) => Some(money),
                Err(wrong) => {
                    self.errors.push(field_error(&format!("{name}.amount"), &wrong));
                    None
                }
            },
            Err(errors) => {
                self.errors.extend(errors);
                None
            }
        }
    }
}

/// Holds what is read of a body against what the document says about it: the same fields, the same ones required.
#[cfg(test)]
pub(crate) fn assert_reads_what_is_documented<T: FromFields + Type>() {
    use std::collections::BTreeSet;
    let mut registry = Registry::new();
    T::register(&mut registry);
    let schema = &registry.schemas[T::name().as_ref()];
    let noted = |object: Map<String, Value>, code: FieldCode| -> BTreeSet<String> {
        let Err(problem) = parse::<T>(Value::Object(object).to_string().as_bytes()) else {
            return BTreeSet::new();
        };
        let errors = problem.errors().iter().filter(|error| error.code == code.as_str());
        errors.map(|error| error.field.clone()).collect()
    };
    let required: BTreeSet<String> = schema.required.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(noted(Map::new(), FieldCode::Required), required, "required fields of {}", T::name());
    let documented = schema.properties.iter().map(|(name, _)| ((*name).to_owned(), Value::from(1)));
    assert_eq!(
        noted(documented.collect(), FieldCode::UnknownField),
        BTreeSet::new(),
        "fields of {}",
        T::name()
    );
}

#[cfg(test)]
mod tests {
    use poem_openapi::Object;

    use super::*;

    #[derive(Debug, Object)]
    struct Example {
        name: String,
        verified: Option<bool>,
    }

    impl FromFields for Example {
        type Checked = Self;

        fn from_fields(fields: &mut Fields) -> Option<Self> {
            let name = fields.text("name", 5);
            let verified = fields.bool_or("verified", false);
            Some(Self { name: name?, verified: Some(verified?) })
        }
    }

    fn wrong(body: &str) -> Vec<String> {
        let problem = parse::<Example>(body.as_bytes()).unwrap_err();
        if problem.errors().is_empty() {
            return vec![problem.code().as_str().to_owned()];
        }
        problem.errors().iter().map(|error| format!("{} {}", error.field, error.code)).collect()
    }

    #[test]
    fn one_answer_names_every_mistake() {
        assert_eq!(wrong("{"), ["malformed_json"]);
        assert_eq!(wrong("[]"), ["malformed_json"]);
        assert_eq!(wrong("null"), ["malformed_json"]);
        assert_eq!(wrong(""), ["malformed_json"]);
        assert_eq!(wrong("{}"), ["name required"]);
        assert_eq!(wrong(r#"{"name":null}"#), ["name required"]);
        assert_eq!(wrong(r#"{"name":"  "}"#), ["name empty"]);
        assert_eq!(wrong(r#"{"name":"éééééé"}"#), ["name too_long"]);
        assert_eq!(wrong(r#"{"name":"a\u0000"}"#), ["name forbidden_character"]);
        assert_eq!(
            wrong(r#"{"name":1,"verified":"yes","x":1}"#),
            ["name wrong_type", "verified wrong_type", "x unknown_field"]
        );
        let deep = "[".repeat(200) + &"]".repeat(200);
        assert_eq!(wrong(&format!(r#"{{"name":{deep}}}"#)), ["malformed_json"]);
        assert_eq!(parse::<Example>(br#"{"name":" abc "}"#).unwrap().name, "abc");
    }

    #[test]
    fn json_by_any_name() {
        assert!(
            is_json("application/json")
                && is_json("application/json; charset=utf-8")
                && is_json("application/merge-patch+json")
        );
        assert!(!is_json("text/plain") && !is_json("") && !is_json("application/x-www-form-urlencoded"));
    }
}
