//! JSON over HTTP to a program on this machine.
//!
//! An answer is a status and a body, whatever the status says: who asks decides what was expected. An error means that
//! nobody answered.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// The API gives a request up after 15 s; by then it has answered or is gone.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    /// Null when it was not JSON.
    pub body: Value,
}

/// One base address and the token sent with each request. Clones share their connections.
#[derive(Clone, Debug)]
pub struct Client {
    agent: ureq::Agent,
    base: String,
    token: Option<String>,
}

impl Client {
    pub fn new(base: &str) -> Self {
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(ANSWER_LIMIT))
            .http_status_as_error(false)
            .build()
            .new_agent();
        Self { agent, base: base.to_owned(), token: None }
    }

    /// The same address, asked by somebody less patient.
    pub fn with_patience(&self, limit: Duration) -> Self {
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(limit))
            .http_status_as_error(false)
            .build()
            .new_agent();
        Self { agent, ..self.clone() }
    }

    /// The same address, as someone.
    pub fn with_token(&self, token: String) -> Self {
        Self { token: Some(token), ..self.clone() }
    }

    pub fn get(&self, path: &str) -> Result<Answer> {
        let mut request = self.agent.get(self.url(path));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let answer = request.call().with_context(|| format!("GET {path}"))?;
        Ok(read(answer))
    }

    pub fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.post_with(path, body, None)
    }

    pub fn put(&self, path: &str, body: &Value) -> Result<Answer> {
        self.send(self.agent.put(self.url(path)), path, body)
    }

    /// A `POST` that is carried out once, however often it is sent with this key.
    pub fn post_once(&self, path: &str, body: &Value, key: &str) -> Result<Answer> {
        self.post_with(path, body, Some(("idempotency-key", key)))
    }

    /// A `POST` with one header of the caller's.
    pub fn post_with(&self, path: &str, body: &Value, header: Option<(&str, &str)>) -> Result<Answer> {
        let mut request = self.agent.post(self.url(path));
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        self.send(request, path, body)
    }

    fn send(
        &self,
        mut request: ureq::RequestBuilder<ureq::typestate::WithBody>,
        path: &str,
        body: &Value,
    ) -> Result<Answer> {
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let answer = request.send_json(body).with_context(|| format!("sending to {path}"))?;
        Ok(read(answer))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

fn read(mut answer: ureq::http::Response<ureq::Body>) -> Answer {
    let status = answer.status().as_u16();
    let body = answer.body_mut().read_json().unwrap_or_default();
    Answer { status, body }
}

impl Answer {
    /// The body of a success; anything else is an error that carries what was said.
    pub fn success(self, what: &str) -> Result<Value> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        bail!("{what}: {} {}", self.status, self.body);
    }
}

/// The text at this place of a JSON document (`/payout/status`).
pub fn text<'a>(value: &'a Value, place: &str) -> Option<&'a str> {
    value.pointer(place).and_then(Value::as_str)
}

/// The same, where it cannot be missing.
pub fn needed<'a>(value: &'a Value, place: &str) -> Result<&'a str> {
    text(value, place).with_context(|| format!("no {place} in {value}"))
}

/// The list at this place; empty when there is none.
pub fn list<'a>(value: &'a Value, place: &str) -> &'a [Value] {
    value.pointer(place).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
