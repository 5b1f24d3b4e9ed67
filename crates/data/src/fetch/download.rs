//! One file over HTTP, resumed where an earlier attempt stopped.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ureq::http::{Response, StatusCode, Uri, header};
use ureq::{Agent, Body};

use super::{FetchError, Progress};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// A server that sends nothing for this long is given up.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);
const BUFFER_BYTES: usize = 1 << 16;
/// The most bytes that are written to disk: CIFAR-10's archive has 170,052,171.
const LIMIT: u64 = 256 << 20;
/// The longest mark of a version that is kept.
const VERSION_LIMIT: u64 = 1 << 10;

/// The file of an answer, from byte `offset` on.
struct Transfer {
    response: Response<Body>,
    offset: u64,
    total: Option<u64>,
    /// What tells this version of the file from another.
    version: Option<String>,
}

/// Downloads `url` to `part`, after the bytes that are there already if the server can resume.
/// Says whether it resumed. The folder is made once the server has answered.
pub(super) fn download(
    url: &str,
    part: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<bool, FetchError> {
    let present = fs::metadata(part).map_or(0, |metadata| metadata.len());
    let transfer = match present {
        0 => None,
        offset => resume(url, offset, kept_version(part).as_deref())?,
    };
    let transfer = match transfer {
        Some(transfer) => transfer,
        None => start(url)?,
    };
    if transfer.total.is_some_and(|total| total > LIMIT) {
        return Err(too_large(url));
    }
    let resumed = transfer.offset > 0;
    if !resumed {
        keep_version(part, transfer.version.as_deref())?;
    }
    receive(url, transfer, part, progress)?;
    Ok(resumed)
}

/// Asks for the rest of the file; none if it has to be started anew.
///
/// A server that has another version by now sends the whole of it, if it gave a mark of the first.
fn resume(url: &str, offset: u64, version: Option<&str>) -> Result<Option<Transfer>, FetchError> {
    let response = request(url, Some((offset, version)))?;
    match response.status() {
        StatusCode::OK => Ok(Some(whole(response))),
        StatusCode::PARTIAL_CONTENT => {
            let range = content_range(&response).filter(|(first, _)| *first == offset);
            Ok(range.map(|(_, total)| Transfer {
                response,
                offset,
                total: Some(total),
                version: None,
            }))
        }
        StatusCode::RANGE_NOT_SATISFIABLE => Ok(None),
        status => Err(refused(url, status)),
    }
}

fn start(url: &str) -> Result<Transfer, FetchError> {
    let response = request(url, None)?;
    match response.status() {
        StatusCode::OK => Ok(whole(response)),
        status => Err(refused(url, status)),
    }
}

fn whole(response: Response<Body>) -> Transfer {
    Transfer {
        total: response.body().content_length(),
        version: version(&response),
        response,
        offset: 0,
    }
}

fn too_large(url: &str) -> FetchError {
    FetchError::TooLarge {
        what: url.to_owned(),
        limit: LIMIT,
    }
}

fn refused(url: &str, status: StatusCode) -> FetchError {
    FetchError::Status {
        url: url.to_owned(),
        status: status.as_u16(),
    }
}

fn request(url: &str, rest: Option<(u64, Option<&str>)>) -> Result<Response<Body>, FetchError> {
    let mut request = agent(url).get(url);
    if let Some((offset, version)) = rest {
        request = request.header(header::RANGE, format!("bytes={offset}-"));
        if let Some(version) = version {
            request = request.header(header::IF_RANGE, version);
        }
    }
    request.call().map_err(|cause| FetchError::Unreachable {
        url: url.to_owned(),
        cause: Box::new(cause),
    })
}

fn agent(url: &str) -> Agent {
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_resolve(Some(CONNECT_TIMEOUT))
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .timeout_per_read(Some(STALL_TIMEOUT));
    // A proxy from the environment cannot reach this machine's own servers.
    if is_loopback(url) {
        config = config.proxy(None);
    }
    config.build().new_agent()
}

fn is_loopback(url: &str) -> bool {
    let uri: Option<Uri> = url.parse().ok();
    uri.as_ref()
        .and_then(Uri::host)
        .is_some_and(|host| ["localhost", "127.0.0.1", "[::1]"].contains(&host))
}

/// First byte and size of the file in `Content-Range: bytes first-last/size`.
fn content_range(response: &Response<Body>) -> Option<(u64, u64)> {
    let value = response.headers().get(header::CONTENT_RANGE)?;
    let (range, total) = value
        .to_str()
        .ok()?
        .strip_prefix("bytes ")?
        .split_once('/')?;
    let (first, _) = range.split_once('-')?;
    Some((first.trim().parse().ok()?, total.trim().parse().ok()?))
}

/// What `If-Range` may name: a strong entity tag, else the date of the last change.
fn version(response: &Response<Body>) -> Option<String> {
    let text = |name| response.headers().get(name)?.to_str().ok();
    let tag = text(header::ETAG).filter(|tag| tag.starts_with('"'));
    let version = tag.or_else(|| text(header::LAST_MODIFIED))?;
    (version.len() as u64 <= VERSION_LIMIT).then(|| version.to_owned())
}

/// Where the version of `part` is kept.
pub(super) fn version_path(part: &Path) -> PathBuf {
    part.with_added_extension("version")
}

/// The version that `part` is the beginning of; none if it is not known, and then the checksum of
/// the whole has to tell.
fn kept_version(part: &Path) -> Option<String> {
    let text = brink_files::read_text(&version_path(part), VERSION_LIMIT).ok()?;
    let printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    (printable && !text.is_empty()).then_some(text)
}

/// Keeps the version of a `part` that is to be begun.
fn keep_version(part: &Path, version: Option<&str>) -> Result<(), FetchError> {
    make_folder(part)?;
    let path = version_path(part);
    match version {
        Some(version) => {
            fs::write(&path, version).map_err(|cause| FetchError::io("write", &path, cause))
        }
        None => forget_version(part),
    }
}

/// Removes the kept version, if there is one.
pub(super) fn forget_version(part: &Path) -> Result<(), FetchError> {
    let path = version_path(part);
    match fs::remove_file(&path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
            Err(FetchError::io("remove", &path, cause))
        }
        _ => Ok(()),
    }
}

