//! The semidefinite linear complementarity problem of the critical eigenvalues.
//!
//! Find X ⪰ 0 with S = A + B[X] ⪰ 0 and ⟨X, S⟩ = 0, for a symmetric matrix A and a linear map B of
//! symmetric matrices that is symmetric and positive semidefinite. These are the optimality
//! conditions of the convex problem min ½⟨X, B[X]⟩ + ⟨A, X⟩ over X ⪰ 0. The method is a primal–dual
//! interior point method in the scaling of Nesterov and Todd (SIAM J. Optim. 8, 1998) with the
//! predictor and corrector of Mehrotra (SIAM J. Optim. 2, 1992). It takes some ten iterations, each
//! with a linear system of k(k+1)/2 unknowns for matrices of k rows. Newton's method adds the last
//! digits.

mod newton;

use faer::linalg::solvers::Solve;
use faer::{Mat, Side};

use super::symmetric::{decomposed, dot, entries, to_matrix, to_vector};

/// Iterations after which what was found is judged.
const ITERATIONS: usize = 60;

/// ⟨X, S⟩/k and ‖S − A − B[X]‖ relative to 1 + ‖X‖ at which the search ends, A and B being of size 1.
const GOAL: f64 = 1e-14;

/// ⟨X, S⟩/k relative to 1 + ‖X‖, and ‖S − A − B[X]‖, of what counts as a solution.
const ACCEPTED: f64 = 1e-9;

/// ‖B[X]‖/‖X‖ below which X is a direction that B does not see, B being of size 1.
const UNSEEN: f64 = 1e-7;

/// Part of the way to the boundary of the cone that a step goes.
const STEP: f64 = 0.99;

/// Why a problem has no solution, or none that was found.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ComplementarityError {
    /// A or B does not have the shape of the problem.
    #[error(
        "B has {rows} rows and {columns} columns: {expected} of each belong to a matrix of {size} rows"
    )]
    Shape {
        /// Rows of A.
        size: usize,
        /// Rows of B.
        rows: usize,
        /// Columns of B.
        columns: usize,
        /// k(k+1)/2.
        expected: usize,
    },
    /// A number that is none.
    #[error("an entry of A or B is not finite")]
    NonFinite,
    /// Some X ⪰ 0 has B[X] = 0 and ⟨A, X⟩ < 0: no S = A + B[X] is positive semidefinite.
    #[error(
        "no oscillation brings all critical eigenvalues down to the threshold: along one direction \
         the slack is {slack:.3e} and does not change"
    )]
    Infeasible {
        /// ⟨A, X⟩ for that X, tr X = 1.
        slack: f64,
    },
    /// The search ended away from a solution.
    #[error("the complementarity problem was not solved: gap {gap:.1e}, residual {residual:.1e}")]
    NotConverged {
        /// ⟨X, S⟩/k in units of ‖A‖²/‖B‖.
        gap: f64,
        /// ‖S − A − B[X]‖ in units of ‖A‖.
        residual: f64,
    },
}

/// A problem with A and B of size 1.
struct Problem {
    /// Rows of A.
    size: usize,
    /// A as a vector.
    a: Vec<f64>,
    /// B = FFᵀ; the columns of F.
    factor: Vec<Vec<f64>>,
}

/// X and S, both positive definite.
#[derive(Clone)]
struct Place {
    x: Mat<f64>,
    s: Mat<f64>,
}

