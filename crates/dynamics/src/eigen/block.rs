//! Blocks of row vectors on the device: combinations, Gram matrices, projections.

use burn::tensor::{DType, Device, Tensor, TensorData};
use faer::Mat;

use super::EigenError;

/// Columns summed in one partial product of a Gram matrix; the partial sums are added on the host
/// in float64. The roundings of the pieces average out, and the backends' matrix products are
/// faster on them than on one product as long as the parameter vector: a batched product over the
/// pieces, of strided views, is slower still.
const PIECE: usize = 16_384;

/// A host matrix as a tensor.
pub(super) fn upload(matrix: &Mat<f64>, device: &Device, dtype: DType) -> Tensor<2> {
    let (rows, columns) = (matrix.nrows(), matrix.ncols());
    let values: Vec<f64> = (0..rows)
        .flat_map(|i| (0..columns).map(move |j| matrix[(i, j)]))
        .collect();
    Tensor::from_data(TensorData::new(values, [rows, columns]), (device, dtype))
}

/// Combinations of the rows of `block`: `[q, n] · [n, P] → [q, P]`.
pub(super) fn combine(coefficients: &Mat<f64>, block: &Tensor<2>) -> Tensor<2> {
    upload(coefficients, &block.device(), block.dtype()).matmul(block.clone())
}

/// Makes the rows of `block` orthogonal to the orthonormal rows of `basis` and of unit length;
/// rows that lie in the span of `basis` to working accuracy come out shorter.
///
/// Projects twice: once leaves a component of the size of the rounding over what remains.
pub(super) fn project_out(block: Tensor<2>, basis: &Tensor<2>, epsilon: f64) -> Tensor<2> {
    let once = |block: Tensor<2>| {
        let overlap = block.clone().matmul(basis.clone().transpose());
        block - overlap.matmul(basis.clone())
    };
    let block = once(once(block));
    let length = block.clone().square().sum_dim(1).sqrt();
    block / length.clamp_min(epsilon.sqrt())
}

/// The products a·bᵀ of several pairs of blocks, `[i, P], [j, P] → [i, j]`, in one read-back.
pub(super) fn grams<const N: usize>(
    pairs: [(&Tensor<2>, &Tensor<2>); N],
) -> Result<[Mat<f64>; N], EigenError> {
    let mut parts = Vec::new();
    for (left, right) in pairs {
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
    let values = Tensor::cat(parts, 0)
        .try_into_vec_as::<f64>()
        .map_err(|source| EigenError::ReadBack {
            what: "Gram matrices",
            source,
        })?;
    let mut rest = values.as_slice();
    Ok(pairs.map(|(left, right)| {
        let [rows, length] = left.dims();
        let columns = right.dims()[0];
        let pieces = length.div_ceil(PIECE);
        let (these, others) = rest.split_at(pieces * rows * columns);
        rest = others;
        Mat::from_fn(rows, columns, |i, j| {
            (0..pieces)
                .map(|piece| these[(piece * rows + i) * columns + j])
                .sum()
        })
    }))
}
