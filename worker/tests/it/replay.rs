//! Every recorded history replays against this build: a payout that is open while a new version is deployed goes on.
//!
//! A change that breaks one needs a patch marker and a new recording (`RECORD_HISTORIES=1 cargo xtask test -p worker`).

use std::fs;

use base64::{Engine, prelude::BASE64_STANDARD};
use temporalio_client::WorkflowHistory;
use temporalio_sdk::workflow_replayer::{
    WorkflowReplayError, WorkflowReplayFailure, WorkflowReplayer, WorkflowReplayerOptions,
};
use workflows::{BatchWorkflow, PayoutWorkflow, ReconciliationWorkflow};

use crate::stage::{ACCOUNT, OWNER, histories};

fn replayer() -> WorkflowReplayer {
    let options = WorkflowReplayerOptions::new().register_workflow::<PayoutWorkflow>().unwrap();
    let options = options.register_workflow::<BatchWorkflow>().unwrap();
    WorkflowReplayer::new(options.register_workflow::<ReconciliationWorkflow>().unwrap().build()).unwrap()
}

#[tokio::test]
async fn every_recorded_route_replays() {
    let recorded = fs::read_dir(histories()).unwrap().map(|file| file.unwrap().path());
    let recorded: Vec<_> =
        recorded.filter(|path| path.extension().is_some_and(|kind| kind == "json")).collect();
    assert!(!recorded.is_empty(), "nothing is recorded");
    for path in recorded {
        let history = WorkflowHistory::from_json(&fs::read(&path).unwrap()).unwrap();
        let replayed = replayer().replay_workflow(history).await;
        assert!(replayed.is_ok(), "{}: {replayed:?}", path.display());
    }
}

/// The test above can fail: what was done in another order than the script's is refused.
#[tokio::test]
async fn a_history_of_other_steps_is_refused() {
    let recorded = fs::read_to_string(histories().join("auto_approved.json")).unwrap();
    assert!(recorded.contains("\"transfer\""));
    let other = recorded.replace("\"transfer\"", "\"observe\"");
    let history = WorkflowHistory::from_json(other.as_bytes()).unwrap();
    let replayed = replayer().replay_workflow(history).await;
    let refused =
        matches!(replayed, Err(WorkflowReplayError::Replay(WorkflowReplayFailure::Nondeterminism { .. })));
    assert!(refused, "{replayed:?}");
}

/// Recordings are public: nothing of the machine they were made on, nothing of the person who is paid.
#[tokio::test]
async fn recordings_tell_nothing_of_machines_and_people() {
    for file in fs::read_dir(histories()).unwrap() {
        let path = file.unwrap().path();
        let history: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        for text in texts(&history) {
            for private in [env!("CARGO_MANIFEST_DIR"), "/home/", "/root/", "127.0.0.1", ACCOUNT, OWNER] {
                assert!(!text.contains(private), "{private} in {}: {text}", path.display());
            }
        }
    }
}

/// Every text in a recording, payloads read.
fn texts(value: &serde_json::Value) -> Vec<String> {
    match value {
        serde_json::Value::String(text) => {
            let payload =
                BASE64_STANDARD.decode(text).map(|data| String::from_utf8_lossy(&data).into_owned());
            payload.into_iter().chain([text.clone()]).collect()
        }
        serde_json::Value::Array(values) => values.iter().flat_map(texts).collect(),
        serde_json::Value::Object(fields) => fields.values().flat_map(texts).collect(),
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => vec![],
    }
}
