//! Rayleigh–Ritz on a search basis, from Gram matrices alone.

use faer::Mat;

use super::EigenError;
use super::host::{eigh_descending, stack};
use super::orthonormal::{svqb, unit};

/// What squared residuals from Gram matrices err by, as a share of the square of what they are made of:
/// four products of up to that, each summed to a few ε on the device, and in float64 here.
pub(super) fn rounding_of_grams(epsilon: f64) -> f64 {
    16.0 * epsilon + 8.0 * f64::EPSILON
}

/// Gram matrices of the basis rows S and their images A·S, each `[n, n]`.
///
/// Measured are those of S and of D = A·S − Σ·S for a diagonal Σ, the shifts: where these are near the
/// Rayleigh quotients, and rows near eigenvectors, D is short, and what is computed of its Gram matrices
/// has little rounding.
#[derive(Debug, Clone)]
pub(super) struct Grams {
    /// S·Sᵀ.
    pub overlap: Mat<f64>,
    /// S·(A·S)ᵀ.
    pub projected: Mat<f64>,
    /// (A·S)·(A·S)ᵀ.
    pub image: Mat<f64>,
    /// Σ.
    shifts: Vec<f64>,
    /// S·Dᵀ.
    across: Mat<f64>,
    /// D·Dᵀ.
    square: Mat<f64>,
}

/// What is measured of some rows.
pub(super) struct Measured {
    /// S·Sᵀ.
    pub overlap: Mat<f64>,
    /// S·Dᵀ.
    pub across: Mat<f64>,
    /// D·Dᵀ.
    pub square: Mat<f64>,
    /// Σ.
    pub shifts: Vec<f64>,
}

impl From<Measured> for Grams {
    fn from(measured: Measured) -> Self {
        let Measured {
            overlap,
            across,
            square,
            shifts,
        } = measured;
        let n = shifts.len();
        let projected = Mat::from_fn(n, n, |i, j| across[(i, j)] + shifts[j] * overlap[(i, j)]);
        let image = Mat::from_fn(n, n, |i, j| {
            let (a, b) = (shifts[i], shifts[j]);
            square[(i, j)] + a * across[(i, j)] + b * across[(j, i)] + a * b * overlap[(i, j)]
        });
        Self {
            overlap,
            projected,
            image,
            shifts,
            across,
            square,
        }
    }
}

impl Grams {
    /// The same for the first `n` rows only.
    pub fn leading(&self, n: usize) -> Self {
        let cut = |matrix: &Mat<f64>| matrix.submatrix(0, 0, n, n).to_owned();
        Self {
            overlap: cut(&self.overlap),
            projected: cut(&self.projected),
            image: cut(&self.image),
            shifts: self.shifts[..n].to_vec(),
            across: cut(&self.across),
            square: cut(&self.square),
        }
    }

    /// Those of S with m rows more, whose products with all n + m rows are `new`, `[m, n + m]`
    /// each, and whose shifts are among those of all rows; as A is symmetric, S·(A·S)ᵀ is taken to be.
    pub fn extended(&self, new: Measured) -> Self {
        let n = self.overlap.nrows();
        let joined = |old: &Mat<f64>, new: &Mat<f64>, mirrored: &dyn Fn(usize, usize) -> f64| {
            Mat::from_fn(new.ncols(), new.ncols(), |i, j| match (i < n, j < n) {
                (true, true) => old[(i, j)],
                (true, false) => new[(j - n, i)] + mirrored(i, j),
                _ => new[(i - n, j)],
            })
        };
        let shifts = &new.shifts;
        let unequal = |i: usize, j: usize| (shifts[i] - shifts[j]) * new.overlap[(j - n, i)];
        let measured = Measured {
            overlap: joined(&self.overlap, &new.overlap, &|_, _| 0.0),
            across: joined(&self.across, &new.across, &unequal),
            square: joined(&self.square, &new.square, &|_, _| 0.0),
            shifts: new.shifts.clone(),
        };
        measured.into()
    }

