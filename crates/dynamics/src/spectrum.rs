//! Both ends of the Hessian's spectrum along a run: solved when due, or followed in between.

use brink_linearize::Linearization;
use burn::tensor::Tensor;

use crate::eigen::{EigenError, End, OperatorError, Solution, Solver, SymmetricOperator};
use crate::hessian::Hessian;
use crate::record::{Eigenvalue, EigenvalueKind};
use crate::settings::{Between, EigenvalueSettings};

/// The eigenvalues of one step.
#[derive(Debug, Default)]
pub struct Measured {
    /// Largest first.
    pub largest: Vec<Eigenvalue>,
    /// Smallest first.
    pub smallest: Vec<Eigenvalue>,
    /// The top eigenvector, unit norm, [P].
    pub top: Option<Tensor<1>>,
}

/// Measures eigenvalues by their schedule.
pub struct Spectrum {
    settings: Option<EigenvalueSettings>,
    ends: Vec<EndOfSpectrum>,
    flat: usize,
    totals: Totals,
}

struct EndOfSpectrum {
    end: End,
    solver: Solver,
    /// Vectors of the last solution, [count, P].
    vectors: Option<Tensor<2>>,
}

#[derive(Debug, Default)]
struct Totals {
    solves: u64,
    iterations: u64,
    products: u64,
    read_backs: u64,
    spared: u64,
    probes: u64,
    missed: u64,
    not_converged: u64,
}

impl Spectrum {
    /// A spectrum to be measured by `settings`, if any.
    ///
    /// `flat` counts directions outside θ in which the loss does not change: as many eigenvalues 0.
    pub fn new(settings: Option<EigenvalueSettings>, flat: usize) -> Result<Self, EigenError> {
        let mut ends = Vec::new();
        if let Some(settings) = &settings {
            let mut add = |end, count| {
                let mut params = settings.solver.clone();
                (params.end, params.count) = (end, count);
                Solver::new(params).map(|solver| {
                    ends.push(EndOfSpectrum {
                        end,
                        solver,
                        vectors: None,
                    });
                })
            };
            if settings.solver.count > 0 {
                add(End::Largest, settings.solver.count)?;
            }
            if settings.smallest > 0 {
                add(End::Smallest, settings.smallest)?;
            }
        }
        Ok(Self {
            settings,
            ends,
            flat,
            totals: Totals::default(),
        })
    }

    /// Whether a step needs Hessian-vector products.
    pub fn wants_products(&self, step: u64) -> bool {
        self.settings.as_ref().is_some_and(|settings| {
            let follows = settings.between == Between::RayleighQuotient
                && self.ends.iter().any(|end| end.vectors.is_some());
            settings.schedule.due(step) || follows
        })
    }

    /// The eigenvalues of `step`, at the linearisation's iterate.
    pub fn measure<const D: usize>(
        &mut self,
        step: u64,
        linearization: &mut Linearization<'_, D>,
    ) -> Result<Measured, EigenError> {
        let Some(settings) = &self.settings else {
            return Ok(Measured::default());
        };
        let due = settings.schedule.due(step);
        let tolerance = settings.solver.relative_tolerance;
        let mut measured = Measured::default();
        for end in &mut self.ends {
            let mut hessian = Hessian::new(linearization);
            let values = if due {
                let solution = end.solver.solve(&mut hessian)?;
                self.totals.add(&solution);
                end.vectors = Some(solution.vectors.clone());
                solved(&solution, end.end)
            } else if let Some(vectors) = &end.vectors {
                self.totals.products += vectors.dims()[0] as u64;
                rayleigh_quotients(&mut hessian, vectors, end.end, tolerance)?
            } else {
                continue;
            };
            let values = with_flat_directions(values, self.flat, end.end);
            match end.end {
                End::Largest => {
                    measured.top = end.vectors.as_ref().map(first_row);
                    measured.largest = values;
                }
                End::Smallest => measured.smallest = values,
            }
        }
        Ok(measured)
    }