fn make_folder(part: &Path) -> Result<(), FetchError> {
    match part.parent() {
        Some(folder) => {
            fs::create_dir_all(folder).map_err(|cause| FetchError::io("make", folder, cause))
        }
        None => Ok(()),
    }
}

fn receive(
    url: &str,
    transfer: Transfer,
    part: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), FetchError> {
    let total = transfer.total;
    let mut received = transfer.offset;
    let mut file = open(part, transfer.offset)?;
    let mut body = transfer.response.into_body().into_reader();
    let mut buffer = vec![0; BUFFER_BYTES];
    let cause = loop {
        progress(Progress::Downloading { received, total });
        match body.read(&mut buffer) {
            Ok(0) => break None,
            Ok(count) => {
                file.write_all(&buffer[..count])
                    .map_err(|cause| FetchError::io("write", part, cause))?;
                received += count as u64;
                if received > LIMIT {
                    drop(file);
                    super::remove(part)?;
                    return Err(too_large(url));
                }
            }
            Err(cause) => break Some(cause),
        }
    };
    let is_whole = cause.is_none() && total.is_none_or(|total| received == total);
    if is_whole {
        return Ok(());
    }
    if received == 0 {
        drop(file);
        super::remove(part)?;
        forget_version(part)?;
    }
    Err(FetchError::Interrupted {
        url: url.to_owned(),
        received,
        total,
        cause,
    })
}

fn open(part: &Path, offset: u64) -> Result<File, FetchError> {
    make_folder(part)?;
    let opened = if offset > 0 {
        OpenOptions::new().append(true).open(part)
    } else {
        File::create(part)
    };
    opened.map_err(|cause| FetchError::io("write", part, cause))
}
