//! What a test plays on: a provider with money, a gateway, a worker, and the questions to ask afterwards.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use domain::{
    AccountName, AttemptNumber, BankAccountId, Currency, Money, Next, Observed, PayoutId, PayoutStatus,
    ProviderId, Sighting,
};
use ephemeral::Links;
use poem::{
    EndpointExt, IntoResponse, Route, Server, handler, http::StatusCode, listener::Acceptor,
    listener::Listener, listener::TcpListener, post, web::Data,
};
use simulator::{Config, Control, Simulator, Span};
use sqlx::{ConnectOptions, PgPool};
use store::{
    Actor, Pool, attempts,
    decisions::{NewDecision, Verdict},
    outbox,
    payouts::Payout,
};
use temporalio_client::{
    Client, WorkflowDescribeOptions, WorkflowExecutionStatus, WorkflowFetchHistoryOptions, WorkflowHandle,
    WorkflowQueryOptions,
    tonic::{Code, IntoRequest},
};
use temporalio_common::protos::temporal::api::{
    enums::v1::IndexedValueType,
    history::v1::HistoryEvent,
    operatorservice::v1::AddSearchAttributesRequest,
    workflowservice::v1::{CountWorkflowExecutionsRequest, RegisterNamespaceRequest},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;
use uuid::Uuid;
use worker::{Engine, Running, Settings};
use workflows::{PayoutWorkflow, Waiting, names};

/// Anything that is waited for comes within this time on a busy machine, or is not going to come.
const PATIENCE: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Of what nobody sends.
const SHORT_LEASE: Duration = Duration::from_secs(1);
/// What recorded histories say of the worker: nothing of the machine.
const IDENTITY: &str = "worker@test";
/// The bank account of the provider: the simulator knows an owner for it.
const BANK: &str = "044";
pub(crate) const ACCOUNT: &str = "0690000040";
pub(crate) const OWNER: &str = "Ada Obi";
/// What the provider was paid each time before.
const USUAL: &str = "20000.00";
/// The provider's balance: more than any test asks for.
const EARNED: &str = "1000000.00";

pub(crate) struct Stage {
    pub(crate) pool: Pool,
    pub(crate) gateway: Control,
    pub(crate) provider: ProviderId,
    pub(crate) engine: Engine,
    pub(crate) settings: Arc<Settings>,
    account: BankAccountId,
    simulator: simulator::Running,
    worker: Option<Worker>,
    second: Option<Worker>,
    asked: Vec<PayoutId>,
}

struct Worker {
    world: Arc<worker::World>,
    stop: CancellationToken,
    ended: JoinHandle<anyhow::Result<()>>,
}

impl Worker {
    async fn end(self) {
        self.stop.cancel();
        self.ended.await.unwrap().expect("the worker ends well");
    }
}

impl Stage {
    /// Everything runs; a payout of up to 50,000 naira is approved at once and waits for a batch.
    pub(crate) async fn open(pool: &PgPool) -> Self {
        Self::with(pool, &[]).await
    }

    /// The same with other settings.
    pub(crate) async fn with(pool: &PgPool, changes: &[(&str, &str)]) -> Self {
        let mut stage = Self::without_worker(pool, changes).await;
        stage.start_worker();
        stage
    }

    pub(crate) async fn without_worker(pool: &PgPool, changes: &[(&str, &str)]) -> Self {
        let engine = engine().await;
        Self::around(pool, changes, engine).await
    }

    /// Everything but the worker, which will use `engine`.
    pub(crate) async fn around(pool: &PgPool, changes: &[(&str, &str)], engine: Engine) -> Self {
        worker::init_logs(worker::settings::LogFormat::Text);
        // A provider that is installed already is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // As the worker makes it: with a statement timeout, and more connections than a test's own pool has.
        let pool = store::connect(pool.connect_options().to_url_lossy().as_str(), 10).await.unwrap();
        let hooks = receive_webhooks(pool.clone()).await;
        let mut config = Config::default();
        config.settings.webhook_url = Some(hooks);
        config.settings.settle_after = Span::from_millis(300);
        let simulator = Simulator::start(config).await.unwrap();
        let settings = Arc::new(settings(&simulator.base_url(), changes));
        // No window falls due during a test: a batch leaves when the test says so.
        let now = Utc::now();
        if let Some(due) = store::batches::open_due(&pool, settings.window, settings.zone, now).await.unwrap()
        {
            store::batches::close(&pool, due, now).await.unwrap();
        }
        let (provider, account) = provider_with_money(&pool).await;
        for _ in 0..domain::RiskRules::first().successful_payouts.at_least {
            pay_without_a_worker(&pool, &settings, provider, account).await;
        }
        let gateway = simulator.control();
        Self {
            pool,
            gateway,
            provider,
            engine,
            settings,
            account,
            simulator,
            worker: None,
            second: None,
            asked: vec![],
        }
    }

    pub(crate) fn start_worker(&mut self) {
        self.worker = Some(self.worker(self.engine.clone()));
    }

    /// Another one beside it, on a connection of its own as another process has it; it ends with the test.
    pub(crate) fn start_second_worker(&mut self) {
        let engine = engine_at(&temporal_address(), self.engine.namespace());
        self.second = Some(self.worker(engine));
    }

    fn worker(&self, engine: Engine) -> Worker {
        let world = worker::world(&self.settings, self.pool.clone()).unwrap();
        let redis = Arc::new(Links::new(&self.settings.redis, "worker", "test").unwrap());
        let running = Running { world: world.clone(), engine, redis };
        let (settings, stop) = (self.settings.clone(), CancellationToken::new());
        let stopping = stop.clone();
        let ended = tokio::spawn(async move { worker::serve(running, &settings, false, stopping).await });
        Worker { world, stop, ended }
    }

    /// How often the running worker's parts were made anew.
    pub(crate) fn recycled(&self) -> u64 {
        self.worker.as_ref().map_or(0, |worker| worker.world.tally.recycled())
    }

    /// Tells the worker to stop and waits until it has.
    pub(crate) async fn stop_worker(&mut self) {
        self.worker.take().expect("a worker runs").end().await;
    }

    /// A provider that is not verified: everything it asks for is reviewed.
    pub(crate) async fn distrust_provider(&self) {
        let provider = store::providers::get(&self.pool, self.provider).await.unwrap().unwrap();
        let new = store::providers::NewProvider {
            external_id: provider.external_id,
            display_name: provider.display_name,
            email: provider.email,
            verified: false,
            suspended: false,
        };
        store::providers::upsert(&self.pool, &new, &Actor::platform("test"), Utc::now()).await.unwrap();
    }

    /// A payout that was sent so long ago and of which nobody has heard since. Neither Temporal nor the gateway knows it.
    pub(crate) async fn unheard_of_for(&self, ago: TimeDelta) -> PayoutId {
        let (pool, settings) = (&self.pool, &self.settings);
        send_without_a_worker(pool, settings, self.provider, self.account, Utc::now() - ago).await
    }

    /// The provider asks for `amount` naira.
    pub(crate) async fn request(&mut self, amount: &str) -> PayoutId {
        let payout = request(&self.pool, self.provider, self.account, amount).await;
        self.asked.push(payout);
        payout
    }

    /// Another provider with money, number so-and-so.
    pub(crate) async fn another(&self, number: usize) -> (ProviderId, BankAccountId) {
        another_with_money(&self.pool, number).await
    }

    /// Asked for and approved at once, before its workflow has begun.
    pub(crate) async fn approved(
        &mut self,
        (provider, account): (ProviderId, BankAccountId),
        amount: &str,
    ) -> PayoutId {
        let (pool, now) = (&self.pool, Utc::now());
        let payout = request(pool, provider, account, amount).await;
        store::assessments::validate_and_assess(pool, payout, false, now).await.unwrap();
        let decision = NewDecision { payout, verdict: Verdict::Approve, reason: "one of many" };
        // The rules may have let it go by themselves.
        store::decisions::decide(pool, &decision, &admin(), false, now).await.unwrap();
        self.asked.push(payout);
        payout
    }

    pub(crate) async fn payout(&self, id: PayoutId) -> Payout {
        store::payouts::get(&self.pool, id).await.unwrap().unwrap()
    }

    /// The payout once `seen` holds for it.
    pub(crate) async fn until(&self, id: PayoutId, what: &str, seen: impl Fn(&Payout) -> bool) -> Payout {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let payout = self.payout(id).await;
            if seen(&payout) {
                return payout;
            }
            if Instant::now() > deadline {
                let timeline = self.timeline(id).await;
                panic!("payout {id} is not {what} but {payout:?}\nafter {timeline:#?}");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    pub(crate) async fn until_status(&self, id: PayoutId, status: PayoutStatus) -> Payout {
        self.until(id, status.as_str(), |payout| payout.status == status).await
    }

    /// The workflow has done all it can and waits: `for_what` is one of the words of `domain::WaitingFor`.
    pub(crate) async fn until_waiting(&self, id: PayoutId, for_what: &str) -> Waiting {
        let what = format!("payout {id} waits for {for_what}");
        eventually(&what, async || {
            let standing = store::payouts::standing(&self.pool, id).await.unwrap()?;
            let there = match standing.next(Utc::now()) {
                Next::AwaitDecision => for_what == "decision",
                Next::AwaitRelease => for_what == "window",
                Next::AwaitOutcome { .. } => for_what == "gateway",
                Next::AwaitAttention => for_what == "attention",
                Next::Assess
                | Next::Begin
                | Next::Send { .. }
                | Next::AwaitRetry { .. }
                | Next::Notify { .. } => false,
            };
            if !there {
                return None;
            }
            let waiting = self.waiting(id).await?;
            (waiting.waiting_for.as_deref() == Some(for_what)).then_some(waiting)
        })
        .await
    }

    /// What the workflow answers when it is asked; `None` while there is none, or while it works: a query in the middle of a
    /// local activity can make the SDK's core (0.10) panic in a debug build, and costs a workflow task in any.
    pub(crate) async fn waiting(&self, id: PayoutId) -> Option<Waiting> {
        if store::outbox::backlog(&self.pool).await.unwrap().undelivered > 0 {
            return None;
        }
        let described = self.workflow(id).describe(WorkflowDescribeOptions::default()).await.ok()?;
        if described.raw().pending_workflow_task.is_some() {
            return None;
        }
        let workflow = self.workflow(id);
        let ask = workflow.query(PayoutWorkflow::WAITING, (), WorkflowQueryOptions::default());
        ask.await.ok()
    }

    /// The workflow has ended by itself.
    pub(crate) async fn until_ended(&self, id: PayoutId) -> domain::Ending {
        // The row comes first: before it has moved, the workflow may not have been started, or be a terminated one.
        self.until(id, "ended", |payout| payout.status.is_final() || payout.refunded_at.is_some()).await;
        let workflow = self.workflow(id);
        let result = workflow.get_result(temporalio_client::WorkflowGetResultOptions::default());
        tokio::time::timeout(PATIENCE, result)
            .await
            .expect("the workflow ends")
            .expect("the workflow ends well")
    }

    /// The payout's workflow is being carried, by this run or another one.
    pub(crate) async fn until_running(&self, id: PayoutId) {
        let workflow = self.workflow(id);
        eventually("the workflow runs", async || {
            let described = workflow.describe(WorkflowDescribeOptions::default()).await.ok()?;
            (described.status() == WorkflowExecutionStatus::Running).then_some(())
        })
        .await;
    }

    /// As if nobody had touched the payout for a minute.
    pub(crate) async fn let_it_be_quiet(&self, id: PayoutId) {
        let quiet = "UPDATE payouts SET updated_at = updated_at - interval '1 minute' WHERE id = $1";
        sqlx::query(quiet).bind(id.uuid()).execute(&self.pool).await.unwrap();
    }

    pub(crate) fn client(&self) -> &Client {
        self.engine.get().expect("Temporal was reached")
    }

    pub(crate) fn workflow(&self, id: PayoutId) -> WorkflowHandle<Client, PayoutWorkflow> {
        self.client().get_workflow_handle::<PayoutWorkflow>(id.workflow_id())
    }

    /// Opens a batch now, as an admin does.
    pub(crate) async fn run_batch(&self) -> domain::BatchId {
        store::batches::run_now(&self.pool, &admin(), Utc::now()).await.unwrap().id
    }

    pub(crate) async fn timeline(&self, id: PayoutId) -> Vec<String> {
        let lines = store::audit::timeline(&self.pool, id).await.unwrap();
        lines.into_iter().map(|line| line.action).collect()
    }

    /// The reference of an attempt: a pure function of payout and number.
    pub(crate) fn reference(&self, id: PayoutId, attempt: u8) -> String {
        let number = AttemptNumber::new(attempt).unwrap();
        domain::Reference::new(&self.settings.prefix, id, number).as_str().to_owned()
    }

    pub(crate) async fn history(&self, id: PayoutId) -> Vec<HistoryEvent> {
        let history = self.workflow(id).fetch_history(WorkflowFetchHistoryOptions::default());
        // None before the workflow has started.
        history.into_events().await.unwrap_or_default()
    }

    /// Under `RECORD_HISTORIES=1`: keeps the history of a payout's workflow as the one of this route.
    pub(crate) async fn record(&self, route: &str, id: PayoutId) {
        self.record_workflow(route, &id.workflow_id()).await;
    }

    /// The same for any workflow.
    pub(crate) async fn record_workflow(&self, route: &str, workflow: &str) {
        if std::env::var_os("RECORD_HISTORIES").is_none() {
            return;
        }
        let handle = self.client().get_workflow_handle::<PayoutWorkflow>(workflow);
        let history = handle.fetch_history(WorkflowFetchHistoryOptions::default()).to_json().await.unwrap();
        let history: serde_json::Value = serde_json::from_slice(&history).unwrap();
        // An event a line: a new recording is a readable difference.
        let events: Vec<String> =
            history["events"].as_array().unwrap().iter().map(ToString::to_string).collect();
        let text = format!("{{\"events\":[\n{}\n]}}\n", events.join(",\n"));
        let folder = histories();
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{route}.json")), text).unwrap();
    }

    /// Ends the test: the worker stops, our books and the gateway's agree, and nobody was paid twice. `paid` is what left
    /// the gateway in all.
    pub(crate) async fn close(mut self, paid: &str) {
        if self.worker.is_some() {
            self.stop_worker().await;
        }
        if let Some(second) = self.second.take() {
            second.end().await;
        }
        let findings = store::books::verify(&self.pool).await.unwrap().findings;
        assert!(findings.is_empty(), "{findings:#?}");
        let mut total = naira("0");
        for transfer in self.gateway.transfers().await.unwrap() {
            assert!(
                transfer.times_paid <= 1,
                "{} was paid {} times",
                transfer.reference,
                transfer.times_paid
            );
            if transfer.times_paid == 1 {
                let amount = Money::new(transfer.amount, Currency::Ngn).unwrap();
                total = total.checked_add(amount).unwrap();
            }
        }
        assert_eq!(total, naira(paid), "what the gateway paid");
        let mut completed = naira("0");
        for id in &self.asked {
            let payout = self.payout(*id).await;
            if payout.status == PayoutStatus::Completed {
                completed = completed.checked_add(payout.amount).unwrap();
            }
        }
        assert_eq!(completed, total, "what we say was paid");
        self.simulator.shutdown().await;
        self.pool.close().await;
    }
}

/// Temporal, with a namespace of the test's own.
pub(crate) async fn engine() -> Engine {
    let namespace = format!("test-{}", Uuid::new_v4().simple());
    let engine = engine_at(&temporal_address(), &namespace);
    let client = engine.connect().await.expect("Temporal is at TEMPORAL_ADDRESS");
    make_namespace(client, &namespace).await;
    engine
}

pub(crate) fn engine_at(address: &str, namespace: &str) -> Engine {
    let address: Url = format!("http://{address}").parse().unwrap();
    Engine::new(address, namespace.to_owned()).with_identity(IDENTITY)
}

pub(crate) fn naira(amount: &str) -> Money {
    Money::parse(amount, Currency::Ngn).unwrap()
}

pub(crate) fn admin() -> Actor {
    Actor::admin("ada")
}

/// Where recorded histories are kept.
pub(crate) fn histories() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../workflows/tests/histories"))
}

pub(crate) fn temporal_address() -> String {
    std::env::var("TEMPORAL_ADDRESS").expect("TEMPORAL_ADDRESS is set: `cargo xtask test -p worker` sets it")
}

/// Asks until there is an answer.
pub(crate) async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn settings(gateway: &str, changes: &[(&str, &str)]) -> Settings {
    let settings = Settings::read(|name| {
        let other = changes.iter().find(|(changed, _)| *changed == name).map(|(_, value)| *value);
        let value = other.or(match name {
            "DATABASE_URL" => Some("postgres://the-pool-is-given"),
            "FLUTTERWAVE_BASE_URL" => Some(gateway),
            "FLUTTERWAVE_SECRET_KEY" => Some(simulator::DEFAULT_SECRET_KEY),
            "GATEWAY_TIMEOUT" => Some("2s"),
            "REFERENCE_PREFIX" => Some("e2e"),
            // The boundary of a day is at least six hours away, whenever the test runs.
            "BATCH_WINDOW" => Some("24h"),
            "BATCH_TIME_ZONE" if (6..18).contains(&Utc::now().hour()) => Some("UTC"),
            "BATCH_TIME_ZONE" => Some("Etc/GMT+12"),
            "BATCH_WORKER_RATE_LIMIT" => Some("1000"),
            "RETRY_SCHEDULE" => Some("100ms,100ms,100ms"),
            "WEBHOOK_TIMEOUT" => Some("1h"),
            "WORKER_LISTEN" => Some("127.0.0.1:0"),
            // Redis is away: no payout notices.
            "REDIS_PORT" => Some("1"),
            _ => None,
        });
        value.map(str::to_owned)
    });
    settings.unwrap()
}

async fn provider_with_money(pool: &Pool) -> (ProviderId, BankAccountId) {
    another_with_money(pool, 1).await
}

async fn another_with_money(pool: &Pool, number: usize) -> (ProviderId, BankAccountId) {
    let (now, platform) = (Utc::now(), Actor::platform("test"));
    let new = store::providers::NewProvider {
        external_id: format!("provider-{number}"),
        display_name: "Provider".to_owned(),
        email: None,
        verified: true,
        suspended: false,
    };
    let (provider, _) = store::providers::upsert(pool, &new, &platform, now).await.unwrap();
    let earning = store::earnings::NewEarning {
        external_id: format!("earning-{number}"),
        provider_external_id: provider.external_id.clone(),
        description: String::new(),
        amount: naira(EARNED),
        earned_at: now,
    };
    store::earnings::push(pool, &earning, &platform, now).await.unwrap();
    let account = store::bank_accounts::NewBankAccount {
        provider: provider.id,
        currency: Currency::Ngn,
        bank: BANK.parse().unwrap(),
        number: ACCOUNT.parse().unwrap(),
        name: AccountName::new(OWNER),
    };
    // Long before anything that a test lets have happened.
    let long_ago = now - TimeDelta::days(30);
    let added = store::bank_accounts::add(pool, &account, None, TimeDelta::zero(), &platform, long_ago);
    let added = added.await.unwrap();
    let store::bank_accounts::Added::New(account) = added else { panic!("{added:?}") };
    (provider.id, account.id)
}

async fn request(pool: &Pool, provider: ProviderId, account: BankAccountId, amount: &str) -> PayoutId {
    let new = store::payouts::NewPayout {
        provider,
        bank_account: account,
        amount: naira(amount),
        idempotency_key: Uuid::new_v4().to_string(),
        body_hash: [0; 32],
    };
    let requested = store::payouts::request(pool, &new, |_| serde_json::json!({}), Utc::now()).await;
    match requested.unwrap().unwrap() {
        store::payouts::Requested::New { payout, .. } => payout.id,
        again @ store::payouts::Requested::Again { .. } => panic!("{again:?}"),
    }
}

/// A payout of the past: what makes the provider one whose small payouts are approved at once. Neither Temporal nor the
/// gateway hears of it.
async fn pay_without_a_worker(
    pool: &Pool,
    settings: &Settings,
    provider: ProviderId,
    account: BankAccountId,
) {
    let now = Utc::now();
    let payout = send_without_a_worker(pool, settings, provider, account, now).await;
    let first = AttemptNumber::FIRST;
    let place = attempts::terms(pool, payout, first).await.unwrap().unwrap();
    let sighting = Sighting {
        reference: place.terms.reference.clone(),
        gateway_id: payout.to_string(),
        amount: place.terms.amount,
        bank: place.terms.bank.as_str().to_owned(),
        account: place.terms.account.expose().to_owned(),
        fee: None,
    };
    let paid = Observed::Succeeded(sighting);
    attempts::record_observation(pool, payout, &place, &paid, &settings.retry, now).await.unwrap();
    // One row of a payout at a time.
    loop {
        let rows = outbox::lease(pool, 100, SHORT_LEASE, Utc::now()).await.unwrap();
        if rows.is_empty() {
            break;
        }
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        outbox::delivered(pool, &ids, now).await.unwrap();
    }
}

/// Requested, approved, released and sent, as far as the database knows.
async fn send_without_a_worker(
    pool: &Pool,
    settings: &Settings,
    provider: ProviderId,
    account: BankAccountId,
    sent_at: DateTime<Utc>,
) -> PayoutId {
    let now = Utc::now();
    let payout = request(pool, provider, account, USUAL).await;
    store::assessments::validate_and_assess(pool, payout, false, now).await.unwrap();
    let decision = NewDecision { payout, verdict: Verdict::Approve, reason: "the first ones are looked at" };
    store::decisions::decide(pool, &decision, &admin(), false, now).await.unwrap();
    let batch = store::batches::open_instant(pool, now).await.unwrap();
    store::batches::claim_chunk(pool, batch, 1, now).await.unwrap();
    store::batches::close(pool, batch, now).await.unwrap();
    attempts::begin(pool, payout, &settings.prefix, sent_at).await.unwrap();
    let first = AttemptNumber::FIRST;
    let sending = attempts::count_send(pool, payout, first, SHORT_LEASE, "Payout", sent_at).await.unwrap();
    assert!(matches!(sending, attempts::Sending::Go { .. }), "{sending:?}");
    payout
}

/// A namespace with our search attributes, once it can be used.
async fn make_namespace(client: &Client, namespace: &str) {
    let register = RegisterNamespaceRequest {
        namespace: namespace.to_owned(),
        workflow_execution_retention_period: Duration::from_hours(24).try_into().ok(),
        ..RegisterNamespaceRequest::default()
    };
    client.connection().workflow_service().register_namespace(register.into_request()).await.unwrap();
    let attributes = [
        (names::ATTRIBUTE_STATUS, IndexedValueType::Keyword),
        (names::ATTRIBUTE_PROVIDER, IndexedValueType::Keyword),
        (names::ATTRIBUTE_RISK, IndexedValueType::Keyword),
        (names::ATTRIBUTE_AMOUNT_MINOR, IndexedValueType::Int),
        (names::ATTRIBUTE_BATCH, IndexedValueType::Keyword),
    ];
    let add = AddSearchAttributesRequest {
        namespace: namespace.to_owned(),
        search_attributes: attributes.map(|(name, kind)| (name.to_owned(), kind.into())).into(),
    };
    eventually("search attributes can be added", async || {
        client.connection().operator_service().add_search_attributes(add.clone().into_request()).await.ok()
    })
    .await;
    let query =
        format!("{} = 'REQUESTED' AND {} = 1", names::ATTRIBUTE_STATUS, names::ATTRIBUTE_AMOUNT_MINOR);
    let count = CountWorkflowExecutionsRequest { namespace: namespace.to_owned(), query };
    eventually("the namespace can be used", async || {
        let counted = client
            .connection()
            .workflow_service()
            .count_workflow_executions(count.clone().into_request())
            .await;
        match counted {
            Ok(_) => Some(()),
            Err(status) if matches!(status.code(), Code::NotFound | Code::InvalidArgument) => None,
            Err(status) => panic!("{status}"),
        }
    })
    .await;
}

/// Receives webhooks as the API does; answers where.
async fn receive_webhooks(pool: Pool) -> String {
    let listening = TcpListener::bind("127.0.0.1:0").into_acceptor().await.unwrap();
    let address = listening.local_addr().remove(0);
    let routes = Route::new().at("/hook", post(hook)).data(pool).boxed();
    tokio::spawn(Server::new_with_acceptor(listening).run(routes));
    format!("http://{}/hook", address.as_socket_addr().unwrap())
}

#[handler]
async fn hook(request: &poem::Request, body: poem::Body, pool: Data<&Pool>) -> poem::Response {
    let secret = simulator::Settings::default().webhook_hash;
    let given =
        request.headers().get(gateway::webhook::SIGNATURE_HEADER).map(poem::http::HeaderValue::as_bytes);
    if gateway::webhook::verify(given, secret.as_bytes()).is_err() {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let body = body.into_bytes().await.unwrap();
    let reference = gateway::webhook::parse(&body).ok().and_then(|hint| hint.reference);
    store::inbox::receive(&pool, &body, reference.as_ref(), Utc::now()).await.unwrap();
    StatusCode::OK.into_response()
}
