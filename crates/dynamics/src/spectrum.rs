//! Both ends of an operator's spectrum along a run: solved when due, or followed in between.

use brink_state::{Loader, Memory, Part, Saver, StateError};
use burn::tensor::Tensor;

use crate::eigen::{Certainty, EigenError, End, Numbers, Request, Solution, SymmetricOperator};
use crate::flat::with_flat_directions;
use crate::record::{Eigenvalue, EigenvalueKind};
use crate::scaled::{Quotient, ScaledSolver};
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
    /// The inner product of the top eigenvector with the vector asked for.
    pub top_along: Option<f64>,
    /// The vectors at the largest end, unit norm, [k, P], without those of flat directions.
    pub vectors: Option<Tensor<2>>,
}

/// What is asked for besides the eigenvalues.
pub struct Wanted<'a> {
    /// The step rule's threshold for them.
    pub threshold: Option<f64>,
    /// What the top eigenvector is compared with, [P].
    pub along: &'a Tensor<1>,
    /// Numbers that the first read-back brings along.
    pub numbers: Option<&'a mut Numbers>,
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
    /// Eigenvalues wanted, those of flat directions among them.
    count: usize,
    /// Those above this share of the threshold are wanted besides.
    above: Option<f64>,
    solver: ScaledSolver,
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
    exceeded: u64,
    not_converged: u64,
}

