//! What a run does and measures.

use serde::{Deserialize, Serialize};

use crate::eigen::Solver;
use crate::error::{nonempty, positive};
use crate::hessian::check_count;
use crate::{Model, Terms, TheoryError};

/// How many of a matrix's largest eigenvalues, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Eigenvalues, largest first.
    pub count: usize,
    /// Measured at steps 0, `every`, 2·`every`, …
    pub every: u64,
}

impl Schedule {
    pub(crate) fn due(self, step: u64) -> bool {
        step.is_multiple_of(self.every)
    }
}

/// Options of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// η.
    pub step_size: f64,
    /// Steps T: the records are those of steps 0 to T, as many as T + 1.
    pub steps: u64,
    /// Terms of the recursion.
    #[serde(default)]
    pub terms: Terms,
    /// Eigenvalues of M, and the residual along its top eigenvector.
    #[serde(default)]
    pub gram: Option<Schedule>,
    /// Eigenvalues of the Hessian; `count` is at most min(n, m). Only with all terms.
    #[serde(default)]
    pub hessian: Option<Schedule>,
    /// Every how many steps the sharpness of the two layers' diagonal blocks is measured.
    #[serde(default)]
    pub layers_every: Option<u64>,
    /// The eigensolver.
    #[serde(default)]
    pub solver: Solver,
}

impl Settings {
    /// A run of all terms that measures nothing but what costs nothing.
    pub fn new(step_size: f64, steps: u64) -> Self {
        Self {
            step_size,
            steps,
            terms: Terms::All,
            gram: None,
            hessian: None,
            layers_every: None,
            solver: Solver::default(),
        }
    }

    pub(crate) fn check(&self, model: &Model) -> Result<(), TheoryError> {
        positive("the step size η", self.step_size)?;
        self.solver.check()?;
        if let Some(gram) = self.gram {
            nonempty(
                "the interval `every` of M's eigenvalues",
                gram.every as usize,
            )?;
            let limit = model.samples();
            if gram.count == 0 || gram.count > limit {
                return Err(TheoryError::Count {
                    what: "M",
                    count: gram.count,
                    limit,
                });
            }
        }
        if let Some(hessian) = self.hessian {
            nonempty(
                "the interval `every` of the Hessian's eigenvalues",
                hessian.every as usize,
            )?;
            check_count(model, hessian.count)?;
            if self.terms == Terms::WithoutSecondOrder {
                return Err(TheoryError::HessianWithoutSecondOrder);
            }
        }
        if let Some(every) = self.layers_every {
            nonempty("the interval `layers_every`", every as usize)?;
        }
        Ok(())
    }

    /// How many eigenpairs of M a step needs.
    pub(crate) fn gram_count(&self, step: u64) -> usize {
        let count =
            |schedule: Option<Schedule>| schedule.filter(|s| s.due(step)).map_or(0, |s| s.count);
        count(self.gram).max(count(self.hessian))
    }
}
