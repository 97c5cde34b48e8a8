//! Which problems an operation can answer, said once: the document lists them and a debug build refuses any other.

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use poem_openapi::{
    ApiResponse,
    registry::{MetaMediaType, MetaResponse, MetaResponses, Registry},
    types::Type as _,
};

use crate::problem::{Code, PROBLEM_JSON, Problem, ProblemBody};

/// Anyone may meet these.
pub(crate) const ANYWHERE: &[Code] = &[
    Code::Unavailable,
    Code::Overloaded,
    Code::TimedOut,
    Code::InternalError,
    Code::HeadersTooLarge,
    Code::RateLimited,
];
/// Operations that ask who is there.
pub(crate) const SIGNED_IN: &[Code] = &[Code::Unauthenticated, Code::Forbidden];
/// Operations with a JSON body.
pub(crate) const WITH_BODY: &[Code] =
    &[Code::MalformedJson, Code::InvalidRequest, Code::BodyTooLarge, Code::UnsupportedMediaType];
/// Operations with parameters that are not ids of ours.
pub(crate) const WITH_QUERY: &[Code] = &[Code::InvalidParameter];
/// Operations under an idempotency key.
pub(crate) const WITH_KEY: &[Code] =
    &[Code::IdempotencyKeyRequired, Code::IdempotencyKeyInvalid, Code::IdempotencyKeyReused];
/// Operations on one thing.
pub(crate) const WITH_ID: &[Code] = &[Code::NotFound];
/// Operations that ask the gateway.
pub(crate) const WITH_GATEWAY: &[Code] = &[Code::GatewayUnavailable];

/// An operation and what it may refuse for.
pub(crate) trait Refuses: Send + Sync + 'static {
    /// In groups; [`ANYWHERE`] need not be named.
    const CODES: &'static [&'static [Code]];

    fn codes() -> impl Iterator<Item = Code> {
        Self::CODES.iter().chain([&ANYWHERE]).flat_map(|group| group.iter().copied())
    }
}

/// A problem that the operation `O` documents.
pub struct Refused<O> {
    problem: Problem,
    operation: PhantomData<O>,
}

impl<O> fmt::Debug for Refused<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}

impl<O: Refuses, P: Into<Problem>> From<P> for Refused<O> {
    fn from(problem: P) -> Self {
        let problem = problem.into();
        debug_assert!(
            O::codes().any(|code| code == problem.code()),
            "{} does not document `{}`",
            std::any::type_name::<O>(),
            problem.code().as_str()
        );
        Self { problem, operation: PhantomData }
    }
}

impl<O> From<Refused<O>> for poem::Error {
    fn from(refused: Refused<O>) -> Self {
        refused.problem.into()
    }
}

impl<O: Refuses> ApiResponse for Refused<O> {
    fn meta() -> MetaResponses {
        let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
        for code in O::codes() {
            by_status.entry(code.status().as_u16()).or_default().push(code);
        }
        let responses = by_status.into_iter().map(|(status, codes)| MetaResponse {
            description: describe(&codes),
            status: Some(status),
            status_range: None,
            content: vec![MetaMediaType { content_type: PROBLEM_JSON, schema: ProblemBody::schema_ref() }],
            headers: vec![],
        });
        MetaResponses { responses: responses.collect() }
    }

    fn register(registry: &mut Registry) {
        ProblemBody::register(registry);
    }
}

/// The registry takes only `'static` text; the few hundred bytes per document are leaked, once per document made.
fn describe(codes: &[Code]) -> &'static str {
    let lines: Vec<_> = codes.iter().map(|code| format!("`{}`: {}.", code.as_str(), code.title())).collect();
    String::leak(lines.join(" "))
}
