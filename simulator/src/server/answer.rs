//! What goes back over a connection: JSON in the gateway's envelope, a page, or a reset.

use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use serde::Serialize;

const JSON: &str = "application/json; charset=utf-8";
const CSV: &str = "text/csv; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

/// The page of the proxy in front of the gateway. <https://flutterwavedoc.readme.io/v2.0/reference/handling-timeouts-via-api>
const PROXY_ERROR: &str = "<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n\
    <body>\r\n<center><h1>503 Service Temporarily Unavailable</h1></center>\r\n\
    <hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";

#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Body {
        status: u16,
        content_type: &'static str,
        body: Bytes,
        retry_after_seconds: Option<u32>,
    },
    /// The connection ends with a TCP reset in place of an answer.
    Reset,
}

/// `{"status":…,"message":…,"data":…}`, the frame of every answer of the gateway.
#[derive(Serialize)]
struct Envelope<'a, M, D> {
    status: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<M>,
    data: D,
}

impl Answer {
    /// 200 with data.
    pub(crate) fn success(message: &str, data: impl Serialize) -> Self {
        Self::json(200, &Envelope { status: "success", message, meta: None::<()>, data })
    }

    /// 200 with data and `meta`.
    pub(crate) fn listed(message: &str, meta: impl Serialize, data: impl Serialize) -> Self {
        Self::json(200, &Envelope { status: "success", message, meta: Some(meta), data })
    }

    /// A refusal or failure with the gateway's body.
    pub(crate) fn error(status: u16, message: &str) -> Self {
        Self::json(status, &Envelope { status: "error", message, meta: None::<()>, data: () })
    }

    pub(crate) fn json(status: u16, body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(body) => {
                Self::Body { status, content_type: JSON, body: body.into(), retry_after_seconds: None }
            }
            Err(error) => {
                tracing::error!(%error, "an answer cannot be written as JSON");
                Self::Reset
            }
        }
    }

    /// 200 with a file.
    pub(crate) fn csv(file: String) -> Self {
        Self::Body { status: 200, content_type: CSV, body: file.into(), retry_after_seconds: None }
    }

    pub(crate) const fn html(status: u16, page: &'static str) -> Self {
        let body = Bytes::from_static(page.as_bytes());
        Self::Body { status, content_type: HTML, body, retry_after_seconds: None }
    }

    pub(crate) const fn proxy_error() -> Self {
        Self::html(503, PROXY_ERROR)
    }

    pub(crate) fn rate_limited(retry_after_seconds: u32) -> Self {
        match Self::error(429, "Too many requests") {
            Self::Body { status, content_type, body, .. } => {
                Self::Body { status, content_type, body, retry_after_seconds: Some(retry_after_seconds) }
            }
            Self::Reset => Self::Reset,
        }
    }

    pub(crate) fn unauthorized() -> Self {
        Self::error(401, "Authorization required")
    }

    pub(crate) fn wrong_key() -> Self {
        Self::error(401, "merchant secret key required")
    }

    pub(crate) fn ip_not_whitelisted() -> Self {
        Self::error(400, "Please enable IP Whitelisting to access this service")
    }

    /// As a response; none when the connection is to be reset.
    pub(super) fn into_response(self) -> Option<Response<Full<Bytes>>> {
        let Self::Body { status, content_type, body, retry_after_seconds } = self else {
            return None;
        };
        let mut response = Response::builder().status(status).header(CONTENT_TYPE, content_type);
        if let Some(seconds) = retry_after_seconds {
            response = response.header(RETRY_AFTER, HeaderValue::from(seconds));
        }
        // Only the page of the simulator itself has scripts, and they speak to the simulator only.
        let policy =
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'";
        if content_type == HTML {
            response = response.header("content-security-policy", policy);
        }
        response.body(Full::new(body)).ok()
    }
}

/// Books that cannot be written answer nothing: an answer would be a claim they do not hold.
impl From<crate::books::Broken> for Answer {
    fn from(_: crate::books::Broken) -> Self {
        Self::Reset
    }
}
