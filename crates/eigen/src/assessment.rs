//! How good Ritz pairs are, and whether they still get better.

use faer::Mat;

use super::bounds::{reach, rounding, truncation_bounds};
use super::rayleigh_ritz::{Ritz, rounding_of_grams};
use super::subspace::Subspace;
use super::{EigenError, Params};

/// Squared residuals are taken from Gram matrices when they exceed their error by this factor.
const VISIBLE: f64 = 20.0;

/// A residual must fall to this part of its best to count as progress.
const PROGRESS: f64 = 0.8;

/// Evidence for the Ritz pairs of a block.
pub(super) struct Assessment {
    /// Residual norms of all Ritz vectors in the block.
    pub residuals: Vec<f64>,
    /// Truncation bound of each wanted pair.
    pub truncation: Vec<f64>,
    /// Leading pairs that the bounds rest on; the last of them says where the rest of the spectrum
    /// begins.
    pub reach: usize,
    /// Bound on the next eigenvalue after the wanted ones, if there is a guard.
    pub next: Option<f64>,
    /// Where the rest of the spectrum begins at most, as the bounds suppose.
    pub rest: f64,
    /// Rounding of a Ritz value.
    pub rounding: f64,
    /// Absolute tolerance of each wanted pair.
    pub tolerances: Vec<f64>,
    /// Residual that a wanted pair may keep.
    pub longest: f64,
}

impl Assessment {
    /// Measures the current Ritz pairs: from the Gram matrices at hand, their rounding counted
    /// against the pair, if that settles a pair or does not matter; else, or if `all` residuals
    /// matter, from the residuals.
    pub fn of(subspace: &mut Subspace<'_>, params: &Params, all: bool) -> Result<Self, EigenError> {
        let careful = Self::from_grams(subspace, params, &subspace.ritz)?;
        let visible = |i: usize| {
            let noise = gram_noise(subspace, &subspace.ritz, i);
            subspace.ritz.residual[(i, i)] > VISIBLE * noise
        };
        let settled = match all {
            true => (0..subspace.ritz.values.len()).all(visible),
            false => careful.open().into_iter().all(visible),
        };
        if settled {
            return Ok(careful);
        }
        let exact = subspace.residual_gram()?;
        let values = subspace.ritz.values.clone();
        Self::new(subspace, params, &values, &exact)
    }

    /// Judges Ritz pairs by what their Gram matrices tell of the residuals.
    pub fn from_grams(
        subspace: &Subspace<'_>,
        params: &Params,
        ritz: &Ritz,
    ) -> Result<Self, EigenError> {
        let mut raised = ritz.residual.clone();
        for i in 0..raised.nrows() {
            raised[(i, i)] += gram_noise(subspace, ritz, i);
        }
        Self::new(subspace, params, &ritz.values, &raised)
    }

    fn new(
        subspace: &Subspace<'_>,
        params: &Params,
        values: &[f64],
        residual: &Mat<f64>,
    ) -> Result<Self, EigenError> {
        let residuals: Vec<f64> = (0..values.len())
            .map(|i| residual[(i, i)].max(0.0).sqrt())
            .collect();
        let tolerances = params.tolerances(values);
        let trusted = subspace.trusted.min(values.len());
        let enough = tolerances.last().copied().unwrap_or(0.0);
        let reach = reach(
            &values[..trusted],
            &residuals[..trusted],
            params.count,
            enough,
        );
        let measured = |last: usize| values[last] + residuals[last];
        // Outside the Ritz vectors the operator exceeds the next eigenvalue by no more than their
        // values are short of the eigenvalues in sum (Ky Fan); of converged ones, the tolerances.
        let short: f64 = tolerances.iter().sum();
        let supposed = subspace.supposed.as_ref().map(|s| s.rest(values) + short);
        let rest = supposed
            .or(reach.checked_sub(1).map(measured))
            .unwrap_or(0.0);
        let rest = subspace.reach.map_or(rest, |reach| rest.max(reach));
        // Guards that the bounds do not rest on may hide more than what lies outside the block does.
        let rest = match supposed.is_none() && reach == params.count.min(trusted) {
            true => rest.max(top_with(
                &values[reach..trusted],
                &residual
                    .submatrix(reach, reach, trusted - reach, trusted - reach)
                    .to_owned(),
                subspace.reach,
            )?),
            false => rest,
        };
        let mut truncation = truncation_bounds(&values[..reach], residual, rest)?;
        let next = truncation
            .get(params.count)
            .map(|bound| values[params.count] + bound);
        truncation.truncate(params.count);
        Ok(Self {
            truncation,
            next,
            reach,
            rest,
            rounding: rounding(subspace.epsilon, subspace.scale, subspace.age),
            residuals,
            tolerances,
            longest: params.longest_residual(values),
        })
    }

