//! Trace and Frobenius norm by XTrace (Epperly, Tropp and Webber, SIAM J. Matrix Anal. Appl. 45,
//! 2024), whose variance falls as fast as the eigenvalues do.
//!
//! Y = AΩ for the k probes ω, Q an orthonormal basis of Y's range, and Qᵢ one of the range of Y
//! without its column i: independent of ωᵢ. With wᵢ = (I − QᵢQᵢᵀ)ωᵢ, made as long as it is in the
//! mean, √(P − rank Qᵢ),
//!
//! > tᵢ = tr QᵢᵀAQᵢ + wᵢᵀAwᵢ
//!
//! has the mean tr A; the estimate t is the mean of the tᵢ. The same with A² in place of A, and the
//! same Q, gives ‖A‖²_F = tr A²: ‖AQᵢ‖²_F + ‖Awᵢ‖², from products that are there.
//!
//! The tᵢ share most of Q, and their spread is less than the error. So the standard error is the
//! jackknife's: √((k − 1)/k·Σ(t₍ⱼ₎ − t̄)²) for the estimates t₍ⱼ₎ without probe j, of mean t̄. It is
//! too large rather than too small in the mean (Efron and Stein, Ann. Statist. 9, 1981), up to 3.4 times
//! in the tests, where the eigenvalues fall steeply at the k-th, and near 1 where they do not. Rounding
//! is added. Leaving a probe out takes small matrices only.

use burn::tensor::Tensor;
use faer::Mat;
use faer::linalg::solvers::Solve;

use super::super::EigenError;
use super::super::block::{Arithmetic, Stack};
use super::super::operator::Meter;
use super::Estimate;

/// An image of which no more is left than so many roundings is one of the range already.
const DEPENDENT: f64 = 10.0;

/// Roundings that a sum of products may be off by, relative to its terms.
const ROUNDING: f64 = 8.0;

/// tr A and ‖A‖²_F from unit vectors, `[k, P]`, and their images.
pub(super) fn exchange(
    meter: &mut Meter<'_>,
    arithmetic: Arithmetic,
    probes: Tensor<2>,
    images: Tensor<2>,
    epsilon: f64,
) -> Result<[Estimate; 2], EigenError> {
    let [count, dim] = probes.dims();
    let Some(range) = range(arithmetic, images.clone(), epsilon)? else {
        // All images are zero.
        let zero = Estimate {
            value: 0.0,
            standard_error: 0.0,
        };
        return Ok([zero; 2]);
    };
    let rank = range.dims()[0];
    let owners: Vec<usize> = (0..rank).collect();
    let of_range = Stack::from(meter.apply(range.clone(), &owners)?);
    let (probes, range, images) = (Stack::from(probes), Stack::from(range), Stack::from(images));
    let pairs = [
        (&range, &of_range),
        (&of_range, &of_range),
        (&range, &probes),
        (&range, &images),
        (&of_range, &images),
        (&images, &images),
        (&probes, &images),
    ];
    let mut grams = arithmetic.grams(&pairs, &mut [])?;
    if let Some(row) = (0..rank).find(|&row| !grams[1][(row, row)].is_finite()) {
        let application = meter.applications();
        return Err(EigenError::NonFinite { row, application });
    }
    let mut next = || grams.remove(0);
    let (core, squares) = (next(), next());
    let sizes = [&core, &squares].map(|m| (0..rank).map(|i| m[(i, i)].abs()).sum::<f64>());
    let exchange = Exchange::new(dim, core, squares, next(), next(), next(), next(), next());
    let all = exchange.mean(None);
    let without: Vec<[f64; 2]> = (0..count).map(|j| exchange.mean(Some(j))).collect();
    Ok([0, 1].map(|which| {
        let value = all[which];
        let n = count as f64;
        let mean = without.iter().map(|t| t[which]).sum::<f64>() / n;
        let squares: f64 = without.iter().map(|t| (t[which] - mean).powi(2)).sum();
        let rounding = ROUNDING * epsilon * (sizes[which] + value.abs());
        Estimate {
            value,
            standard_error: ((n - 1.0) / n * squares).sqrt().hypot(rounding),
        }
    }))
}

/// Orthonormal rows that span what the images do, to working accuracy; none if all are zero.
fn range(
    arithmetic: Arithmetic,
    images: Tensor<2>,
    epsilon: f64,
) -> Result<Option<Tensor<2>>, EigenError> {
    let whole = Stack::from(images.clone());
    let lengths = arithmetic
        .grams(&[(&whole, &whole)], &mut [])?
        .swap_remove(0);
    let mut basis = None;
    for row in 0..images.dims()[0] {
        let length = lengths[(row, row)].sqrt();
        let image = images.clone().narrow(0, row, 1);
        if length > 0.0 {
            let unit = image.mul_scalar(length.recip());
            match &mut basis {
                None => basis = Some(arithmetic.krylov(unit)),
                Some(basis) => {
                    let left = basis.orthogonalise(unit, &[0.0])?.length[0];
                    if left > DEPENDENT * epsilon {
                        basis.extend(&[left.recip()]);
                    }
                }
            }
        }
    }
    Ok(basis.map(|basis| basis.whole()))
}

