//! Free ports on 127.0.0.1, remembered.
//!
//! A stack that is started again gets the ports it had, when they are free, so that bookmarks and configured clients go on
//! working. Between the check and the server's own bind another program could take the port; the server then fails to
//! start and says so.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// Above the services that machines are known for, below the range for outgoing connections (Linux: from 32768).
const FIRST_QUIET_PORT: u16 = 20_000;
const LAST_QUIET_PORT: u16 = 32_000;
/// Neighbouring process numbers begin this far apart.
const SPREAD: u32 = 61;

/// The ports of one stack, by name of use.
#[derive(Debug)]
pub struct Ports {
    file: PathBuf,
    remembered: BTreeMap<String, u16>,
    handed_out: BTreeSet<u16>,
}

impl Ports {
    pub fn load(state: &Path) -> Self {
        let file = state.join("ports.json");
        let remembered = match fs::read(&file) {
            // A file that does not parse is not worth stopping for: new ports are as good.
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
            Err(_) => BTreeMap::new(),
        };
        Self { file, remembered, handed_out: BTreeSet::new() }
    }

    /// The port that a running stack has for this use.
    pub fn remembered(state: &Path, name: &str) -> Result<u16> {
        Self::load(state)
            .remembered
            .get(name)
            .copied()
            .with_context(|| format!("no port is known for {name}"))
    }

    /// The port for this use: the remembered one if it is free, else any free one.
    pub fn claim(&mut self, name: &str) -> Result<u16> {
        let port = match self.remembered.get(name) {
            Some(port) if is_free(*port) && !self.handed_out.contains(port) => *port,
            Some(_) | None => self.any_free()?,
        };
        self.handed_out.insert(port);
        self.remembered.insert(name.to_owned(), port);
        let text = serde_json::to_vec_pretty(&self.remembered).context("writing down the ports")?;
        fs::write(&self.file, text).with_context(|| format!("writing {}", self.file.display()))?;
        Ok(port)
    }

    /// Below those that the system hands out for outgoing connections: a server that is killed and started again must not find
    /// that a client's connection has its port meanwhile.
    fn any_free(&self) -> Result<u16> {
        let is_spoken_for = |port: u16| {
            // Reserved for another use that has not bound it yet, now or remembered from the last start.
            self.handed_out.contains(&port) || self.remembered.values().any(|taken| *taken == port)
        };
        let count = LAST_QUIET_PORT.saturating_sub(FIRST_QUIET_PORT);
        // Processes that look at the same moment begin at different places.
        let start = std::process::id().wrapping_mul(SPREAD).checked_rem(u32::from(count)).unwrap_or_default();
        let start = FIRST_QUIET_PORT.saturating_add(u16::try_from(start).unwrap_or_default());
        let quiet = (start..LAST_QUIET_PORT).chain(FIRST_QUIET_PORT..start);
        if let Some(port) = quiet.into_iter().find(|port| !is_spoken_for(*port) && is_free(*port)) {
            return Ok(port);
        }
        loop {
            let probe = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("asking for a free port")?;
            let port = probe.local_addr().context("asking for a free port")?.port();
            if !is_spoken_for(port) {
                return Ok(port);
            }
        }
    }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_remembered_while_it_is_free_and_replaced_when_it_is_not() {
        let state = std::env::temp_dir().join(format!("xtask-ports-{}", std::process::id()));
        fs::create_dir_all(&state).unwrap();
        let first = Ports::load(&state).claim("postgres").unwrap();
        assert_eq!(Ports::load(&state).claim("postgres").unwrap(), first);

        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, first)).unwrap();
        assert_ne!(Ports::load(&state).claim("postgres").unwrap(), first);
        drop(taken);
        fs::remove_dir_all(&state).unwrap();
    }

    #[test]
    fn two_uses_never_share_a_port() {
        let state = std::env::temp_dir().join(format!("xtask-ports-two-{}", std::process::id()));
        fs::create_dir_all(&state).unwrap();
        let mut ports = Ports::load(&state);
        let one = ports.claim("api").unwrap();
        let two = ports.claim("worker").unwrap();
        assert_ne!(one, two);
        fs::remove_dir_all(&state).unwrap();
    }
}