    /// First row whose Gram entries are not all finite.
    pub fn first_non_finite(&self) -> Option<usize> {
        (0..self.overlap.nrows()).find(|&i| {
            let finite = |m: &Mat<f64>| m[(i, i)].is_finite();
            !(finite(&self.overlap) && finite(&self.projected) && finite(&self.image))
        })
    }

    /// max ‖A·s‖/‖s‖ over the rows: a lower bound on the operator's norm.
    pub fn image_scale(&self) -> f64 {
        (0..self.overlap.nrows())
            .filter(|&i| self.overlap[(i, i)] > 0.0)
            .map(|i| (self.image[(i, i)] / self.overlap[(i, i)]).max(0.0).sqrt())
            .fold(0.0, f64::max)
    }

    /// Refuses an operator whose products with these rows are far from symmetric.
    ///
    /// Seen only where all products of the rows with each other were made: in the first Gram
    /// matrices of a solve.
    pub fn check_symmetry(&self, epsilon: f64) -> Result<(), EigenError> {
        // Below this, squares of images leave float32's (float64's) range and say nothing.
        let least = if epsilon > 1e-10 { 1e-18 } else { 1e-150 };
        let scale = self.image_scale();
        if scale < least {
            return Ok(());
        }
        // Ten times the cube root of ε: a product may have lost most of its digits by cancellation.
        let explained = 10.0 * epsilon.cbrt() * scale;
        let n = self.overlap.nrows();
        let length = |i: usize| self.overlap[(i, i)].sqrt();
        for (i, j) in (0..n).flat_map(|i| (0..i).map(move |j| (i, j))) {
            let lengths = length(i) * length(j);
            let difference = (self.projected[(i, j)] - self.projected[(j, i)]).abs() / lengths;
            if lengths > 0.0 && difference > explained {
                return Err(EigenError::NotSymmetric {
                    difference,
                    explained,
                });
            }
        }
        Ok(())
    }

    /// Smallest eigenvalue of the rows' Gram matrix, were they of unit length: 1 if they are
    /// orthogonal, 0 if they are dependent or one is zero.
    pub fn condition(&self) -> Result<f64, EigenError> {
        let (values, _) = eigh_descending(&unit(&self.overlap, 0.0).1)?;
        Ok(values.last().copied().unwrap_or(1.0))
    }

    /// Mean Rayleigh quotient of the rows `from..`; `None` when there is none.
    pub fn mean_quotient(&self, from: usize) -> Option<f64> {
        let quotients: Vec<f64> = (from..self.overlap.nrows())
            .filter(|&i| self.overlap[(i, i)] > 0.0)
            .map(|i| self.projected[(i, i)] / self.overlap[(i, i)])
            .collect();
        let count = quotients.len() as f64;
        (count > 0.0).then(|| quotients.iter().sum::<f64>() / count)
    }
}

/// The Ritz pairs kept from a search basis.
#[derive(Debug, Clone)]
pub(super) struct Ritz {
    /// Ritz values, descending, `b` of them.
    pub values: Vec<f64>,
    /// Ritz vectors in terms of the basis rows, `[b, n]`.
    pub coefficients: Mat<f64>,
    /// Residual Gram matrix R·Rᵀ, R = A·X − Θ·X, `[b, b]`.
    pub residual: Mat<f64>,
    /// Error that rounding in the Gram matrices may leave in each squared residual.
    pub noise: Vec<f64>,
    /// An orthonormal basis in terms of the basis rows, `[r, n]`; its first `iterates` rows span
    /// the previous iterates.
    basis: Mat<f64>,
    /// Ritz vectors in terms of `basis`, `[b, r]`, orthonormal rows.
    rotation: Mat<f64>,
    iterates: usize,
    drop: f64,
}

