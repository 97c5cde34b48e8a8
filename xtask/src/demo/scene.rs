//! A scene of the demo beside its table: what people did, step by step, and whether each step was as it should be.

use serde_json::{Value, json};

use super::money::Finding;
use crate::naira::Naira;

/// What was seen.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Names it in JSON.
    pub key: &'static str,
    pub title: &'static str,
    pub steps: Vec<Finding>,
    /// The payouts that it completed.
    pub paid: Vec<Naira>,
}

impl Scene {
    pub fn new(key: &'static str, title: &'static str) -> Self {
        Self { key, title, steps: vec![], paid: vec![] }
    }

    pub fn step(&mut self, holds: bool, words: String) {
        self.steps.push(Finding { holds, words });
    }

    pub fn is_right(&self) -> bool {
        self.steps.iter().all(|step| step.holds)
    }

    pub fn print(&self) {
        println!();
        println!("  {}", self.title);
        for step in &self.steps {
            println!("{} {}", if step.holds { "✓" } else { "✗" }, step.words);
        }
    }

    pub fn json(&self) -> Value {
        let steps: Vec<Value> =
            self.steps.iter().map(|step| json!({ "holds": step.holds, "what": step.words })).collect();
        json!({ "kind": self.key, "ok": self.is_right(), "steps": steps })
    }
}
