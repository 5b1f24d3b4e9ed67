//! Downloads from a small server on this machine.

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use brink_data::{Archive, FetchError, Progress, fetch, inspect};
use common::file_bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use md5::{Digest, Md5};
use tempfile::tempdir;

const PART: &str = "cifar-10-binary.tar.gz.part";

const DATA: [&str; 6] = [
    "data_batch_1.bin",
    "data_batch_2.bin",
    "data_batch_3.bin",
    "data_batch_4.bin",
    "data_batch_5.bin",
    "test_batch.bin",
];

fn archive_of(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        // Written by hand, since the library refuses to write a name such as "../x".
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, bytes.as_slice()).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

fn members() -> Vec<(String, Vec<u8>)> {
    let each = DATA.iter().enumerate();
    let mut members: Vec<_> = each
        .map(|(i, name)| {
            (
                format!("cifar-10-batches-bin/{name}"),
                file_bytes(&[i as u8, 9]),
            )
        })
        .collect();
    members.push(("../outside.bin".to_owned(), b"escaped".to_vec()));
    members.push((
        "cifar-10-batches-bin/../../up.bin".to_owned(),
        b"escaped".to_vec(),
    ));
    members.push((
        "cifar-10-batches-bin/extra.sh".to_owned(),
        b"unasked".to_vec(),
    ));
    members
}

fn md5(bytes: &[u8]) -> String {
    Md5::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// How the server answers.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Ranges,
    IgnoresRanges,
    /// Declares the whole length, sends the first half and hangs up.
    Truncates,
    /// Answers ranges with bytes of another file.
    WrongRanges,
    Status(u16),
    /// As `Truncates`, and marks the version.
    TruncatesFirst,
    /// Answers ranges of its version, and the whole file to those who have another.
    Second,
    /// Declares more than any archive of CIFAR-10 has.
    Huge,
}

struct Server {
    url: String,
    /// First byte asked for by each request.
    requests: Arc<Mutex<Vec<Option<usize>>>>,
}

impl Server {
    fn start(body: Vec<u8>, mode: Mode) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/archive.tar.gz", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), &body, mode, &seen);
            }
        });
        Self { url, requests }
    }

    fn archive(&self, body: &[u8]) -> Archive {
        Archive {
            url: self.url.clone(),
            md5: md5(body),
        }
    }
}

fn answer(mut stream: TcpStream, body: &[u8], mode: Mode, seen: &Mutex<Vec<Option<usize>>>) {
    let lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let request: Vec<String> = lines
        .map(Result::unwrap)
        .take_while(|line| !line.is_empty())
        .collect();
    let range = request.iter().find_map(|line| {
        let lower = line.to_lowercase();
        let first = lower.strip_prefix("range: bytes=")?.strip_suffix('-')?;
        first.parse::<usize>().ok()
    });
    let range = match mode {
        Mode::Second => range.filter(|_| request.iter().any(|line| line == IF_SECOND)),
        _ => range,
    };
    seen.lock().unwrap().push(range);
    let total = body.len();
    let (head, content): (String, Vec<u8>) = match (mode, range) {
        (Mode::Status(status), _) => (format!("HTTP/1.1 {status} No\r\nContent-Length: 0"), vec![]),
        (Mode::Ranges | Mode::WrongRanges, Some(first)) if first >= total => (
            format!("HTTP/1.1 416 No\r\nContent-Range: bytes */{total}\r\nContent-Length: 0"),
            vec![],
        ),
        (Mode::Ranges | Mode::WrongRanges | Mode::Second, Some(first)) => {
            let mut rest = body[first..].to_vec();
            if mode == Mode::WrongRanges {
                rest.fill(0);
            }
            let last = total - 1;
            let head = format!(
                "HTTP/1.1 206 Partial\r\nContent-Range: bytes {first}-{last}/{total}\r\n\
                 Content-Length: {}",
                rest.len()
            );
            (head, rest)
        }
        (Mode::TruncatesFirst, _) => (
            format!("HTTP/1.1 200 OK\r\nETag: \"first\"\r\nContent-Length: {total}"),
            body[..total / 2].to_vec(),
        ),
        (Mode::Huge, _) => (
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}", 1_u64 << 40),
            vec![],
        ),
        (Mode::Truncates, _) => (
            format!("HTTP/1.1 200 OK\r\nContent-Length: {total}"),
            body[..total / 2].to_vec(),
        ),
        _ => (
            format!("HTTP/1.1 200 OK\r\nContent-Length: {total}"),
            body.to_vec(),
        ),
    };
    // The client may hang up first; that is its right.
    let _ = write!(stream, "{head}\r\nConnection: close\r\n\r\n");
    let _ = stream.write_all(&content);
    let _ = stream.shutdown(Shutdown::Both);
}

