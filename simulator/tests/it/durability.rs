//! The books as the witness: a simulator that is killed at any moment, and what its journal says then.

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use simulator::{Config, Mode, Simulator, Span, Status};

use crate::harness::{Bench, Client, PATIENCE, TemporaryFile};
use crate::receiver::Receiver;

const ANSWERS_BEFORE_THE_KILL: usize = 50;

/// The binary, killed with SIGKILL at the end at the latest.
struct Process(Child);

impl Process {
    fn start(port: u16, books: &Path, more: &[&str]) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_simulator"))
            .args(["--listen", &format!("127.0.0.1:{port}"), "--books"])
            .arg(books)
            .args(more)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be dead already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn until_healthy(client: &Client) {
    let start = Instant::now();
    while !client.call("GET", "/_sim/health", None).await.is_ok_and(|heard| heard.status == 200) {
        assert!(start.elapsed() < PATIENCE, "the simulator does not start");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn with_books(books: &TemporaryFile) -> Config {
    let mut config = Config { books: Some(books.0.clone()), ..Config::default() };
    config.settings.settle_after = Span::ZERO;
    config
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_was_answered_before_sigkill_is_in_the_books() {
    let (books, port) = (TemporaryFile::new(), free_port());
    let client = Client::new(format!("http://127.0.0.1:{port}"));
    let mut answered = Vec::new();
    for round in 0..3 {
        let mut process = Process::start(port, &books.0, &["--settle-after=0s", "--wallet=1000000000"]);
        until_healthy(&client).await;
        let killed = Arc::new(AtomicBool::new(false));
        let count = Arc::new(AtomicUsize::new(0));
        let senders: Vec<_> = (0..8)
            .map(|sender| {
                let (client, killed, count) = (client.clone(), Arc::clone(&killed), Arc::clone(&count));
                tokio::spawn(async move {
                    let mut taken = Vec::new();
                    for n in 0.. {
                        let reference = format!("r-{round}-{sender}-{n}");
                        match client.try_transfer(&reference).await {
                            Ok(heard) if heard.status == 200 => {
                                taken.push(reference);
                                count.fetch_add(1, Ordering::SeqCst);
                            }
                            Ok(heard) => panic!("{}", heard.text),
                            Err(_) => {
                                assert!(killed.load(Ordering::SeqCst), "an answer was lost before the kill");
                                return taken;
                            }
                        }
                    }
                    taken
                })
            })
            .collect();
        while count.load(Ordering::SeqCst) < ANSWERS_BEFORE_THE_KILL {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        killed.store(true, Ordering::SeqCst);
        process.kill();
        for sender in senders {
            answered.extend(sender.await.unwrap());
        }
    }
    let bench = Bench::start(with_books(&books)).await;
    for reference in &answered {
        let view = bench.transfer(reference).await;
        assert_eq!((view.status, view.times_paid, view.posts), (Status::Successful, 1, 1), "{reference}");
        assert_eq!(bench.client.transfer(reference).await.status, 400, "its duplicate is still known");
    }
    // Every naira is accounted for: what is gone from the wallet is what the transfers say.
    let transfers = bench.control.transfers().await.unwrap();
    assert!(transfers.len() >= answered.len());
    let start: rust_decimal::Decimal = "1000000000".parse().unwrap();
    let spent = transfers.iter().fold(start, |left, transfer| left - transfer.amount - transfer.fee);
    assert_eq!(bench.control.wallet().await.unwrap().balance, spent);
}

#[tokio::test]
async fn pending_settlements_late_requests_and_webhook_retries_go_on_after_sigkill() {
    let (books, port) = (TemporaryFile::new(), free_port());
    let receiver = Receiver::start(&[500]).await;
    let url = format!("--webhook-url={}", receiver.url);
    let client = Client::new(format!("http://127.0.0.1:{port}"));
    // 30 minutes take half a second.
    let flags = ["--clock-rate=3600", "--settle-after=60m", url.as_str()];
    let mut process = Process::start(port, &books.0, &flags);
    until_healthy(&client).await;
    let late =
        r#"{"match":{"reference":"late"},"fault":{"kind":"late_carry_out","stall":"0s","after":"30m"}}"#;
    assert_eq!(client.post("/_sim/faults", late).await.status, 201);
    assert_eq!(client.transfer("late").await.status, 503);
    assert_eq!(client.transfer("ref").await.status, 200);
    process.kill();
    assert_eq!(receiver.got().len(), 0);

    let mut process = Process::start(port, &books.0, &flags);
    until_healthy(&client).await;
    // The first delivery is refused by the receiver's script, then the process dies again.
    receiver.wait_for(1).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    process.kill();

    let _process = Process::start(port, &books.0, &flags);
    until_healthy(&client).await;
    let got = receiver.wait_for(3).await;
    let of = |reference: &str| got.iter().filter(|webhook| webhook.data("reference") == reference).count();
    assert_eq!((of("ref") >= 1, of("late") >= 1), (true, true));
    for reference in ["ref", "late"] {
        let known = client.get(&format!("/_sim/transfers/{reference}")).await.json();
        assert_eq!(known["transfers"][0]["times_paid"], 1, "{reference}");
        assert_eq!(known["posts"], 1);
    }
}

#[tokio::test]
async fn a_torn_last_line_is_cut_off_and_a_hole_is_refused() {
    let books = TemporaryFile::new();
    let bench = Bench::start(with_books(&books)).await;
    bench.client.transfer("a").await;
    bench.client.transfer("b").await;
    let wallet = bench.wallet().await;
    bench.running.shutdown().await;
    let whole = std::fs::read(&books.0).unwrap();

    for torn in ["{\"n\":99,\"at\":\"20", "{}", "\0\0\0\0"] {
        let mut file = std::fs::OpenOptions::new().append(true).open(&books.0).unwrap();
        file.write_all(torn.as_bytes()).unwrap();
        drop(file);
        let bench = Bench::start(with_books(&books)).await;
        assert_eq!(bench.wallet().await, wallet);
        assert_eq!(bench.control.transfers().await.unwrap().len(), 2);
        assert_eq!(bench.client.transfer("a").await.status, 400);
        bench.running.shutdown().await;
    }

    let lines: Vec<_> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    let without_the_third = [&lines[..2], &lines[3..]].concat().concat();
    std::fs::write(&books.0, without_the_third).unwrap();
    assert!(Simulator::start(with_books(&books)).await.is_err());
    let spoiled = [&lines[..2], &[b"spoiled\n".as_slice()], &lines[3..]].concat().concat();
    std::fs::write(&books.0, spoiled).unwrap();
    assert!(Simulator::start(with_books(&books)).await.is_err());
}

#[tokio::test]
async fn books_have_one_holder_and_keep_wallet_ids_and_batches() {
    let books = TemporaryFile::new();
    let mut config = with_books(&books);
    config.settings.mode = Mode::Test;
    config.wallet = "50000.5".parse().unwrap();
    let bench = Bench::start(config.clone()).await;
    assert!(Simulator::start(config.clone()).await.is_err(), "another simulator holds the books");
    bench.client.transfer("first").await;
    let bulk = r#"{"bulk_data":[{"bank_code":"044","account_number":"1","amount":1,"currency":"NGN","reference":"x"}]}"#;
    let batch = bench.client.post("/v3/bulk-transfers", bulk).await.json()["data"]["id"].as_u64().unwrap();
    let wallet = bench.control.wallet().await.unwrap();
    let first = bench.transfer("first").await.id;
    bench.running.shutdown().await;

    config.wallet = "1".parse().unwrap();
    let bench = Bench::start(config).await;
    assert_eq!(bench.control.wallet().await.unwrap(), wallet);
    let listed = bench.client.get(&format!("/v3/transfers?batch_id={batch}")).await.json();
    assert_eq!(listed["meta"]["errors"].as_array().unwrap().len(), 1);
    bench.client.transfer("second").await;
    assert!(bench.transfer("second").await.id > first.max(batch));
    assert_eq!(bench.transfer("first").await.posts, 1);
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_stalls() {
    let bench = Bench::instant().await;
    bench.plant(r#"{"fault":{"kind":"stall_then_503","stall":"1h"}}"#);
    let client = bench.client.clone();
    let caller = tokio::spawn(async move { client.try_transfer("stalled").await });
    while bench.control.faults()[0].struck == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let start = Instant::now();
    bench.running.shutdown().await;
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(caller.await.unwrap().is_err());
}
