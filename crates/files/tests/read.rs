//! What is read, and what is refused.

use std::fs;
use std::path::Path;

use brink_files::{ReadFault, open, read, read_text};

#[test]
fn a_file_is_read_up_to_its_limit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "seven b").unwrap();
    assert_eq!(read(&path, 7).unwrap(), b"seven b");
    assert_eq!(read_text(&path, u64::MAX).unwrap(), "seven b");
    let fault = read(&path, 6).unwrap_err();
    assert!(matches!(
        fault,
        ReadFault::TooLarge {
            bytes: Some(7),
            limit: 6
        }
    ));
    assert_eq!(
        fault.to_string(),
        "it has 7 bytes, and at most 6 are read: is it the right file?"
    );
    assert_eq!(open(&path).unwrap().1, 7);
}

#[test]
fn a_sparse_file_of_any_size_is_refused_by_its_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sparse");
    let file = fs::File::create(&path).unwrap();
    file.set_len(1 << 42).unwrap();
    let fault = read(&path, 1 << 20).unwrap_err();
    assert!(matches!(fault, ReadFault::TooLarge { bytes: Some(bytes), .. } if bytes == 1 << 42));
}

#[test]
fn what_is_no_text_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, b"ab\xff").unwrap();
    let fault = read_text(&path, 100).unwrap_err();
    assert!(matches!(fault, ReadFault::NotText { offset: 2 }));
}

#[test]
fn a_folder_and_a_missing_file_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let fault = read(folder.path(), 100).unwrap_err();
    assert_eq!(fault.to_string(), "it is a folder, not a file");
    assert!(!fault.is_absent());
    let fault = read(&folder.path().join("none"), 100).unwrap_err();
    assert!(fault.is_absent());
}

#[cfg(unix)]
#[test]
fn what_never_ends_or_never_begins_is_refused() {
    for endless in ["/dev/zero", "/dev/null"] {
        let fault = read(Path::new(endless), 100).unwrap_err();
        assert_eq!(fault.to_string(), "it is a device, not a file");
    }
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let fault = read(&socket, 100).unwrap_err();
    assert_eq!(fault.to_string(), "it is a socket, not a file");
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let fault = read(&pipe, 100).unwrap_err();
    assert_eq!(fault.to_string(), "it is a pipe, not a file");
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_has_more_than_it_says_is_bounded_too() {
    // The kernel says that this one has no bytes.
    let path = Path::new("/proc/self/status");
    assert_eq!(open(path).unwrap().1, 0);
    assert!(read(path, 1 << 20).unwrap().len() > 100);
    let fault = read(path, 10).unwrap_err();
    assert!(matches!(
        fault,
        ReadFault::TooLarge {
            bytes: None,
            limit: 10
        }
    ));
    assert_eq!(
        fault.to_string(),
        "it has more bytes, and at most 10 are read: is it the right file?"
    );
}
