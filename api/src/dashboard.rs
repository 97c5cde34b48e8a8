//! The dashboard's production build, served beside the API under the same address.
//!
//! Guarantees: only what lay in the folder at start is ever answered, so that no path reaches another file, and a build that is
//! replaced underneath shows nothing half of each; an address of the API is never taken away from it; a browser loads nothing for
//! these pages from another host and runs no inline script. Files under `assets/` carry the hash of their content in their name and
//! are kept by browsers for a year; everything else is asked for again each time, at the price of a 304.
//! Cost: the build and its compressed twins in memory, below a megabyte today; no lock, no disk, none of the API's permits.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use poem::{
    Endpoint, EndpointExt as _, Request, Response,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
};
use sha2::{Digest as _, Sha256};

/// Thirty pages and their parts are about a hundred files with their twins; a wrong folder has more.
const MAX_FILES: usize = 2_000;
/// All of them together; as above.
const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// Folders in folders: a build has one level.
const MAX_DEPTH: usize = 4;

const INDEX: &str = "/index.html";
/// Where the build puts what is named after its content.
const ASSETS: &str = "/assets/";
/// First segments that are never a page of the dashboard. `bank-account-stops` is a page of the API's own, opened from a mail and
/// without scripts.
const OF_THE_API: [&str; 7] =
    ["api", "bank-account-stops", "docs", "errors", "healthz", "openapi.json", "readyz"];

/// Our own scripts, styles, typeface and API, and nothing else. The two hashes are rules about touch that the component library writes
/// into the page itself; a browser says so when an update of it has others, and the dashboard's stories fail. `frame-ancestors`, and
/// the header below it, keep the buttons that move money out of other sites' frames.
const POLICY: &str = "default-src 'none'; script-src 'self'; \
                      style-src 'self' 'sha256-38RhXrc7EdReTKsOm23ZPOCUgniTUUcjky8QOOrQx6o=' \
                      'sha256-gYiS/BvZvRcK27JIXTuwhZ3hs2+VJ1X+2gUlE+farlg='; img-src 'self' data:; font-src 'self'; \
                      connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

const FOR_EVER: &str = "public, max-age=31536000, immutable";
const ASK_AGAIN: &str = "no-cache";

/// A build that was read at start.
#[derive(Debug, Clone)]
pub struct Dashboard {
    /// By path, beginning with a slash.
    files: Arc<BTreeMap<String, File>>,
}

#[derive(Debug)]
struct File {
    content_type: &'static str,
    cache: &'static str,
    plain: Variant,
    brotli: Option<Variant>,
    gzip: Option<Variant>,
}

/// What is sent, and the tag that a browser asks again with.
#[derive(Debug)]
struct Variant {
    body: Bytes,
    tag: HeaderValue,
}

#[derive(Debug, thiserror::Error)]
pub enum NoDashboard {
    #[error("{} cannot be read", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{} has no index.html: it is not a built dashboard (`npm run build` in dashboard/ makes one)", folder.display())]
    NotBuilt { folder: PathBuf },
    #[error("{} is no build of the dashboard: more than {MAX_FILES} files, {MAX_BYTES} bytes or {MAX_DEPTH} folders deep", folder.display())]
    TooMuch { folder: PathBuf },
}

impl Dashboard {
    /// Reads the folder, once.
    pub fn read(folder: &Path) -> Result<Self, NoDashboard> {
        let mut found = BTreeMap::new();
        let mut bytes = 0;
        collect(folder, folder, 0, &mut bytes, &mut found)?;
        let paths: Vec<String> = found.keys().filter(|path| !is_twin(path)).cloned().collect();
        let files: BTreeMap<String, File> = paths
            .into_iter()
            .map(|path| {
                let mut twin = |ending: &str| found.remove(&format!("{path}.{ending}")).map(Variant::of);
                let (brotli, gzip) = (twin("br"), twin("gz"));
                let plain = Variant::of(found.remove(&path).unwrap_or_default());
                let cache = if path.starts_with(ASSETS) { FOR_EVER } else { ASK_AGAIN };
                let file = File { content_type: content_type(&path), cache, plain, brotli, gzip };
                (path, file)
            })
            .collect();
        if files.contains_key(INDEX) {
            Ok(Self { files: Arc::new(files) })
        } else {
            Err(NoDashboard::NotBuilt { folder: folder.to_path_buf() })
        }
    }

