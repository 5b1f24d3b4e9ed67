//! Float32 matrices in NumPy's `.npy` format.

use std::error::Error;
use std::path::Path;

/// Writes a float32 matrix in NumPy's format, version 1.
pub fn write_npy(
    path: &Path,
    [rows, columns]: [usize; 2],
    values: Vec<f32>,
) -> std::io::Result<()> {
    let mut header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    // Magic, version and length are 10 bytes; the values begin at a multiple of 64.
    let length = (10 + header.len() + 1).next_multiple_of(64) - 10;
    header.extend(std::iter::repeat_n(' ', length - 1 - header.len()));
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((length as u16).to_le_bytes());
    bytes.extend(header.into_bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    std::fs::write(path, bytes)
}

/// Reads what [`write_npy`] or NumPy wrote.
pub fn read_npy(path: &Path) -> Result<([usize; 2], Vec<f32>), Box<dyn Error>> {
    let bytes = std::fs::read(path)?;
    let fault = || format!("{} is no float32 matrix in NumPy's format", path.display());
    let length = bytes.get(8..10).ok_or_else(fault)?;
    let start = 10 + usize::from(u16::from_le_bytes([length[0], length[1]]));
    let header = std::str::from_utf8(bytes.get(10..start).ok_or_else(fault)?)?;
    let shape = header
        .split_once("'shape': (")
        .and_then(|(_, rest)| rest.split_once(')'))
        .ok_or_else(fault)?;
    let shape: Vec<usize> = shape
        .0
        .split(',')
        .filter_map(|number| number.trim().parse().ok())
        .collect();
    let values: Vec<f32> = bytes[start..]
        .chunks_exact(4)
        .map(|value| f32::from_le_bytes([value[0], value[1], value[2], value[3]]))
        .collect();
    match shape[..] {
        [rows, columns]
            if rows * columns == values.len()
                && header.contains("'<f4'")
                && header.contains("'fortran_order': False") =>
        {
            Ok(([rows, columns], values))
        }
        _ => Err(fault().into()),
    }
}
