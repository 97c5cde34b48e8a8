//! A webhook receiver that answers as it is told and remembers what it got.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::PATIENCE;

#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
    pub(crate) at: Instant,
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn data(&self, field: &str) -> String {
        self.json()["data"][field].as_str().unwrap_or_default().to_owned()
    }
}

#[derive(Default)]
struct Shared {
    got: Mutex<Vec<Got>>,
    /// Statuses to answer with before 200; zero says nothing at all.
    script: Mutex<VecDeque<u16>>,
}

pub(crate) struct Receiver {
    pub(crate) url: String,
    shared: Arc<Shared>,
}

impl Receiver {
    pub(crate) async fn start(script: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let shared = Arc::new(Shared::default());
        shared.script.lock().unwrap().extend(script);
        let serving = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(receive(stream, Arc::clone(&serving)));
            }
        });
        Self { url, shared }
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.shared.got.lock().unwrap().clone()
    }

    /// Waits for so many webhooks.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Got> {
        let start = Instant::now();
        loop {
            let got = self.got();
            if got.len() >= count {
                return got;
            }
            assert!(start.elapsed() < PATIENCE, "{} webhooks instead of {count}", got.len());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Makes sure that no more than so many come.
    pub(crate) async fn stays_at(&self, count: usize, during: Duration) {
        tokio::time::sleep(during).await;
        assert_eq!(self.got().len(), count);
    }
}

async fn receive(mut stream: TcpStream, shared: Arc<Shared>) {
    let mut bytes = Vec::new();
    let (head, length) = loop {
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let headers: BTreeMap<String, String> = head
                .lines()
                .skip(1)
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                .collect();
            let length: usize = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
            if bytes.len() >= head.len() + 4 + length {
                break ((head.len() + 4, headers), length);
            }
        }
    };
    let (start, headers) = head;
    let body = String::from_utf8(bytes[start..start + length].to_vec()).unwrap();
    shared.got.lock().unwrap().push(Got { headers, body, at: Instant::now() });
    let status = shared.script.lock().unwrap().pop_front().unwrap_or(200);
    if status == 0 {
        tokio::time::sleep(PATIENCE).await;
        return;
    }
    let answer = format!("HTTP/1.1 {status} Said\r\ncontent-length: 0\r\nlocation: /elsewhere\r\n\r\n");
    // The sender may have gone.
    let _ = stream.write_all(answer.as_bytes()).await;
}
