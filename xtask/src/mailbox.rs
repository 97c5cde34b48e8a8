//! What the mail catcher has received, as programs read it. The browser's stories have the same in `dashboard/browser/mail.js`.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::Value;

use crate::http::{Client, list, text};
use crate::interrupt;
use crate::stack::mail::MailAddress;

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(150);

/// A mail that was received.
#[derive(Clone, Debug)]
pub struct Mail {
    pub subject: String,
    pub text: String,
}

/// The mail of a stack.
#[derive(Clone, Debug)]
pub struct Mailbox {
    client: Client,
}

impl Mailbox {
    pub fn new(address: &MailAddress) -> Self {
        Self { client: Client::new(&address.web) }
    }

    /// What was sent to this address, oldest first.
    pub fn of(&self, address: &str) -> Result<Vec<Mail>> {
        let answer = self.client.get("/api/email")?.success("reading the mail")?;
        Ok(list(&answer, "").iter().filter(|mail| is_to(mail, address)).map(read).collect())
    }

    /// Looks until one with this subject is there.
    pub fn until(&self, address: &str, subject: &str, patience: Duration) -> Result<Mail> {
        let asked = Instant::now();
        loop {
            let mails = self.of(address)?;
            if let Some(mail) = mails.iter().find(|mail| mail.subject == subject) {
                return Ok(mail.clone());
            }
            if asked.elapsed() > patience {
                let subjects: Vec<&str> = mails.iter().map(|mail| mail.subject.as_str()).collect();
                bail!("no “{subject}” came to {address} in {patience:?}, only {subjects:?}");
            }
            interrupt::check()?;
            thread::sleep(LOOK_EVERY);
        }
    }
}

fn is_to(mail: &Value, address: &str) -> bool {
    let to = mail.get("to").and_then(Value::as_array);
    to.is_some_and(|to| to.iter().any(|one| text(one, "/address") == Some(address)))
}

fn read(mail: &Value) -> Mail {
    let part = |place: &str| text(mail, place).unwrap_or_default().to_owned();
    Mail { subject: part("/subject"), text: part("/text") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_mail_is_found_by_whom_it_was_sent_to() {
        let mail = json!({ "subject": "Hi", "text": "there\n",
            "from": [{ "address": "p@x.example" }], "to": [{ "address": "a@x.example", "name": "A" }] });
        assert!(is_to(&mail, "a@x.example") && !is_to(&mail, "p@x.example"));
        assert_eq!(read(&mail).subject, "Hi");
    }
}