fn quiet(_: Progress) {}

fn listing(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_whole_download_is_checked_and_unpacked() {
    let body = archive_of(&members());
    let server = Server::start(body.clone(), Mode::Ranges);
    let parent = tempdir().unwrap();
    let folder = parent.path().join("new/datasets");
    let mut events = Vec::new();
    let archive = server.archive(&body);
    let fetched = fetch(&archive, &folder, &mut |event| events.push(event)).unwrap();

    assert!(!fetched.was_there);
    assert_eq!(listing(&folder), ["cifar-10-batches-bin"]);
    assert_eq!(listing(&fetched.folder), DATA);
    assert_eq!(listing(&parent.path().join("new")), ["datasets"]);
    let inspection = inspect(&fetched.folder).unwrap();
    assert_eq!(inspection.train.records, 10);
    assert_eq!(inspection.test.unwrap().counts[0].class.id(), 5);

    let total = Some(body.len() as u64);
    assert_eq!(events[0], Progress::Downloading { received: 0, total });
    let whole = Progress::Downloading {
        received: body.len() as u64,
        total,
    };
    let last = events.len() - 3;
    assert_eq!(
        events[last..],
        [whole, Progress::Verifying, Progress::Unpacking]
    );

    // A second call finds it and asks nobody.
    let again = fetch(&archive, &folder, &mut quiet).unwrap();
    assert!(again.was_there);
    assert_eq!(server.requests.lock().unwrap().len(), 1);
}

#[test]
fn an_interrupted_download_is_resumed() {
    let body = archive_of(&members());
    let folder = tempdir().unwrap();
    let broken = Server::start(body.clone(), Mode::Truncates);
    let error = fetch(&broken.archive(&body), folder.path(), &mut quiet).unwrap_err();
    let FetchError::Interrupted {
        received, total, ..
    } = &error
    else {
        panic!("{error}");
    };
    assert_eq!(
        (*received, *total),
        (body.len() as u64 / 2, Some(body.len() as u64))
    );
    assert!(!error.to_string().contains('\n'));
    assert_eq!(listing(folder.path()), [PART]);

    let server = Server::start(body.clone(), Mode::Ranges);
    fetch(&server.archive(&body), folder.path(), &mut quiet).unwrap();
    assert_eq!(*server.requests.lock().unwrap(), [Some(body.len() / 2)]);
    assert_eq!(listing(folder.path()), ["cifar-10-batches-bin"]);
}

/// How a client asks for the rest of the second version.
const IF_SECOND: &str = "if-range: \"second\"";

#[test]
fn a_download_is_resumed_from_the_same_version_only() {
    let body = archive_of(&members());
    let folder = tempdir().unwrap();
    let first = Server::start(vec![1; body.len()], Mode::TruncatesFirst);
    fetch(&first.archive(&body), folder.path(), &mut quiet).unwrap_err();
    let kept = format!("{PART}.version");
    assert_eq!(listing(folder.path()), [PART, &kept]);
    assert_eq!(
        fs::read_to_string(folder.path().join(&kept)).unwrap(),
        "\"first\""
    );
    // The file is another by now: the whole of it comes at once, not the rest and then the whole.
    let second = Server::start(body.clone(), Mode::Second);
    fetch(&second.archive(&body), folder.path(), &mut quiet).unwrap();
    assert_eq!(*second.requests.lock().unwrap(), [None]);
    assert_eq!(listing(folder.path()), ["cifar-10-batches-bin"]);

    let folder = tempdir().unwrap();
    fs::write(folder.path().join(PART), &body[..100]).unwrap();
    fs::write(folder.path().join(&kept), "\"second\"").unwrap();
    fetch(&second.archive(&body), folder.path(), &mut quiet).unwrap();
    assert_eq!(*second.requests.lock().unwrap(), [None, Some(100)]);
    assert_eq!(listing(folder.path()), ["cifar-10-batches-bin"]);
}

#[test]
fn a_file_larger_than_any_archive_is_not_downloaded() {
    let parent = tempdir().unwrap();
    let server = Server::start(Vec::new(), Mode::Huge);
    let folder = parent.path().join("datasets");
    let error = fetch(&server.archive(b""), &folder, &mut quiet).unwrap_err();
    assert!(matches!(error, FetchError::TooLarge { .. }), "{error}");
    assert!(listing(parent.path()).is_empty());
}

#[test]
fn a_server_without_ranges_restarts() {
    let body = archive_of(&members());
    let folder = tempdir().unwrap();
    fs::write(folder.path().join(PART), &body[..100]).unwrap();
    let server = Server::start(body.clone(), Mode::IgnoresRanges);
    fetch(&server.archive(&body), folder.path(), &mut quiet).unwrap();
    assert_eq!(*server.requests.lock().unwrap(), [Some(100)]);
    assert_eq!(listing(folder.path()), ["cifar-10-batches-bin"]);
}

#[test]
fn a_part_that_is_too_long_or_foreign_restarts() {
    let body = archive_of(&members());
    for (mode, part) in [
        (Mode::Ranges, vec![1; body.len() + 5]),
        (Mode::Ranges, vec![1; 100]),
        (Mode::WrongRanges, body[..100].to_vec()),
    ] {
        let folder = tempdir().unwrap();
        fs::write(folder.path().join(PART), &part).unwrap();
        let server = Server::start(body.clone(), mode);
        fetch(&server.archive(&body), folder.path(), &mut quiet).unwrap();
        assert_eq!(*server.requests.lock().unwrap(), [Some(part.len()), None]);
    }
}

#[test]
fn a_complete_part_needs_no_network() {
    let body = archive_of(&members());
    let folder = tempdir().unwrap();
    fs::write(folder.path().join(PART), &body).unwrap();
    let archive = Archive {
        url: "http://127.0.0.1:1/nobody".to_owned(),
        md5: md5(&body),
    };
    fetch(&archive, folder.path(), &mut quiet).unwrap();
    assert_eq!(listing(folder.path()), ["cifar-10-batches-bin"]);
}

#[test]
fn a_wrong_checksum_leaves_nothing() {
    let body = archive_of(&members());
    let folder = tempdir().unwrap();
    let server = Server::start(body.clone(), Mode::Ranges);
    let archive = server.archive(b"something else");
    let error = fetch(&archive, folder.path(), &mut quiet).unwrap_err();
    let FetchError::Checksum { expected, got, .. } = error else {
        panic!("{error}");
    };
    assert_eq!((expected, got), (md5(b"something else"), md5(&body)));
    assert!(listing(folder.path()).is_empty());
}

#[test]
fn no_connection_is_one_line_and_leaves_nothing() {
    let parent = tempdir().unwrap();
    let folder = parent.path().join("datasets");
    // A port that was free a moment ago refuses.
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let archive = Archive {
        url: format!("http://{port}/archive.tar.gz"),
        md5: String::new(),
    };
    let error = fetch(&archive, &folder, &mut quiet).unwrap_err();
    assert!(matches!(error, FetchError::Unreachable { .. }), "{error:?}");
    assert!(!error.to_string().contains('\n'), "{error}");
    assert!(listing(parent.path()).is_empty());
}

#[test]
fn a_refusal_tells_the_status_and_leaves_nothing() {
    for status in [404, 503] {
        let parent = tempdir().unwrap();
        let server = Server::start(Vec::new(), Mode::Status(status));
        let folder = parent.path().join("datasets");
        let error = fetch(&server.archive(b""), &folder, &mut quiet).unwrap_err();
        let FetchError::Status { status: got, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(got, status);
        assert!(listing(parent.path()).is_empty());
    }
}

#[test]
fn an_archive_without_all_files_is_refused_whole() {
    let mut members = members();
    members.remove(2);
    members[0].1.truncate(100);
    let body = archive_of(&members);
    let folder = tempdir().unwrap();
    let server = Server::start(body.clone(), Mode::Ranges);
    let error = fetch(&server.archive(&body), folder.path(), &mut quiet).unwrap_err();
    let FetchError::Incomplete { missing } = error else {
        panic!("{error}");
    };
    assert_eq!(missing, "data_batch_1.bin, data_batch_3.bin");
    assert_eq!(listing(folder.path()), [PART]);
}

#[test]
fn a_folder_in_the_way_is_kept() {
    let folder = tempdir().unwrap();
    let present = folder.path().join("cifar-10-batches-bin/data_batch_1.bin");
    common::write(&present, &[1, 2, 3]);
    let archive = Archive::default();
    let error = fetch(&archive, folder.path(), &mut quiet).unwrap_err();
    assert!(matches!(error, FetchError::InTheWay { .. }));
    assert!(error.to_string().contains("data_batch_2.bin"), "{error}");
    assert!(present.exists());
}
