//! The screening hook against sockets: what is signed, and what is not believed.

use std::{net::SocketAddr, time::Duration};

use chrono::{DateTime, Utc};
use gateway::screening::{Answer, Config, Hook, MAX_BODY_BYTES, NotAnswered, Question, Screen as _, Secret};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinHandle,
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID: &str = "question-1";
const AT: &str = "1795338001";
const CLEAR: &str = r#"{"verdict":"clear","list_version":"2026-11-22"}"#;

fn secret() -> Secret {
    Secret::parse(SECRET).unwrap()
}

fn signature(id: &str, body: &str) -> String {
    secret().sign(id, AT, body.as_bytes()).unwrap()
}

fn answer(status: u16, id: &str, signature: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} X\r\nwebhook-id: {id}\r\nwebhook-timestamp: {AT}\r\nwebhook-signature: {signature}\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn signed(body: &str) -> String {
    answer(200, ID, &signature(ID, body), body)
}

/// Answers one request with these bytes; what it was asked comes back. `None`: it never answers.
async fn server(bytes: Option<String>) -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = String::new();
        loop {
            let mut bytes = [0; 4096];
            let count = stream.read(&mut bytes).await.unwrap();
            request.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
            let whole = request.split_once("\r\n\r\n").is_some_and(|(_, body)| body.ends_with('}'));
            if count == 0 || whole {
                break;
            }
        }
        match bytes {
            Some(bytes) => {
                // A client that has read enough closes.
                let _ = stream.write_all(bytes.as_bytes()).await;
            }
            None => std::future::pending().await,
        }
        request
    });
    (address, asked)
}

async fn ask_within(address: SocketAddr, timeout: Duration) -> Result<Answer, NotAnswered> {
    let url = format!("http://{address}/screen").parse().unwrap();
    let config = Config { url, secret: secret(), timeout };
    let question = Question {
        provider_id: "p",
        provider_external_id: "shop-7",
        provider_name: "Ada Obi",
        bank_account_id: "b",
        bank_code: "044",
        account_number: "0690000040",
        account_name: "ADA OBI",
        currency: "NGN",
    };
    let now: DateTime<Utc> = "2026-11-22T09:00:00Z".parse().unwrap();
    Hook::new(&config).unwrap().ask(ID, &question, now).await
}

async fn ask(address: SocketAddr) -> Result<Answer, NotAnswered> {
    ask_within(address, Duration::from_secs(30)).await
}

async fn said(bytes: String) -> Result<Answer, NotAnswered> {
    let (address, _asked) = server(Some(bytes)).await;
    ask(address).await
}

fn list(version: &str) -> String {
    version.to_owned()
}

#[tokio::test]
async fn a_signed_question_gets_a_signed_answer() {
    let body = r#"{"verdict":"hit","list_version":"2026-11-22","reason":" on a list\u0000 ","score":9}"#;
    let (address, asked) = server(Some(signed(body))).await;
    let told = ask(address).await.unwrap();
    assert_eq!(told, Answer::Hit { list_version: list("2026-11-22"), reason: Some("on a list".to_owned()) });
    let request = asked.await.unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).unwrap();
    assert_eq!((header("webhook-id"), header("webhook-timestamp")), (ID, "1795338000"));
    assert_eq!(header("webhook-signature"), secret().sign(ID, "1795338000", body.as_bytes()).unwrap());
    assert!(body.contains("0690000040") && body.contains("shop-7"));
    assert_eq!(
        said(signed(CLEAR)).await,
        Ok(Answer::Clear { list_version: list("2026-11-22"), reason: None })
    );
    assert_eq!(said(signed(r#"{"verdict":"error"}"#)).await, Ok(Answer::Error { reason: None }));
}

/// The example of the specification, which its libraries are tested with.
#[test]
fn signatures_are_those_of_standard_webhooks() {
    let signed = secret().sign("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", br#"{"test": 2432232314}"#);
    assert_eq!(signed.unwrap(), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[tokio::test]
async fn what_is_not_signed_with_our_secret_and_for_this_question_is_no_answer() {
    let right = signature(ID, CLEAR);
    let bare = right.trim_start_matches("v1,");
    let other_key = Secret::parse("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap();
    let other_key = other_key.sign(ID, AT, CLEAR.as_bytes()).unwrap();
    for wrong in [
        "",
        "v1,",
        "v1,AAAA",
        "v1,!!",
        bare,
        &other_key,
        &signature("question-0", CLEAR),
        &signature(ID, "{}"),
    ] {
        assert_eq!(said(answer(200, ID, wrong, CLEAR)).await, Err(NotAnswered::NotSigned), "{wrong:?}");
    }
    // One that was given to another question, whole.
    let replayed = answer(200, "question-0", &signature("question-0", CLEAR), CLEAR);
    assert_eq!(said(replayed).await, Err(NotAnswered::NotSigned));
    let unsigned =
        format!("HTTP/1.1 200 X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{CLEAR}", CLEAR.len());
    assert_eq!(said(unsigned).await, Err(NotAnswered::NotSigned));
    // While a secret is changed for another, whoever answers may sign with both.
    assert!(said(answer(200, ID, &format!("v1,AAAA {right}"), CLEAR)).await.is_ok());
}

#[tokio::test]
async fn junk_is_no_answer() {
    let long_version = format!(r#"{{"verdict":"clear","list_version":"{}"}}"#, "9".repeat(101));
    for body in [
        "",
        "null",
        "clear",
        r#"{"verdict":"clear"}"#,
        r#"{"verdict":"hit"}"#,
        r#"{"verdict":"ok","list_version":"1"}"#,
        r#"{"verdict":"clear","list_version":""}"#,
        r#"{"verdict":"clear","list_version":7}"#,
        &long_version,
    ] {
        assert_eq!(said(signed(body)).await, Err(NotAnswered::NotUnderstood), "{body}");
    }
    let long = format!(r#"{{"verdict":"clear","list_version":"{}"}}"#, "9".repeat(MAX_BODY_BYTES));
    assert_eq!(said(signed(&long)).await, Err(NotAnswered::TooLong));
    assert_eq!(said("no HTTP at all".to_owned()).await, Err(NotAnswered::Unreachable));
}

#[tokio::test]
async fn errors_redirects_and_silence_are_no_answer() {
    for status in [204, 302, 401, 429, 500] {
        let body = if status == 204 { "" } else { CLEAR };
        let moved = answer(status, ID, &signature(ID, body), body);
        let moved = moved.replacen("\r\n", "\r\nlocation: http://127.0.0.1:1/\r\n", 1);
        assert_eq!(said(moved).await, Err(NotAnswered::Status(status)));
    }
    let (address, _asked) = server(None).await;
    assert_eq!(ask_within(address, Duration::from_millis(300)).await, Err(NotAnswered::Unreachable));
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    assert_eq!(ask(address).await, Err(NotAnswered::Unreachable));
}

#[test]
fn a_hook_is_reached_over_tls_or_on_this_machine_and_has_a_secret() {
    let check = |url: &str| {
        let config = Config { url: url.parse().unwrap(), secret: secret(), timeout: Duration::from_secs(5) };
        assert!(!format!("{config:?}").contains("MfKQ"));
        config.check().is_ok()
    };
    assert!(check("https://screening.example/x") && check("http://127.0.0.1:1"));
    assert!(!check("http://screening.example/x") && !check("ftp://screening.example"));
    assert!(Secret::parse("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").is_none());
    assert!(Secret::parse("whsec_c2hvcnQ=").is_none());
}
