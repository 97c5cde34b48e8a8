//! Where things are: the checkout this program was started from, and its `.local` folder.
//!
//! Guarantee: everything xtask writes lies under `.local` or the target directory, with one exception that
//! [`crate::install::postgres::home`] explains. Removing `.local` (and that folder) forgets every stack of this checkout.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The workspace this program belongs to.
#[derive(Clone, Debug)]
pub struct Checkout {
    root: PathBuf,
}

impl Checkout {
    /// Cargo names the package folder at run time, so a moved checkout is found where it is now.
    pub fn locate() -> Result<Self> {
        if let Some(package) = env::var_os("CARGO_MANIFEST_DIR")
            && let Some(root) = Path::new(&package).parent()
        {
            return Ok(Self { root: root.canonicalize().context("resolving the workspace folder")? });
        }
        let here = env::current_dir().context("asking for the current folder")?;
        let root = here
            .ancestors()
            .find(|folder| folder.join("xtask/Cargo.toml").is_file())
            .context("not inside the checkout: start it as `cargo xtask`")?;
        Ok(Self { root: root.to_path_buf() })
    }

    /// One that a test has made.
    #[cfg(test)]
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_path_buf() }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn local(&self) -> PathBuf {
        self.root.join(".local")
    }

    /// What a stack of this name keeps between two starts.
    pub fn state(&self, stack: &str) -> PathBuf {
        self.local().join(stack)
    }

    pub fn logs(&self) -> PathBuf {
        self.local().join("logs")
    }

    pub fn servers(&self) -> PathBuf {
        self.local().join("servers")
    }

    pub fn migrations(&self) -> PathBuf {
        self.root.join("migrations")
    }
}
