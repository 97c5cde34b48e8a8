//! A mail server of our own on 127.0.0.1 that delivers nothing: whatever is sent can be read in a browser, and by programs
//! ([`crate::mailbox`]).

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;

use super::ports::Ports;
use super::process::{Lifetime, Program, Stop};
use super::service::{Probe, Service};
use crate::checkout::Checkout;
use crate::install;

/// Node loads two hundred packages.
const START_LIMIT: Duration = Duration::from_mins(1);

/// It keeps the newest so many: a mail is some 20 kB in its memory.
const MOST_MAILS: &str = "2000";

/// Names another server; then nothing is caught here.
pub const SMTP_URL: &str = "SMTP_URL";

/// Where a stack's mail is kept, under its folder.
pub const KEPT: &str = "mail";

/// Where to hand mail over, and where to read it.
#[derive(Clone, Debug)]
pub struct MailAddress {
    /// `smtp://…`, in clear: it is this machine itself.
    pub smtp: String,
    /// Its page; `/api` below it answers programs.
    pub web: String,
}

/// None where there is no Node to run it.
pub fn service(
    checkout: &Checkout,
    state: &Path,
    log: PathBuf,
    ports: &mut Ports,
) -> Result<Option<(Service, MailAddress)>> {
    let Some(script) = install::maildev::install(checkout)? else {
        return Ok(None);
    };
    let smtp = ports.claim("smtp")?.to_string();
    let web = ports.claim("mail")?.to_string();
    let mut arguments = vec![script.to_string_lossy().into_owned()];
    let mut option = |name: &str, value: &str| arguments.extend([name.to_owned(), value.to_owned()]);
    option("--ip", "127.0.0.1");
    option("--smtp", &smtp);
    option("--web-ip", "127.0.0.1");
    option("--web", &web);
    option("--max-emails", MOST_MAILS);
    // Named, since it would share one with every other of this machine else.
    option("--mail-directory", &state.join(KEPT).to_string_lossy());
    let web = format!("http://127.0.0.1:{web}");
    let service = Service::new(
        Program {
            name: "mail".to_owned(),
            path: PathBuf::from("node"),
            arguments,
            environment: vec![],
            account: None,
            folder: state.to_path_buf(),
            log,
            state: state.to_path_buf(),
            stop: Stop::Terminate,
            lifetime: Lifetime::WithUs,
        },
        Probe::Http { url: format!("{web}/api/healthz") },
        START_LIMIT,
    );
    Ok(Some((service, MailAddress { smtp: format!("smtp://127.0.0.1:{smtp}"), web })))
}
