//! `.safetensors` files of data.

use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors};

use super::array::{Array, Numbers};
use super::{FileFault, LIMIT};

/// The arrays `inputs` and `targets`.
pub fn pair(path: &Path) -> Result<(Array, Array), FileFault> {
    let bytes = brink_files::read(path, LIMIT).map_err(|cause| FileFault::Read { cause })?;
    let file = SafeTensors::deserialize(&bytes).map_err(|error| FileFault::Malformed {
        array: None,
        message: error.to_string(),
    })?;
    let take = |name: &'static str| {
        let tensor = file.tensor(name).map_err(|_| FileFault::Missing {
            array: name,
            found: file.names().iter().map(ToString::to_string).collect(),
        })?;
        let numbers = numbers(tensor.dtype(), tensor.data());
        Ok(Array {
            name,
            shape: tensor.shape().to_vec(),
            numbers: numbers.ok_or_else(|| FileFault::Dtype {
                array: name,
                dtype: format!("{:?}", tensor.dtype()),
            })?,
        })
    };
    Ok((take("inputs")?, take("targets")?))
}

fn numbers(dtype: Dtype, bytes: &[u8]) -> Option<Numbers> {
    macro_rules! read {
        ($type:ty, $numbers:ident, $convert:expr) => {{
            let convert: fn($type) -> _ = $convert;
            let chunks = bytes.as_chunks().0.iter();
            let values = chunks.map(|&chunk| convert(<$type>::from_le_bytes(chunk)));
            Numbers::$numbers(values.collect())
        }};
    }
    Some(match dtype {
        Dtype::F64 => read!(f64, Real, |value| value),
        Dtype::F32 => read!(f32, Real, f64::from),
        Dtype::I64 => read!(i64, Whole, |value| value),
        Dtype::I32 => read!(i32, Whole, i64::from),
        Dtype::I16 => read!(i16, Whole, i64::from),
        Dtype::I8 => read!(i8, Whole, i64::from),
        Dtype::U64 => read!(u64, Whole, |value| i64::try_from(value).unwrap_or(i64::MAX)),
        Dtype::U32 => read!(u32, Whole, i64::from),
        Dtype::U16 => read!(u16, Whole, i64::from),
        Dtype::U8 | Dtype::BOOL => read!(u8, Whole, i64::from),
        _ => return None,
    })
}
