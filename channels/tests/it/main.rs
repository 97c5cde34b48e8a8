//! What really arrives: a mail at an SMTP server, a push at a push service that decrypts it, a webhook that the published library
//! verifies. The servers are a few lines each, so that nothing of ours reads what we wrote.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy's own allowance for tests does not reach the functions that tests share"
)]

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use channels::{Delivery, Mail, Post, Push, SealingKeys, Settings, SigningSecret, outbound::Reach};
use chrono::{DateTime, Utc};
use domain::{Currency, Money, PayoutId, ProviderId};
use p256::{
    SecretKey,
    ecdsa::{Signature, VerifyingKey, signature::Verifier as _},
    elliptic_curve::{rand_core::OsRng, sec1::ToEncodedPoint as _},
};
use serde_json::Value;
use store::messages::{About, Due, Outcome, To, Told, Tried};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpListener,
    task::JoinHandle,
};
use uuid::Uuid;

const VAPID: &str = "RS0WdYWWo1HajXg3NZR1olzCf31i-ZBGDkFyCs7j1jw";

fn told() -> Told {
    let payout = Some((PayoutId::mint(), Money::parse("12500.00", Currency::Ngn).unwrap()));
    Told {
        id: Uuid::now_v7(),
        event: "failed".to_owned(),
        about: About::Provider {
            id: ProviderId::mint(),
            external_id: "shop-7".to_owned(),
            name: "Adé <b>\r\nBcc: eve@example.com".to_owned(),
            payout,
        },
        title: "Your payout could not be made".to_owned(),
        body: "₦12,500.00 could not be paid. The bank does not know the account.".to_owned(),
        reason: Some("The bank does not know the account.".to_owned()),
        at: DateTime::UNIX_EPOCH,
    }
}

fn due(to: To, told: Option<Told>) -> Due {
    Due { id: Uuid::now_v7(), lane: "x".to_owned(), tries: 1, to, told, created_at: DateTime::UNIX_EPOCH }
}

fn settings() -> Settings {
    Settings {
        mail: None,
        push: Some(Push { key: VAPID.parse().unwrap(), contact: "mailto:payouts@example.com".to_owned() }),
        dashboard: Some("https://pay.example.com".parse().unwrap()),
        reach: Reach::Anything,
        sealing: SealingKeys::development().unwrap(),
    }
}

#[expect(clippy::disallowed_methods, reason = "those who receive compare with the machine's clock")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

async fn deliver(settings: &Settings, due: &Due) -> Tried {
    match Post::new(settings).unwrap().deliver(due, now()).await {
        Delivery::Tried(tried) => tried,
        Delivery::Unwanted(why) => panic!("{why}"),
    }
}

/// Takes one mail. Answers what was said and what was sent.
async fn smtp(refuse: Option<&'static str>) -> (SocketAddr, JoinHandle<(Vec<String>, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        let (mut said, mut mail, mut in_data) = (vec![], String::new(), false);
        write.write_all(b"220 catcher\r\n").await.unwrap();
        while let Ok(Some(line)) = lines.next_line().await {
            if in_data {
                if line == "." {
                    write.write_all(b"250 kept\r\n").await.unwrap();
                    return (said, mail);
                }
                mail.push_str(line.strip_prefix('.').unwrap_or(&line));
                mail.push_str("\r\n");
                continue;
            }
            let answer = match line.split([' ', ':']).next().unwrap_or_default() {
                "EHLO" => "250-catcher\r\n250 8BITMIME\r\n",
                "RCPT" => refuse.unwrap_or("250 ok\r\n"),
                "DATA" => {
                    in_data = true;
                    "354 go on\r\n"
                }
                "QUIT" => "221 bye\r\n",
                _ => "250 ok\r\n",
            };
            said.push(line);
            write.write_all(answer.as_bytes()).await.unwrap();
        }
        (said, mail)
    });
    (address, server)
}

struct Received {
    head: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

/// Takes one HTTP request and answers it so.
async fn http(answer: &'static str) -> (SocketAddr, JoinHandle<Received>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        let (mut head, mut headers) = (String::new(), BTreeMap::new());
        stream.read_line(&mut head).await.unwrap();
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await.unwrap();
            let Some((name, value)) = line.split_once(':') else { break };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let mut body = vec![0; headers["content-length"].parse().unwrap()];
        stream.read_exact(&mut body).await.unwrap();
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        Received { head, headers, body }
    });
    (address, server)
}

