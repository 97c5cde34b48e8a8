//! E-mail over SMTP.
//!
//! TLS always, from the first byte (`smtps://`) or by STARTTLS before anything else is said (`smtp://`); in clear only to this
//! machine itself, and where the URL says so in as many words (`?tls=none`), which production refuses. `Message-ID` is the message's id: who gets one twice can tell.

use std::{
    fmt,
    net::IpAddr,
    str::FromStr,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
    transport::smtp::{
        PoolConfig,
        authentication::Credentials,
        client::{Tls, TlsParameters},
    },
};
use store::messages::{Outcome, Tried};
use url::Url;
use uuid::Uuid;

use crate::{Invalid, Mail, TRY_LIMIT, rendered::Rendered, unanswered};

/// Connections to the server, kept while there is something to send.
const CONNECTIONS: u32 = 4;
const IDLE_CONNECTION: Duration = Duration::from_mins(1);
/// What the server says about one mailbox and will say again: it does not exist, or may not be written to.
const NO_SUCH_MAILBOX: [u16; 3] = [550, 551, 553];

/// Where mail is handed over. Cannot be printed: it may carry a password.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpUrl {
    security: Security,
    host: String,
    port: u16,
    credentials: Option<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Security {
    Tls,
    StartTls,
    /// To this machine itself.
    None,
    /// In clear to another one, because the URL says so.
    Waived,
}

impl fmt::Debug for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmtpUrl({}:{}, {:?})", self.host, self.port, self.security)
    }
}

/// Not such a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a URL such as smtps://user:password@mail.example.com or smtp://127.0.0.1:1025")]
pub struct InvalidSmtpUrl;

impl FromStr for SmtpUrl {
    type Err = InvalidSmtpUrl;
    fn from_str(text: &str) -> Result<Self, InvalidSmtpUrl> {
        const SMTPS: u16 = 465;
        const SUBMISSION: u16 = 587;
        let url = Url::parse(text).map_err(|_| InvalidSmtpUrl)?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(InvalidSmtpUrl)?.to_owned();
        // The parser knows hosts of its own schemes only; an address of another is still a name to it.
        let bare = host.trim_matches(['[', ']']);
        let is_here = bare == "localhost" || bare.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        let security = match (url.scheme(), is_here, url.query()) {
            ("smtps", _, None) => Security::Tls,
            ("smtp", true, None | Some("tls=none")) => Security::None,
            ("smtp", false, None) => Security::StartTls,
            ("smtp", false, Some("tls=none")) => Security::Waived,
            (_, _, _) => return Err(InvalidSmtpUrl),
        };
        let port = url.port().unwrap_or(match security {
            Security::Tls => SMTPS,
            Security::StartTls | Security::None | Security::Waived => SUBMISSION,
        });
        let decode = |part: &str| percent_decoded(part).ok_or(InvalidSmtpUrl);
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            (user, Some(password)) if !user.is_empty() => Some((decode(user)?, decode(password)?)),
            (_, _) => return Err(InvalidSmtpUrl),
        };
        Ok(Self { security, host: bare.to_owned(), port, credentials })
    }
}

impl SmtpUrl {
    /// Whether mail leaves this machine for anybody to read on the way.
    pub fn is_in_clear(&self) -> bool {
        self.security == Security::Waived
    }
}

fn percent_decoded(part: &str) -> Option<String> {
    let pair = format!("x={}", part.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned())
}

/// Whom mail is from: `Payouts <payouts@example.com>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender(Mailbox);

/// Not such an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an address such as Payouts <payouts@example.com>")]
pub struct InvalidSender;

impl FromStr for Sender {
    type Err = InvalidSender;
    fn from_str(text: &str) -> Result<Self, InvalidSender> {
        text.parse().map(Self).map_err(|_| InvalidSender)
    }
}

/// Whether mail can be addressed so.
pub fn is_address(text: &str) -> bool {
    text.parse::<Address>().is_ok()
}

