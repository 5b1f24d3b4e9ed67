//! The files in a zip archive, as far as NumPy writes them (PKWARE, APPNOTE.TXT 6.3): stored or
//! deflated, on one disk, with 64-bit sizes where they are needed.

use std::io::Read;

use flate2::read::DeflateDecoder;

/// Signatures of the three records that are read.
const END: &[u8] = b"PK\x05\x06";
const ENTRY: &[u8] = b"PK\x01\x02";
const LOCAL: &[u8] = b"PK\x03\x04";

/// A size that stands in the record's 64-bit field instead.
const ELSEWHERE: u64 = u32::MAX as u64;

/// An archive in memory.
#[derive(Debug)]
pub struct Archive<'a> {
    files: Vec<Packed<'a>>,
}

/// A file of an archive.
#[derive(Debug)]
pub struct Packed<'a> {
    name: String,
    deflated: bool,
    bytes: &'a [u8],
    size: u64,
}

impl<'a> Archive<'a> {
    /// Reads the directory at the end of the archive.
    ///
    /// # Errors
    /// What is no archive, or a cut one.
    pub fn of(bytes: &'a [u8]) -> Result<Self, String> {
        let fault = || "it is no zip archive, or was cut off; save it by numpy.savez".to_owned();
        // The last record has a comment of up to 64 KiB behind it.
        let from = bytes.len().saturating_sub(22 + 0xffff);
        let tail = &bytes[from..];
        let end = tail.windows(END.len()).rposition(|window| window == END);
        let end = &tail[end.ok_or_else(fault)?..];
        let comment = number(end, 20, 2).ok_or_else(fault)? as usize;
        if end.len() != 22 + comment {
            return Err(fault());
        }
        let count = number(end, 10, 2).ok_or_else(fault)?;
        let mut at = number(end, 16, 4).ok_or_else(fault)? as usize;
        let mut files = Vec::new();
        for _ in 0..count {
            let entry = bytes.get(at..).filter(|entry| entry.starts_with(ENTRY));
            let entry = entry.ok_or_else(fault)?;
            let [name, extra, comment] = [28, 30, 32].map(|place| number(entry, place, 2));
            let lengths = name.zip(extra).zip(comment).ok_or_else(fault)?;
            let ((name, extra), comment) = lengths;
            let (name, extra) = (name as usize, extra as usize);
            let file = Packed::of(bytes, entry, name, extra).ok_or_else(fault)??;
            files.push(file);
            at += 46 + name + extra + comment as usize;
        }
        Ok(Self { files })
    }

    /// The files' names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.name.as_str())
    }

    /// The file of a name.
    pub fn get(&self, name: &str) -> Option<&Packed<'a>> {
        self.files.iter().find(|file| file.name == name)
    }
}

impl<'a> Packed<'a> {
    /// The file of a directory's entry; none where the archive ends before it.
    fn of(
        archive: &'a [u8],
        entry: &[u8],
        name: usize,
        extra: usize,
    ) -> Option<Result<Self, String>> {
        let text = entry.get(46..46 + name)?;
        let text = String::from_utf8_lossy(text).into_owned();
        let deflated = match number(entry, 10, 2)? {
            0 => false,
            8 => true,
            method => {
                return Some(Err(format!(
                    "`{text}` is compressed by method {method}; save it by numpy.savez or \
                     numpy.savez_compressed"
                )));
            }
        };
        // Size, packed size and place, in the order in which the 64-bit field has those it has.
        let mut sizes = [
            number(entry, 24, 4)?,
            number(entry, 20, 4)?,
            number(entry, 42, 4)?,
        ];
        let mut long = long_sizes(entry.get(46 + name..46 + name + extra)?);
        for size in &mut sizes {
            if *size == ELSEWHERE {
                *size = long.next()?;
            }
        }
        let [size, packed, place] = sizes.map(|size| usize::try_from(size).unwrap_or(usize::MAX));
        let local = archive
            .get(place..)
            .filter(|local| local.starts_with(LOCAL))?;
        let begins = 30 + number(local, 26, 2)? as usize + number(local, 28, 2)? as usize;
        Some(Ok(Self {
            name: text,
            deflated,
            bytes: local.get(begins..begins.checked_add(packed)?)?,
            size: size as u64,
        }))
    }

    /// The file's bytes, of which there may be so many.
    ///
    /// # Errors
    /// A damaged file, or one that is too large.
    pub fn content(&self, limit: u64) -> Result<Vec<u8>, String> {
        if self.size > limit {
            return Err(format!(
                "it has {} bytes, and at most {limit} are read",
                self.size
            ));
        }
        if !self.deflated {
            return Ok(self.bytes.to_vec());
        }
        let mut content = Vec::new();
        let mut decoder = DeflateDecoder::new(self.bytes).take(self.size + 1);
        let read = decoder.read_to_end(&mut content);
        if read.is_err() || content.len() as u64 != self.size {
            return Err("it is damaged: it does not unpack to the size that it should".to_owned());
        }
        Ok(content)
    }
}

/// A little-endian number of so many bytes at a place of a record.
fn number(record: &[u8], place: usize, bytes: usize) -> Option<u64> {
    let bytes = record.get(place..place + bytes)?.iter().rev();
    Some(bytes.fold(0, |number, &byte| number << 8 | u64::from(byte)))
}

/// The sizes in the field of 64-bit sizes, if there is one.
fn long_sizes(mut extra: &[u8]) -> impl Iterator<Item = u64> {
    let mut sizes = Vec::new();
    while let (Some(id), Some(length)) = (number(extra, 0, 2), number(extra, 2, 2)) {
        let content = extra.get(4..).unwrap_or_default();
        let content = &content[..content.len().min(length as usize)];
        if id == 1 {
            sizes = content
                .chunks_exact(8)
                .filter_map(|size| number(size, 0, 8))
                .collect();
        }
        extra = extra.get(4 + length as usize..).unwrap_or_default();
    }
    sizes.into_iter()
}
