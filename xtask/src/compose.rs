//! Tests: docker-compose names the same versions and settings as the local stack, and no variable that nobody reads.
//!
//! That the file follows the compose schema is a check of its own ([`crate::check`]), since it needs Node.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_yaml::Value;

use crate::install::{maildev, postgres, redis, temporal};
use crate::stack::mail::MailAddress;
use crate::stack::redis::RedisAddress;
use crate::stack::settings::{Surroundings, TUNABLES};
use crate::stack::simulator::SETTLE_AFTER_DEFAULT;
use crate::stack::temporal::{DYNAMIC_CONFIG, SEARCH_ATTRIBUTES, TemporalAddress};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

fn compose() -> Value {
    let mut file: Value = serde_yaml::from_str(&text("docker-compose.temporal.yml")).unwrap();
    file.apply_merge().unwrap();
    file
}

fn service(name: &str) -> Value {
    compose()["services"][name].clone()
}

/// Variable to value, with `${NAME:-default}` as its default.
fn environment(service_name: &str) -> BTreeMap<String, String> {
    let of = service(service_name)["environment"].clone();
    let pairs: BTreeMap<String, String> = serde_yaml::from_value(of).unwrap();
    pairs.into_iter().map(|(name, value)| (name, default_of(&value))).collect()
}

fn default_of(value: &str) -> String {
    let inner = value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    inner.and_then(|inner| inner.split_once(":-")).map_or(value, |(_, default)| default).to_owned()
}

/// The variables that `.env.example` documents, commented out or not.
fn documented() -> BTreeSet<String> {
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    };
    text(".env.example")
        .lines()
        .filter_map(|line| line.trim_start_matches(['#', ' ']).split_once('='))
        .map(|(name, _)| name.trim().to_owned())
        .filter(|name| is_name(name))
        .collect()
}

#[test]
fn images_carry_the_versions_of_the_local_stack() {
    let image = |name: &str| service(name)["image"].as_str().unwrap().to_owned();
    assert_eq!(image("postgres"), format!("postgres:{}", postgres::VERSION));
    assert_eq!(image("redis"), format!("redis:{}-alpine", redis::VERSION));
    assert_eq!(image("temporal"), format!("temporalio/server:{}", temporal::SERVER_VERSION));
    assert_eq!(image("temporal-schema"), format!("temporalio/admin-tools:{}", temporal::SERVER_VERSION));
    assert_eq!(image("temporal-namespace"), format!("temporalio/admin-tools:{}", temporal::SERVER_VERSION));
    assert_eq!(image("temporal-ui"), format!("temporalio/ui:{}", temporal::UI_VERSION));
    assert_eq!(image("mail"), format!("maildev/maildev:{}", maildev::VERSION));
}

#[test]
fn temporal_has_the_search_attributes_and_settings_of_the_local_stack() {
    let command = service("temporal-namespace")["command"][0].as_str().unwrap().to_owned();
    for (name, kind) in SEARCH_ATTRIBUTES {
        assert!(command.contains(&format!("--name {name} --type {kind}")), "{name}");
    }
    assert_eq!(command.matches("--name ").count(), SEARCH_ATTRIBUTES.len());

    let dynamic: BTreeMap<String, Value> =
        serde_yaml::from_str(&text("deploy/temporal/dynamic-config.yaml")).unwrap();
    let expected: BTreeMap<String, Value> = DYNAMIC_CONFIG
        .into_iter()
        .map(|(name, value)| (name.to_owned(), serde_yaml::from_str(value).unwrap()))
        .collect();
    let named: BTreeMap<String, Value> =
        dynamic.into_iter().map(|(name, values)| (name, values[0]["value"].clone())).collect();
    assert_eq!(named, expected);
}

