//! The solver: what is kept from one solve to the next.

use brink_state::{Memory, Part};
use burn::tensor::{DType, Device, Tensor};

use super::basis::Watched;
use super::block::{Arithmetic, Stack};
use super::drift::Drift;
use super::operator::Meter;
use super::policy::{Plan, Policy};
use super::probe::Probe;
use super::random::RandomVectors;
use super::request::Request;
use super::search::{Search, Start};
use super::solution::{Certainty, Eigenpair, Exceeded, Info, Solution};
use super::{EigenError, End, Params, SymmetricOperator, dense};

/// Follows one end of the spectrum of an operator that changes from solve to solve.
///
/// The block of the last solve is the start of the next. Changing the operator's dimension needs
/// a [`reset`](Self::reset).
#[derive(Debug)]
pub struct Solver {
    params: Params,
    policy: Policy,
    source: RandomVectors,
    probe: Probe,
    block: Option<Tensor<2>>,
    drift: Drift,
    /// Mean Rayleigh quotient of residuals, remembered for the free step of the next solve.
    centre: Option<f64>,
}

impl Solver {
    /// A solver with no block yet: its first solve starts from random rows.
    ///
    /// # Errors
    /// [`EigenError::InvalidParameter`].
    pub fn new(params: Params) -> Result<Self, EigenError> {
        params.validate()?;
        Ok(Self {
            policy: Policy::new(&params),
            source: RandomVectors::new(params.seed),
            params,
            probe: Probe::default(),
            block: None,
            drift: Drift::new(),
            centre: None,
        })
    }

    /// The options it was made with.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// The rows that the next solve starts from, `[rows, P]`, the wanted ones first: where the wanted
    /// vectors and their guards are expected then. Another solver may take them up.
    pub fn next_start(&self) -> Option<&Tensor<2>> {
        self.block.as_ref()
    }

    /// Starts the next solve from the rows of `block`, `[rows, P]`, of any length and not
    /// necessarily orthogonal. Rows beyond `count + guard` are ignored, missing ones are drawn at
    /// random. As nothing says what these rows cannot see, that solve also probes.
    pub fn set_warm_start(&mut self, block: Tensor<2>) {
        self.reset();
        self.block = Some(block);
    }

    /// Forgets the block; the next solve starts from random rows.
    pub fn reset(&mut self) {
        self.block = None;
        self.policy.reset();
        self.centre = None;
        self.probe.forget();
        self.drift.forget();
    }

    /// Finds the wanted pairs of `operator`. A solve that does not converge is no error: its
    /// pairs come with honest bounds and `converged = false`.
    ///
    /// # Errors
    /// [`EigenError`]: fewer dimensions than pairs wanted, an element type other than float32 and
    /// float64, a warm start of another width, a failing operator or one that returns another
    /// shape or non-finite numbers, a device that cannot be read.
    pub fn solve(&mut self, operator: &mut dyn SymmetricOperator) -> Result<Solution, EigenError> {
        self.solve_for(operator, Request::default())
    }