    /// Answers what is the dashboard's, and leaves the rest to `api`.
    pub fn beside<E: Endpoint<Output = Response> + 'static>(
        self,
        api: E,
    ) -> impl Endpoint<Output = Response> + 'static {
        api.around(move |api, request| {
            let own = self.find(&request).map(|file| respond(file, request.headers()));
            async move {
                match own {
                    Some(answer) => Ok(answer),
                    None => api.call(request).await,
                }
            }
        })
    }

    /// A file by its name; for whoever opens an address in a browser, the page that knows every address.
    fn find(&self, request: &Request) -> Option<&File> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return None;
        }
        let path = request.uri().path();
        let first = path.split('/').nth(1).unwrap_or_default();
        if OF_THE_API.contains(&first) {
            return None;
        }
        if let Some(file) = self.files.get(path) {
            return Some(file);
        }
        // A script that is missing must fail as such, not be read as a page.
        let opens_a_page = !path.starts_with(ASSETS) && accepts_pages(request.headers());
        if path == "/" || opens_a_page { self.files.get(INDEX) } else { None }
    }
}

impl Variant {
    fn of(body: Vec<u8>) -> Self {
        let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(Sha256::digest(&body)));
        let tag = HeaderValue::try_from(tag).unwrap_or(HeaderValue::from_static("\"\""));
        Self { body: body.into(), tag }
    }
}

fn respond(file: &File, asked: &HeaderMap) -> Response {
    let (variant, encoding) = match (&file.brotli, &file.gzip) {
        (Some(brotli), _) if accepts_encoding(asked, "br") => (brotli, Some("br")),
        (_, Some(gzip)) if accepts_encoding(asked, "gzip") => (gzip, Some("gzip")),
        (Some(_) | None, Some(_) | None) => (&file.plain, None),
    };
    let mut answer = Response::builder()
        .header(header::CACHE_CONTROL, file.cache)
        .header(header::ETAG, variant.tag.clone())
        .header(header::VARY, "accept-encoding");
    for (name, value) in HEADERS {
        answer = answer.header(name, value);
    }
    if asked.get_all(header::IF_NONE_MATCH).iter().any(|known| names(known, &variant.tag)) {
        return answer.status(StatusCode::NOT_MODIFIED).finish();
    }
    if let Some(encoding) = encoding {
        answer = answer.header(header::CONTENT_ENCODING, encoding);
    }
    answer.content_type(file.content_type).body(variant.body.clone())
}

/// Whether this `If-None-Match` has the tag; proxies may have weakened it.
fn names(known: &HeaderValue, tag: &HeaderValue) -> bool {
    let (Ok(known), Ok(tag)) = (known.to_str(), tag.to_str()) else { return false };
    known.split(',').any(|each| each.trim().trim_start_matches("W/") == tag)
}

fn accepts_pages(asked: &HeaderMap) -> bool {
    listed(asked, &header::ACCEPT).any(|each| each.trim().starts_with("text/html"))
}

fn accepts_encoding(asked: &HeaderMap, encoding: &str) -> bool {
    listed(asked, &header::ACCEPT_ENCODING).any(|each| {
        let (name, weight) = each.split_once(';').unwrap_or((each, ""));
        let refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.trim_matches(['0', '.']).is_empty());
        name.trim().eq_ignore_ascii_case(encoding) && !refused
    })
}

fn listed<'a>(asked: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    asked.get_all(name).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','))
}

/// Whatever does not begin with a dot, by its path from the root.
fn collect(
    root: &Path,
    folder: &Path,
    depth: usize,
    bytes: &mut u64,
    found: &mut BTreeMap<String, Vec<u8>>,
) -> Result<(), NoDashboard> {
    let unreadable = |source| NoDashboard::Unreadable { path: folder.to_path_buf(), source };
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let (path, name) = (entry.path(), entry.file_name());
        let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
        let about =
            fs::metadata(&path).map_err(|source| NoDashboard::Unreadable { path: path.clone(), source })?;
        *bytes = bytes.saturating_add(about.len());
        if *bytes > MAX_BYTES || found.len() >= MAX_FILES || depth >= MAX_DEPTH {
            return Err(NoDashboard::TooMuch { folder: root.to_path_buf() });
        }
        if about.is_dir() {
            collect(root, &path, depth.saturating_add(1), bytes, found)?;
        } else {
            let body =
                fs::read(&path).map_err(|source| NoDashboard::Unreadable { path: path.clone(), source })?;
            let parent = folder.strip_prefix(root).unwrap_or(folder).to_string_lossy();
            let parent = if parent.is_empty() { String::new() } else { format!("/{parent}") };
            found.insert(format!("{parent}/{name}"), body);
        }
    }
    Ok(())
}

/// Made beside another file when the dashboard was built.
fn is_twin(path: &str) -> bool {
    matches!(Path::new(path).extension().and_then(|ending| ending.to_str()), Some("br" | "gz"))
}

fn content_type(path: &str) -> &'static str {
    match Path::new(path).extension().and_then(|ending| ending.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        Some("json" | "webmanifest") => "application/json",
        Some("txt") => "text/plain; charset=utf-8",
        Some(_) | None => "application/octet-stream",
    }
}
