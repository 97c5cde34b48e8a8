//! Money on the wire: `{"amount": "1500.00", "currency": "NGN"}`. The amount is a string and nothing else.
//!
//! A JSON number has been through somebody's float before it reaches us, so it is refused even where it looks right;
//! poem-openapi's own `Decimal` takes floats and drops trailing zeros, which is why this type exists.

use std::borrow::Cow;

use domain::{Currency, InvalidMoney, Money};
use poem_openapi::{
    registry::{MetaSchema, MetaSchemaRef, Registry},
    types::{ParseError, ParseFromJSON, ParseFromParameter, ParseResult, ToJSON, Type},
};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::problem::{FieldCode, FieldError};

/// An exact amount with its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Amount(pub(crate) Money);

impl Amount {
    /// Reads `value`, found at `path`, or says everything that is wrong with it. Whether zero or less is allowed is for the
    /// caller to say.
    pub(crate) fn read(path: &str, value: &Value) -> Result<Self, Vec<FieldError>> {
        let Value::Object(object) = value else {
            let shape = r#"must be an object such as {"amount": "1500.00", "currency": "NGN"}"#;
            return Err(vec![FieldError::new(path, FieldCode::WrongType, shape)]);
        };
        let mut errors = vec![];
        let at = |name: &str| format!("{path}.{name}");
        for name in object.keys().filter(|name| !["amount", "currency"].contains(&name.as_str())) {
            errors.push(FieldError::new(at(name), FieldCode::UnknownField, "is not a field of an amount"));
        }
        let currency = match object.get("currency") {
            None | Some(Value::Null) => {
                errors.push(FieldError::new(at("currency"), FieldCode::Required, "is required"));
                None
            }
            Some(Value::String(code)) => match code.parse::<Currency>() {
                Ok(currency) => Some(currency),
                Err(wrong) => {
                    errors.push(field_error(&at("currency"), &wrong));
                    None
                }
            },
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                errors.push(FieldError::new(at("currency"), FieldCode::WrongType, "must be a string"));
                None
            }
        };
        let text = match object.get("amount") {
            None | Some(Value::Null) => {
                errors.push(FieldError::new(at("amount"), FieldCode::Required, "is required"));
                None
            }
            Some(Value::String(text)) => Some(text),
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                let why =
                    "must be a decimal string such as \"1500.00\": JSON numbers lose digits on their way";
                errors.push(FieldError::new(at("amount"), FieldCode::AmountNotAString, why));
                None
            }
        };
        // Without a currency the number of decimals is unknown; the text is still read, so that one answer says it all.
        let amount = text.map(|text| Money::parse(text, currency.unwrap_or(Currency::Ngn)));
        match amount {
            Some(Ok(money)) if errors.is_empty() => return Ok(Self(money)),
            Some(Err(wrong)) => errors.push(field_error(&at("amount"), &wrong)),
            Some(Ok(_)) | None => {}
        }
        Err(errors)
    }
}

/// What is wrong with the amount at `path`, as a field's error.
pub(crate) fn field_error(path: &str, wrong: &InvalidMoney) -> FieldError {
    let code = match wrong {
        InvalidMoney::UnknownCurrency { .. } | InvalidMoney::CurrencyMismatch { .. } => {
            FieldCode::CurrencyUnknown
        }
        InvalidMoney::NotANumber => FieldCode::AmountNotANumber,
        InvalidMoney::TooManyDecimals { .. } => FieldCode::AmountTooManyDecimals,
        InvalidMoney::NotPositive => FieldCode::AmountNotPositive,
        InvalidMoney::TooLarge => FieldCode::AmountTooLarge,
    };
    FieldError::new(path, code, wrong.to_string())
}

