//! One mutated file, and its way back.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::Mutant;
use crate::checkout::Checkout;
use crate::progress;

/// Where the original lies while its file is mutated: for the start after one that was killed.
const SAVED: &str = "mutant-original";
/// Beside it: which file that is.
const SAVED_NAME: &str = "mutant-file";

/// A file that is mutated as long as this exists.
pub struct Patched {
    file: PathBuf,
    saved: PathBuf,
    saved_name: PathBuf,
    original: String,
    is_back: bool,
}

impl Patched {
    /// Writes the mutant; the file must hold the original exactly once.
    pub fn apply(checkout: &Checkout, mutant: &Mutant) -> Result<Self> {
        let file = checkout.root().join(mutant.file);
        let original = fs::read_to_string(&file).with_context(|| format!("reading {}", mutant.file))?;
        let mut mutated = original.clone();
        for (from, to) in mutant.edits {
            let found = mutated.matches(from).count();
            if found != 1 {
                bail!("{} is {found} times in {}: mend the table of mutants", mutant.name, mutant.file);
            }
            mutated = mutated.replacen(from, to, 1);
        }
        let local = checkout.local();
        fs::create_dir_all(&local).context("creating .local")?;
        let (saved, saved_name) = (local.join(SAVED), local.join(SAVED_NAME));
        fs::write(&saved, &original).context("saving the original")?;
        fs::write(&saved_name, mutant.file).context("saving the original's name")?;
        // From here on its end puts the file back, whatever happens.
        let patched = Self { file, saved, saved_name, original, is_back: false };
        fs::write(&patched.file, mutated).with_context(|| format!("writing {}", mutant.file))?;
        Ok(patched)
    }

    /// Puts the file back, and says so when that fails.
    pub fn put_back(mut self) -> Result<()> {
        self.write_back()
    }

    fn write_back(&mut self) -> Result<()> {
        if self.is_back {
            return Ok(());
        }
        fs::write(&self.file, &self.original).with_context(|| {
            format!("putting {} back; its text is in {}", self.file.display(), self.saved.display())
        })?;
        self.is_back = true;
        forget(&self.saved, &self.saved_name)
    }
}

impl Drop for Patched {
    fn drop(&mut self) {
        if let Err(error) = self.write_back() {
            eprintln!("  {error:#}");
        }
    }
}

/// What an earlier run was killed in the middle of.
pub fn put_back_what_was_left(checkout: &Checkout) -> Result<()> {
    let (saved, saved_name) = (checkout.local().join(SAVED), checkout.local().join(SAVED_NAME));
    let (Ok(original), Ok(name)) = (fs::read_to_string(&saved), fs::read_to_string(&saved_name)) else {
        return Ok(());
    };
    fs::write(checkout.root().join(&name), original).with_context(|| format!("putting {name} back"))?;
    progress::note(&format!("put {name} back, which an earlier run had left mutated"));
    forget(&saved, &saved_name)
}

fn forget(saved: &Path, saved_name: &Path) -> Result<()> {
    fs::remove_file(saved_name).context("forgetting the saved name")?;
    fs::remove_file(saved).context("forgetting the saved original")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left_by_a_kill(folder: &Path) {
        let local = folder.join(".local");
        fs::create_dir_all(&local).unwrap();
        fs::write(local.join(SAVED), "as it was").unwrap();
        fs::write(local.join(SAVED_NAME), "code.rs").unwrap();
        fs::write(folder.join("code.rs"), "mutated").unwrap();
    }

    #[test]
    fn what_a_kill_left_mutated_is_put_back_by_the_next_start() {
        let folder = std::env::temp_dir().join(format!("xtask-mutants-{}", std::process::id()));
        left_by_a_kill(&folder);
        let checkout = Checkout::at(&folder);
        put_back_what_was_left(&checkout).unwrap();
        assert_eq!(fs::read_to_string(folder.join("code.rs")).unwrap(), "as it was");
        fs::write(folder.join("code.rs"), "changed since").unwrap();
        put_back_what_was_left(&checkout).unwrap();
        assert_eq!(fs::read_to_string(folder.join("code.rs")).unwrap(), "changed since");
        fs::remove_dir_all(&folder).unwrap();
    }
}
