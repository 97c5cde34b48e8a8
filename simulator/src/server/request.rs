//! A request as the routes see it: path segments, query pairs and the whole body.
//!
//! Tolerated because the official SDKs send it: `//` in paths, a leading `?&`, empty query pairs.

use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{HeaderMap, Method};

use super::Answer;

/// A bulk transfer of a thousand items is a quarter of this.
const LARGEST_BODY: usize = 1024 * 1024;

#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    segments: Vec<String>,
    query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    pub(crate) async fn read(request: hyper::Request<Incoming>) -> Result<Self, Answer> {
        let (head, body) = request.into_parts();
        let body = Limited::new(body, LARGEST_BODY)
            .collect()
            .await
            .map_err(|_| Answer::error(413, "The request body is too large or was cut off"))?
            .to_bytes();
        let segments =
            head.uri.path().split('/').filter(|part| !part.is_empty()).map(|part| decoded(part, false));
        let query = head
            .uri
            .query()
            .unwrap_or_default()
            .split('&')
            .filter_map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (!name.is_empty()).then(|| (decoded(name, true), decoded(value, true)))
            })
            .collect();
        Ok(Self { segments: segments.collect(), query, method: head.method, headers: head.headers, body })
    }

    pub(crate) fn segments(&self) -> Vec<&str> {
        self.segments.iter().map(String::as_str).collect()
    }

    /// A query parameter; empty ones count as absent.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        let (_, value) = self.query.iter().find(|(given, _)| given == name)?;
        (!value.is_empty()).then_some(value.as_str())
    }

    /// The token of `Authorization: Bearer`.
    pub(crate) fn bearer(&self) -> Option<&str> {
        let value = self.headers.get("authorization")?.to_str().ok()?;
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }
}

/// Percent-decodes; what is no escape stays as it is, and what is no UTF-8 is replaced.
fn decoded(text: &str, plus_is_space: bool) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    loop {
        rest = match rest {
            [] => break,
            [b'%', high, low, after @ ..] if let Some(byte) = hex_byte(*high, *low) => {
                bytes.push(byte);
                after
            }
            [b'+', after @ ..] if plus_is_space => {
                bytes.push(b' ');
                after
            }
            [byte, after @ ..] => {
                bytes.push(*byte);
                after
            }
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex_byte(high: u8, low: u8) -> Option<u8> {
    let digit = |byte| char::from(byte).to_digit(16);
    let value = digit(high)?.checked_mul(16)?.checked_add(digit(low)?)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_and_nonsense_is_kept() {
        assert_eq!(decoded("a%2Fb+c", false), "a/b+c");
        assert_eq!(decoded("a%2fb+c", true), "a/b c");
        assert_eq!(decoded("100%", false), "100%");
        assert_eq!(decoded("%zz%4", false), "%zz%4");
        assert_eq!(decoded("%ff", false), "\u{fffd}");
    }
}
