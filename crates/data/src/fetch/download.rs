//! One file over HTTP, resumed where an earlier attempt stopped.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use ureq::http::{Response, StatusCode, Uri, header};
use ureq::{Agent, Body};

use super::{FetchError, Progress};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// A server that sends nothing for this long is given up.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);
const BUFFER_BYTES: usize = 1 << 16;

/// The file of an answer, from byte `offset` on.
struct Transfer {
    response: Response<Body>,
    offset: u64,
    total: Option<u64>,
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
        offset => resume(url, offset)?,
    };
    let transfer = match transfer {
        Some(transfer) => transfer,
        None => start(url)?,
    };
    let resumed = transfer.offset > 0;
    receive(url, transfer, part, progress)?;
    Ok(resumed)
}

/// Asks for the rest of the file; none if it has to be started anew.
fn resume(url: &str, offset: u64) -> Result<Option<Transfer>, FetchError> {
    let response = request(url, Some(offset))?;
    match response.status() {
        StatusCode::OK => Ok(Some(whole(response))),
        StatusCode::PARTIAL_CONTENT => {
            let range = content_range(&response).filter(|(first, _)| *first == offset);
            Ok(range.map(|(_, total)| Transfer {
                response,
                offset,
                total: Some(total),
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
        response,
        offset: 0,
    }
}

fn refused(url: &str, status: StatusCode) -> FetchError {
    FetchError::Status {
        url: url.to_owned(),
        status: status.as_u16(),
    }
}

fn request(url: &str, offset: Option<u64>) -> Result<Response<Body>, FetchError> {
    let mut request = agent(url).get(url);
    if let Some(offset) = offset {
        request = request.header(header::RANGE, format!("bytes={offset}-"));
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
    }
    Err(FetchError::Interrupted {
        url: url.to_owned(),
        received,
        total,
        cause,
    })
}

fn open(part: &Path, offset: u64) -> Result<File, FetchError> {
    if let Some(folder) = part.parent() {
        fs::create_dir_all(folder).map_err(|cause| FetchError::io("make", folder, cause))?;
    }
    let opened = if offset > 0 {
        OpenOptions::new().append(true).open(part)
    } else {
        File::create(part)
    };
    opened.map_err(|cause| FetchError::io("write", part, cause))
}
