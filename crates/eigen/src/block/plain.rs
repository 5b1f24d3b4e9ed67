//! Blocks by Burn's operations, on any device.

use burn::tensor::{Device, Tensor};
use faer::Mat;

use super::{EigenError, PIECE, Stack, upload};

pub(super) fn combine(terms: &[(&Mat<f64>, &Stack)]) -> Tensor<2> {
    let combination = |(coefficients, rows): &(&Mat<f64>, &Stack)| {
        let rows = rows.whole();
        upload(coefficients, &rows.device(), rows.dtype()).matmul(rows)
    };
    let (first, others) = (combination(&terms[0]), &terms[1..]);
    others
        .iter()
        .fold(first, |sum, term| sum + combination(term))
}

/// Whether the device is a GPU, where a matrix product of a few rows would leave most of a tile,
/// and all but one of the processors, idle.
fn is_gpu(device: &Device) -> bool {
    #[cfg(feature = "wgpu")]
    return matches!(device.as_dispatch(), burn::backend::DispatchDevice::Cube(_));
    #[cfg(not(feature = "wgpu"))]
    {
        let _ = device;
        false
    }
}

/// The products of a pair, a piece at a time, as small matrix products.
fn partial_products(left: &Tensor<2>, right: &Tensor<2>, parts: &mut Vec<Tensor<1>>) {
    let [rows, length] = left.dims();
    let columns = right.dims()[0];
    for from in (0..length).step_by(PIECE) {
        let size = PIECE.min(length - from);
        let left = left.clone().narrow(1, from, size);
        let right = right.clone().narrow(1, from, size);
        let partial = left.matmul(right.transpose());
        parts.push(partial.reshape([rows * columns]));
    }
}

/// The same numbers in the same order, as sums over products of rows.
fn partial_sums(left: &Tensor<2>, right: &Tensor<2>, parts: &mut Vec<Tensor<1>>) {
    let [rows, length] = left.dims();
    let columns = right.dims()[0];
    let whole = length / PIECE;
    let mut tables = Vec::with_capacity(rows);
    for i in 0..rows {
        let row = left.clone().narrow(0, i, 1);
        let product = right.clone() * row;
        let mut sums = Vec::new();
        if whole > 0 {
            let pieces = product
                .clone()
                .narrow(1, 0, whole * PIECE)
                .reshape([columns, whole, PIECE]);
            sums.push(pieces.sum_dim(2).reshape([columns, whole]));
        }
        if whole * PIECE < length {
            let rest = product.narrow(1, whole * PIECE, length - whole * PIECE);
            sums.push(rest.sum_dim(1));
        }
        tables.push(Tensor::cat(sums, 1).transpose().unsqueeze_dim::<3>(1));
    }
    // [pieces, rows, columns]
    let table = Tensor::cat(tables, 1);
    let count = table.dims().iter().product::<usize>();
    parts.push(table.reshape([count]));
}

pub(super) fn grams(pairs: &[(&Stack, &Stack)]) -> Result<Vec<Mat<f64>>, EigenError> {
    let whole = |(left, right): &(&Stack, &Stack)| (left.whole(), right.whole());
    let pairs: Vec<_> = pairs.iter().map(whole).collect();
    let mut parts = Vec::new();
    for (left, right) in &pairs {
        if is_gpu(&left.device()) {
            partial_sums(left, right, &mut parts);
        } else {
            partial_products(left, right, &mut parts);
        }
    }
    let values = Tensor::cat(parts, 0)
        .try_into_vec_as::<f64>()
        .map_err(|source| EigenError::ReadBack {
            what: "Gram matrices",
            source,
        })?;
    let mut rest = values.as_slice();
    let gram = |(left, right): &(Tensor<2>, Tensor<2>)| {
        let [rows, length] = left.dims();
        let columns = right.dims()[0];
        let pieces = length.div_ceil(PIECE);
        // Each piece holds its i × j products in the order of a matrix, on every device.
        let (these, others) = rest.split_at(pieces * rows * columns);
        rest = others;
        Mat::from_fn(rows, columns, |i, j| {
            (0..pieces)
                .map(|piece| these[(piece * rows + i) * columns + j])
                .sum()
        })
    };
    Ok(pairs.iter().map(gram).collect())
}