    /// As [`solve`](Self::solve), and what else is requested.
    ///
    /// # Errors
    /// As [`solve`](Self::solve), a floor that is not finite, and a vector of another length.
    pub fn solve_for(
        &mut self,
        operator: &mut dyn SymmetricOperator,
        request: Request<'_>,
    ) -> Result<Solution, EigenError> {
        let Request {
            floor,
            along,
            numbers,
        } = request;
        let (dim, device, dtype) = (operator.dim(), operator.device().clone(), operator.dtype());
        let count = self.params.count;
        if count > dim {
            return Err(EigenError::CountExceedsDimension { count, dim });
        }
        if let Some(value) = floor.filter(|floor| !floor.is_finite()) {
            return Err(EigenError::InvalidParameter {
                name: "floor",
                value,
                requirement: "finite",
            });
        }
        if let Some(length) = along.as_ref().map(|vector| vector.dims()[0])
            && length != dim
        {
            return Err(EigenError::VectorLength { length, dim });
        }
        let epsilon = match dtype {
            DType::F32 => f64::from(f32::EPSILON),
            DType::F64 => f64::EPSILON,
            _ => return Err(EigenError::UnsupportedDType { dtype }),
        };
        let epsilon = self.params.product_epsilon.unwrap_or(0.0).max(epsilon);
        let sign = match self.params.end {
            End::Largest => 1.0,
            End::Smallest => -1.0,
        };
        let floor = floor.map(|floor| sign * floor);
        let meter = Meter::new(operator, self.params.end);
        // Room for iterates, residuals and directions, with a random row among them.
        let widest = match floor {
            Some(_) => self.params.largest_count.saturating_add(self.params.guard),
            None => 0,
        };
        let rows = self.policy.smallest().max(widest).saturating_add(1);
        if dim <= rows.saturating_mul(3) || dense::pays(&meter, &self.params) {
            let request = Request {
                floor,
                along,
                numbers,
            };
            return dense::solve(meter, &self.params, request, &device, dtype, epsilon);
        }

        let arithmetic = Arithmetic::new(self.params.fusion);
        let mut start = self.starting_rows(dim, &device, dtype)?;
        let reserve = self.reserve(&start, &device, dtype);
        start.watched = Watched {
            past: self.drift.past(dim, &device, dtype),
            along,
            numbers,
        };
        start.floor = floor;
        let warm = start.carried > 0;
        let params = Params {
            count: self.policy.wanted(),
            ..self.params.clone()
        };
        let outcome = Search::new(
            params,
            meter,
            &mut self.source,
            &self.probe,
            &mut self.policy,
            start,
            epsilon,
        )?
        .run()?;

        let spared = outcome.spared.is_some();
        let next = self.drift.next(outcome.next_start, arithmetic)?;
        if outcome.random {
            let tolerance = outcome.assessment.tolerances.last();
            match outcome.outside.zip(tolerance) {
                Some((outside, tolerance)) => self.probe.carry(outside, *tolerance, next.clone()),
                None => self.probe.forget(),
            }
        }
        let rows = [Some(next), outcome.spared, reserve];
        self.block = Some(Stack::from(rows.into_iter().flatten().collect::<Vec<_>>()).whole());
        self.centre = outcome.centre;
        let assessment = &outcome.assessment;
        let certainty = if outcome.followed {
            Certainty::Bounded
        } else {
            Certainty::Supposed
        };
        let pairs = (0..outcome.products.len())
            .map(|i| Eigenpair {
                value: sign * outcome.values[i],
                residual: assessment.residuals[i].hypot(assessment.rounding),
                error_bound: assessment.error_bound(i),
                certainty,
                converged: assessment.is_converged(i),
                products: outcome.products[i],
            })
            .collect();
        Ok(Solution {
            pairs,
            vectors: outcome.vectors,
            along: outcome.along,
            info: Info {
                stop: outcome.stop,
                iterations: outcome.iterations,
                products: outcome.products.iter().sum(),
                applications: outcome.applications,
                read_backs: outcome.read_backs,
                probed: warm && outcome.random,
                spared,
                exceeded: outcome.exceeded.map(|exceeded| Exceeded {
                    value: sign * exceeded.value,
                    previous: sign * exceeded.previous,
                    ..exceeded
                }),
                warm,
            },
        })
    }

    /// Rows of a block kept narrow that the solve does not begin with, for when it is wide again.
    fn reserve(&self, start: &Start<'_>, device: &Device, dtype: DType) -> Option<Tensor<2>> {
        let block = self.block.as_ref().filter(|_| self.policy.is_narrow())?;
        let guards = start.guards.as_ref().map_or(0, |guards| guards.dims()[0]);
        let [given, _] = block.dims();
        let used = start.carried + guards;
        (given > used).then(|| {
            let rows = block.clone().narrow(0, used, given - used);
            rows.to_device(device).cast(dtype)
        })
    }