#[tokio::test]
async fn a_mail_arrives_with_both_texts_and_a_name_that_breaks_nothing() {
    let (address, server) = smtp(None).await;
    let mail = Mail {
        server: format!("smtp://{address}").parse().unwrap(),
        from: "Payouts <payouts@example.com>".parse().unwrap(),
    };
    let settings = Settings { mail: Some(mail), ..settings() };
    let due = due(To::Email { address: "ade@example.org".to_owned() }, Some(told()));
    let tried = deliver(&settings, &due).await;
    assert_eq!((tried.outcome, tried.code), (Outcome::Delivered, Some(250)), "{}", tried.answer);
    let (said, mail) = server.await.unwrap();
    assert!(said.iter().any(|line| line.starts_with("RCPT TO:<ade@example.org>")), "{said:?}");
    assert_eq!(said.iter().filter(|line| line.starts_with("RCPT")).count(), 1);
    let message_id = format!("Message-ID: <{}@example.com>\r\n", due.id.simple());
    for part in [
        message_id.as_str(),
        "multipart/alternative",
        "text/plain",
        "text/html",
        "Auto-Submitted: auto-generated",
        "List-Unsubscribe: <https://pay.example.com/provider/notifications/settings>",
    ] {
        assert!(mail.contains(part), "{part} in\n{mail}");
    }
    // A line of its own in the text is a line of text; among the headers it would be another recipient.
    let (headers, _) = mail.split_once("\r\n\r\n").unwrap();
    assert!(!headers.lines().any(|line| line.starts_with("Bcc")), "{mail}");
}

#[tokio::test]
async fn a_mailbox_that_does_not_exist_is_not_tried_again_and_a_full_one_is() {
    for (answer, outcome) in
        [("550 no such user\r\n", Outcome::Gone), ("452 mailbox full\r\n", Outcome::Refused)]
    {
        let (address, _server) = smtp(Some(answer)).await;
        let server = format!("smtp://{address}").parse().unwrap();
        let mail = Mail { server, from: "payouts@example.com".parse().unwrap() };
        let settings = Settings { mail: Some(mail), ..settings() };
        let due = due(To::Email { address: "ade@example.org".to_owned() }, Some(told()));
        assert_eq!(deliver(&settings, &due).await.outcome, outcome);
    }
}

#[tokio::test]
async fn a_push_is_for_one_browser_and_signed_for_its_service() {
    let (address, server) = http("HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n").await;
    let browser = SecretKey::random(&mut OsRng);
    let auth = [7_u8; 16];
    let to = To::Push {
        subscription: Uuid::now_v7(),
        endpoint: format!("http://{address}/push/abc"),
        p256dh: URL_SAFE_NO_PAD.encode(browser.public_key().to_encoded_point(false).as_bytes()),
        auth: URL_SAFE_NO_PAD.encode(auth),
    };
    let due = due(to, Some(told()));
    assert_eq!(deliver(&settings(), &due).await.outcome, Outcome::Delivered);
    let received = server.await.unwrap();
    assert!(received.head.starts_with("POST /push/abc "), "{}", received.head);
    assert_eq!(received.headers["content-encoding"], "aes128gcm");
    assert_eq!(received.headers["topic"], due.id.simple().to_string());
    let opened = web_push_native::decrypt(received.body.clone(), &browser, &auth.into()).unwrap();
    let shown: Value = serde_json::from_slice(&opened).unwrap();
    assert_eq!(
        (&shown["title"], &shown["event"]),
        (&"Your payout could not be made".into(), &"failed".into())
    );
    assert!(shown["url"].as_str().unwrap().starts_with("https://pay.example.com/provider/payouts/"));
    let stranger = SecretKey::random(&mut OsRng);
    assert!(web_push_native::decrypt(received.body, &stranger, &auth.into()).is_err());

    let (token, key) = received.headers["authorization"].split_once(", k=").unwrap();
    let key = VerifyingKey::from_sec1_bytes(&URL_SAFE_NO_PAD.decode(key).unwrap()).unwrap();
    let (signed, signature) = token.strip_prefix("vapid t=").unwrap().rsplit_once('.').unwrap();
    let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    key.verify(signed.as_bytes(), &signature).unwrap();
    let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.').unwrap().1).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["aud"], format!("http://{address}"));
    assert_eq!(claims["sub"], "mailto:payouts@example.com");
    let valid = claims["exp"].as_i64().unwrap() - now().timestamp();
    assert!((1..=86_400).contains(&valid), "{valid}");
}

fn hook(address: SocketAddr, secret: &SigningSecret) -> To {
    let endpoint = Uuid::now_v7();
    let sealed = settings().sealing.seal(secret.expose(), endpoint).unwrap();
    To::Webhook { endpoint, url: format!("http://{address}/hooks"), secrets: vec![sealed] }
}