impl Type for Amount {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "Money".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Reference(Self::name().into_owned())
    }

    fn register(registry: &mut Registry) {
        registry.create_schema::<Self, _>(Self::name().into_owned(), |_| schema());
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

fn schema() -> MetaSchema {
    let amount = MetaSchema {
        description: Some(
            "Major units (naira, not kobo) as plain decimal digits. No exponent, no grouping, no plus sign. At most 16 digits \
             before the point, and after it no more than the currency has (2); fees and ledger lines may have 4.",
        ),
        pattern: Some(r"^-?[0-9]{1,16}(\.[0-9]{1,4})?$".to_owned()),
        example: Some(json!("1500.00")),
        ..MetaSchema::new("string")
    };
    let currency = MetaSchema {
        description: Some("ISO 4217."),
        enum_items: Currency::ALL.iter().map(|currency| json!(currency.code())).collect(),
        example: Some(json!("NGN")),
        ..MetaSchema::new("string")
    };
    MetaSchema {
        description: Some(
            "An exact amount with its currency. The amount is a string: JSON numbers are refused.",
        ),
        required: vec!["amount", "currency"],
        properties: vec![
            ("amount", MetaSchemaRef::Inline(Box::new(amount))),
            ("currency", MetaSchemaRef::Inline(Box::new(currency))),
        ],
        ..MetaSchema::new("object")
    }
}

impl ParseFromJSON for Amount {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        Self::read("amount", &value.unwrap_or_default()).map_err(|errors| {
            let words: Vec<_> = errors.iter().map(|error| error.detail.as_str()).collect();
            ParseError::custom(words.join("; "))
        })
    }
}

impl ToJSON for Amount {
    fn to_json(&self) -> Option<Value> {
        Some(json!({ "amount": self.0.amount().to_string(), "currency": self.0.currency().code() }))
    }
}

/// An amount without its currency, as a parameter of a list: plain decimal digits, so that nothing is rounded on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PlainAmount(pub(crate) Decimal);

impl Type for PlainAmount {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "decimal".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            pattern: Some("^[0-9]{1,16}(\\.[0-9]{1,4})?$".to_owned()),
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

impl ParseFromParameter for PlainAmount {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        let (whole, fraction) = value.split_once('.').unwrap_or((value, "0"));
        let digits = |part: &str, most: usize| {
            (1..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
        };
        let amount = Decimal::from_str_exact(value).ok().filter(|_| digits(whole, 16) && digits(fraction, 4));
        amount.map(Self).ok_or_else(|| ParseError::custom("must be a decimal such as 1500.00"))
    }
}

impl ToJSON for PlainAmount {
    fn to_json(&self) -> Option<Value> {
        Some(Value::String(self.0.to_string()))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_plain_amount_is_digits() {
        use poem_openapi::types::ParseFromParameter as _;
        let read = |text: &str| {
            super::PlainAmount::parse_from_parameter(text).ok().map(|amount| amount.0.to_string())
        };
        assert_eq!(read("1500.50").as_deref(), Some("1500.50"));
        assert_eq!(read("0").as_deref(), Some("0"));
        for wrong in ["", ".", "1.", ".5", "-1", "+1", "1e3", "1,5", "1.00000", "99999999999999999", "1_000"]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    use super::*;

    fn codes(value: &Value) -> Vec<(String, String)> {
        Amount::read("amount", value)
            .unwrap_err()
            .into_iter()
            .map(|error| (error.field, error.code))
            .collect()
    }

    #[test]
    fn strings_only() {
        let read = Amount::read("amount", &json!({ "amount": "1500.5", "currency": "NGN" })).unwrap();
        assert_eq!(read.to_json().unwrap(), json!({ "amount": "1500.50", "currency": "NGN" }));
        for number in [json!(1500), json!(1500.5), json!(true), json!({}), json!([])] {
            let wrong = codes(&json!({ "amount": number, "currency": "NGN" }));
            assert_eq!(wrong, [("amount.amount".to_owned(), "amount_not_a_string".to_owned())]);
        }
    }

    #[test]
    fn every_mistake_has_its_code() {
        for (amount, code) in [
            ("", "amount_not_a_number"),
            ("1e3", "amount_not_a_number"),
            ("1,500", "amount_not_a_number"),
            ("+1", "amount_not_a_number"),
            ("NaN", "amount_not_a_number"),
            (" 1", "amount_not_a_number"),
            (".5", "amount_not_a_number"),
            ("١٥", "amount_not_a_number"),
            ("1.005", "amount_too_many_decimals"),
            ("10000000000000000", "amount_too_large"),
            ("9999999999999999999999999999999", "amount_too_large"),
        ] {
            let wrong = codes(&json!({ "amount": amount, "currency": "NGN" }));
            assert_eq!(wrong, [("amount.amount".to_owned(), code.to_owned())], "{amount}");
        }
        assert_eq!(
            codes(&json!({ "amount": 5, "currency": "XXX", "scale": 2 }))
                .into_iter()
                .map(|(_, code)| code)
                .collect::<Vec<_>>(),
            ["unknown_field", "currency_unknown", "amount_not_a_string"]
        );
        assert_eq!(codes(&json!("1500.00 NGN"))[0].1, "wrong_type");
        assert_eq!(codes(&json!({}))[0].1, "required");
    }
}
