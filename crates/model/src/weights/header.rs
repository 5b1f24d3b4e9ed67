//! The header of a weight file: what it says is there, before anything of it is read.

use std::fmt;

use safetensors::tensor::TensorInfo;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use super::WeightFileFault;
use super::names::Entry;

/// Bytes before the header that hold its length.
pub(super) const LENGTH_BYTES: u64 = 8;
/// The longest header accepted. A tensor takes some 100 bytes of it: room for 10,000 layers, or
/// for a training program's notes on its run.
pub(super) const HEADER_LIMIT: u64 = 4 << 20;

/// What the header of a file says.
#[derive(Debug)]
pub(super) struct Header {
    /// The metadata's `layout`.
    pub layout: Option<String>,
    /// The tensors in the order of their bytes, which follow on each other.
    pub entries: Vec<Entry>,
}

/// The length of the header of a file of `bytes` bytes, by its first eight.
pub(super) fn length(
    first: [u8; LENGTH_BYTES as usize],
    bytes: u64,
) -> Result<u64, WeightFileFault> {
    let header = u64::from_le_bytes(first);
    if header > HEADER_LIMIT {
        return Err(WeightFileFault::NoHeader {
            header,
            limit: HEADER_LIMIT,
        });
    }
    let described = LENGTH_BYTES + header;
    if described > bytes {
        return Err(WeightFileFault::Length { bytes, described });
    }
    Ok(header)
}

impl Header {
    /// Reads the header itself, and checks it against itself and the file's size.
    pub fn parse(text: &[u8], bytes: u64) -> Result<Self, WeightFileFault> {
        let Listed { layout, tensors } =
            serde_json::from_slice(text).map_err(|source| WeightFileFault::Header { source })?;
        let mut entries = entries(tensors)?;
        refuse_duplicates(&mut entries)?;
        entries.sort_by_key(place);
        let mut ends = 0;
        for entry in &entries {
            if entry.place.start != ends {
                return Err(WeightFileFault::Offset {
                    tensor: entry.name.clone(),
                    begins: entry.place.start,
                    ends,
                });
            }
            ends = entry.place.end;
        }
        let described = (LENGTH_BYTES + text.len() as u64).saturating_add(ends as u64);
        if described != bytes {
            return Err(WeightFileFault::Length { bytes, described });
        }
        Ok(Self { layout, entries })
    }
}

fn place(entry: &Entry) -> (usize, usize) {
    (entry.place.start, entry.place.end)
}

/// Takes tensors whose bytes are as many as shape and element type make.
fn entries(tensors: Vec<(String, TensorInfo)>) -> Result<Vec<Entry>, WeightFileFault> {
    let mut entries = Vec::with_capacity(tensors.len());
    for (name, info) in tensors {
        let (begins, ends) = info.data_offsets;
        let elements = (info.shape.iter()).try_fold(1, |n: usize, &d| n.checked_mul(d));
        let bits = elements.and_then(|elements| elements.checked_mul(info.dtype.bitsize()));
        let held = ends
            .checked_sub(begins)
            .and_then(|held| held.checked_mul(8));
        if held.is_none() || bits != held {
            return Err(WeightFileFault::Size {
                tensor: name,
                shape: info.shape,
                dtype: info.dtype,
                begins,
                ends,
            });
        }
        entries.push(Entry {
            name,
            dtype: info.dtype,
            shape: info.shape,
            place: begins..ends,
        });
    }
    Ok(entries)
}

fn refuse_duplicates(entries: &mut [Entry]) -> Result<(), WeightFileFault> {
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    match entries.windows(2).find(|pair| pair[0].name == pair[1].name) {
        Some(pair) => Err(WeightFileFault::DuplicateTensor {
            tensor: pair[0].name.clone(),
        }),
        None => Ok(()),
    }
}

/// The header's entries as written: a map would keep one of two of the same name.
struct Listed {
    layout: Option<String>,
    tensors: Vec<(String, TensorInfo)>,
}

/// The one piece of metadata that is used; the rest may be anything.
#[derive(serde::Deserialize)]
struct Notes {
    layout: Option<String>,
}

impl<'de> Deserialize<'de> for Listed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Listed;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Listed, A::Error> {
                let mut listed = Listed {
                    layout: None,
                    tensors: Vec::new(),
                };
                while let Some(name) = map.next_key::<String>()? {
                    if name == "__metadata__" {
                        listed.layout = map.next_value::<Option<Notes>>()?.and_then(|n| n.layout);
                    } else {
                        listed.tensors.push((name, map.next_value()?));
                    }
                }
                Ok(listed)
            }
        }

        deserializer.deserialize_map(Entries)
    }
}
