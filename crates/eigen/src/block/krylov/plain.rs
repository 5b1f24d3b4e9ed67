//! The same by Burn's operations, on any device.

use burn::tensor::{Tensor, TensorData};

use super::super::super::reading::read;
use super::super::plain::row_sums;
use super::{EigenError, Orthogonalised};

pub(super) fn orthogonalise(
    blocks: &[Tensor<2>],
    image: Tensor<2>,
    before: &[f64],
) -> Result<(Tensor<2>, Orthogonalised), EigenError> {
    let [rows, length] = image.dims();
    let last = blocks[blocks.len() - 1].clone();
    let along = row_sums(image.clone() * last.clone());
    let mut next = image - along.clone() * last;
    if blocks.len() > 1 {
        next = next - scaled(blocks[blocks.len() - 2].clone(), before);
    }
    let all: Vec<Tensor<3>> = (blocks.iter())
        .map(|block| block.clone().reshape([1, rows, length]))
        .collect();
    let all = Tensor::cat(all, 0);
    let count = blocks.len();
    // Twice is enough, and a decision would cost a wait for the device.
    for _ in 0..2 {
        let products = all.clone() * next.clone().reshape([1, rows, length]);
        let shares = row_sums(products.reshape([count * rows, length]));
        let inside = all.clone() * shares.reshape([count, rows, 1]);
        next = next - inside.sum_dim(0).reshape([rows, length]);
    }
    let squares = row_sums(next.clone() * next.clone());
    let parts = [along, squares].map(|column| column.reshape([rows]));
    let read = read(parts.into(), "a tridiagonal matrix")?;
    let (along, squares) = read.split_at(rows);
    let found = Orthogonalised {
        along: along.to_vec(),
        length: squares.iter().map(|square| square.sqrt()).collect(),
    };
    Ok((next, found))
}

/// Each row times its factor.
pub(super) fn scaled(rows: Tensor<2>, factors: &[f64]) -> Tensor<2> {
    let data = TensorData::new(factors.to_vec(), [factors.len(), 1]);
    let factors = Tensor::from_data(data, (&rows.device(), rows.dtype()));
    rows * factors
}
