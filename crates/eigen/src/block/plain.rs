//! Blocks by Burn's operations, on any device.

use burn::tensor::{Device, Tensor};
use faer::Mat;

use super::super::reading::read_with;
use super::{EigenError, Numbers, PIECE, Stack, upload};

/// Columns summed in one partial product on a GPU, whose matrix products are of one piece each for
/// all pieces at once: long vectors keep all its processors busy so.
const GPU_PIECE: usize = 1024;

/// Neighbouring pieces that are added on the GPU, so that few numbers are read.
const GPU_GROUP: usize = 16;

/// Elements summed into one partial sum of a row.
const CHUNK: usize = 256;

pub(super) fn combine(terms: &[(&Mat<f64>, &Stack)]) -> Tensor<2> {
    let sample = terms[0].1.sample();
    let rows = terms[0].0.nrows();
    let columns = terms.iter().map(|(matrix, _)| matrix.ncols()).sum();
    let mut all = Mat::zeros(rows, columns);
    let mut from = 0;
    for (matrix, _) in terms {
        (all.as_mut().subcols_mut(from, matrix.ncols())).copy_from(matrix);
        from += matrix.ncols();
    }
    // One upload for all terms.
    let all = upload(&all, &sample.device(), sample.dtype());
    let mut from = 0;
    let parts = terms.iter().flat_map(|(_, stack)| &stack.parts);
    let products = parts.map(|part| {
        let rows = part.dims()[0];
        let own = all.clone().narrow(1, from, rows);
        from += rows;
        own.matmul(part.clone())
    });
    let sum = products.reduce(|sum, product| sum + product);
    sum.unwrap_or_else(|| sample.clone())
}

/// A·s − σ·s for rows s and their images, and the Rayleigh quotients σ, `[n]`.
pub(super) fn shifted(rows: &Tensor<2>, images: Tensor<2>) -> (Tensor<2>, Tensor<1>) {
    let count = rows.dims()[0];
    let squares = row_sums(rows.clone() * rows.clone());
    // A row of zeros has an image of zeros.
    let quotients = row_sums(rows.clone() * images.clone()) / squares.clamp_min(f32::MIN_POSITIVE);
    let images = images - quotients.clone() * rows.clone();
    (images, quotients.reshape([count]))
}

/// The sum of each row, `[n, P] → [n, 1]`, by chunks, so that rounding does not grow with the length.
pub(super) fn row_sums(x: Tensor<2>) -> Tensor<2> {
    let [rows, length] = x.dims();
    if length <= CHUNK {
        return x.sum_dim(1);
    }
    let whole = length / CHUNK;
    let main = x.clone().narrow(1, 0, whole * CHUNK);
    let main = main.reshape([rows * whole, CHUNK]).sum_dim(1);
    let mut sums = main.reshape([rows, whole]);
    if whole * CHUNK < length {
        let rest = x.narrow(1, whole * CHUNK, length - whole * CHUNK);
        sums = Tensor::cat(vec![sums, rest.sum_dim(1)], 1);
    }
    row_sums(sums)
}

/// Whether the device is a GPU, where a matrix product of a few rows would leave most of a tile,
/// and all but one of the processors, idle.
fn is_gpu(device: &Device) -> bool {
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    return matches!(device.as_dispatch(), burn::backend::DispatchDevice::Cube(_));
    #[cfg(not(any(feature = "wgpu", feature = "cuda")))]
    {
        let _ = device;
        false
    }
}

/// Products on the device: the rows of some stacks times those of others, one below and beside the
/// other, as partial sums `[pieces, rows, columns]`.
struct Table {
    partial: Tensor<1>,
    rows: usize,
    columns: usize,
}

impl Table {
    /// By one matrix product for each piece, of few rows.
    fn by_pieces(left: &Tensor<2>, right: &Tensor<2>) -> Self {
        let [rows, length] = left.dims();
        let columns = right.dims()[0];
        let pieces = (0..length).step_by(PIECE).map(|from| {
            let size = PIECE.min(length - from);
            let left = left.clone().narrow(1, from, size);
            let right = right.clone().narrow(1, from, size);
            left.matmul(right.transpose()).reshape([rows * columns])
        });
        Self {
            partial: Tensor::cat(pieces.collect(), 0),
            rows,
            columns,
        }
    }