    /// The rows that the policy's plan begins with.
    fn starting_rows(
        &mut self,
        dim: usize,
        device: &Device,
        dtype: DType,
    ) -> Result<Start<'static>, EigenError> {
        let Some(block) = self.block.clone() else {
            let rows = self.policy.cold_rows(dim);
            return Ok(Start {
                rows: self.source.rows(rows, dim, device, dtype),
                carried: 0,
                probe: false,
                block: rows,
                trusted: rows,
                centre: None,
                watched: Watched::default(),
                guards: None,
                supposed: None,
                floor: None,
            });
        };
        let [given, columns] = block.dims();
        if given == 0 || columns != dim {
            return Err(EigenError::WarmStartShape {
                rows: given,
                columns,
                dim,
            });
        }
        let kept = |from: usize, rows: usize| {
            let rows = block.clone().narrow(0, from, rows);
            rows.to_device(device).cast(dtype)
        };
        Ok(match self.policy.plan(given) {
            Plan::Wanted { guards, supposed } => {
                let wanted = self.policy.wanted();
                Start {
                    rows: kept(0, wanted),
                    carried: wanted,
                    probe: false,
                    block: wanted,
                    trusted: wanted,
                    centre: self.centre,
                    watched: Watched::default(),
                    guards: Some(kept(wanted, guards)),
                    supposed: Some(supposed),
                    floor: None,
                }
            }
            Plan::Full {
                carried,
                missing,
                look,
                supposed,
            } => {
                let random = missing + usize::from(look);
                let due = missing > 0 || self.policy.is_follow_due();
                let probe = look && !due && self.probe.is_carried();
                let mut parts = vec![kept(0, carried)];
                if random > 0 {
                    let random = self.source.rows(random, dim, device, dtype);
                    parts.push(match probe {
                        true => self.probe.row(random),
                        false => random,
                    });
                }
                Start {
                    rows: Stack::from(parts).whole(),
                    carried,
                    probe,
                    block: carried + random,
                    trusted: carried + missing,
                    centre: self.centre,
                    watched: Watched::default(),
                    guards: None,
                    supposed,
                    floor: None,
                }
            }
        })
    }
}

/// A solver restored goes on to the bit as the one saved would have, on the same device.
impl Memory for Solver {
    fn parts(&mut self) -> Vec<Part<'_>> {
        vec![
            ("policy", &mut self.policy),
            ("random", &mut self.source),
            ("probe", &mut self.probe),
            ("block", &mut self.block),
            ("drift", &mut self.drift),
            ("centre", &mut self.centre),
        ]
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use crate::OperatorError;

    /// diag(n, n − 1, …, 1), its first and last coordinates turned by an angle.
    struct Turned {
        device: Device,
        dim: usize,
        angle: f64,
    }

    impl SymmetricOperator for Turned {
        fn dim(&self) -> usize {
            self.dim
        }

        fn device(&self) -> &Device {
            &self.device
        }

        fn dtype(&self) -> DType {
            DType::F64
        }

        fn apply(&mut self, block: Tensor<2>) -> Result<Tensor<2>, OperatorError> {
            let n = self.dim;
            let (sin, cos) = self.angle.sin_cos();
            let rows = block.to_data().iter::<f64>().collect::<Vec<_>>();
            let images = rows.chunks_exact(n).flat_map(|row| {
                let value = |at: usize| (n - at) as f64;
                let mut image: Vec<f64> = (0..n).map(|at| value(at) * row[at]).collect();
                let turn =
                    |from: [f64; 2]| [cos * from[0] + sin * from[1], cos * from[1] - sin * from[0]];
                let [first, second] = turn([row[0], row[n - 1]]);
                let [first, second] = [value(0) * first, value(n - 1) * second];
                image[0] = cos * first - sin * second;
                image[n - 1] = sin * first + cos * second;
                image
            });
            let data = burn::tensor::TensorData::new(images.collect::<Vec<_>>(), block.dims());
            Ok(Tensor::from_data(data, (&self.device, DType::F64)))
        }
    }

    #[test]
    fn what_blocks_have_in_common_is_known_without_reading_them() {
        let device = Device::flex();
        let params = Params {
            count: 2,
            probe_every: 3,
            ..Params::default()
        };
        let arithmetic = Arithmetic::new(false);
        let mut solver = Solver::new(params).unwrap();
        let mut heights = Vec::new();
        for turn in 0..12 {
            let angle = 0.02 * f64::from(turn.min(5)).powi(2);
            let mut operator = Turned {
                device: device.clone(),
                dim: 60,
                angle,
            };
            solver.solve(&mut operator).unwrap();
            let all = Stack::from(solver.drift.past(60, &device, DType::F64));
            let exact = arithmetic.grams(&[(&all, &all)], &mut []);
            let exact = exact.unwrap().swap_remove(0);
            assert_eq!(solver.drift.gram().nrows(), exact.nrows());
            let difference = solver.drift.gram() - &exact;
            assert!(
                difference.norm_max() < 1e-10,
                "{turn}: {}",
                difference.norm_max()
            );
            heights.push(exact.nrows());
        }
        heights.dedup();
        assert!(
            heights.len() > 2,
            "the blocks differed in height: {heights:?}"
        );
    }
}