#[tokio::test]
async fn a_webhook_arrives_and_the_published_library_takes_it() {
    let secret = SigningSecret::make();
    let (address, server) = http("HTTP/1.1 204 No Content\r\n\r\n").await;
    let told = told();
    let due = due(hook(address, &secret), Some(told.clone()));
    assert_eq!(deliver(&settings(), &due).await.outcome, Outcome::Delivered);
    let received = server.await.unwrap();
    assert_eq!(received.headers["webhook-id"], format!("msg_{}", told.id.simple()));
    let mut headers = reqwest::header::HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        headers.insert(name, received.headers[name].parse().unwrap());
    }
    let verifier = standardwebhooks::Webhook::new(secret.expose()).unwrap();
    verifier.verify(&received.body, &headers).unwrap();
    let body: Value = serde_json::from_slice(&received.body).unwrap();
    assert_eq!(
        (&body["type"], &body["data"]["amount"]["amount"]),
        (&"payout.failed".into(), &"12500.00".into())
    );
}

#[tokio::test]
async fn what_an_endpoint_answers_decides_and_redirects_are_not_followed() {
    let secret = SigningSecret::make();
    for (answer, outcome, retry_after) in [
        (
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
            Outcome::Refused,
            None,
        ),
        ("HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n", Outcome::Gone, None),
        ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", Outcome::Refused, None),
        (
            "HTTP/1.1 503 Busy\r\nretry-after: 120\r\ncontent-length: 4\r\n\r\nbusy",
            Outcome::Refused,
            chrono::TimeDelta::try_seconds(120),
        ),
    ] {
        let (address, _server) = http(answer).await;
        let due = due(hook(address, &secret), None);
        let tried = deliver(&settings(), &due).await;
        assert_eq!((tried.outcome, tried.retry_after), (outcome, retry_after), "{answer}");
    }
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let tried = deliver(&settings(), &due(hook(nobody, &secret), None)).await;
    assert_eq!(tried.outcome, Outcome::Unreachable);
    assert!(tried.took < Duration::from_secs(15));
}

#[tokio::test]
async fn what_cannot_be_signed_waits_for_its_key_and_says_so() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let due = due(hook(nobody, &SigningSecret::make()), None);
    let other: SealingKeys = "2026:bmV3IG5ldyBuZXcgbmV3IG5ldyBuZXcgbmV3IG5ldyE=".parse().unwrap();
    let tried = deliver(&Settings { sealing: other, ..settings() }, &due).await;
    assert_eq!(tried.outcome, Outcome::Unreachable);
    assert!(tried.answer.contains("`development`"), "{}", tried.answer);
}

/// Takes a request and says nothing, or never ends saying something.
async fn never_ending(begin: &'static str) -> (SocketAddr, JoinHandle<u64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        let _first_part = stream.read(&mut request).await.unwrap();
        stream.write_all(begin.as_bytes()).await.unwrap();
        if begin.is_empty() {
            // Until the other side gives up.
            while stream.read(&mut request).await.is_ok_and(|read| read > 0) {}
            return 0;
        }
        let (piece, mut said) = ([b'x'; 16 * 1024], 0_u64);
        while said < 100_000_000 && stream.write_all(&piece).await.is_ok() {
            said = said.saturating_add(16 * 1024);
        }
        said
    });
    (address, server)
}

#[tokio::test]
async fn an_endpoint_that_answers_megabytes_is_not_listened_to() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n";
    let (address, server) = never_ending(head).await;
    let tried = deliver(&settings(), &due(hook(address, &SigningSecret::make()), None)).await;
    assert_eq!((tried.outcome, tried.code), (Outcome::Delivered, Some(200)));
    assert!(tried.answer.len() <= 2048, "{}", tried.answer.len());
    assert!(server.await.unwrap() < 100_000_000, "it was read to its end");
}

#[tokio::test]
async fn an_endpoint_that_says_nothing_is_given_up_in_time() {
    let (address, _server) = never_ending("").await;
    let due = due(hook(address, &SigningSecret::make()), None);
    let limit = channels::TRY_LIMIT;
    let began = tokio::time::Instant::now();
    let tried = deliver(&settings(), &due).await;
    assert_eq!(tried.outcome, Outcome::TimedOut, "{}", tried.answer);
    assert!(began.elapsed() >= limit);
}

#[tokio::test]
async fn a_push_service_that_has_forgotten_the_browser_says_that_it_is_gone() {
    for answer in [
        "HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
    ] {
        let (address, _server) = http(answer).await;
        let browser = SecretKey::random(&mut OsRng);
        let to = To::Push {
            subscription: Uuid::now_v7(),
            endpoint: format!("http://{address}/push/abc"),
            p256dh: URL_SAFE_NO_PAD.encode(browser.public_key().to_encoded_point(false).as_bytes()),
            auth: URL_SAFE_NO_PAD.encode([7_u8; 16]),
        };
        assert_eq!(deliver(&settings(), &due(to, Some(told()))).await.outcome, Outcome::Gone, "{answer}");
    }
}