    /// By one product for all pieces, and one for what is left of the length.
    fn at_once(left: &[Tensor<2>], right: &[Tensor<2>]) -> Self {
        let length = left[0].dims()[1];
        let count = |parts: &[Tensor<2>]| parts.iter().map(|part| part.dims()[0]).sum();
        let (rows, columns) = (count(left), count(right));
        let groups = length / (GPU_PIECE * GPU_GROUP);
        let whole = groups * GPU_GROUP * GPU_PIECE;
        let mut partial = Vec::with_capacity(2);
        if groups > 0 {
            let [left, right] = [left, right].map(|parts| in_pieces(parts, groups * GPU_GROUP));
            let products = left.matmul(right.transpose());
            let products = products.reshape([groups, GPU_GROUP, rows * columns]);
            partial.push(products.sum_dim(1).reshape([groups * rows * columns]));
        }
        if whole < length {
            let rest = |parts: &[Tensor<2>]| {
                let rest = |part: &Tensor<2>| part.clone().narrow(1, whole, length - whole);
                Tensor::cat(parts.iter().map(rest).collect(), 0)
            };
            let products = rest(left).matmul(rest(right).transpose());
            partial.push(products.reshape([rows * columns]));
        }
        Self {
            partial: Tensor::cat(partial, 0),
            rows,
            columns,
        }
    }
}

/// Parts one under the other, cut into so many pieces of the columns: `[pieces, n, GPU_PIECE]`.
fn in_pieces(parts: &[Tensor<2>], pieces: usize) -> Tensor<3> {
    let cut = |part: &Tensor<2>| {
        let [rows, length] = part.dims();
        let whole = pieces * GPU_PIECE;
        let part = match whole == length {
            true => part.clone(),
            false => part.clone().narrow(1, 0, whole),
        };
        part.reshape([rows, pieces, GPU_PIECE]).swap_dims(0, 1)
    };
    Tensor::cat(parts.iter().map(cut).collect(), 1)
}

pub(super) fn grams(
    pairs: &[(&Stack, &Stack)],
    numbers: &mut [&mut Numbers],
) -> Result<Vec<Mat<f64>>, EigenError> {
    match is_gpu(&pairs[0].0.sample().device()) {
        true => grams_at_once(pairs, numbers),
        false => grams_by_pieces(pairs, numbers),
    }
}

fn grams_by_pieces(
    pairs: &[(&Stack, &Stack)],
    numbers: &mut [&mut Numbers],
) -> Result<Vec<Mat<f64>>, EigenError> {
    let table = |(left, right): &(&Stack, &Stack)| Table::by_pieces(&left.whole(), &right.whole());
    let tables: Vec<Table> = pairs.iter().map(table).collect();
    read_tables(tables, numbers)
}

/// All that is left times all that is right: some products that nobody asked for cost less than
/// launches.
fn grams_at_once(
    pairs: &[(&Stack, &Stack)],
    numbers: &mut [&mut Numbers],
) -> Result<Vec<Mat<f64>>, EigenError> {
    let (mut left, mut right) = (Side::default(), Side::default());
    let places: Vec<[usize; 2]> = (pairs.iter())
        .map(|(l, r)| [left.place(l), right.place(r)])
        .collect();
    let table = Table::at_once(&left.parts, &right.parts);
    let all = read_tables(vec![table], numbers)?.swap_remove(0);
    let gram = |((l, r), &[i, j]): (&(&Stack, &Stack), &[usize; 2])| {
        all.submatrix(i, j, l.rows(), r.rows()).to_owned()
    };
    Ok(pairs.iter().zip(&places).map(gram).collect())
}

/// The stacks on one side of a product, each once.
#[derive(Default)]
struct Side<'a> {
    stacks: Vec<(&'a Stack, usize)>,
    parts: Vec<Tensor<2>>,
    rows: usize,
}

impl<'a> Side<'a> {
    /// The index of a stack's first row.
    fn place(&mut self, stack: &'a Stack) -> usize {
        let known = (self.stacks.iter()).find(|(known, _)| std::ptr::eq(*known, stack));
        if let Some((_, from)) = known {
            return *from;
        }
        let from = self.rows;
        self.stacks.push((stack, from));
        self.parts.extend(stack.parts.iter().cloned());
        self.rows += stack.rows();
        from
    }
}

/// The tables' sums over the pieces, in float64, and some numbers, in one read-back.
fn read_tables(
    tables: Vec<Table>,
    numbers: &mut [&mut Numbers],
) -> Result<Vec<Mat<f64>>, EigenError> {
    let shapes: Vec<[usize; 3]> = (tables.iter())
        .map(|table| [table.partial.dims()[0], table.rows, table.columns])
        .collect();
    let parts = tables.into_iter().map(|table| table.partial).collect();
    let values = read_with(parts, numbers, "Gram matrices")?;
    let mut rest = values.as_slice();
    let sum = |&[length, rows, columns]: &[usize; 3]| {
        let (these, others) = rest.split_at(length);
        rest = others;
        let pieces = these.chunks_exact((rows * columns).max(1));
        Mat::from_fn(rows, columns, |i, j| {
            pieces.clone().map(|piece| piece[i * columns + j]).sum()
        })
    };
    Ok(shapes.iter().map(sum).collect())
}
