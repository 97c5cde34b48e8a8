//! What a test needs: the API on a database of its own, a gateway that does as it is told, a clock, and tokens.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use api::{
    app::{App, TemporalUi},
    auth::SharedSecret,
    banks::BankList,
    health::Dependency,
    rate::{RateLimits, Rates},
    server,
    settings::{JwtSecret, WebhookSecret},
    stream::Streams,
};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    AccountName, AccountNumber, AttemptTerms, BankCode, BatchWindow, Clock as _, Currency, ManualClock,
    Money, Observed, PayoutId, ProviderId, Reference, ReferencePrefix, RetrySchedule, Submitted,
};
use ephemeral::{Links, RedisSettings, Seal, limits::Limits, live::Live};
use gateway::{Balance, Bank, LookUpClass, LookUpFailed, PayoutGateway, ResolveFailed};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use poem::{
    Endpoint,
    http::StatusCode,
    test::{TestClient, TestRequestBuilder, TestResponse},
};
use serde_json::{Value, json};
use store::{Actor, Pool, attempts::RetryPolicy};
use tokio_util::sync::CancellationToken;

pub(crate) const JWT_SECRET: &str = "a secret of tests, longer than 32 bytes";
pub(crate) const WEBHOOK_SECRET: &str = "hash of tests";
/// Far enough for `exp`, which is compared with the machine's clock.
const FAR: u64 = 4_102_444_800;

/// Answers from what the test put there.
#[derive(Default)]
pub(crate) struct FakeGateway {
    /// `None`: it cannot be asked.
    pub(crate) observed: Mutex<Option<Observed>>,
    pub(crate) away: Mutex<bool>,
    pub(crate) looks: AtomicUsize,
}

fn away() -> LookUpFailed {
    LookUpFailed { class: LookUpClass::Unreachable, retry_after: None, message: "away".to_owned() }
}

impl FakeGateway {
    fn asked(&self) -> Result<(), LookUpFailed> {
        if *self.away.lock().unwrap() { Err(away()) } else { Ok(()) }
    }

    pub(crate) fn go_away(&self) {
        *self.away.lock().unwrap() = true;
    }

    pub(crate) fn answers(&self, observed: Observed) {
        *self.observed.lock().unwrap() = Some(observed);
    }
}

#[async_trait]
impl PayoutGateway for FakeGateway {
    async fn submit(&self, _terms: &AttemptTerms) -> Submitted {
        panic!("the API never sends money")
    }

    async fn observe(&self, _: &Reference, _: Option<&str>) -> Result<Observed, LookUpFailed> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        self.asked()?;
        self.observed.lock().unwrap().clone().ok_or_else(away)
    }

    async fn transfers(
        &self,
        _from: chrono::NaiveDate,
        _to: chrono::NaiveDate,
        _page: u32,
    ) -> Result<domain::reconcile::TransferPage, LookUpFailed> {
        panic!("the API never lists the gateway's transfers")
    }

    async fn resolve_account(
        &self,
        _bank: &BankCode,
        account: &AccountNumber,
    ) -> Result<AccountName, ResolveFailed> {
        self.asked()?;
        match account.expose() {
            "0000000000" => Err(ResolveFailed::NoSuchAccount { message: "no such account".to_owned() }),
            "0000000002" => panic!("the gateway's client has a bug"),
            "0000000001" => Ok(AccountName::new("")),
            _ => Ok(AccountName::new("ADA OBI")),
        }
    }

    async fn banks(&self) -> Result<Vec<Bank>, LookUpFailed> {
        self.asked()?;
        let bank = |code: &str, name: &str| Bank { code: code.parse().unwrap(), name: name.to_owned() };
        Ok(vec![bank("044", "Access Bank"), bank("100004", "OPay")])
    }

    async fn balance(&self, currency: Currency) -> Result<Balance, LookUpFailed> {
        let nothing = Money::zero(currency);
        Ok(Balance { available: nothing, ledger: nothing })
    }

    async fn fee_quote(&self, amount: Money) -> Result<Money, LookUpFailed> {
        self.asked()?;
        Ok(Money::parse("10.75", amount.currency()).unwrap())
    }
}