/// X of the solution; `b` acts on the vectors of [`to_vector`].
///
/// # Errors
/// [`ComplementarityError`].
pub fn solve(a: &Mat<f64>, b: &Mat<f64>) -> Result<Mat<f64>, ComplementarityError> {
    let size = a.nrows();
    let expected = entries(size);
    if a.ncols() != size || b.nrows() != expected || b.ncols() != expected {
        return Err(ComplementarityError::Shape {
            size,
            rows: b.nrows(),
            columns: b.ncols(),
            expected,
        });
    }
    let zero = || Mat::zeros(size, size);
    if size == 0 {
        return Ok(zero());
    }
    let lengths = [a.norm_l2(), b.norm_l2()];
    if !lengths.iter().all(|length| length.is_finite()) {
        return Err(ComplementarityError::NonFinite);
    }
    let (values, _) = decomposed(a).ok_or(ComplementarityError::NonFinite)?;
    if values[0] >= 0.0 {
        return Ok(zero());
    }
    let [length, of_map] = lengths;
    // Along a direction of one dimension, too, B must not be negative.
    if of_map == 0.0 || (size == 1 && b[(0, 0)] < 0.0) {
        return Err(ComplementarityError::Infeasible { slack: values[0] });
    }
    if size == 1 {
        return Ok(Mat::from_fn(1, 1, |_, _| -values[0] / of_map));
    }
    let problem = Problem {
        size,
        a: to_vector(a).iter().map(|value| value / length).collect(),
        factor: factor(b, of_map).ok_or(ComplementarityError::NonFinite)?,
    };
    let x = problem.solve().map_err(|error| match error {
        ComplementarityError::Infeasible { slack } => ComplementarityError::Infeasible {
            slack: slack * length,
        },
        other => other,
    })?;
    Ok(x * faer::Scale(length / of_map))
}

/// The columns of F where B/`length` = FFᵀ; what rounding made negative counts as zero.
fn factor(b: &Mat<f64>, length: f64) -> Option<Vec<Vec<f64>>> {
    let (values, vectors) = decomposed(b)?;
    let columns = values.iter().enumerate().filter(|(_, value)| **value > 0.0);
    let columns = columns.map(|(at, value)| {
        let root = (value / length).sqrt();
        (0..b.nrows()).map(|i| root * vectors[(i, at)]).collect()
    });
    Some(columns.collect())
}

impl Problem {
    /// B[X] as a vector, X as one.
    fn image(&self, x: &[f64]) -> Vec<f64> {
        let mut image = vec![0.0; x.len()];
        for column in &self.factor {
            let share = dot(column, x);
            image
                .iter_mut()
                .zip(column)
                .for_each(|(sum, f)| *sum += share * f);
        }
        image
    }

    /// S − A − B[X].
    fn residual(&self, place: &Place) -> Vec<f64> {
        let (s, image) = (to_vector(&place.s), self.image(&to_vector(&place.x)));
        let known = s.iter().zip(&self.a).zip(&image);
        known.map(|((s, a), image)| s - a - image).collect()
    }

    fn solve(&self) -> Result<Mat<f64>, ComplementarityError> {
        let size = self.size;
        let mut place = Place {
            x: Mat::identity(size, size),
            s: Mat::identity(size, size),
        };
        let mut best = (f64::INFINITY, f64::INFINITY, place.clone());
        for _ in 0..ITERATIONS {
            let residual = self.residual(&place);
            let gap = dot(&to_vector(&place.x), &to_vector(&place.s)) / size as f64;
            let missing = dot(&residual, &residual).sqrt();
            let scale = 1.0 + place.x.norm_l2();
            let gap_of_size = gap / scale;
            if gap_of_size.max(missing) < best.0.max(best.1) {
                best = (gap_of_size, missing, place.clone());
            }
            if gap_of_size <= GOAL && missing <= GOAL * scale {
                break;
            }
            match self.next(&place, &residual, gap) {
                Some(next) => place = next,
                // Rounding leaves nothing to gain.
                None => break,
            }
        }
        let (gap, residual, best) = best;
        if gap <= ACCEPTED && residual <= ACCEPTED {
            return Ok(newton::improved(self, &best.x, &best.s).unwrap_or(best.x));
        }
        Err(match self.certificate(&place.x) {
            Some(slack) => ComplementarityError::Infeasible { slack },
            None => ComplementarityError::NotConverged { gap, residual },
        })
    }

    /// ⟨A, X⟩ for tr X = 1, if it shows that there is no solution.
    fn certificate(&self, x: &Mat<f64>) -> Option<f64> {
        let trace: f64 = (0..self.size).map(|i| x[(i, i)]).sum();
        let direction: Vec<f64> = to_vector(x).iter().map(|value| value / trace).collect();
        let image = self.image(&direction);
        let slack = dot(&self.a, &direction);
        (dot(&image, &image).sqrt() < UNSEEN && slack < -UNSEEN).then_some(slack)
    }

