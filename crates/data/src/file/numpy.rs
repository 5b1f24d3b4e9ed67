//! NumPy's `.npy` and `.npz` (NEP 1, "A Simple File Format for NumPy Arrays").

use std::path::Path;

use super::array::{Array, Numbers};
use super::zip::Archive;
use super::{FileFault, LIMIT};

/// What every `.npy` file begins with.
const MAGIC: &[u8] = b"\x93NUMPY";

/// The arrays `inputs` and `targets` of an archive.
pub fn pair(path: &Path) -> Result<(Array, Array), FileFault> {
    let bytes = brink_files::read(path, LIMIT).map_err(|cause| FileFault::Read { cause })?;
    let archive = Archive::of(&bytes).map_err(|message| malformed(None, message))?;
    let take = |name: &'static str| {
        let file = archive.get(&format!("{name}.npy"));
        let Some(file) = file else {
            let found = archive.names();
            let found = found.map(|name| name.trim_end_matches(".npy").to_owned());
            return Err(FileFault::Missing {
                array: name,
                found: found.collect(),
            });
        };
        let content = file
            .content(LIMIT)
            .map_err(|message| malformed(Some(name), message))?;
        parse(&content, name)
    };
    Ok((take("inputs")?, take("targets")?))
}

/// The array of a file.
pub fn single(path: &Path, name: &'static str) -> Result<Array, FileFault> {
    let bytes = brink_files::read(path, LIMIT).map_err(|cause| match name {
        "inputs" => FileFault::Read { cause },
        _ => FileFault::ReadBeside {
            path: path.to_owned(),
            cause,
        },
    })?;
    parse(&bytes, name)
}

fn malformed(array: Option<&'static str>, message: impl Into<String>) -> FileFault {
    FileFault::Malformed {
        array,
        message: message.into(),
    }
}

/// What the header of an array says.
struct Header {
    /// Such as `<f4`.
    descr: String,
    fortran: bool,
    shape: Vec<usize>,
    /// Where the values begin.
    values: usize,
}

/// Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }`, of which only these three
/// keys exist.
fn header(bytes: &[u8]) -> Option<Header> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let [major, _minor, rest @ ..] = rest else {
        return None;
    };
    let (length, begins) = match (*major, rest) {
        (1, [a, b, ..]) => (usize::from(u16::from_le_bytes([*a, *b])), 10),
        (2 | 3, [a, b, c, d, ..]) => (u32::from_le_bytes([*a, *b, *c, *d]) as usize, 12),
        _ => return None,
    };
    let values = begins + length;
    let text = std::str::from_utf8(bytes.get(begins..values)?).ok()?;
    let after = |key: &str| Some(text.split_once(key)?.1.trim_start());
    let descr = after("'descr':")?.strip_prefix('\'')?.split('\'').next()?;
    let order = after("'fortran_order':")?;
    let shape = after("'shape':")?.strip_prefix('(')?.split_once(')')?.0;
    let sizes = shape
        .split(',')
        .map(str::trim)
        .filter(|size| !size.is_empty());
    let shape = sizes.map(|size| size.trim_end_matches('L').parse());
    Some(Header {
        descr: descr.to_owned(),
        fortran: order.starts_with("True"),
        shape: shape.collect::<Result<_, _>>().ok()?,
        values,
    })
}

fn parse(bytes: &[u8], name: &'static str) -> Result<Array, FileFault> {
    let Some(header) = header(bytes) else {
        let message = "it is no array of numbers in NumPy's format; save it by numpy.save";
        return Err(malformed(Some(name), message));
    };
    let Header { descr, shape, .. } = &header;
    let dtype = || FileFault::Dtype {
        array: name,
        dtype: descr.clone(),
    };
    let (order, kind) = descr.split_at_checked(1).ok_or_else(dtype)?;
    let little = match order {
        "<" | "|" | "=" => true,
        ">" => false,
        _ => return Err(dtype()),
    };
    let length = || FileFault::Length {
        array: name,
        shape: shape.clone(),
    };
    let count = shape
        .iter()
        .try_fold(1usize, |n, &size| n.checked_mul(size));
    let count = count.ok_or_else(length)?;
    let values = &bytes[header.values..];
    macro_rules! read {
        ($type:ty, $numbers:ident, $convert:expr) => {{
            let convert: fn($type) -> _ = $convert;
            let (chunks, rest) = values.as_chunks();
            if chunks.len() != count || !rest.is_empty() {
                return Err(length());
            }
            let values = chunks.iter().map(|&chunk| {
                convert(match little {
                    true => <$type>::from_le_bytes(chunk),
                    false => <$type>::from_be_bytes(chunk),
                })
            });
            Numbers::$numbers(values.collect())
        }};
    }
    let numbers = match kind {
        "f8" => read!(f64, Real, |value| value),
        "f4" => read!(f32, Real, f64::from),
        "i8" => read!(i64, Whole, |value| value),
        "i4" => read!(i32, Whole, i64::from),
        "i2" => read!(i16, Whole, i64::from),
        "i1" => read!(i8, Whole, i64::from),
        "u8" => read!(u64, Whole, |value| i64::try_from(value).unwrap_or(i64::MAX)),
        "u4" => read!(u32, Whole, i64::from),
        "u2" => read!(u16, Whole, i64::from),
        "u1" | "b1" => read!(u8, Whole, i64::from),
        _ => return Err(dtype()),
    };
    let numbers = match (header.fortran, numbers) {
        (false, numbers) => numbers,
        (true, Numbers::Real(values)) => Numbers::Real(row_major(shape, &values)),
        (true, Numbers::Whole(values)) => Numbers::Whole(row_major(shape, &values)),
    };
    Ok(Array {
        name,
        shape: header.shape,
        numbers,
    })
}

/// Values whose first index runs fastest, with the last one fastest.
fn row_major<T: Copy>(shape: &[usize], values: &[T]) -> Vec<T> {
    let mut index = vec![0; shape.len()];
    let mut ordered = Vec::with_capacity(values.len());
    for _ in 0..values.len() {
        let places = index.iter().zip(shape).rev();
        let place = places.fold(0, |place, (&i, &size)| place * size + i);
        ordered.push(values[place]);
        for (i, &size) in index.iter_mut().zip(shape).rev() {
            *i += 1;
            if *i < size {
                break;
            }
            *i = 0;
        }
    }
    ordered
}
