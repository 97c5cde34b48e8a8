//! Nothing that is logged on the way of a transfer names the account, its owner or the key, also not by the layers below.

use std::{
    io::{self, Write},
    sync::{Arc, LazyLock, Mutex},
};

use domain::{Observed, Submitted};
use gateway::PayoutGateway as _;
use simulator::{Fault, Plan};
use tracing_subscriber::EnvFilter;

use crate::terms::{Stage, TEST_KEY, terms};

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

/// What every test of this binary logs, at every level. One for the process and there before the first client, since whether a
/// line is logged at all is decided once for all threads.
static LOG: LazyLock<Written> = LazyLock::new(|| {
    let written = Written::default();
    let writer = written.clone();
    tracing_subscriber::fmt()
        .with_ansi(false)
        // But for the other side of the wire, which is in this process.
        .with_env_filter(EnvFilter::new("trace,simulator=off"))
        .with_writer(move || writer.clone())
        .init();
    written
});

/// Begins to keep the log, if it is not kept yet.
pub(crate) fn keep_the_log() {
    LazyLock::force(&LOG);
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_is_silent_about_people_and_keys() {
    let stage = Stage::start().await;
    let terms = terms("1500 NGN");
    assert!(matches!(stage.client.submit(&terms).await, Submitted::Accepted(_)));
    assert!(matches!(stage.settled(&terms, None).await, Observed::Succeeded(_)));
    stage.client.resolve_account(&terms.bank, &terms.account).await.unwrap();
    stage.control.plant(Plan::next(Fault::Unauthorized {})).unwrap();
    let _ = stage.client.submit(&terms).await;

    let log = String::from_utf8(LOG.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("the gateway answered 200 to a send"));
    assert!(log.contains("the gateway answered 401 to a send"));
    for private in [terms.account.expose(), "Pastor", "Bright", TEST_KEY] {
        let line = log.lines().find(|line| line.contains(private));
        assert_eq!(line, None, "{private} is in the log");
    }
}
