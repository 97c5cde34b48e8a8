//! The `OpenAPI` document: made from the handlers, merged by path, in an order that does not depend on the order of the code.

use std::{
    collections::{BTreeMap, HashMap},
    sync::OnceLock,
};

use poem::{endpoint::BoxEndpoint, http::Method};
use poem_openapi::{
    OpenApi, OpenApiService, ServerObject, Tags,
    registry::{MetaApi, MetaOperation, MetaPath, Registry},
};
use serde_json::Value;

use crate::{admin, events, health, me, platform, provider, webhooks};

/// The document's own version: raised when clients must be told, not with every release.
const VERSION: &str = "1.0";
const TITLE: &str = "Payouts";
const DESCRIPTION: &str = include_str!("document.md");

/// The chapters of the document.
#[derive(Tags)]
pub(crate) enum Tag {
    /// For whoever signed in: who they are here, and what they may do.
    Account,
    /// For a provider's own app: ask for money, see where it is and why it waits.
    Provider,
    /// For risk and finance: decide, retry, refund, run batches, and answer for it later.
    Admin,
    /// For the marketplace: push providers and what they have earned.
    Platform,
    /// For the payment gateway.
    Webhooks,
    /// For load balancers and operators.
    Health,
}

type Api = (
    me::GetMe,
    provider::ProviderApi,
    admin::AdminApi,
    admin::risk_policies::Api,
    platform::PlatformApi,
    webhooks::WebhookApi,
    health::HealthApi,
);

fn api() -> Api {
    (
        me::GetMe,
        provider::api(),
        admin::api(),
        admin::risk_policies::api(),
        platform::api(),
        webhooks::api(),
        health::HealthApi,
    )
}

/// Every operation, with its document.
pub(crate) fn service(public_url: Option<&url::Url>) -> OpenApiService<Whole<Api>, ()> {
    let server = public_url.map_or("/", |url| url.as_str().trim_end_matches('/')).to_owned();
    OpenApiService::new(Whole(api()), TITLE, VERSION)
        .description(DESCRIPTION)
        .server(ServerObject::new(if server.is_empty() { "/".to_owned() } else { server }))
}

/// The whole document of this service: what it answers, and what it sends by itself.
pub(crate) fn of<T: OpenApi>(service: &OpenApiService<T, ()>) -> Value {
    let mut document: Value = serde_json::from_str(&service.spec()).unwrap_or_default();
    events::add_to(&mut document);
    document
}

/// The document as it is committed: every object's keys sorted, two spaces, a line break at the end.
pub fn committed() -> String {
    let document = of(&service(None));
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

/// The names of the operations that tokens of these security schemes open, sorted. Read from the document itself, so that what
/// somebody is told they may do is what is checked.
pub(crate) fn operations_of(schemes: &[&str]) -> Vec<String> {
    static BY_SCHEME: OnceLock<BTreeMap<String, Vec<String>>> = OnceLock::new();
    let by_scheme = BY_SCHEME.get_or_init(operations_by_scheme);
    let mut names: Vec<String> =
        schemes.iter().filter_map(|scheme| by_scheme.get(*scheme)).flatten().cloned().collect();
    names.sort();
    names
}

fn operations_by_scheme() -> BTreeMap<String, Vec<String>> {
    let document: Value = serde_json::from_str(&committed()).unwrap_or_default();
    let mut by_scheme: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let paths = document.get("paths").and_then(Value::as_object).into_iter().flat_map(|paths| paths.values());
    for operation in paths.filter_map(Value::as_object).flat_map(|methods| methods.values()) {
        let name = operation.get("operationId").and_then(Value::as_str);
        let schemes = operation.get("security").and_then(Value::as_array).into_iter().flatten();
        for scheme in schemes.filter_map(Value::as_object).flat_map(|scheme| scheme.keys()) {
            by_scheme.entry(scheme.clone()).or_default().extend(name.map(ToOwned::to_owned));
        }
    }
    by_scheme
}

/// Merges the parts: one endpoint lives in one file, so several parts can have the same path, and poem-openapi would write that
/// path twice.
pub(crate) struct Whole<T>(T);

impl<T: OpenApi> OpenApi for Whole<T> {
    fn meta() -> Vec<MetaApi> {
        let mut by_path: BTreeMap<String, Vec<MetaOperation>> = BTreeMap::new();
        for path in T::meta().into_iter().flat_map(|part| part.paths) {
            by_path.entry(path.path).or_default().extend(path.operations);
        }
        let paths = by_path.into_iter().map(|(path, operations)| MetaPath { path, operations });
        vec![MetaApi { paths: paths.collect() }]
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn add_routes(self, routes: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {
        self.0.add_routes(routes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operations(document: &Value) -> Vec<(String, String, &Value)> {
        let paths = document["paths"].as_object().unwrap();
        paths
            .iter()
            .flat_map(|(path, methods)| {
                methods
                    .as_object()
                    .unwrap()
                    .iter()
                    .map(move |(method, op)| (path.clone(), method.clone(), op))
            })
            .collect()
    }

    #[test]
    fn every_operation_says_what_it_does_and_how_it_fails() {
        let document: Value = serde_json::from_str(&committed()).unwrap();
        let all = operations(&document);
        assert!(all.len() > 20, "{} operations", all.len());
        for (path, method, operation) in all {
            let at = format!("{method} {path}");
            for member in ["operationId", "summary", "description"] {
                assert!(
                    operation[member].as_str().is_some_and(|text| !text.is_empty()),
                    "{at} has no {member}"
                );
            }
            assert_eq!(operation["tags"].as_array().unwrap().len(), 1, "{at}");
            if !path.starts_with("/api/") {
                continue;
            }
            assert!(!operation["security"].as_array().unwrap().is_empty(), "{at} is open to everybody");
            let responses = operation["responses"].as_object().unwrap();
            for status in ["401", "500", "503"] {
                let content = &responses[status]["content"]["application/problem+json"];
                assert!(content.is_object(), "{at} does not document {status}");
            }
            for (status, response) in responses {
                let problem = !status.starts_with('2');
                let media: Vec<_> =
                    response["content"].as_object().into_iter().flat_map(|content| content.keys()).collect();
                assert_eq!(
                    media.iter().any(|media| *media == "application/problem+json"),
                    problem,
                    "{at} {status}"
                );
            }
        }
    }

    #[test]
    fn everything_is_described() {
        let document: Value = serde_json::from_str(&committed()).unwrap();
        let described = |value: &Value| value["description"].as_str().is_some_and(|text| !text.is_empty());
        for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
            assert!(described(schema), "schema {name} has no description");
            for (property, shape) in schema["properties"].as_object().into_iter().flatten() {
                let reference = shape.get("$ref").is_some() || shape.get("allOf").is_some();
                assert!(reference || described(shape), "{name}.{property} has no description");
            }
        }
        for (path, method, operation) in operations(&document) {
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert!(described(parameter), "{method} {path}: {} has no description", parameter["name"]);
            }
        }
    }
}