    /// Wanted pairs that do not meet their tolerance.
    pub fn open(&self) -> Vec<usize> {
        (0..self.truncation.len())
            .filter(|&i| !self.is_converged(i))
            .collect()
    }

    /// How far the eigenvalue of pair `i` may lie above its Ritz value, were it alone: r²/γ or r.
    pub fn rise(&self, values: &[f64], i: usize) -> f64 {
        self.rise_over(values, i, self.rest)
    }

    /// The same if the rest of the spectrum began at `rest`.
    pub fn rise_over(&self, values: &[f64], i: usize, rest: f64) -> f64 {
        let gap = values[i] - rest;
        let residual = self.residuals[i];
        if gap > residual {
            residual * residual / gap
        } else {
            residual
        }
    }

    /// The gap above the next eigenvalue with which the wanted pairs' residuals would just do, were
    /// their squares `factor` times as large.
    pub fn gap_needed(&self, factor: f64) -> f64 {
        let needed = |(r, tolerance): (&f64, &f64)| factor * r * r / tolerance;
        let wanted = self.residuals.iter().zip(&self.tolerances);
        let short: f64 = self.tolerances.iter().sum();
        wanted.map(needed).fold(0.0, f64::max) + short
    }

    /// Error bound of wanted pair `i`.
    pub fn error_bound(&self, i: usize) -> f64 {
        self.truncation[i] + self.rounding
    }

    /// Whether wanted pair `i` meets its tolerances.
    pub fn is_converged(&self, i: usize) -> bool {
        self.error_bound(i) <= self.tolerances[i] && !self.is_long(i)
    }

    /// Whether pair `i` keeps more of a residual than a wanted one may.
    pub fn is_long(&self, i: usize) -> bool {
        self.residuals[i] > self.longest
    }
}

/// Bound on the largest eigenvalue of what guards and the rest of the spectrum make together: the guards'
/// values and residuals, and how far the rest reaches, if that is known, or as far as the last guard.
fn top_with(values: &[f64], residual: &Mat<f64>, reach: Option<f64>) -> Result<f64, EigenError> {
    let (Some(first), Some(last)) = (values.first(), values.last()) else {
        return Ok(f64::NEG_INFINITY);
    };
    let bounds = truncation_bounds(values, residual, reach.unwrap_or(*last))?;
    Ok(first + bounds[0])
}

/// Error of the squared residual of pair `i` from Gram matrices: no more than if all that it is made of
/// were as long as the longest image.
fn gram_noise(subspace: &Subspace<'_>, ritz: &Ritz, i: usize) -> f64 {
    let most = rounding_of_grams(subspace.epsilon) * subspace.scale * subspace.scale;
    most.min(ritz.noise[i])
}

/// The best value and residual so far of each wanted pair, and of the first guard, which they may
/// wait for.
#[derive(Debug, Default)]
pub(super) struct Progress {
    best: Vec<(f64, f64)>,
    idle: usize,
}

impl Progress {
    /// Notes an iteration; `rising` when something outside these still improves.
    pub fn note(&mut self, values: &[f64], assessment: &Assessment, rising: bool) {
        let noted = (assessment.truncation.len() + 1).min(values.len());
        self.best.resize(noted, (f64::NEG_INFINITY, f64::INFINITY));
        let mut improved = rising;
        for (i, best) in self.best.iter_mut().enumerate() {
            if values[i] > best.0 + assessment.rounding {
                best.0 = values[i];
                improved = true;
            }
            if assessment.residuals[i] < PROGRESS * best.1 {
                best.1 = assessment.residuals[i];
                improved = true;
            }
        }
        self.idle = if improved { 0 } else { self.idle + 1 };
    }

    /// Iterations since the last improvement.
    pub fn idle(&self) -> usize {
        self.idle
    }
}