impl Ritz {
    /// Keeps at most `keep` Ritz pairs of the basis behind `grams`, whose first `iterates` rows
    /// are the current iterates and whose others are search directions of about unit length.
    ///
    /// Combinations whose share of the Gram matrix is below ε^¼ are dropped. Those that are kept
    /// then amplify the rounding of a row by ε^-⅛ at most (7 in float32), which is what makes
    /// images by combination trustworthy; two directions closer than that gain little over one.
    pub fn new(
        grams: &Grams,
        iterates: usize,
        keep: usize,
        epsilon: f64,
    ) -> Result<Self, EigenError> {
        let n = grams.overlap.nrows();
        let drop = epsilon.powf(0.25);
        let inner = svqb(&grams.leading(iterates).overlap, 0.0, drop)?;
        let rank = inner.nrows();
        let inner = Mat::from_fn(
            rank,
            n,
            |i, j| {
                if j < iterates { inner[(i, j)] } else { 0.0 }
            },
        );
        let directions = Mat::from_fn(
            n - iterates,
            n,
            |i, j| {
                if j == iterates + i { 1.0 } else { 0.0 }
            },
        );
        let overlap = &directions * &grams.overlap * inner.transpose();
        let outer = directions - overlap * &inner;
        let metric = &outer * &grams.overlap * outer.transpose();
        let outer = svqb(&metric, drop, drop)? * outer;
        let basis = stack(&inner, &outer);

        let projected = &basis * &grams.projected * basis.transpose();
        let (mut values, rotation) = eigh_descending(&projected)?;
        values.truncate(keep);
        let kept = values.len();
        let rotation = rotation.submatrix(0, 0, kept, basis.nrows()).to_owned();
        let coefficients = &rotation * &basis;
        let residual = residual_gram(grams, &coefficients, &values);
        let noise = (0..kept).map(|i| residual_noise(grams, &coefficients, &values, i));
        Ok(Self {
            noise: noise
                .map(|size| rounding_of_grams(epsilon) * size)
                .collect(),
            values,
            coefficients,
            residual,
            basis,
            rotation,
            iterates: rank,
            drop,
        })
    }

    /// An orthonormal basis of what the images of some basis rows have beyond the basis, in terms
    /// of the images and of the basis rows, `[r, n]` each; combinations that rounding could spoil
    /// are dropped.
    pub fn beyond(
        &self,
        grams: &Grams,
        rows: &[usize],
        epsilon: f64,
    ) -> Result<[Mat<f64>; 2], EigenError> {
        let (k, n) = (rows.len(), grams.overlap.nrows());
        let overlap = Mat::from_fn(k, n, |i, j| grams.projected[(j, rows[i])]);
        let inside = &overlap * self.basis.transpose();
        let taken = &inside * inside.transpose();
        let image = |i: usize, j: usize| grams.image[(rows[i], rows[j])];
        let metric = Mat::from_fn(k, k, |i, j| image(i, j) - taken[(i, j)]);
        let largest = (0..k).map(|i| image(i, i)).fold(0.0, f64::max);
        let combination = svqb(&metric, epsilon.sqrt() * largest, self.drop)?;
        let picked = Mat::from_fn(k, n, |i, j| if rows[i] == j { 1.0 } else { 0.0 });
        let inside = inside * &self.basis;
        Ok([
            &combination * picked,
            faer::Scale(-1.0) * (combination * inside),
        ])
    }

    /// LOBPCG's conjugate directions for the pairs `active`, `[p, n]`, orthonormal and orthogonal
    /// to the new iterates: what the search directions contributed to each new iterate.
    pub fn directions(&self, active: &[usize]) -> Result<Mat<f64>, EigenError> {
        let contributed = Mat::from_fn(active.len(), self.basis.nrows(), |i, j| {
            if j < self.iterates {
                0.0
            } else {
                self.rotation[(active[i], j)]
            }
        });
        let overlap = &contributed * self.rotation.transpose();
        let outer = contributed - overlap * &self.rotation;
        let metric = &outer * outer.transpose();
        // What is left of an unchanged iterate is float64 rounding: no direction.
        let combination = svqb(&metric, f64::EPSILON * f64::EPSILON * 1e4, self.drop)?;
        Ok(combination * outer * &self.basis)
    }
}

