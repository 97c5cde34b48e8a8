//! A comparison with more steps than one history may hold: the real workflow on the real engine, with steps that only count.

#![expect(dead_code, reason = "the macro also makes names to call each step by")]

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
};

use domain::ReconciliationId;
use temporalio_client::{WorkflowGetResultOptions, WorkflowStartOptions};
use temporalio_macros::activities;
use temporalio_sdk::{
    Runtime, Worker, WorkerOptions,
    activities::{ActivityContext, ActivityError},
    runtime::RuntimeOptions,
};
use workflows::{
    ReconcileInput, ReconcileRef, ReconcileStep, Reconciled, ReconciliationWorkflow, Started, names,
};

use crate::stage::engine;

/// More than the steps of one history.
const STEPS: u32 = 203;

/// A list that takes [`STEPS`] steps to read.
struct LongList {
    run: ReconciliationId,
    /// What each history began with.
    opened_with: Mutex<Vec<Option<ReconciliationId>>>,
    read: AtomicU32,
    looked: AtomicU32,
}

/// Its database steps.
struct Rows(Arc<LongList>);

/// Its questions to the gateway.
struct Pages(Arc<LongList>);

#[activities]
impl Rows {
    #[activity(definition = workflows::OpenReconciliation)]
    async fn open_reconciliation(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: ReconcileInput,
    ) -> Result<Option<ReconcileRef>, ActivityError> {
        self.0.opened_with.lock().unwrap().push(input.run);
        Ok(Some(ReconcileRef { run: self.0.run }))
    }

    #[activity(definition = workflows::CloseReconciliation)]
    async fn close_reconciliation(
        self: Arc<Self>,
        _ctx: ActivityContext,
        run: ReconcileRef,
    ) -> Result<Reconciled, ActivityError> {
        assert_eq!(run.run, self.0.run);
        let (listed, looked_up) =
            (self.0.read.load(Ordering::Relaxed), self.0.looked.load(Ordering::Relaxed));
        Ok(Reconciled { listed, looked_up, ..Reconciled::default() })
    }
}

#[activities]
impl Pages {
    /// Once the list has been read, it answers at once that there is no more.
    #[activity(definition = workflows::ReconcilePage)]
    async fn reconcile_page(
        self: Arc<Self>,
        _ctx: ActivityContext,
        _run: ReconcileRef,
    ) -> Result<ReconcileStep, ActivityError> {
        let before = self.0.read.load(Ordering::Relaxed);
        if before < STEPS {
            self.0.read.store(before + 1, Ordering::Relaxed);
        }
        Ok(ReconcileStep { more: before + 1 < STEPS })
    }

    #[activity(definition = workflows::ReconcileMissing)]
    async fn reconcile_missing(
        self: Arc<Self>,
        _ctx: ActivityContext,
        _run: ReconcileRef,
    ) -> Result<ReconcileStep, ActivityError> {
        self.0.looked.fetch_add(1, Ordering::Relaxed);
        Ok(ReconcileStep { more: false })
    }
}

#[tokio::test]
async fn a_long_comparison_goes_on_in_a_new_history_with_the_same_run() {
    // A provider that is installed already is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = engine().await.connect().await.unwrap().clone();
    let list = Arc::new(LongList {
        run: ReconciliationId::mint(),
        opened_with: Mutex::default(),
        read: AtomicU32::default(),
        looked: AtomicU32::default(),
    });
    let runtime = Runtime::from_current_tokio(RuntimeOptions::builder().build().unwrap()).unwrap();
    let rows = WorkerOptions::new(names::TASK_QUEUE)
        .register_workflow::<ReconciliationWorkflow>()
        .unwrap()
        .register_activities(Rows(list.clone()))
        .build();
    let pages = WorkerOptions::new(names::LOOKUP_QUEUE).register_activities(Pages(list.clone())).build();
    let mut rows = Worker::new(&runtime, client.clone(), rows).unwrap();
    let mut pages = Worker::new(&runtime, client.clone(), pages).unwrap();
    let (stop_rows, stop_pages) = (rows.shutdown_handle(), pages.shutdown_handle());
    let compare = async {
        let options = WorkflowStartOptions::new(names::TASK_QUEUE, "reconciliation".to_owned()).build();
        let input = Started::from(ReconcileInput::default());
        let run = client.start_workflow(ReconciliationWorkflow::run, input, options).await.unwrap();
        let reconciled = run.get_result(WorkflowGetResultOptions::default()).await.unwrap();
        stop_rows();
        stop_pages();
        reconciled
    };
    let (rows, pages, reconciled) = tokio::join!(rows.run(), pages.run(), compare);
    rows.and(pages).unwrap();
    assert_eq!((reconciled.listed, reconciled.looked_up), (STEPS, 1));
    assert_eq!(*list.opened_with.lock().unwrap(), [None, Some(list.run)]);
}