    /// The place after one predicted and corrected step; none where rounding does not allow it.
    fn next(&self, place: &Place, residual: &[f64], gap: f64) -> Option<Place> {
        let size = self.size;
        // X = LLᵀ and S = RRᵀ; with RᵀL = U·diag(d)·Vᵀ, G = L·V·diag(d)^(−½) makes both of them
        // diag(d): G⁻¹XG⁻ᵀ = GᵀSG = diag(d).
        let root = |matrix: &Mat<f64>| Some(matrix.llt(Side::Lower).ok()?.L().to_owned());
        let (l, r) = (root(&place.x)?, root(&place.s)?);
        let svd = (r.transpose() * &l).svd().ok()?;
        let d: Vec<f64> = (0..size).map(|i| svd.S()[i]).collect();
        if d.iter().any(|d| !(*d > 0.0 && d.is_finite())) {
            return None;
        }
        let lv = &l * svd.V();
        let g = Mat::from_fn(size, size, |i, j| lv[(i, j)] / d[j].sqrt());
        let scaled = |vector: &[f64]| to_vector(&(g.transpose() * to_matrix(vector, size) * &g));

        // (I + B̂)·dX̂ = T + R̂, and dŜ = T − dX̂.
        let columns: Vec<Vec<f64>> = self.factor.iter().map(|column| scaled(column)).collect();
        let length = entries(size);
        let factor = Mat::from_fn(length, columns.len(), |i, j| columns[j][i]);
        let system = &factor * factor.transpose() + Mat::<f64>::identity(length, length);
        let system = system.llt(Side::Lower).ok()?;
        let missing = scaled(residual);
        let direction = |target: &Mat<f64>| {
            let target = to_vector(target);
            let right = Mat::from_fn(length, 1, |i, _| target[i] + missing[i]);
            let dx = system.solve(&right);
            let dx: Vec<f64> = (0..length).map(|i| dx[(i, 0)]).collect();
            let ds: Vec<f64> = target.iter().zip(&dx).map(|(t, x)| t - x).collect();
            (to_matrix(&dx, size), to_matrix(&ds, size))
        };
        let longest = |direction: &Mat<f64>| {
            let relative =
                Mat::from_fn(size, size, |i, j| direction[(i, j)] / (d[i] * d[j]).sqrt());
            let lowest = decomposed(&relative)?.0[0];
            Some(if lowest < 0.0 {
                (-STEP / lowest).min(1.0)
            } else {
                1.0
            })
        };
        // T with V∘T = `centre`·I − V² − `second`, V = diag(d) and ∘ the mean of both products.
        let target = |centre: f64, second: &Mat<f64>| {
            Mat::from_fn(size, size, |i, j| {
                let diagonal = if i == j { centre - d[i] * d[i] } else { 0.0 };
                2.0 * (diagonal - second[(i, j)]) / (d[i] + d[j])
            })
        };

        let (dx, ds) = direction(&target(0.0, &Mat::zeros(size, size)));
        let step = longest(&dx)?.min(longest(&ds)?);
        let ahead: f64 = (0..size)
            .flat_map(|i| (0..size).map(move |j| (i, j)))
            .map(|(i, j)| {
                let at = if i == j { d[i] } else { 0.0 };
                (at + step * dx[(i, j)]) * (at + step * ds[(i, j)])
            })
            .sum();
        let centring = (ahead / (gap * size as f64)).clamp(0.0, 1.0).powi(3);
        let product = &dx * &ds;
        let second = Mat::from_fn(size, size, |i, j| 0.5 * (product[(i, j)] + product[(j, i)]));
        let (dx, ds) = direction(&target(centring * gap, &second));
        let step = longest(&dx)?.min(longest(&ds)?);
        if step.is_nan() || step <= 1e-10 {
            return None;
        }
        let moved = |from: &Mat<f64>, by: &Mat<f64>| {
            let sum = from + by * faer::Scale(step);
            Mat::from_fn(size, size, |i, j| 0.5 * (sum[(i, j)] + sum[(j, i)]))
        };
        let dx = &g * dx * g.transpose();
        // From B and the residual, not from dŜ: then the residual shrinks as it should.
        let image = self.image(&to_vector(&dx));
        let ds: Vec<f64> = image.iter().zip(residual).map(|(b, r)| b - r).collect();
        Some(Place {
            x: moved(&place.x, &dx),
            s: moved(&place.s, &to_matrix(&ds, size)),
        })
    }
}

#[cfg(test)]
mod tests;
