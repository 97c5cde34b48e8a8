//! Whether people really hear of their money: the mail of a payout that has arrived, as the mail catcher received it.

use anyhow::Result;
use serde_json::{Value, json};

use super::money::Finding;
use super::stage::PATIENCE;
use crate::mailbox::Mailbox;

/// What a provider is mailed when the money has arrived.
const ARRIVED: &str = "Your payout has arrived";

/// Looks into the mail of somebody who was paid; a mail may come a little after its payout has ended.
pub fn check(mailbox: &Mailbox, address: &str) -> Finding {
    match look(mailbox, address) {
        Ok(words) => Finding { holds: true, words },
        Err(error) => Finding { holds: false, words: format!("the mail of a completed payout: {error:#}") },
    }
}

fn look(mailbox: &Mailbox, address: &str) -> Result<String> {
    let mail = mailbox.until(address, ARRIVED, PATIENCE)?;
    let all = mailbox.of(address)?.len();
    let said = mail.text.lines().find(|line| line.contains("was paid")).unwrap_or_default().trim();
    Ok(format!("{address} was mailed “{ARRIVED}” ({said}), one of {all} mails"))
}

pub fn json(finding: &Finding) -> Value {
    json!({ "kind": "mail", "ok": finding.holds, "what": finding.words })
}