/// Connections to a Redis that is away.
pub(crate) fn no_redis() -> Arc<Links> {
    let settings = RedisSettings {
        host: "127.0.0.1".to_owned(),
        port: 1,
        username: None,
        password: None,
        db: 0,
        max_clients: 50,
        pool_size: 10,
        patience: RedisSettings::PATIENCE,
    };
    Arc::new(Links::new(&settings, "test", "test").unwrap())
}

/// What a process has of Redis.
pub(crate) struct Shared {
    pub(crate) links: Arc<Links>,
    pub(crate) live: Arc<Live>,
    pub(crate) rates: Rates,
    pub(crate) stop: CancellationToken,
}

impl Shared {
    pub(crate) fn nothing() -> Self {
        Self::through(no_redis(), Rates::NONE)
    }

    pub(crate) fn through(links: Arc<Links>, rates: Rates) -> Self {
        Self { live: Arc::new(Live::new(links.clone())), links, rates, stop: CancellationToken::new() }
    }
}

/// A service that is there or not.
pub(crate) struct Fixed(pub(crate) &'static str, pub(crate) bool);

#[async_trait]
impl Dependency for Fixed {
    fn name(&self) -> &'static str {
        self.0
    }

    async fn check(&self) -> Result<(), String> {
        if self.1 { Ok(()) } else { Err("away".to_owned()) }
    }
}

pub(crate) struct World {
    pub(crate) client: TestClient<poem::endpoint::BoxEndpoint<'static>>,
    pub(crate) pool: Pool,
    pub(crate) gateway: Arc<FakeGateway>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) provider: ProviderId,
    pub(crate) account: uuid::Uuid,
}

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(crate) fn naira(amount: &str) -> Value {
    json!({ "amount": amount, "currency": "NGN" })
}

pub(crate) fn money(amount: &str) -> Money {
    Money::parse(amount, Currency::Ngn).unwrap()
}

pub(crate) fn retry_policy() -> RetryPolicy {
    RetryPolicy { schedule: RetrySchedule::default(), webhook_timeout: std::time::Duration::from_secs(30) }
}

impl World {
    /// A provider with an account and ₦10,000 earned.
    pub(crate) async fn new(pool: Pool) -> Self {
        Self::with(pool, vec![Arc::new(Fixed("redis", true)), Arc::new(Fixed("temporal", true))]).await
    }

    pub(crate) async fn with(pool: Pool, dependencies: Vec<Arc<dyn Dependency>>) -> Self {
        Self::sharing(pool, dependencies, &Shared::nothing()).await
    }

    /// The same, as a process that shares something through Redis.
    pub(crate) async fn sharing(pool: Pool, dependencies: Vec<Arc<dyn Dependency>>, shared: &Shared) -> Self {
        let mut world = Self::empty(pool, dependencies, shared);
        (world.provider, world.account) = world.add_provider("p-1", "10000.00").await;
        world
    }

    /// Another process of the same installation.
    pub(crate) fn beside(&self, dependencies: Vec<Arc<dyn Dependency>>, shared: &Shared) -> Self {
        let other = Self::empty(self.pool.clone(), dependencies, shared);
        Self { provider: self.provider, account: self.account, ..other }
    }

