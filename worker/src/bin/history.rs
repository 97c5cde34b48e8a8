//! Writes the history of a workflow's latest run to a file, in the JSON that a replay test reads.
//!
//! `history <workflow id> <file>`; reads `TEMPORAL_ADDRESS` and `TEMPORAL_NAMESPACE`, prints the number of events. Histories
//! carry ids and amounts, never account numbers or names, so a recorded one can be committed.

use anyhow::Context as _;
use temporalio_client::WorkflowFetchHistoryOptions;
use temporalio_common::protos::temporal::api::history::v1::History;
use url::Url;
use worker::Engine;
use workflows::PayoutWorkflow;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (workflow, file) =
        arguments.next().zip(arguments.next()).context("expected: history <workflow id> <file>")?;
    // A provider that is installed already is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(write(workflow, &file))
}

#[expect(clippy::print_stdout, reason = "the number of events is the answer")]
async fn write(workflow: String, file: &str) -> anyhow::Result<()> {
    let address = setting("TEMPORAL_ADDRESS", "127.0.0.1:7233");
    let address = if address.contains("://") { address } else { format!("http://{address}") };
    let engine = Engine::new(
        Url::parse(&address).context("TEMPORAL_ADDRESS")?,
        setting("TEMPORAL_NAMESPACE", "default"),
    );
    let client = engine.connect().await?;
    // The type of the workflow does not matter for reading its history.
    let handle = client.get_workflow_handle::<PayoutWorkflow>(workflow);
    let json = handle.fetch_history(WorkflowFetchHistoryOptions::default()).to_json().await?;
    let events = serde_json::from_slice::<History>(&json)?.events.len();
    std::fs::write(file, json).with_context(|| format!("writing {file}"))?;
    println!("{events}");
    Ok(())
}

fn setting(name: &str, default: &str) -> String {
    std::env::var(name).ok().filter(|value| !value.is_empty()).unwrap_or_else(|| default.to_owned())
}
