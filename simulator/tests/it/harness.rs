//! A simulator in the process, and an HTTP client that is not the simulator's own.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use simulator::{Config, Control, Running, Settings, Simulator, Span, Status, TransferView};

/// Long enough for a machine that compiles something else at the same time.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Bench {
    pub(crate) running: Running,
    pub(crate) control: Control,
    pub(crate) client: Client,
}

/// An HTTP answer.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) status: u16,
    pub(crate) text: String,
    pub(crate) retry_after: Option<String>,
}

impl Heard {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn message(&self) -> String {
        self.json()["message"].as_str().unwrap_or_default().to_owned()
    }
}

#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    key: String,
}

impl Client {
    pub(crate) fn new(base: String) -> Self {
        // A second installation is refused, and is the same anyway.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build()
            .unwrap();
        Self { http, base, key: simulator::DEFAULT_SECRET_KEY.to_owned() }
    }

    pub(crate) fn with_key(&self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self.clone() }
    }

    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<&str>,
    ) -> Result<Heard, reqwest::Error> {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if !self.key.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.key));
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_owned());
        }
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let header = answer.headers().get("retry-after");
        let retry_after = header.and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok(Heard { status, text: answer.text().await?, retry_after })
    }

    pub(crate) async fn get(&self, path: &str) -> Heard {
        self.call("GET", path, None).await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Heard {
        self.call("POST", path, Some(body)).await.unwrap()
    }

    /// A transfer of 5,500 naira to the documented test account.
    pub(crate) async fn transfer(&self, reference: &str) -> Heard {
        self.try_transfer(reference).await.unwrap()
    }

    pub(crate) async fn try_transfer(&self, reference: &str) -> Result<Heard, reqwest::Error> {
        self.call("POST", "/v3/transfers", Some(&order(reference, "5500"))).await
    }

    /// The `data` of a look-up by reference.
    pub(crate) async fn lookup(&self, reference: &str) -> Vec<Value> {
        let heard = self.get(&format!("/v3/transfers?reference={reference}")).await;
        heard.json()["data"].as_array().cloned().unwrap_or_default()
    }
}

pub(crate) fn order(reference: &str, amount: &str) -> String {
    format!(
        r#"{{"account_bank":"044","account_number":"0690000040","amount":{amount},
            "narration":"test","currency":"NGN","reference":"{reference}","debit_currency":"NGN"}}"#
    )
}

impl Bench {
    pub(crate) async fn start(config: Config) -> Self {
        let running = Simulator::start(config).await.unwrap();
        let client = Client::new(running.base_url());
        Self { control: running.control(), client, running }
    }

    /// Settles at once.
    pub(crate) async fn instant() -> Self {
        Self::with(|settings| settings.settle_after = Span::ZERO).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::paced(1, change).await
    }

    /// With a compressed clock.
    pub(crate) async fn paced(clock_rate: u32, change: impl FnOnce(&mut Settings)) -> Self {
        let mut config = Config { clock_rate, ..Config::default() };
        change(&mut config.settings);
        Self::start(config).await
    }

    pub(crate) async fn transfer(&self, reference: &str) -> TransferView {
        self.control.transfer(reference).await.unwrap().unwrap()
    }

    pub(crate) async fn wallet(&self) -> String {
        self.control.wallet().await.unwrap().balance.normalize().to_string()
    }

    pub(crate) async fn set_wallet(&self, balance: &str) {
        self.control.set_wallet(balance.parse().unwrap()).await.unwrap();
    }

    /// Waits until the books show this status.
    pub(crate) async fn until(&self, reference: &str, status: Status) -> TransferView {
        self.until_view(reference, |view| view.status == status).await
    }

    pub(crate) async fn until_view(
        &self,
        reference: &str,
        wanted: impl Fn(&TransferView) -> bool,
    ) -> TransferView {
        let start = Instant::now();
        loop {
            let view = self.control.transfer(reference).await.unwrap();
            if let Some(view) = view.as_ref().filter(|view| wanted(view)) {
                return view.clone();
            }
            assert!(start.elapsed() < PATIENCE, "{reference} never got there: {view:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Plants a fault given as JSON.
    pub(crate) fn plant(&self, plan: &str) {
        self.control.plant(serde_json::from_str(plan).unwrap()).unwrap();
    }
}

/// A file name in the system's temporary folder that no other test has, removed at the end.
pub(crate) struct TemporaryFile(pub(crate) PathBuf);

impl TemporaryFile {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("simulator-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // It may never have been written.
        let _ = std::fs::remove_file(&self.0);
    }
}