    fn empty(pool: Pool, dependencies: Vec<Arc<dyn Dependency>>, shared: &Shared) -> Self {
        let gateway = Arc::new(FakeGateway::default());
        let clock = Arc::new(ManualClock::at(at("2026-11-22T09:00:00Z")));
        let app = App {
            pool: pool.clone(),
            gateway: gateway.clone(),
            banks: BankList::default(),
            clock: clock.clone(),
            verifier: Arc::new(SharedSecret::new(&JwtSecret::new(JWT_SECRET).unwrap(), "payouts")),
            webhook_secret: WebhookSecret::new(WEBHOOK_SECRET).unwrap(),
            cooling_off: TimeDelta::hours(24),
            sign_in_fresh_for: TimeDelta::minutes(15),
            public_url: Some("https://pay.test".parse().unwrap()),
            window: "2h".parse::<BatchWindow>().unwrap(),
            zone: chrono_tz::Africa::Lagos,
            retry_policy: retry_policy(),
            environment: worker::settings::AppEnv::Development,
            prefix: "test".parse().unwrap(),
            return_window: chrono::TimeDelta::days(5),
            channels: channels::Settings {
                mail: None,
                push: Some(channels::Push {
                    key: "RS0WdYWWo1HajXg3NZR1olzCf31i-ZBGDkFyCs7j1jw".parse().unwrap(),
                    contact: "mailto:payouts@example.com".to_owned(),
                }),
                dashboard: None,
                reach: channels::outbound::Reach::Public,
                sealing: channels::SealingKeys::development().unwrap(),
            },
            temporal_ui: Some(TemporalUi {
                base: "http://temporal.test:8233/".parse().unwrap(),
                namespace: "default".to_owned(),
            }),
            engine: worker::Engine::new("http://127.0.0.1:1".parse().unwrap(), "none".to_owned()),
            rates: RateLimits {
                links: shared.links.clone(),
                limits: Limits::default(),
                seal: Seal::new(b"test"),
                rates: shared.rates,
                trusted: vec![],
            },
            streams: Streams::new(shared.live.clone(), shared.stop.clone()),
            dependencies,
        };
        let endpoint = server::endpoint(Arc::new(app), None);
        let client = TestClient::new(poem::EndpointExt::boxed(endpoint));
        Self { client, pool, gateway, clock, provider: ProviderId::mint(), account: uuid::Uuid::nil() }
    }

    /// Another provider, with an account and that much earned.
    pub(crate) async fn add_provider(&self, external_id: &str, earned: &str) -> (ProviderId, uuid::Uuid) {
        let token = platform();
        let made = put(
            &self.client,
            &format!("/api/platform/providers/{external_id}"),
            &token,
            &json!({
                "display_name": "Ada", "verified": true
            }),
        )
        .await;
        let id: ProviderId = made.0["id"].as_str().unwrap().parse().unwrap();
        let earning =
            json!({ "provider": external_id, "amount": naira(earned), "earned_at": "2026-11-01T00:00:00Z" });
        let (body, status) =
            put(&self.client, &format!("/api/platform/earnings/e-{external_id}"), &token, &earning).await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
        let account = json!({ "bank_code": "044", "account_number": "0690000032", "currency": "NGN" });
        let (body, status) = self.post("/api/provider/bank-accounts", &provider(id), &account).await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
        (id, body["id"].as_str().unwrap().parse().unwrap())
    }

    pub(crate) fn token(&self) -> String {
        provider(self.provider)
    }

    pub(crate) fn payout_body(&self, amount: &str) -> Value {
        json!({ "amount": naira(amount), "bank_account_id": self.account })
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> (Value, StatusCode) {
        answer(self.client.get(path).header("authorization", format!("Bearer {token}")).send().await).await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: &Value) -> (Value, StatusCode) {
        answer(json_request(self.client.post(path), token, body).send().await).await
    }

    pub(crate) async fn put(&self, path: &str, token: &str, body: &Value) -> (Value, StatusCode) {
        put(&self.client, path, token, body).await
    }

    /// Asks for a payout under a key.
    pub(crate) async fn request(&self, key: &str, body: &Value) -> (Value, StatusCode) {
        let request = json_request(self.client.post("/api/provider/payouts"), &self.token(), body);
        answer(request.header("idempotency-key", key).send().await).await
    }

    /// A payout of this amount, just asked for.
    pub(crate) async fn payout(&self, amount: &str) -> PayoutId {
        let (body, status) = self.request(&uuid::Uuid::now_v7().to_string(), &self.payout_body(amount)).await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
        body["id"].as_str().unwrap().parse().unwrap()
    }

    /// A payout under review: these providers have no history.
    pub(crate) async fn under_review(&self, amount: &str) -> PayoutId {
        let id = self.payout(amount).await;
        store::assessments::validate_and_assess(&self.pool, id, false, self.clock.now()).await.unwrap();
        id
    }

    pub(crate) async fn decide(&self, id: PayoutId, decision: &str) -> (Value, StatusCode) {
        let body = json!({ "decision": decision, "reason": "because" });
        self.post(&format!("/api/admin/payouts/{id}/decision"), &admin(), &body).await
    }

    /// A payout that a batch has taken.
    pub(crate) async fn processing(&self, amount: &str) -> PayoutId {
        let id = self.under_review(amount).await;
        assert_eq!(self.decide(id, "approve").await.1, StatusCode::OK);
        let batch = store::batches::run_now(&self.pool, &Actor::system(), self.clock.now()).await.unwrap();
        let claimed =
            store::batches::claim_chunk(&self.pool, batch.id, 10, self.clock.now()).await.unwrap().claimed;
        assert_eq!(claimed, 1);
        id
    }

    /// A payout whose only attempt was sent.
    pub(crate) async fn sent(&self, amount: &str) -> (PayoutId, Reference) {
        let id = self.processing(amount).await;
        let prefix: ReferencePrefix = "test".parse().unwrap();
        store::attempts::begin(&self.pool, id, &prefix, self.clock.now()).await.unwrap();
        let attempts = store::attempts::of_payout(&self.pool, id).await.unwrap();
        (id, attempts[0].reference.clone())
    }

    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap()
    }
}

