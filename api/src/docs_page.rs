//! `/docs`: the document, to browse. `/openapi.json`: the document. `/errors`: what each code means.
//!
//! The page is poem-openapi's Swagger UI, whose script and style are inside the page. (Its Scalar, `RapiDoc` and `OpenAPI` Explorer
//! pages fetch fonts from other hosts.) The headers make sure of it: a browser loads nothing for this page from anywhere else,
//! and the page can talk to this server only.

use poem::{Endpoint, Response, Route, endpoint::make_sync, get, http::header};

const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src 'self' data:; \
                      font-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const ERRORS: &str = include_str!("../../docs/errors.md");

/// `page` and `document` are kept once and shared by all answers.
pub(crate) fn routes(route: Route, page: String, document: String) -> Route {
    let page = bytes::Bytes::from(page);
    let document = bytes::Bytes::from(document);
    route
        .at("/docs", get(fixed("text/html; charset=utf-8", page)))
        .at("/openapi.json", get(fixed("application/json", document)))
        .at(
            "/errors",
            get(fixed("text/markdown; charset=utf-8", bytes::Bytes::from_static(ERRORS.as_bytes()))),
        )
}

fn fixed(content_type: &'static str, body: bytes::Bytes) -> impl Endpoint<Output = Response> + 'static {
    make_sync(move |_| {
        Response::builder()
            .content_type(content_type)
            .header(header::CONTENT_SECURITY_POLICY, POLICY)
            .header(header::REFERRER_POLICY, "no-referrer")
            .header(header::CACHE_CONTROL, "no-cache")
            .body(body.clone())
    })
}
