//! The same request sent twice is carried out once.
//!
//! This side reads the key and says what "the same request" means; the store keeps the key in the transaction that does the work.

use poem::{Request, RequestBody};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaParamIn, MetaSchema, MetaSchemaRef},
};
use sha2::{Digest as _, Sha256};

use crate::problem::{Code, Problem};

pub(crate) const HEADER: &str = "Idempotency-Key";
/// The column holds this many.
const MAX_CHARS: usize = 255;

/// What the caller chose to name this request by: 1 to 255 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IdempotencyKey(String);

impl IdempotencyKey {
    pub(crate) fn into_string(self) -> String {
        self.0
    }

    fn read(request: &Request) -> Result<Self, Problem> {
        let mut values = request.headers().get_all(HEADER).iter();
        let Some(value) = values.next().filter(|value| !value.is_empty()) else {
            let detail = "Send an Idempotency-Key header: a new random one for each payout, the same one when you send it again.";
            return Err(Problem::new(Code::IdempotencyKeyRequired, detail));
        };
        let visible = |text: &&str| text.len() <= MAX_CHARS && text.bytes().all(|b| b.is_ascii_graphic());
        if let (Some(key), None) = (value.to_str().ok().filter(visible), values.next()) {
            return Ok(Self(key.to_owned()));
        }
        let detail = "Send one Idempotency-Key of 1 to 255 visible ASCII characters without spaces.";
        Err(Problem::new(Code::IdempotencyKeyInvalid, detail))
    }
}

impl<'a> ApiExtractor<'a> for IdempotencyKey {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    const PARAM_IS_REQUIRED: bool = true;
    type ParamType = String;
    type ParamRawType = String;

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Header)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(MetaSchemaRef::Inline(Box::new(MetaSchema {
            min_length: Some(1),
            max_length: Some(MAX_CHARS),
            pattern: Some("^[!-~]{1,255}$".to_owned()),
            ..MetaSchema::new("string")
        })))
    }

    fn param_raw_type(&self) -> Option<&String> {
        Some(&self.0)
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<String>,
    ) -> poem::Result<Self> {
        Ok(Self::read(request)?)
    }
}

/// What makes two requests the same: what they ask for, not how their JSON is spaced or ordered. Each part goes in with its
/// length before it, so that no two lists of parts look alike.
pub(crate) fn hash(parts: &[&str]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(part.as_bytes());
    }
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(keys: &[&[u8]]) -> Result<String, Code> {
        let mut request = Request::builder();
        for key in keys {
            request = request.header(HEADER, *key);
        }
        IdempotencyKey::read(&request.finish())
            .map(IdempotencyKey::into_string)
            .map_err(|problem| problem.code())
    }

    #[test]
    fn one_visible_key() {
        assert_eq!(code(&[b"a-1"]), Ok("a-1".to_owned()));
        assert_eq!(code(&[&[b'k'; 255]]).map(|key| key.len()), Ok(255));
        assert_eq!(code(&[]), Err(Code::IdempotencyKeyRequired));
        assert_eq!(code(&[b""]), Err(Code::IdempotencyKeyRequired));
        for wrong in [&[b'k'; 256][..], b"a b", b"a\tb", "é".as_bytes()] {
            assert_eq!(code(&[wrong]), Err(Code::IdempotencyKeyInvalid));
        }
        assert_eq!(code(&[b"a", b"b"]), Err(Code::IdempotencyKeyInvalid));
    }

    #[test]
    fn parts_do_not_run_together() {
        assert_eq!(hash(&["a", "b"]), hash(&["a", "b"]));
        assert_ne!(hash(&["ab", ""]), hash(&["a", "b"]));
        assert_ne!(hash(&["a", "b"]), hash(&["b", "a"]));
    }
}