/// R·Rᵀ of R = C·A·S − Θ·C·S = C·D + E·S with E = C·Σ − Θ·C.
fn residual_gram(grams: &Grams, coefficients: &Mat<f64>, values: &[f64]) -> Mat<f64> {
    let on_rows = Mat::from_fn(coefficients.nrows(), coefficients.ncols(), |i, j| {
        coefficients[(i, j)] * (grams.shifts[j] - values[i])
    });
    let mixed = &on_rows * &grams.across * coefficients.transpose();
    let images = coefficients * &grams.square * coefficients.transpose();
    let rows = &on_rows * &grams.overlap * on_rows.transpose();
    images + mixed.transpose() + &mixed + rows
}

/// The square of what the squared residual of pair `i` is made of in the Gram matrices. Products of old
/// rows with the images of new ones were measured the other way round: they are made of the rows' own
/// products, too, times the difference of their shifts.
fn residual_noise(grams: &Grams, coefficients: &Mat<f64>, values: &[f64], i: usize) -> f64 {
    let length = |square: f64| square.max(0.0).sqrt();
    let n = coefficients.ncols();
    let on_images: Vec<f64> = (0..n).map(|k| coefficients[(i, k)].abs()).collect();
    let on_rows: Vec<f64> = (0..n)
        .map(|k| on_images[k] * (grams.shifts[k] - values[i]).abs())
        .collect();
    let sizes = (0..n).map(|k| {
        let [image, row] = [&grams.square, &grams.overlap].map(|gram| length(gram[(k, k)]));
        on_images[k] * image + on_rows[k] * row
    });
    let size: f64 = sizes.sum();
    let pairs = (0..n).flat_map(|k| (0..n).map(move |j| (k, j)));
    let mirrored = pairs.map(|(k, j)| {
        let lengths = length(grams.overlap[(k, k)]) * length(grams.overlap[(j, j)]);
        on_images[k] * on_rows[j] * (grams.shifts[k] - grams.shifts[j]).abs() * lengths
    });
    size * size + 2.0 * mirrored.sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gram matrices of `rows` under the diagonal operator `spectrum`.
    fn diagonal(spectrum: &[f64], rows: &Mat<f64>) -> Grams {
        let images = Mat::from_fn(rows.nrows(), rows.ncols(), |i, j| {
            rows[(i, j)] * spectrum[j]
        });
        let measured = Measured {
            overlap: rows * rows.transpose(),
            across: rows * images.transpose(),
            square: &images * images.transpose(),
            shifts: vec![0.0; rows.nrows()],
        };
        measured.into()
    }

    #[test]
    fn a_basis_that_holds_eigenvectors_returns_them() {
        let rows = Mat::from_fn(3, 4, |i, j| match (i, j) {
            (0, 0) | (0, 1) | (1, 1) => 2.0,
            (2, 3) => 1.0,
            _ => 0.0,
        });
        let ritz = Ritz::new(&diagonal(&[5.0, -3.0, 9.0, 1.0], &rows), 2, 3, f64::EPSILON).unwrap();
        for (value, expected) in ritz.values.iter().zip([5.0, 1.0, -3.0]) {
            assert!((value - expected).abs() < 1e-12, "{value} for {expected}");
        }
        assert!((0..3).all(|i| ritz.residual[(i, i)].abs() < 1e-12));
    }

    /// Gram matrices of `rows` under the diagonal operator `spectrum`, less `shifts`, in float32.
    fn rounded(spectrum: &[f64], rows: &Mat<f64>, shifts: &[f64]) -> Grams {
        let images = Mat::from_fn(rows.nrows(), rows.ncols(), |i, j| {
            rows[(i, j)] * (spectrum[j] - shifts[i])
        });
        let single = |matrix: Mat<f64>| {
            Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, j| {
                f64::from(matrix[(i, j)] as f32)
            })
        };
        let measured = Measured {
            overlap: single(rows * rows.transpose()),
            across: single(rows * images.transpose()),
            square: single(&images * images.transpose()),
            shifts: shifts.to_vec(),
        };
        measured.into()
    }

    #[test]
    fn shifts_show_residuals_that_rounding_hides() {
        let spectrum = [50.0, 41.0, 12.0, 3.0, -2.0];
        // Near the first two eigenvectors, and a direction of a residual.
        let rows = Mat::from_fn(3, 5, |i, j| match (i, j) {
            (0, 0) | (1, 1) | (2, 2) => 1.0,
            (0, 3) | (1, 4) => 2e-4,
            (0, 2) | (1, 2) => -1e-4,
            _ => 0.0,
        });
        let epsilon = f64::from(f32::EPSILON);
        let exact = rounded(&spectrum, &rows, &[0.0; 3]);
        let exact = Ritz::new(&exact, 2, 2, epsilon).unwrap().coefficients;
        for (shifts, shown) in [([0.0; 3], false), ([50.0, 41.0, 12.0], true)] {
            let grams = rounded(&spectrum, &rows, &shifts);
            let ritz = Ritz::new(&grams, 2, 2, epsilon).unwrap();
            for i in 0..2 {
                let vector = ritz.coefficients.subrows(i, 1) * &rows;
                let square: f64 = (0..5)
                    .map(|j| (vector[(0, j)] * (spectrum[j] - ritz.values[i])).powi(2))
                    .sum();
                let off = (ritz.residual[(i, i)] - square).abs();
                assert!(
                    off <= ritz.noise[i],
                    "{i}: off {off:e}, {:e}",
                    ritz.noise[i]
                );
                assert_eq!(20.0 * ritz.noise[i] < square, shown, "{i}: {square:e}");
            }
            let turned = &ritz.coefficients - &exact;
            assert!(turned.norm_max() < 1e-4);
        }
    }

    #[test]
    fn old_and_new_rows_agree_with_all_at_once() {
        let spectrum = [6.0, 5.0, 4.0, 1.0, 0.5, -2.0];
        let rows = Mat::from_fn(4, 6, |i, j| (0.7 * ((1 + i * 6 + j) as f64).powi(2)).sin());
        let shifts = [5.5, 0.0, 3.0, -1.0];
        let images = Mat::from_fn(4, 6, |i, j| rows[(i, j)] * (spectrum[j] - shifts[i]));
        let measured = |rows: &Mat<f64>, from: usize, images: &Mat<f64>, n: usize| {
            let all = |matrix: &Mat<f64>| matrix.subrows(0, n).transpose().to_owned();
            let new = |matrix: &Mat<f64>| matrix.subrows(from, n - from).to_owned();
            Measured {
                overlap: new(rows) * all(rows),
                across: new(rows) * all(images),
                square: new(images) * all(images),
                shifts: shifts[..n].to_vec(),
            }
        };
        let old = Grams::from(measured(&rows, 0, &images, 2));
        let grown = old.extended(measured(&rows, 2, &images, 4));
        let whole = diagonal(&spectrum, &rows);
        for (grown, whole) in [
            (&grown.overlap, &whole.overlap),
            (&grown.projected, &whole.projected),
            (&grown.image, &whole.image),
        ] {
            assert!((grown - whole).norm_max() < 1e-12);
        }
    }

    #[test]
    fn directions_are_orthonormal_and_orthogonal_to_the_iterates() {
        let rows = Mat::from_fn(4, 6, |i, j| (0.7 * ((1 + i * 6 + j) as f64).powi(2)).sin());
        let grams = diagonal(&[6.0, 5.0, 4.0, 1.0, 0.5, -2.0], &rows);
        let ritz = Ritz::new(&grams, 2, 2, f64::EPSILON).unwrap();
        let directions = ritz.directions(&[0, 1]).unwrap();
        let all = stack(&ritz.coefficients, &directions);
        let metric = &all * &grams.overlap * all.transpose();
        assert_eq!(metric.nrows(), 4);
        for i in 0..4 {
            for j in 0..4 {
                let expected = if i == j { 1.0 } else { 0.0 };
                assert!((metric[(i, j)] - expected).abs() < 1e-10);
            }
        }
    }
}
