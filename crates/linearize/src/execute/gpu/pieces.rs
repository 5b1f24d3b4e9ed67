//! Kernels that copy all pieces of a value in one launch, where Burn launches one for each.

use burn::tensor::{DType, Shape};
// The macro names the crate so.
use burn_cubecl::cubecl;
use burn_cubecl::cubecl::calculate_cube_count_elemwise;
use burn_cubecl::cubecl::ir::{ElemType, FloatKind};
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::cubecl::zspace::metadata::Metadata;
use burn_cubecl::cubecl::zspace::striding::row_major_contiguous_strides;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;

/// Pieces that one launch copies: each is a comparison for every number that is written.
const AT_ONCE: usize = 16;

/// Buffers of a launch that are not pieces: the result, and lengths.
const OTHERS: usize = 2;

/// Numbers `from..from + length` of each row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    pub from: usize,
    pub length: usize,
}

#[cube(launch_unchecked, address_type = "dynamic")]
fn join_kernel<E: Numeric>(
    parts: &Sequence<Box<[E]>>,
    output: &mut [E],
    lengths: Sequence<usize>,
    begin: usize,
    joined: usize,
    width: usize,
    numbers: usize,
    #[define(E)] _dtype: ElemType,
) {
    if ABSOLUTE_POS >= numbers {
        terminate!();
    }
    let row = ABSOLUTE_POS / joined;
    let at = ABSOLUTE_POS % joined;
    let mut from = 0;
    #[unroll]
    for i in 0..parts.len() {
        let length = lengths[i];
        if at >= from && at < from + length {
            output[row * width + begin + at] = parts[i][row * length + (at - from)];
        }
        from += length;
    }
}

/// Rows of all parts, each `[rows, length]`, side by side: `[rows, Σ length]`.
pub(super) fn join(parts: Vec<CubeTensor>, rows: usize) -> Option<CubeTensor> {
    let first = parts.first()?;
    let dtype = first.dtype;
    let kind = kind(dtype)?;
    let lengths: Vec<usize> = parts.iter().map(|part| numbers(part) / rows).collect();
    let width = lengths.iter().sum();
    let client = first.client.clone();
    let shape = Shape::from(vec![rows, width]);
    let output = empty_device_contiguous_dtype(client.clone(), first.device.clone(), shape, dtype);
    let most = client.properties().hardware.max_bindings as usize;
    let at_once = AT_ONCE.min(most.saturating_sub(OTHERS)).max(1);
    let mut parts = parts.into_iter().map(into_contiguous);
    let mut begin = 0;
    for lengths in lengths.chunks(at_once) {
        let joined: usize = lengths.iter().sum();
        let (given, mut list) = (parts.by_ref().take(lengths.len()), SequenceArg::new());
        for part in given {
            list.push(part.into_buffer_arg());
        }
        let written = rows * joined;
        let cube_dim = CubeDim::new(&client, written);
        // SAFETY: a part has `rows` rows of its length, and the result `rows` of all lengths; no unit
        // beyond the numbers that are written reads or writes.
        unsafe {
            join_kernel::launch_unchecked(
                &client,
                calculate_cube_count_elemwise(&client, written, cube_dim),
                cube_dim,
                output.required_address_type(),
                list,
                output.clone().into_buffer_arg(),
                lengths.iter().copied().collect(),
                begin,
                joined,
                width,
                written,
                kind,
            );
        }
        begin += joined;
    }
    Some(output)
}

#[cube(launch_unchecked, address_type = "dynamic")]
fn split_kernel<E: Numeric>(
    input: &[E],
    output: &mut [E],
    begins: Sequence<usize>,
    lengths: Sequence<usize>,
    starts: Sequence<usize>,
    rows: usize,
    width: usize,
    numbers: usize,
    #[define(E)] _dtype: ElemType,
) {
    if ABSOLUTE_POS >= numbers {
        terminate!();
    }
    #[unroll]
    for i in 0..starts.len() {
        let length = lengths[i];
        let start = starts[i];
        if ABSOLUTE_POS >= start && ABSOLUTE_POS < start + rows * length {
            let inside = ABSOLUTE_POS - start;
            let row = inside / length;
            output[ABSOLUTE_POS] = input[row * width + begins[i] + inside % length];
        }
    }
}

/// Pieces of `[…, width]`, each contiguous, all in one buffer.
pub(super) fn split(input: CubeTensor, pieces: &[Piece]) -> Option<Vec<CubeTensor>> {
    let kind = kind(input.dtype)?;
    let (shape, size) = (input.meta.shape().clone(), input.dtype.size());
    let width = *shape.last()?;
    let rows = shape.num_elements() / width;
    let (client, device, dtype) = (input.client.clone(), input.device.clone(), input.dtype);
    let input = into_contiguous(input);
    // A view may begin only at some places of a buffer.
    let alignment = (client.properties().memory.alignment as usize)
        .div_ceil(size)
        .max(1);
    let mut found = Vec::with_capacity(pieces.len());
    for pieces in pieces.chunks(AT_ONCE) {
        let mut starts = vec![0];
        for piece in pieces {
            let start = starts[starts.len() - 1];
            starts.push((start + rows * piece.length).next_multiple_of(alignment));
        }
        let all = starts.pop().unwrap_or_default();
        let output =
            empty_device_contiguous_dtype(client.clone(), device.clone(), [all].into(), dtype);
        let cube_dim = CubeDim::new(&client, all);
        // SAFETY: the pieces lie inside a row of the input, and in the output one behind the other; no
        // unit beyond the output's end reads or writes.
        unsafe {
            split_kernel::launch_unchecked(
                &client,
                calculate_cube_count_elemwise(&client, all, cube_dim),
                cube_dim,
                input
                    .required_address_type()
                    .max(output.required_address_type()),
                input.clone().into_buffer_arg(),
                output.clone().into_buffer_arg(),
                pieces.iter().map(|piece| piece.from).collect(),
                pieces.iter().map(|piece| piece.length).collect(),
                starts.iter().copied().collect(),
                rows,
                width,
                all,
                kind,
            );
        }
        for (piece, start) in pieces.iter().zip(starts) {
            let mut shape = shape.clone();
            let last = shape.num_dims() - 1;
            shape[last] = piece.length;
            let end = all - (start + rows * piece.length);
            let handle = output.handle.clone();
            let handle = handle.offset_start((start * size) as u64);
            let handle = handle.offset_end((end * size) as u64);
            let strides = row_major_contiguous_strides(&shape);
            let meta = Metadata::new(shape, strides);
            found.push(CubeTensor::new(
                client.clone(),
                handle,
                meta,
                device.clone(),
                dtype,
            ));
        }
    }
    Some(found)
}

fn numbers(tensor: &CubeTensor) -> usize {
    tensor.meta.shape().num_elements()
}

/// The element type, where the kernels have it.
fn kind(dtype: DType) -> Option<ElemType> {
    match dtype {
        DType::F32 => Some(ElemType::Float(FloatKind::F32)),
        DType::F64 => Some(ElemType::Float(FloatKind::F64)),
        _ => None,
    }
}
