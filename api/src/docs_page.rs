//! `/docs`: the document, to browse. `/openapi.json`: the document. `/errors`: what each code means.
//!
//! The page is poem-openapi's Swagger UI, whose script and style are inside the page. (Its Scalar, `RapiDoc` and `OpenAPI` Explorer
//! pages fetch fonts from other hosts.) The headers make sure of it: a browser loads nothing for this page from anywhere else,
//! and the page can talk to this server only.

use std::sync::LazyLock;

use bytes::Bytes;
use poem::{Endpoint, Response, Route, endpoint::make_sync, get, http::header};
use url::Url;

use crate::document;

const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src 'self' data:; \
                      font-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const ERRORS: &str = include_str!("../../docs/errors.md");

/// `document` is kept once and shared by all answers. So is the page, nearly two megabytes, from the first time somebody asks.
pub(crate) fn routes(route: Route, public_url: Option<&Url>, document: String) -> Route {
    let public_url = public_url.cloned();
    let page = LazyLock::new(move || Bytes::from(document::service(public_url.as_ref()).swagger_ui_html()));
    let document = Bytes::from(document);
    route
        .at("/docs", get(fixed("text/html; charset=utf-8", move || LazyLock::force(&page).clone())))
        .at("/openapi.json", get(fixed("application/json", move || document.clone())))
        .at("/errors", get(fixed("text/markdown; charset=utf-8", || Bytes::from_static(ERRORS.as_bytes()))))
}

fn fixed(
    content_type: &'static str,
    body: impl Fn() -> Bytes + Send + Sync + 'static,
) -> impl Endpoint<Output = Response> + 'static {
    make_sync(move |_| {
        Response::builder()
            .content_type(content_type)
            .header(header::CONTENT_SECURITY_POLICY, POLICY)
            .header(header::REFERRER_POLICY, "no-referrer")
            .header(header::CACHE_CONTROL, "no-cache")
            .body(body())
    })
}