async fn put<E: Endpoint>(
    client: &TestClient<E>,
    path: &str,
    token: &str,
    body: &Value,
) -> (Value, StatusCode) {
    answer(json_request(client.put(path), token, body).send().await).await
}

pub(crate) fn json_request<'a, E>(
    request: TestRequestBuilder<'a, E>,
    token: &str,
    body: &Value,
) -> TestRequestBuilder<'a, E>
where
    E: Endpoint,
{
    request
        .header("authorization", format!("Bearer {token}"))
        .content_type("application/json")
        .body(body.to_string())
}

/// The body as JSON (null when there is none) and the status. A failure must be a problem with that status.
pub(crate) async fn answer(response: TestResponse) -> (Value, StatusCode) {
    let response = response.0;
    let status = response.status();
    let content_type = response.content_type().unwrap_or_default().to_owned();
    let text = response.into_body().into_string().await.unwrap();
    let body: Value = serde_json::from_str(&text).unwrap_or_default();
    if !status.is_success() && !status.is_redirection() && body.get("dependencies").is_none() {
        assert_eq!(content_type, "application/problem+json", "{text}");
        assert_eq!(body["status"], status.as_u16(), "{text}");
        assert!(body["code"].is_string() && body["detail"].is_string(), "{text}");
    }
    (body, status)
}

/// The same with every id replaced, for snapshots: ids differ from run to run.
pub(crate) fn tidy(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(without_ids(text)),
        Value::Array(items) => Value::Array(items.iter().map(tidy).collect()),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, value)| (name.clone(), tidy(value))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// UUIDs with and without hyphens: references have the plain form.
fn without_ids(text: &str) -> String {
    let is_id = |part: &str| uuid::Uuid::try_parse(part).is_ok();
    for length in [36, 32] {
        let at = (0..text.len()).find(|start| text.get(*start..start + length).is_some_and(is_id));
        if let Some(at) = at {
            return format!("{}[id]{}", &text[..at], without_ids(&text[at + length..]));
        }
    }
    text.to_owned()
}

/// `code` of a problem.
pub(crate) fn code(answer: &(Value, StatusCode)) -> (u16, &str) {
    (answer.1.as_u16(), answer.0["code"].as_str().unwrap_or("(no code)"))
}

pub(crate) fn mint(claims: &Value) -> String {
    let key = EncodingKey::from_secret(JWT_SECRET.as_bytes());
    encode(&Header::new(Algorithm::HS256), claims, &key).unwrap()
}

pub(crate) fn provider(id: ProviderId) -> String {
    mint(
        &json!({ "sub": "ada", "role": "provider", "provider_id": id, "aud": "payouts", "exp": FAR, "auth_time": FAR }),
    )
}

pub(crate) fn admin() -> String {
    mint(&json!({ "sub": "risk-1", "role": "admin", "aud": "payouts", "exp": FAR }))
}

/// A finance admin of this name.
pub(crate) fn finance(subject: &str) -> String {
    mint(&json!({ "sub": subject, "role": "finance", "aud": "payouts", "exp": FAR }))
}

pub(crate) fn platform() -> String {
    mint(&json!({ "sub": "marketplace", "role": "platform", "aud": "payouts", "exp": FAR }))
}