    /// What the eigensolver did so far, by name.
    pub fn counters(&self) -> [(&'static str, u64); 8] {
        let t = &self.totals;
        [
            ("eigensolver_solves", t.solves),
            ("eigensolver_iterations", t.iterations),
            ("eigensolver_products", t.products),
            ("eigensolver_read_backs", t.read_backs),
            ("eigensolver_solves_without_guards", t.spared),
            ("eigensolver_probes", t.probes),
            ("eigensolver_missed_eigenvalues", t.missed),
            ("eigenvalues_not_converged", t.not_converged),
        ]
    }
}

impl Totals {
    fn add(&mut self, solution: &Solution) {
        let info = &solution.info;
        self.solves += 1;
        self.iterations += info.iterations as u64;
        self.products += info.products as u64;
        self.read_backs += info.read_backs as u64;
        self.spared += u64::from(info.spared);
        self.probes += u64::from(info.probed);
        self.missed += u64::from(info.missed.is_some());
        self.not_converged += solution.pairs.iter().filter(|p| !p.converged).count() as u64;
    }
}

/// 1, 2, … from the largest down, or −1, −2, … from the smallest up.
fn index(position: usize, end: End) -> i64 {
    let index = position as i64 + 1;
    match end {
        End::Largest => index,
        End::Smallest => -index,
    }
}

fn first_row(vectors: &Tensor<2>) -> Tensor<1> {
    let [_, size] = vectors.dims();
    vectors.clone().slice([0..1, 0..size]).reshape([size])
}

fn solved(solution: &Solution, end: End) -> Vec<Eigenvalue> {
    solution
        .pairs
        .iter()
        .enumerate()
        .map(|(position, pair)| Eigenvalue {
            index: index(position, end),
            value: pair.value,
            residual: pair.residual,
            error_bound: pair.error_bound,
            converged: pair.converged,
            kind: EigenvalueKind::Solved,
            products: pair.products as u64,
        })
        .collect()
}

/// The outermost eigenvalues once those of flat directions, exact zeros, are counted in.
///
/// Only pairs on the other side of zero give way: a sharpness below 0, say, of a Hessian that has a
/// direction of curvature 0 besides.
fn with_flat_directions(values: Vec<Eigenvalue>, flat: usize, end: End) -> Vec<Eigenvalue> {
    let sign = match end {
        End::Largest => 1.0,
        End::Smallest => -1.0,
    };
    let inner = values.iter().filter(|e| sign * e.value < 0.0).count();
    let from = values.len() - inner;
    let replaced = inner.min(flat);
    let mut merged = values.clone();
    for (position, eigenvalue) in merged.iter_mut().enumerate().skip(from) {
        let rank = position - from;
        *eigenvalue = if rank < replaced {
            // The pair that it replaces may be as high as its bound.
            let above = (sign * eigenvalue.value + eigenvalue.error_bound).max(0.0);
            Eigenvalue {
                value: 0.0,
                residual: 0.0,
                error_bound: above,
                ..*eigenvalue
            }
        } else {
            Eigenvalue {
                index: eigenvalue.index,
                ..values[position - replaced]
            }
        };
    }
    merged
}

/// vᵀHv of stale vectors: within ‖Hv − (vᵀHv)v‖ of some eigenvalue, though not surely of the same.
fn rayleigh_quotients<O: SymmetricOperator>(
    operator: &mut O,
    vectors: &Tensor<2>,
    end: End,
    tolerance: f64,
) -> Result<Vec<Eigenvalue>, EigenError> {
    let failed = |source| EigenError::Operator {
        application: 1,
        source,
    };
    let image = operator.apply(vectors.clone()).map_err(failed)?;
    let values = (vectors.clone() * image.clone()).sum_dim(1);
    let residual = image - vectors.clone() * values.clone();
    let residuals = (residual.clone() * residual).sum_dim(1).sqrt();
    let both = Tensor::cat(vec![values, residuals], 1)
        .try_into_data()
        .map_err(|error| failed(OperatorError::from(error)))?;
    let both: Vec<f64> = both.iter::<f64>().collect();
    Ok(both
        .chunks_exact(2)
        .enumerate()
        .map(|(position, pair)| Eigenvalue {
            index: index(position, end),
            value: pair[0],
            residual: pair[1],
            error_bound: pair[1],
            converged: pair[1] <= tolerance * pair[0].abs(),
            kind: EigenvalueKind::RayleighQuotient,
            products: 1,
        })
        .collect())
}