#[test]
fn settings_have_the_values_of_the_local_stack() {
    // What a terminal shows is read by a person, what a container writes by a program.
    const DIFFERENT_ON_PURPOSE: [&str; 1] = ["LOG_FORMAT"];
    let named = environment("api");
    for (name, value) in TUNABLES {
        let in_compose = named.get(name).unwrap_or_else(|| panic!("{name} is missing in docker-compose"));
        if !DIFFERENT_ON_PURPOSE.contains(&name) {
            assert_eq!(in_compose, value, "{name}");
        }
    }
}

#[test]
fn both_stacks_set_the_same_variables() {
    let around = Surroundings {
        database_url: "postgres://u:p@h:1/d".to_owned(),
        redis: RedisAddress {
            host: "h".to_owned(),
            port: "1".to_owned(),
            username: "u".to_owned(),
            password: "p".to_owned(),
            db: "0".to_owned(),
        },
        temporal: TemporalAddress { grpc: "h:1".to_owned(), ui: Some("http://h".to_owned()), cli: None },
        mail: Some(MailAddress { smtp: "smtp://h".to_owned(), web: "http://h".to_owned() }),
        api_listen: "h:1".to_owned(),
        worker_listen: "h:1".to_owned(),
        metrics_listen: "h:1".to_owned(),
        simulator_listen: "h:1".to_owned(),
        jwt_secret: "s".to_owned(),
        flutterwave_secret_key: "k".to_owned(),
        flutterwave_webhook_hash: "h".to_owned(),
    };
    // One that is set in the environment of this test is left to it, so it is added back.
    let local: BTreeSet<String> = around
        .variables()
        .into_iter()
        .map(|(name, _)| name)
        .chain(TUNABLES.map(|(name, _)| name.to_owned()))
        .collect();
    for program in ["api", "worker"] {
        assert_eq!(environment(program).into_keys().collect::<BTreeSet<_>>(), local);
    }
}

#[test]
fn the_gateway_and_its_simulator_share_their_secrets() {
    let (api, simulator) = (environment("api"), environment("simulator"));
    assert_eq!(simulator["SIMULATOR_SECRET_KEY"], api["FLUTTERWAVE_SECRET_KEY"]);
    assert_eq!(simulator["SIMULATOR_WEBHOOK_HASH"], api["FLUTTERWAVE_WEBHOOK_HASH"]);
    assert_eq!(simulator["SIMULATOR_SETTLE_AFTER"], SETTLE_AFTER_DEFAULT);
}

#[test]
fn every_variable_of_the_simulator_is_one_of_its_flags() {
    let flags = text("simulator/src/flags.rs");
    for name in environment("simulator").keys() {
        assert!(flags.contains(&format!("env = \"{name}\"")), "{name}");
    }
}

#[test]
fn every_variable_is_one_that_the_programs_read() {
    let documented = documented();
    for program in ["api", "worker"] {
        for name in environment(program).keys() {
            assert!(documented.contains(name), "{program}: {name} is not in .env.example");
        }
    }
}

#[test]
fn every_service_that_others_wait_for_says_when_it_is_ready() {
    let file = compose();
    let services = file["services"].as_mapping().unwrap();
    for (name, waiting) in services {
        let Some(dependencies) = waiting["depends_on"].as_mapping() else {
            continue;
        };
        for (needed, how) in dependencies {
            let needed_service = &services[needed];
            match how["condition"].as_str().unwrap() {
                "service_healthy" => {
                    assert!(!needed_service["healthcheck"].is_null(), "{name:?} waits for {needed:?}");
                }
                "service_completed_successfully" => {
                    assert!(needed_service["ports"].is_null(), "{needed:?} never ends");
                }
                other => panic!("{name:?} waits for {needed:?} only to be {other}"),
            }
        }
    }
}

#[test]
fn everything_is_published_on_this_machine_only() {
    let file = compose();
    for (name, service) in file["services"].as_mapping().unwrap() {
        let Some(ports) = service["ports"].as_sequence() else {
            continue;
        };
        for port in ports {
            assert!(port.as_str().unwrap().starts_with("127.0.0.1:"), "{name:?} publishes {port:?}");
        }
    }
}