/// The connection to the mail server.
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Mailer {
    pub(crate) fn new(mail: &Mail) -> Result<Self, Invalid> {
        // Where the process has chosen a TLS provider already, that one is used; `Err` says just this.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let server = &mail.server;
        let tls =
            || TlsParameters::new(server.host.clone()).map_err(|error| Invalid::Smtp(error.to_string()));
        let tls = match server.security {
            Security::Tls => Tls::Wrapper(tls()?),
            Security::StartTls => Tls::Required(tls()?),
            Security::None | Security::Waived => Tls::None,
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
            .port(server.port)
            .tls(tls)
            .timeout(Some(TRY_LIMIT))
            .pool_config(PoolConfig::new().max_size(CONNECTIONS).idle_timeout(IDLE_CONNECTION));
        if let Some((user, password)) = &server.credentials {
            transport = transport.credentials(Credentials::new(user.clone(), password.clone()));
        }
        Ok(Self { transport: transport.build(), from: mail.from.0.clone() })
    }

    /// One try.
    pub(crate) async fn send(&self, id: Uuid, address: &str, mail: &Rendered, now: DateTime<Utc>) -> Tried {
        let began = Instant::now();
        let message = match self.message(id, address, mail, now) {
            Ok(message) => message,
            Err(why) => return unanswered(Outcome::Gone, why, began.elapsed()),
        };
        match tokio::time::timeout(TRY_LIMIT, self.transport.send(message)).await {
            Err(_) => unanswered(Outcome::TimedOut, "the mail server took too long", began.elapsed()),
            Ok(Ok(response)) => Tried {
                outcome: Outcome::Delivered,
                code: Some(response.code().into()),
                answer: response.message().collect::<Vec<_>>().join(" "),
                took: began.elapsed(),
                retry_after: None,
            },
            Ok(Err(error)) => {
                let code: Option<u16> = error.status().map(u16::from);
                let outcome = match code {
                    Some(code) if NO_SUCH_MAILBOX.contains(&code) => Outcome::Gone,
                    Some(_) => Outcome::Refused,
                    None if error.is_timeout() => Outcome::TimedOut,
                    None => Outcome::Unreachable,
                };
                Tried { code, ..unanswered(outcome, &error, began.elapsed()) }
            }
        }
    }

    fn message(
        &self,
        id: Uuid,
        address: &str,
        mail: &Rendered,
        now: DateTime<Utc>,
    ) -> Result<Message, String> {
        let address: Address = address.parse().map_err(|_| "not an e-mail address".to_owned())?;
        let name = mail.to_name.as_deref().map(one_line).filter(|name| !name.is_empty());
        let mut message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(name, address))
            .subject(one_line(&mail.subject))
            .date(std::time::SystemTime::from(now))
            .message_id(Some(format!("<{}@{}>", id.simple(), self.from.email.domain())))
            // Out-of-office replies have nobody to reply to.
            .raw_header(header("Auto-Submitted", "auto-generated"));
        if let Some(settings) = &mail.settings {
            message = message.raw_header(header("List-Unsubscribe", &format!("<{settings}>")));
        }
        message
            .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
            .map_err(|error| error.to_string())
    }
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// What comes from outside ends no header.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_is_in_clear_to_this_machine_only() {
        let read = |text: &str| text.parse::<SmtpUrl>();
        let security = |text: &str| read(text).unwrap().security;
        assert_eq!(security("smtp://127.0.0.1:1025"), Security::None);
        assert_eq!(security("smtp://localhost"), Security::None);
        assert_eq!(security("smtp://[::1]:25"), Security::None);
        assert_eq!(security("smtp://10.0.0.1:1025"), Security::StartTls);
        assert_eq!(security("smtp://mail.example.com"), Security::StartTls);
        assert_eq!(security("smtp://mail:1025?tls=none"), Security::Waived);
        assert_eq!(security("smtps://u:p@mail.example.com"), Security::Tls);
        let url = read("smtps://pay%40shop:a%2Fb+c&d@mail.example.com").unwrap();
        assert_eq!(
            (url.port, url.credentials.clone()),
            (465, Some(("pay@shop".to_owned(), "a/b+c&d".to_owned())))
        );
        assert!(!format!("{url:?}").contains("a/b"));
        for wrong in [
            "",
            "mail.example.com",
            "http://mail.example.com",
            "smtp://",
            "smtps://user@mail.example.com",
            "smtp://mail.example.com?tls=no",
            "smtps://mail.example.com?tls=none",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