/// Quadratic forms of A on the range and outside it. In coordinates of the range, let ωᵢ be QᵀΩ's
/// column i and rᵢ the unit vector orthogonal to all images but that of probe i.
struct Exchange {
    dim: usize,
    rank: usize,
    count: usize,
    /// Whether each image has a direction of its own: the rᵢ are there.
    own: bool,
    /// tr QᵀAQ and ‖AQ‖²_F.
    inside: [f64; 2],
    /// Inner products, AQ's and (AQ)ᵀAQ's forms, of the ωᵢ and rᵢ, one after the other.
    gram: Mat<f64>,
    forms: [Mat<f64>; 2],
    /// yᵢᵀQ and yᵢᵀAQ on the same vectors.
    across: [Mat<f64>; 2],
    /// ωᵢᵀAωᵢ and ‖Aωᵢ‖² for the unit probes.
    whole: Vec<[f64; 2]>,
}

impl Exchange {
    #[allow(clippy::too_many_arguments, reason = "one a Gram matrix")]
    fn new(
        dim: usize,
        core: Mat<f64>,
        squares: Mat<f64>,
        on_probes: Mat<f64>,
        on_images: Mat<f64>,
        across: Mat<f64>,
        of_images: Mat<f64>,
        quotients: Mat<f64>,
    ) -> Self {
        let (rank, count) = (core.nrows(), on_probes.ncols());
        let directions = directions(&on_images);
        let own = directions.is_some();
        let directions = directions.unwrap_or_else(|| Mat::zeros(rank, count));
        let vectors = Mat::from_fn(rank, 2 * count, |i, j| match j < count {
            true => on_probes[(i, j)],
            false => directions[(i, j - count)],
        });
        let trace = |matrix: &Mat<f64>| (0..rank).map(|i| matrix[(i, i)]).sum();
        Self {
            dim,
            rank,
            count,
            own,
            inside: [trace(&core), trace(&squares)],
            gram: vectors.transpose() * &vectors,
            forms: [&core, &squares].map(|form| vectors.transpose() * form * &vectors),
            across: [&on_images, &across].map(|images| images.transpose() * &vectors),
            whole: (0..count)
                .map(|i| [quotients[(i, i)], of_images[(i, i)]])
                .collect(),
        }
    }

    /// The mean of the tᵢ, of all probes but one if `out` says so.
    fn mean(&self, out: Option<usize>) -> [f64; 2] {
        let used: Vec<usize> = (0..self.count).filter(|i| Some(*i) != out).collect();
        let mut sums = [0.0; 2];
        for &i in &used {
            let one = self.one(i, out);
            sums = [sums[0] + one[0], sums[1] + one[1]];
        }
        sums.map(|sum| sum / used.len() as f64)
    }

    fn one(&self, i: usize, out: Option<usize>) -> [f64; 2] {
        let k = self.count;
        // Vectors by their coefficients on ωᵢ, rᵢ and, of the probe left out, rⱼ.
        let places = [i, k + i, k + out.unwrap_or(i)];
        let product = |matrix: &Mat<f64>, a: &[f64; 3], b: &[f64; 3]| -> f64 {
            let terms = (0..9).map(|n| (n / 3, n % 3));
            terms
                .map(|(m, n)| a[m] * b[n] * matrix[(places[m], places[n])])
                .sum()
        };
        let mut removed: Vec<[f64; 3]> = Vec::with_capacity(2);
        if self.own {
            match out {
                None => removed.push([0.0, 1.0, 0.0]),
                Some(j) => {
                    removed.push([0.0, 0.0, 1.0]);
                    let cosine = self.gram[(k + i, k + j)];
                    let sine = (1.0 - cosine * cosine).max(0.0).sqrt();
                    if sine > 0.0 {
                        removed.push([0.0, 1.0 / sine, -cosine / sine]);
                    }
                }
            }
        }
        let probe = [1.0, 0.0, 0.0];
        let mut projected = probe;
        for direction in &removed {
            let along = product(&self.gram, direction, &probe);
            for (p, d) in projected.iter_mut().zip(direction) {
                *p -= along * d;
            }
        }
        // Unit probes: ‖w‖² = 1 − ‖p‖².
        let length = 1.0 - product(&self.gram, &projected, &projected);
        let rest = self
            .dim
            .saturating_sub(self.rank - removed.len().min(self.rank)) as f64;
        [0, 1].map(|which| {
            let form = &self.forms[which];
            let lost: f64 = removed.iter().map(|d| product(form, d, d)).sum();
            let inside = self.inside[which] - lost;
            if rest == 0.0 || length <= f64::from(f32::EPSILON) {
                return inside;
            }
            let mixed = projected.iter().zip(&places);
            let mixed: f64 = mixed.map(|(p, at)| p * self.across[which][(i, *at)]).sum();
            let outside =
                self.whole[i][which] - 2.0 * mixed + product(form, &projected, &projected);
            inside + rest / length * outside
        })
    }
}

/// For each image, in coordinates of the range, the unit vector orthogonal to all others; none where
/// the others span the range.
fn directions(images: &Mat<f64>) -> Option<Mat<f64>> {
    let (rank, count) = (images.nrows(), images.ncols());
    if rank < count {
        return None;
    }
    let unit = Mat::from_fn(count, rank, |i, j| {
        images[(j, i)] / images.col(i).norm_l2().max(f64::MIN_POSITIVE)
    });
    let inverse = unit
        .partial_piv_lu()
        .solve(Mat::<f64>::identity(count, count));
    let lengths: Vec<f64> = (0..count).map(|i| inverse.col(i).norm_l2()).collect();
    let told = lengths
        .iter()
        .all(|length| length.is_finite() && *length > 0.0);
    told.then(|| Mat::from_fn(rank, count, |i, j| inverse[(i, j)] / lengths[j]))
}
