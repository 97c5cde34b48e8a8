//! How often a transfer is on the wire, counted at the socket, and what its fate there is called.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use domain::{NotSentClass, Observed, Submitted};
use gateway::{LookUpClass, PayoutGateway as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::terms::{SHORT_TIMEOUT, impatient, terms};

/// What the server does with each request, in order; the last is repeated.
#[derive(Clone)]
enum Deed {
    /// Writes these bytes and keeps the connection.
    Answer(String),
    /// Writes these bytes and closes the connection.
    AnswerAndClose(String),
    /// Writes these bytes, waits for the client to think that it may use the connection again, and resets it.
    AnswerAndReset(String),
    /// Reads the request and sends RST.
    Reset,
    /// Reads the request and never answers.
    Stall,
}

/// A server that counts what arrives.
struct Server {
    address: SocketAddr,
    transfers: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
}

impl Server {
    async fn start(deeds: Vec<Deed>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (transfers, connections) = (Arc::default(), Arc::default());
        let server =
            Self { address, transfers: Arc::clone(&transfers), connections: Arc::clone(&connections) };
        tokio::spawn(async move {
            let turns = Arc::new(AtomicUsize::new(0));
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.fetch_add(1, Ordering::SeqCst);
                let (deeds, turns, transfers) = (deeds.clone(), Arc::clone(&turns), Arc::clone(&transfers));
                tokio::spawn(serve(stream, deeds, turns, transfers));
            }
        });
        server
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn transfers(&self) -> usize {
        self.transfers.load(Ordering::SeqCst)
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn serve(
    mut stream: TcpStream,
    deeds: Vec<Deed>,
    turns: Arc<AtomicUsize>,
    transfers: Arc<AtomicUsize>,
) {
    while let Some(request) = read_request(&mut stream).await {
        if request.starts_with("POST /v3/transfers ") {
            transfers.fetch_add(1, Ordering::SeqCst);
        }
        let turn = turns.fetch_add(1, Ordering::SeqCst);
        match deeds.get(turn).or(deeds.last()).unwrap() {
            Deed::Answer(bytes) => stream.write_all(bytes.as_bytes()).await.unwrap(),
            Deed::AnswerAndClose(bytes) => {
                stream.write_all(bytes.as_bytes()).await.unwrap();
                return;
            }
            Deed::AnswerAndReset(bytes) => {
                stream.write_all(bytes.as_bytes()).await.unwrap();
                tokio::time::sleep(Duration::from_millis(20)).await;
                stream.set_zero_linger().unwrap();
                return;
            }
            Deed::Reset => {
                stream.set_zero_linger().unwrap();
                return;
            }
            Deed::Stall => tokio::time::sleep(SHORT_TIMEOUT * 4).await,
        }
    }
}

/// Head and body, as far as the sender's `content-length` goes; `None` at the end of the connection.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut read = String::new();
    let mut chunk = [0_u8; 4096];
    loop {
        let count = stream.read(&mut chunk).await.ok().filter(|count| *count > 0)?;
        read.push_str(std::str::from_utf8(&chunk[..count]).unwrap());
        let Some((head, body)) = read.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok())
            .unwrap_or(0);
        if body.len() >= length {
            return Some(read);
        }
    }
}

fn http(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
}

fn success(data: &str) -> String {
    http("200 OK", "", &format!(r#"{{"status":"success","message":"ok","data":{data}}}"#))
}

const BALANCE: &str = r#"{"currency":"NGN","available_balance":10,"ledger_balance":10}"#;

/// Submits one transfer to a server that does this.
async fn submit_to(deeds: Vec<Deed>) -> (Server, Submitted) {
    let server = Server::start(deeds).await;
    let submitted = impatient(&server.url()).submit(&terms("1500 NGN")).await;
    // Whatever would be sent again behind the caller's back has been by then.
    tokio::time::sleep(Duration::from_millis(100)).await;
    (server, submitted)
}

#[tokio::test]
async fn a_transfer_is_on_the_wire_once_whatever_becomes_of_it() {
    let redirect = |status: &str| http(status, "location: /v3/transfers\r\n", "");
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"status\":\"success\"".to_owned();
    let no_length = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"status\":\"success\"".to_owned();
    let bad_chunk = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"sta".to_owned();
    let endless = format!("HTTP/1.1 200 OK\r\ncontent-length: 9000000\r\n\r\n{}", "x".repeat(2_000_000));
    for (name, deed) in [
        ("no answer", Deed::Stall),
        ("reset before the answer", Deed::Reset),
        ("closed before the answer", Deed::AnswerAndClose(String::new())),
        ("half a status line", Deed::AnswerAndClose("HTTP/1.1 20".to_owned())),
        ("not HTTP", Deed::AnswerAndClose("SSH-2.0-OpenSSH_9.6\r\n\r\n".to_owned())),
        ("truncated body", Deed::AnswerAndClose(half.clone())),
        ("reset within the body", Deed::AnswerAndReset(half)),
        ("body that ends with the connection", Deed::AnswerAndClose(no_length)),
        ("broken chunk", Deed::AnswerAndClose(bad_chunk)),
        ("endless body", Deed::Answer(endless)),
        ("301", Deed::Answer(redirect("301 Moved Permanently"))),
        ("307", Deed::Answer(redirect("307 Temporary Redirect"))),
        ("308", Deed::Answer(redirect("308 Permanent Redirect"))),
        ("500", Deed::Answer(http("500 Internal Server Error", "", "{}"))),
        ("502", Deed::Answer(http("502 Bad Gateway", "", "<html>"))),
        ("503", Deed::Answer(http("503 Service Unavailable", "retry-after: 0\r\n", "<html>nginx</html>"))),
        ("408", Deed::AnswerAndClose(http("408 Request Timeout", "connection: close\r\n", ""))),
        ("421", Deed::Answer(http("421 Misdirected Request", "", ""))),
        ("425", Deed::Answer(http("425 Too Early", "", ""))),
    ] {
        let (server, submitted) = submit_to(vec![deed]).await;
        assert!(matches!(submitted, Submitted::Unknown { .. }), "{name}: {submitted:?}");
        assert_eq!((server.transfers(), server.connections()), (1, 1), "{name}");
    }
}

#[tokio::test]
async fn rate_limited_is_not_sent_and_not_sent_again() {
    let (server, submitted) =
        submit_to(vec![Deed::Answer(http("429 Too Many Requests", "retry-after: 7\r\n", "slow down"))]).await;
    let Submitted::NotSent(not_sent) = submitted else { panic!("{submitted:?}") };
    assert_eq!(not_sent.class, NotSentClass::RateLimited);
    assert_eq!(not_sent.retry_after, Some(Duration::from_secs(7)));
    assert_eq!(server.transfers(), 1);
}

/// Every transfer has a connection of its own: a kept-alive one that died is never found, so nothing is ever sent again on
/// another.
#[tokio::test]
async fn a_dead_kept_alive_connection_is_never_used_for_a_transfer() {
    let server = Server::start(vec![
        Deed::AnswerAndReset(success(BALANCE)),
        Deed::AnswerAndReset(http("503 Service Unavailable", "", "")),
        Deed::Reset,
        Deed::AnswerAndClose(String::new()),
        Deed::AnswerAndReset(http("503 Service Unavailable", "", "")),
    ])
    .await;
    let client = impatient(&server.url());
    client.balance(domain::Currency::Ngn).await.unwrap();
    for sent in 1..=8 {
        let submitted = client.submit(&terms("1500 NGN")).await;
        assert!(matches!(submitted, Submitted::Unknown { .. }), "{submitted:?}");
        assert_eq!((server.transfers(), server.connections()), (sent, sent + 1));
        // Both at once with the reset and after it.
        if sent % 2 == 0 {
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    }
}

#[tokio::test]
async fn questions_share_a_connection() {
    let server = Server::start(vec![Deed::Answer(success(BALANCE))]).await;
    let client = impatient(&server.url());
    for _ in 0..5 {
        client.balance(domain::Currency::Ngn).await.unwrap();
        // The connection goes back to the pool a moment after the answer.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(server.connections() < 5);
}

#[tokio::test]
async fn what_cannot_be_connected_to_was_not_sent() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let plain =
        Server::start(vec![Deed::AnswerAndClose("HTTP/1.1 400 Bad Request\r\n\r\n".to_owned())]).await;
    for (name, url) in [
        ("refused", format!("http://{closed}")),
        ("no such host", "http://gateway.invalid".to_owned()),
        ("no TLS", format!("https://{}", plain.address)),
    ] {
        let client = impatient(&url);
        let submitted = client.submit(&terms("1500 NGN")).await;
        let Submitted::NotSent(not_sent) = submitted else { panic!("{name}: {submitted:?}") };
        assert_eq!(not_sent.class, NotSentClass::Unreachable, "{name}");
        let failed = client.observe(&terms("1 NGN").reference, None).await.unwrap_err();
        assert_eq!(failed.class, LookUpClass::Unreachable, "{name}");
    }
    assert_eq!(plain.transfers(), 0);
}

/// A server that accepts the connection and never finishes TLS: no byte of the request can have left.
#[tokio::test]
async fn a_timeout_while_connecting_was_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let submitted = impatient(&url).submit(&terms("1500 NGN")).await;
    let Submitted::NotSent(not_sent) = submitted else { panic!("{submitted:?}") };
    assert_eq!(not_sent.class, NotSentClass::Unreachable);
}

#[tokio::test]
async fn a_look_up_that_breaks_says_nothing_about_the_transfer() {
    for (deed, class) in [
        (Deed::Stall, LookUpClass::Interrupted),
        (Deed::Reset, LookUpClass::Interrupted),
        (Deed::Answer(http("307 Temporary Redirect", "location: /\r\n", "")), LookUpClass::NotUnderstood),
        (Deed::Answer(http("503 Service Unavailable", "", "<html>")), LookUpClass::Unavailable),
        (Deed::Answer(http("404 Not Found", "", "")), LookUpClass::Refused),
    ] {
        let server = Server::start(vec![deed]).await;
        let failed = impatient(&server.url()).observe(&terms("1 NGN").reference, None).await.unwrap_err();
        assert_eq!(failed.class, class);
    }
}

/// A list that does not filter is read to its limit and no further, and proves nothing.
#[tokio::test]
async fn a_list_that_never_ends_is_no_not_found() {
    let server = Server::start(vec![Deed::Answer(success(r#"[{"reference":"another"}]"#))]).await;
    let failed = impatient(&server.url()).observe(&terms("1 NGN").reference, None).await.unwrap_err();
    assert_eq!(failed.class, LookUpClass::NotUnderstood);
}

/// What is not an id of v3 would be another path, so it is not asked for.
#[tokio::test]
async fn a_strange_id_is_not_put_into_a_path() {
    let server = Server::start(vec![Deed::Answer(success("[]"))]).await;
    let client = impatient(&server.url());
    let reference = terms("1 NGN").reference;
    for id in ["", "../balances", "7/retries", "x7"] {
        assert_eq!(client.observe(&reference, Some(id)).await, Ok(Observed::NotFound), "{id}");
    }
}
