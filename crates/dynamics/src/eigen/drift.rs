//! Where the block is heading: the next start extrapolated from the blocks of the last solves.

use burn::tensor::Tensor;
use faer::Mat;

use super::EigenError;
use super::block::{combine, grams};
use super::host::eigh_descending;

/// Blocks whose spans share less than this (as a cosine) are not compared: one of their vectors
/// was exchanged, which is no drift.
const LEAST_OVERLAP: f64 = 0.7;

/// The blocks of the last solves, newest first, three at most.
#[derive(Debug, Default)]
pub(super) struct Drift {
    blocks: Vec<Tensor<2>>,
    num: f64,
    den: f64,
}

impl Drift {
    /// Forgets all blocks.
    pub fn forget(&mut self) {
        self.blocks.clear();
        self.num = 0.0;
        self.den = 0.0;
    }

    /// Notes `block`, `[b, P]`, and says where the next one is expected.
    ///
    /// The last two blocks X₁, X₂ are rotated to the new one by orthogonal Procrustes; of the
    /// change X − X₁ a multiple α is expected to come again, the one by which X₁ − X₂ did.
    pub fn next(&mut self, block: Tensor<2>) -> Result<Tensor<2>, EigenError> {
        let fits = |old: &Tensor<2>| old.dims() == block.dims() && old.dtype() == block.dtype();
        if !self.blocks.iter().all(fits) {
            self.blocks.clear();
        }
        self.blocks.insert(0, block.clone());
        self.blocks.truncate(3);
        if self.blocks.len() < 3 {
            return Ok(block);
        }
        let all = Tensor::cat(self.blocks.clone(), 0);
        let [gram] = grams([(&all, &all)])?;
        let conf: Vec<f64> = std::env::var("BRINK_A")
            .unwrap_or_else(|_| "0,0,0".into())
            .split(',')
            .map(|v| v.parse().unwrap())
            .collect();
        match self.extrapolation(&gram, block.dims()[0], &conf)? {
            Some(coefficients) => Ok(combine(&coefficients, &all)),
            None => Ok(block),
        }
    }

    fn extrapolation(
        &mut self,
        gram: &Mat<f64>,
        b: usize,
        conf: &[f64],
    ) -> Result<Option<Mat<f64>>, EigenError> {
        let part = |k: usize, matrix: &Mat<f64>| {
            Mat::from_fn(b, 3 * b, |i, j| {
                if j / b == k { matrix[(i, j - k * b)] } else { 0.0 }
            })
        };
        let newest = part(0, &Mat::identity(b, b));
        let mut aligned = newest.clone();
        let mut changes = Vec::new();
        for k in 1..3 {
            let old = part(k, &Mat::identity(b, b));
            let Some(turn) = procrustes(&(&aligned * gram * old.transpose()))? else {
                return Ok(None);
            };
            let turned = part(k, &turn);
            changes.push(&aligned - &turned);
            aligned = turned;
        }
        let inner = |x: &Mat<f64>, y: &Mat<f64>| {
            let product = x * gram * y.transpose();
            (0..b).map(|i| product[(i, i)]).sum::<f64>()
        };
        let (num, den) = (
            inner(&changes[0], &changes[1]),
            inner(&changes[1], &changes[1]),
        );
        self.num = conf[2] * self.num + num;
        self.den = conf[2] * self.den + den;
        if den <= 0.0 {
            return Ok(None);
        }
        let alpha = (self.num / self.den).clamp(conf[0], conf[1]);
        if std::env::var("BRINK_V").is_ok() {
            let size = inner(&changes[0], &changes[0]).sqrt();
            eprintln!("alpha raw {:.3} used {alpha:.3} change {size:.3}", num / den);
        }
        Ok(Some(&newest + faer::Scale(alpha) * &changes[0]))
    }
}

/// The rotation R that brings R·Y closest to X, given X·Yᵀ: its orthogonal polar factor.
fn procrustes(overlap: &Mat<f64>) -> Result<Option<Mat<f64>>, EigenError> {
    let n = overlap.nrows();
    let (squares, rows) = eigh_descending(&(overlap * overlap.transpose()))?;
    if squares.last().is_none_or(|&s| s < LEAST_OVERLAP * LEAST_OVERLAP) {
        return Ok(None);
    }
    let scaled = Mat::from_fn(n, n, |i, j| rows[(i, j)] / squares[i].sqrt());
    Ok(Some(rows.transpose() * scaled * overlap))
}
