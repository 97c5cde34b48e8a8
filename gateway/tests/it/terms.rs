//! What the tests ask for, and of whom.

use std::time::Duration;

use domain::{AccountName, AttemptNumber, AttemptTerms, Observed, PayoutId, Reference};
use gateway::{
    PayoutGateway as _,
    flutterwave::v3::{Config, FlutterwaveV3},
};
use simulator::{Control, Running, Settings, Simulator, Span};

use crate::silence::keep_the_log;

/// Long enough for a loopback on a busy machine, short enough to wait for. Only what is meant to time out takes so long.
pub(crate) const SHORT_TIMEOUT: Duration = Duration::from_secs(2);

pub(crate) const TEST_KEY: &str = "FLWSECK_TEST-0123456789abcdef-X";

/// A transfer that nobody has asked for before.
pub(crate) fn terms(amount: &str) -> AttemptTerms {
    AttemptTerms {
        reference: Reference::new(&"test".parse().unwrap(), PayoutId::mint(), AttemptNumber::new(1).unwrap()),
        amount: amount.parse().unwrap(),
        bank: "044".parse().unwrap(),
        account: "0690000032".parse().unwrap(),
        beneficiary: AccountName::new("Pastor Bright"),
        narration: "payout".to_owned(),
    }
}

pub(crate) fn config(base_url: &str) -> Config {
    keep_the_log();
    Config::new(base_url.parse().unwrap(), TEST_KEY.parse().unwrap())
}

/// A client with a timeout that a test can wait for.
pub(crate) fn impatient(base_url: &str) -> FlutterwaveV3 {
    let config = Config { timeout: SHORT_TIMEOUT, connect_timeout: SHORT_TIMEOUT / 2, ..config(base_url) };
    FlutterwaveV3::new(config).unwrap()
}

/// A simulator and a client that speaks to it.
pub(crate) struct Stage {
    running: Running,
    pub(crate) control: Control,
    pub(crate) client: FlutterwaveV3,
}

impl Stage {
    /// Live mode; a transfer ends after a moment.
    pub(crate) async fn start() -> Self {
        Self::with(Settings { settle_after: Span::from_millis(50), ..Settings::default() }).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        let secret_key = TEST_KEY.to_owned();
        let config = simulator::Config { secret_key, settings, ..simulator::Config::default() };
        let running = Simulator::start(config).await.unwrap();
        Self {
            control: running.control(),
            client: FlutterwaveV3::new(self::config(&running.base_url())).unwrap(),
            running,
        }
    }

    pub(crate) fn base_url(&self) -> String {
        self.running.base_url()
    }

    /// What the client sees when the transfer is no longer in flight.
    pub(crate) async fn settled(&self, terms: &AttemptTerms, id: Option<&str>) -> Observed {
        self.settled_for(&self.client, terms, id).await
    }

    pub(crate) async fn settled_for(
        &self,
        client: &FlutterwaveV3,
        terms: &AttemptTerms,
        id: Option<&str>,
    ) -> Observed {
        for _ in 0..1000 {
            let observed = client.observe(&terms.reference, id).await.unwrap();
            if !matches!(observed, Observed::InFlight(_)) {
                return observed;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("still in flight");
    }

    pub(crate) async fn times_paid(&self, terms: &AttemptTerms) -> usize {
        self.control.transfer(terms.reference.as_str()).await.unwrap().unwrap().times_paid
    }
}
