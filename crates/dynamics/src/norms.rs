//! Sums of squares that stay accurate in float32, on the device.

use burn::tensor::Tensor;

/// Elements summed into one partial sum; partial sums keep rounding from growing with the length.
const CHUNK: usize = 256;

/// ‖x‖₂², shape [1], by partial sums: its relative error stays near the unit roundoff.
pub fn squared(x: Tensor<1>) -> Tensor<1> {
    total(x.clone() * x)
}

/// ⟨x, y⟩, shape [1], by partial sums.
pub fn inner(x: Tensor<1>, y: Tensor<1>) -> Tensor<1> {
    total(x * y)
}

fn total(x: Tensor<1>) -> Tensor<1> {
    let [len] = x.dims();
    if len <= CHUNK {
        return x.sum();
    }
    let rows = len / CHUNK;
    let main = x.clone().slice(0..rows * CHUNK).reshape([rows, CHUNK]);
    let mut partial = main.sum_dim(1).reshape([rows]);
    if rows * CHUNK < len {
        partial = Tensor::cat(vec![partial, x.slice(rows * CHUNK..len)], 0);
    }
    total(partial)
}
