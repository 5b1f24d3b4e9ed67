//! Where the block is heading: the next start extrapolated from the blocks of the last solves.

use brink_state::{Memory, Part};
use burn::tensor::{DType, Device, Tensor};
use faer::Mat;

use super::EigenError;
use super::basis::Block;
use super::block::{Arithmetic, Stack};
use super::host::{eigh_descending, stack};

/// Blocks whose spans share less than this (as a cosine) are not compared: one of their vectors
/// was exchanged, which is no drift.
const LEAST_OVERLAP: f64 = 0.7;

/// The blocks of the last two solves.
#[derive(Debug)]
pub(super) struct Drift {
    /// Newest first.
    blocks: Vec<Tensor<2>>,
    /// Gram matrix of all their rows.
    gram: Mat<f64>,
}

impl Drift {
    /// No blocks yet.
    pub fn new() -> Self {
        Self {
            blocks: Vec::new(),
            gram: Mat::zeros(0, 0),
        }
    }

    /// Forgets all blocks.
    pub fn forget(&mut self) {
        *self = Self::new();
    }

    /// Gram matrix of the blocks' rows.
    #[cfg(test)]
    pub fn gram(&self) -> &Mat<f64> {
        &self.gram
    }

    /// The rows that the next block is to be compared with, in `dim` dimensions, on the same device
    /// and of the same type; blocks that do not suit are forgotten.
    pub fn past(&mut self, dim: usize, device: &Device, dtype: DType) -> Vec<Tensor<2>> {
        let fits = |old: &Tensor<2>| {
            old.dims()[1] == dim && old.dtype() == dtype && old.device() == *device
        };
        if !self.blocks.iter().all(fits) {
            self.forget();
        }
        self.blocks.clone()
    }

    /// Notes a `block` that was compared with the [`past`](Self::past), and says where the next one
    /// is expected.
    ///
    /// The last two blocks X₁, X₂ are rotated to the new one by orthogonal Procrustes; of the
    /// change X − X₁ a multiple α is expected to come again, the one by which X₁ − X₂ did. Of
    /// blocks of different heights the leading rows that all have are compared.
    pub fn next(&mut self, block: Block, arithmetic: Arithmetic) -> Result<Tensor<2>, EigenError> {
        let Block { rows, gram, past } = block;
        self.gram = stack(
            &beside(&gram, &past),
            &beside(&past.transpose().to_owned(), &self.gram),
        );
        self.blocks.insert(0, rows.clone());
        let expected = match self.expected()? {
            Some(coefficients) => {
                let all = Stack::from(self.blocks.clone());
                arithmetic.combine(&[(&coefficients, &all)])
            }
            None => rows,
        };
        self.blocks.truncate(2);
        let kept = self.blocks.iter().map(|block| block.dims()[0]).sum();
        self.gram = self.gram.submatrix(0, 0, kept, kept).to_owned();
        Ok(expected)
    }

    /// The next block in terms of the rows of all, if there are three that can be compared.
    fn expected(&self) -> Result<Option<Mat<f64>>, EigenError> {
        let heights: Vec<usize> = self.blocks.iter().map(|block| block.dims()[0]).collect();
        let &[newest, last, _] = &heights[..] else {
            return Ok(None);
        };
        let common = heights.iter().copied().min().unwrap_or(0);
        let first = [0, newest, newest + last];
        let compared: Vec<usize> = first.iter().flat_map(|&at| at..at + common).collect();
        let gram = Mat::from_fn(3 * common, 3 * common, |i, j| {
            self.gram[(compared[i], compared[j])]
        });
        let Some(found) = extrapolation(&gram, common)? else {
            return Ok(None);
        };
        let mut coefficients = Mat::identity(newest, heights.iter().sum());
        for i in 0..common {
            for (j, &at) in compared.iter().enumerate() {
                coefficients[(i, at)] = found[(i, j)];
            }
        }
        Ok(Some(coefficients))
    }
}

impl Memory for Drift {
    fn parts(&mut self) -> Vec<Part<'_>> {
        vec![("blocks", &mut self.blocks), ("gram", &mut self.gram)]
    }
}