impl Spectrum {
    /// A spectrum to be measured by `settings`, if any, of a Hessian of `dim` dimensions.
    ///
    /// `flat` counts directions outside θ in which the loss does not change: as many eigenvalues 0.
    ///
    /// # Errors
    /// More eigenvalues asked for than there are, and whatever the solver refuses.
    pub fn new(
        settings: Option<EigenvalueSettings>,
        dim: usize,
        flat: usize,
    ) -> Result<Self, EigenError> {
        let mut ends = Vec::new();
        if let Some(settings) = &settings {
            let wanted = [
                (End::Largest, settings.solver.count),
                (End::Smallest, settings.smallest),
            ];
            for (end, count) in wanted.into_iter().filter(|(_, count)| *count > 0) {
                if count > dim + flat {
                    let dim = dim + flat;
                    return Err(EigenError::CountExceedsDimension { count, dim });
                }
                let mut params = settings.solver.clone();
                (params.end, params.count) = (end, count.min(dim));
                let above = settings.above.filter(|_| end == End::Largest);
                params.largest_count = above.map_or(0, |above| above.largest_count.min(dim));
                ends.push(EndOfSpectrum {
                    end,
                    count,
                    above: above.map(|above| above.share),
                    solver: ScaledSolver::new(params)?,
                    vectors: None,
                });
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

    /// Whether a step's eigenvalues can be measured before the step rule's threshold is known, and are.
    pub fn needs_no_threshold(&self, step: u64) -> bool {
        let due = (self.settings.as_ref()).is_some_and(|settings| settings.schedule.due(step));
        due && self.ends.iter().all(|end| end.above.is_none())
    }

    /// The eigenvalues of `step` of the `operator` there, and what else is wanted.
    pub fn measure(
        &mut self,
        step: u64,
        mut wanted: Wanted<'_>,
        operator: &mut dyn SymmetricOperator,
    ) -> Result<Measured, EigenError> {
        let Some(settings) = &self.settings else {
            return Ok(Measured::default());
        };
        let due = settings.schedule.due(step);
        let tolerance = settings.solver.relative_tolerance;
        let mut measured = Measured::default();
        for end in &mut self.ends {
            let along;
            let values = if due {
                let floor = (end.above.zip(wanted.threshold)).map(|(share, edge)| share * edge);
                let request = Request {
                    floor,
                    along: (end.end == End::Largest).then(|| wanted.along.clone()),
                    numbers: wanted.numbers.as_deref_mut(),
                };
                let solution = end.solver.solve_for(operator, request)?;
                self.totals.add(&solution);
                along = solution.along.first().copied();
                let values = followed(solved(&solution, end.end), end.count, floor);
                // What is followed until the next solve is what has a value now.
                end.vectors = Some(solution.vectors.narrow(0, 0, values.len()));
                values
            } else if let Some(vectors) = &end.vectors {
                self.totals.products += vectors.dims()[0] as u64;
                let mut pairs = end
                    .solver
                    .quotients(operator, vectors, wanted.along.clone())?;
                // Those of vectors that are no eigenvectors any more may have changed places.
                pairs.sort_by(|a, b| match end.end {
                    End::Largest => b.value.total_cmp(&a.value),
                    End::Smallest => a.value.total_cmp(&b.value),
                });
                along = pairs.first().map(|pair| pair.along);
                rayleigh_quotients(&pairs, end.end, tolerance)
            } else {
                continue;
            };
            let count = end.count.max(values.len());
            let values = with_flat_directions(&values, count, self.flat, end.end);
            match end.end {
                End::Largest => {
                    // Where the flat directions lie highest, the solver's first vector is not it.
                    let flat = self.flat > 0 && values.first().is_some_and(|top| top.value == 0.0);
                    let top = end.vectors.as_ref().filter(|_| !flat);
                    measured.top_along = along.filter(|_| top.is_some());
                    measured.top = top.map(first_row);
                    measured.vectors = end.vectors.clone();
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
            ("eigensolver_starting_bounds_exceeded", t.exceeded),
            ("eigenvalues_not_converged", t.not_converged),
        ]
    }
}

impl Memory for Spectrum {
    fn save(&mut self, to: &mut Saver<'_>) -> Result<(), StateError> {
        self.totals.save(&mut to.part("totals"))?;
        let mut ends = self.ends.iter_mut();
        ends.try_for_each(|end| end.save(&mut to.part(end.name())))
    }

    fn restore(&mut self, from: &Loader<'_>) -> Result<(), StateError> {
        self.totals.restore(&from.part("totals"))?;
        let mut ends = self.ends.iter_mut();
        ends.try_for_each(|end| end.restore(&from.part(end.name())))
    }
}

impl EndOfSpectrum {
    fn name(&self) -> &'static str {
        match self.end {
            End::Largest => "largest",
            End::Smallest => "smallest",
        }
    }
}

impl Memory for EndOfSpectrum {
    fn parts(&mut self) -> Vec<Part<'_>> {
        vec![("solver", &mut self.solver), ("vectors", &mut self.vectors)]
    }
}

impl Memory for Totals {
    fn parts(&mut self) -> Vec<Part<'_>> {
        vec![
            ("solves", &mut self.solves),
            ("iterations", &mut self.iterations),
            ("products", &mut self.products),
            ("read_backs", &mut self.read_backs),
            ("spared", &mut self.spared),
            ("probes", &mut self.probes),
            ("exceeded", &mut self.exceeded),
            ("not_converged", &mut self.not_converged),
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
        self.exceeded += u64::from(info.exceeded.is_some());
        self.not_converged += solution.pairs.iter().filter(|p| !p.converged).count() as u64;
    }
}

/// 1, 2, … from the largest down, or −1, −2, … from the smallest up.
pub(crate) fn index(position: usize, end: End) -> i64 {
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
            certainty: pair.certainty,
            converged: pair.converged,
            kind: EigenvalueKind::Solved,
            products: pair.products as u64,
        })
        .collect()
}

/// The first `count` of `values`, and those above the `floor`, if there is one.
fn followed(mut values: Vec<Eigenvalue>, count: usize, floor: Option<f64>) -> Vec<Eigenvalue> {
    if let Some(floor) = floor {
        let above = values.iter().take_while(|e| e.value > floor).count();
        values.truncate(above.max(count));
    }
    values
}

/// Stale vectors' vᵀHv, each within its residual of some eigenvalue, though not surely of the same.
fn rayleigh_quotients(pairs: &[Quotient], end: End, tolerance: f64) -> Vec<Eigenvalue> {
    let pairs = pairs.iter().enumerate();
    pairs
        .map(
            |(
                position,
                &Quotient {
                    value, residual, ..
                },
            )| Eigenvalue {
                index: index(position, end),
                value,
                residual,
                error_bound: residual,
                certainty: Certainty::Rigorous,
                converged: residual <= tolerance * value.abs(),
                kind: EigenvalueKind::RayleighQuotient,
                products: 1,
            },
        )
        .collect()
}
