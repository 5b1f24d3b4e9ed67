//! Digests as lower-case hexadecimal.

use std::fmt::Write;
use std::io::{self, Read};

use md5::Md5;
use sha2::{Digest, Sha256};

/// The bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A SHA-256 of bytes that come one after the other.
#[derive(Default)]
pub(crate) struct Sum(Sha256);

impl Sum {
    /// Adds bytes, some at a time.
    pub(crate) fn add(&mut self, bytes: impl IntoIterator<Item = u8>) {
        let mut buffer = Vec::with_capacity(1 << 16);
        for byte in bytes {
            buffer.push(byte);
            if buffer.len() == buffer.capacity() {
                self.0.update(&buffer);
                buffer.clear();
            }
        }
        self.0.update(&buffer);
    }

    /// The sum in hexadecimal.
    pub(crate) fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

/// MD5 of all that `reader` gives.
pub(crate) fn md5_of(mut reader: impl Read) -> io::Result<String> {
    let mut hasher = Md5::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(hex(&hasher.finalize())),
            count => hasher.update(&buffer[..count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn md5_of_the_test_vectors_of_rfc_1321() {
        let expected = [
            (&b""[..], "d41d8cd98f00b204e9800998ecf8427e"),
            (&b"message digest"[..], "f96b697d7cb7938d525a2f31aaf161d0"),
        ];
        for (text, digest) in expected {
            assert_eq!(md5_of(text).unwrap(), digest);
        }
    }
}
