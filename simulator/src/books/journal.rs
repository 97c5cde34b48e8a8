//! The journal: one file of JSON lines, appended to and fsync'd before anyone hears of what it says.
//!
//! Guarantees: a line that [`Journal::on_disk`] has confirmed survives SIGKILL and a power cut; lines are in the
//! order they were applied in; only one simulator writes to a file. A torn last line, which nobody was told about,
//! is cut off at the start.
//! Cost: one thread; lines that arrive during an fsync share the next one, so the price of an fsync is paid per
//! group, not per request.
//! Limit: the file grows for ever; it is an experiment's record, start a new one for a new experiment.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

use anyhow::Context as _;
use tokio::sync::watch;

use super::event::Line;
use super::state::State;

/// Lines up to here are on disk.
#[derive(Clone, Copy, Debug)]
struct Progress {
    upto: u64,
    broken: bool,
}

/// The journal cannot be written any more: nothing may be answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Broken;

#[derive(Debug)]
pub(crate) struct Journal {
    writer: Option<Writer>,
}

#[derive(Debug)]
struct Writer {
    lines: Mutex<Option<mpsc::Sender<Group>>>,
    progress: watch::Receiver<Progress>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Group {
    upto: u64,
    text: Vec<u8>,
}

impl Journal {
    /// Books in memory only: everything counts as written at once.
    pub(crate) const fn nowhere() -> Self {
        Self { writer: None }
    }

    /// Opens a file, applies what it says to the state, and goes on at its end.
    pub(crate) fn open(path: &Path, state: &mut State) -> anyhow::Result<Self> {
        let mut file = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .open(path)
            .with_context(|| format!("cannot open the books {}", path.display()))?;
        file.try_lock().with_context(|| format!("another simulator holds the books {}", path.display()))?;
        let whole = replay(&file, state).with_context(|| format!("in the books {}", path.display()))?;
        let length = file.metadata()?.len();
        if whole < length {
            tracing::warn!(bytes = length.saturating_sub(whole), "cutting off the books' torn last line");
            file.set_len(whole)?;
        }
        file.seek(SeekFrom::End(0))?;
        file.sync_all()?;
        sync_folder(path).with_context(|| format!("cannot sync the folder of {}", path.display()))?;

        let (lines, queue) = mpsc::channel();
        let (confirm, progress) = watch::channel(Progress { upto: state.lines, broken: false });
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || write(&file, &queue, &confirm))
            .context("cannot start the journal's thread")?;
        let thread = Mutex::new(Some(thread));
        Ok(Self { writer: Some(Writer { lines: Mutex::new(Some(lines)), progress, thread }) })
    }

    /// Hands lines to the writer; call it in the order they were applied in.
    pub(crate) fn append(&self, lines: &[Line]) {
        let (Some(writer), Some(last)) = (&self.writer, lines.last()) else {
            return;
        };
        let mut text = Vec::new();
        for line in lines {
            // Writing to memory cannot fail, and every event is made of strings and numbers.
            if let Err(error) = serde_json::to_writer(&mut text, line) {
                tracing::error!(%error, line.n, "cannot write a line of the books");
            }
            text.push(b'\n');
        }
        let queue = writer.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = queue.as_ref() {
            // A writer that is gone shows in `on_disk`.
            let _ = queue.send(Group { upto: last.n, text });
        }
    }

    /// Waits until the lines up to this one are on disk.
    pub(crate) async fn on_disk(&self, upto: u64) -> Result<(), Broken> {
        let Some(writer) = &self.writer else {
            return Ok(());
        };
        let mut progress = writer.progress.clone();
        let reached = progress.wait_for(|progress| progress.broken || progress.upto >= upto).await;
        match reached {
            Ok(progress) if progress.upto >= upto => Ok(()),
            Ok(_) | Err(_) => Err(Broken),
        }
    }

    /// Writes what is queued and lets go of the file. Blocks for the last fsync.
    pub(crate) fn close(&self) {
        if let Some(writer) = &self.writer {
            drop(writer.lines.lock().unwrap_or_else(PoisonError::into_inner).take());
            let thread = writer.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
            if thread.is_some_and(|thread| thread.join().is_err()) {
                tracing::error!("the journal's thread panicked");
            }
        }
    }
}

/// A new file is there after a power cut only if its folder was written too.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Applies whole lines; answers how many bytes they take.
fn replay(file: &File, state: &mut State) -> anyhow::Result<u64> {
    let mut reader = BufReader::new(file);
    let mut whole = 0_u64;
    let mut text = Vec::new();
    loop {
        text.clear();
        let read = reader.read_until(b'\n', &mut text)?;
        if read == 0 {
            return Ok(whole);
        }
        let expected = state.lines.saturating_add(1);
        let line = serde_json::from_slice::<Line>(&text);
        match line {
            Ok(line) if text.ends_with(b"\n") => {
                anyhow::ensure!(line.n == expected, "line {} stands where {expected} should", line.n);
                state.apply(&line);
                whole = whole.saturating_add(u64::try_from(read)?);
            }
            // Without its newline a line is torn even when it parses: the next one would be glued to it.
            _ if reader.fill_buf()?.is_empty() => return Ok(whole),
            Ok(_) => anyhow::bail!("line {expected} has no end"),
            Err(error) => return Err(error).with_context(|| format!("line {expected} cannot be read")),
        }
    }
}

fn write(file: &File, queue: &mpsc::Receiver<Group>, confirm: &watch::Sender<Progress>) {
    while let Ok(first) = queue.recv() {
        let Group { mut upto, mut text } = first;
        for group in queue.try_iter() {
            upto = group.upto;
            text.extend_from_slice(&group.text);
        }
        let mut writer = file;
        let written = writer.write_all(&text).and_then(|()| file.sync_data());
        if let Err(error) = written {
            tracing::error!(%error, "the books cannot be written: no request is answered from here on");
            confirm.send_modify(|progress| progress.broken = true);
            return;
        }
        confirm.send_modify(|progress| progress.upto = upto);
    }
}