/// `left` and, to the right of it, `right`.
fn beside(left: &Mat<f64>, right: &Mat<f64>) -> Mat<f64> {
    let split = left.ncols();
    Mat::from_fn(left.nrows(), split + right.ncols(), |i, j| {
        if j < split {
            left[(i, j)]
        } else {
            right[(i, j - split)]
        }
    })
}

/// The expected block in terms of three blocks of `b` rows each, newest first, whose Gram matrix
/// is `gram`; `None` when they cannot be compared or did not change.
fn extrapolation(gram: &Mat<f64>, b: usize) -> Result<Option<Mat<f64>>, EigenError> {
    let rotated = |k: usize, turn: &Mat<f64>| {
        Mat::from_fn(b, 3 * b, |i, j| {
            if j / b == k {
                turn[(i, j - k * b)]
            } else {
                0.0
            }
        })
    };
    let identity = Mat::identity(b, b);
    let newest = rotated(0, &identity);
    let align = |k: usize, target: &Mat<f64>| -> Result<Option<Mat<f64>>, EigenError> {
        let overlap = target * gram * rotated(k, &identity).transpose();
        Ok(procrustes(&overlap)?.map(|turn| rotated(k, &turn)))
    };
    let Some(last) = align(1, &newest)? else {
        return Ok(None);
    };
    let Some(before) = align(2, &last)? else {
        return Ok(None);
    };
    let (change, earlier) = (&newest - &last, &last - &before);
    let inner = |x: &Mat<f64>, y: &Mat<f64>| {
        let product = x * gram * y.transpose();
        (0..b).map(|i| product[(i, i)]).sum::<f64>()
    };
    let square = inner(&earlier, &earlier);
    if square <= 0.0 {
        return Ok(None);
    }
    // Beyond ±1 the ratio is noise or an exchange of vectors, not a drift to be amplified.
    let share = (inner(&change, &earlier) / square).clamp(-1.0, 1.0);
    Ok(Some(newest + faer::Scale(share) * change))
}

/// The rotation R that brings R·Y closest to X, given X·Yᵀ: its orthogonal polar factor.
fn procrustes(overlap: &Mat<f64>) -> Result<Option<Mat<f64>>, EigenError> {
    let n = overlap.nrows();
    let (squares, rows) = eigh_descending(&(overlap * overlap.transpose()))?;
    if squares
        .last()
        .is_none_or(|&s| s < LEAST_OVERLAP * LEAST_OVERLAP)
    {
        return Ok(None);
    }
    let scaled = Mat::from_fn(n, n, |i, j| rows[(i, j)] / squares[i].sqrt());
    Ok(Some(rows.transpose() * scaled * overlap))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gram matrix of the unit vectors at `angles` in a plane.
    fn turning(angles: [f64; 3]) -> Mat<f64> {
        Mat::from_fn(3, 3, |i, j| (angles[i] - angles[j]).cos())
    }

    #[test]
    fn an_oscillation_is_answered_by_the_block_before() {
        let expected = extrapolation(&turning([0.1, 0.0, 0.1]), 1)
            .unwrap()
            .unwrap();
        for (j, target) in [0.0, 1.0, 0.0].into_iter().enumerate() {
            assert!((expected[(0, j)] - target).abs() < 1e-12);
        }
    }

    #[test]
    fn a_steady_turn_is_continued() {
        let expected = extrapolation(&turning([0.2, 0.1, 0.0]), 1)
            .unwrap()
            .unwrap();
        let share = 0.1_f64.cos(); // the chords of equal arcs enclose one arc
        for (j, target) in [1.0 + share, -share, 0.0].into_iter().enumerate() {
            assert!((expected[(0, j)] - target).abs() < 1e-12);
        }
    }

    #[test]
    fn exchanged_vectors_are_no_drift() {
        assert!(
            extrapolation(&turning([1.5, 0.0, 0.0]), 1)
                .unwrap()
                .is_none()
        );
    }
}
