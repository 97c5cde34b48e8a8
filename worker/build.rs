//! Says what a release was built from: `PAYOUTS_COMMIT` where the build is told it, else the checkout's own revision.
//!
//! A development build is told nothing: it would be made anew after every commit.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=PAYOUTS_COMMIT");
    if std::env::var("PAYOUTS_COMMIT").is_ok_and(|commit| !commit.is_empty()) {
        return;
    }
    if std::env::var("PROFILE").as_deref() != Ok("release") {
        println!("cargo:rerun-if-changed=build.rs");
        return;
    }
    println!("cargo:rerun-if-changed=../.git/HEAD");
    println!("cargo:rerun-if-changed=../.git/logs/HEAD");
    // A source archive has no history: then nothing is said.
    let asked = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output();
    if let Ok(answer) = asked
        && answer.status.success()
        && let Ok(commit) = String::from_utf8(answer.stdout)
    {
        println!("cargo:rustc-env=PAYOUTS_COMMIT={}", commit.trim());
    }
}
