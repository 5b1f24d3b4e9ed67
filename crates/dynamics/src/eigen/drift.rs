//! Where the block is heading: the next start extrapolated from the blocks of the last solves.

use burn::tensor::Tensor;
use faer::Mat;

use super::EigenError;
use super::block::{Arithmetic, Stack};
use super::host::eigh_descending;

/// Blocks whose spans share less than this (as a cosine) are not compared: one of their vectors
/// was exchanged, which is no drift.
const LEAST_OVERLAP: f64 = 0.7;

/// The blocks of the last solves, newest first, three at most.
#[derive(Debug, Default)]
pub(super) struct Drift {
    blocks: Vec<Tensor<2>>,
    /// Gram matrix of the last three blocks' common leading rows, newest first.
    gram: Option<Mat<f64>>,
}

impl Drift {
    /// Forgets all blocks.
    pub fn forget(&mut self) {
        self.blocks.clear();
        self.gram = None;
    }

    /// Notes `block`, `[b, P]`, and says where the next one is expected.
    ///
    /// The last two blocks X₁, X₂ are rotated to the new one by orthogonal Procrustes; of the
    /// change X − X₁ a multiple α is expected to come again, the one by which X₁ − X₂ did. Of
    /// blocks of different heights the leading rows that all have are compared.
    pub fn next(
        &mut self,
        block: Tensor<2>,
        arithmetic: Arithmetic,
    ) -> Result<Tensor<2>, EigenError> {
        let fits = |old: &Tensor<2>| {
            old.dims()[1] == block.dims()[1]
                && old.dtype() == block.dtype()
                && old.device() == block.device()
        };
        if !self.blocks.iter().all(fits) {
            self.forget();
        }
        self.blocks.insert(0, block.clone());
        self.blocks.truncate(3);
        if self.blocks.len() < 3 {
            return Ok(block);
        }
        let heights = self.blocks.iter().map(|block| block.dims()[0]);
        let common = heights.min().unwrap_or(0);
        let leading = self.blocks.iter().map(|block| leading(block, common));
        let all = arithmetic.stack(leading.collect());
        let gram = self.gram_of(&all, common, arithmetic)?;
        let coefficients = extrapolation(&gram, common)?;
        self.gram = Some(gram);
        let Some(coefficients) = coefficients else {
            return Ok(block);
        };
        let expected = arithmetic.combine(&[(&coefficients, &all)]);
        let beyond = block.dims()[0] - common;
        if beyond == 0 {
            return Ok(expected);
        }
        Ok(Tensor::cat(
            vec![expected, block.narrow(0, common, beyond)],
            0,
        ))
    }

    /// The Gram matrix of three blocks of `b` rows each, newest first. What the older two have in
    /// common is known when the last blocks had as many rows.
    fn gram_of(
        &self,
        all: &Stack,
        b: usize,
        arithmetic: Arithmetic,
    ) -> Result<Mat<f64>, EigenError> {
        match &self.gram {
            Some(known) if known.nrows() == 3 * b => {
                let newest = Stack::from(leading(&self.blocks[0], b));
                let [new] = arithmetic.grams([(&newest, all)])?;
                Ok(Mat::from_fn(3 * b, 3 * b, |i, j| match (i < b, j < b) {
                    (true, _) => new[(i, j)],
                    (false, true) => new[(j, i)],
                    (false, false) => known[(i - b, j - b)],
                }))
            }
            _ => {
                let [gram] = arithmetic.grams([(all, all)])?;
                Ok(gram)
            }
        }
    }
}

/// The first `rows` rows.
fn leading(block: &Tensor<2>, rows: usize) -> Tensor<2> {
    if block.dims()[0] == rows {
        block.clone()
    } else {
        block.clone().narrow(0, 0, rows)
    }
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

    #[cfg(feature = "flex")]
    #[test]
    fn what_older_blocks_have_in_common_is_remembered_right() {
        use burn::tensor::{DType, Device, TensorData};

        let device = Device::flex();
        let block = |turn: usize, rows: usize| {
            let value = |at: usize| (0.37 * ((turn + 1) * (at + 1)) as f64).sin();
            let values: Vec<f64> = (0..rows * 7).map(value).collect();
            Tensor::<2>::from_data(TensorData::new(values, [rows, 7]), (&device, DType::F64))
        };
        let arithmetic = Arithmetic::new(false);
        let mut drift = Drift::default();
        for (turn, rows) in [2, 2, 2, 2, 3, 2, 2, 3, 3, 3, 3].into_iter().enumerate() {
            drift.next(block(turn, rows), arithmetic).unwrap();
            let Some(found) = &drift.gram else { continue };
            let common = found.nrows() / 3;
            let rows = drift.blocks.iter().map(|block| leading(block, common));
            let all = arithmetic.stack(rows.collect());
            let [exact] = arithmetic.grams([(&all, &all)]).unwrap();
            for i in 0..found.nrows() {
                for j in 0..found.nrows() {
                    assert!((found[(i, j)] - exact[(i, j)]).abs() < 1e-12, "{turn}");
                }
            }
        }
        assert_eq!(drift.gram.unwrap().nrows(), 9);
    }

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
