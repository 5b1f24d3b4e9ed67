//! The solver: what is kept from one solve to the next.

use burn::tensor::{DType, Device, Tensor};

use super::block::Arithmetic;
use super::drift::Drift;
use super::operator::Meter;
use super::probe::Prober;
use super::rest::Rest;
use super::search::{Search, Start};
use super::solution::{Certainty, Eigenpair, Exceeded, Info, Solution};
use super::width::Width;
use super::{EigenError, End, Params, SymmetricOperator, dense};

/// Follows one end of the spectrum of an operator that changes from solve to solve.
///
/// The block of the last solve is the start of the next. Changing the operator's dimension needs
/// a [`reset`](Self::reset).
#[derive(Debug)]
pub struct Solver {
    params: Params,
    prober: Prober,
    block: Option<Tensor<2>>,
    width: Width,
    drift: Drift,
    rest: Rest,
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
            prober: Prober::new(params.seed, params.probe_every),
            width: Width::new(&params),
            rest: Rest::new(&params),
            params,
            block: None,
            drift: Drift::new(),
            centre: None,
        })
    }

    /// The options it was made with.
    pub fn params(&self) -> &Params {
        &self.params
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
        self.width.reset();
        self.centre = None;
        self.drift.forget();
        self.rest.forget();
        self.prober.forget();
    }

    /// Finds the wanted pairs of `operator`. A solve that does not converge is no error: its
    /// pairs come with honest bounds and `converged = false`.
    ///
    /// # Errors
    /// [`EigenError`]: fewer dimensions than pairs wanted, an element type other than float32 and
    /// float64, a warm start of another width, a failing operator or one that returns another
    /// shape or non-finite numbers, a device that cannot be read.
    pub fn solve(&mut self, operator: &mut dyn SymmetricOperator) -> Result<Solution, EigenError> {
        let (dim, device, dtype) = (operator.dim(), operator.device().clone(), operator.dtype());
        let count = self.params.count;
        if count > dim {
            return Err(EigenError::CountExceedsDimension { count, dim });
        }
        let epsilon = match dtype {
            DType::F32 => f64::from(f32::EPSILON),
            DType::F64 => f64::EPSILON,
            _ => return Err(EigenError::UnsupportedDType { dtype }),
        };
        let epsilon = self.params.product_epsilon.unwrap_or(0.0).max(epsilon);
        let meter = Meter::new(operator, self.params.end, count);
        // Room for iterates, residuals and directions, with a probe among them.
        if dim <= self.width.smallest().saturating_add(1).saturating_mul(3) {
            return dense::solve(meter, &self.params, &device, dtype, epsilon);
        }

        let arithmetic = Arithmetic::new(self.params.fusion);
        let mut start = self.starting_rows(dim, &device, dtype)?;
        start.past = self.drift.past(dim, &device, dtype, arithmetic);
        let warm = start.carried > 0;
        let outcome = Search::new(
            &self.params,
            meter,
            &mut self.prober,
            &mut self.width,
            start,
            epsilon,
        )?
        .run()?;

        let spared = outcome.spared.is_some();
        if !spared {
            self.prober.record(outcome.random);
        }
        let next = self.drift.next(outcome.next_start, arithmetic)?;
        self.block = Some(match outcome.spared {
            Some(guards) => Tensor::cat(vec![next, guards], 0),
            None => next,
        });
        let (next, gap) = (outcome.assessment.next, outcome.gap_needed);
        self.rest.note(&outcome.values, next, gap, spared);
        self.centre = outcome.centre;
        let sign = match self.params.end {
            End::Largest => 1.0,
            End::Smallest => -1.0,
        };
        let assessment = &outcome.assessment;
        let certainty = if outcome.random {
            Certainty::Bounded
        } else {
            Certainty::Supposed
        };
        let pairs = (0..count)
            .map(|i| Eigenpair {
                value: sign * outcome.values[i],
                residual: assessment.residuals[i],
                error_bound: assessment.error_bound(i),
                certainty,
                converged: assessment.is_converged(i),
                products: outcome.products[i],
            })
            .collect();
        Ok(Solution {
            pairs,
            vectors: outcome.vectors,
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

    /// The carried rows, completed with random ones, and a random one more when a probe is due.
    fn starting_rows(
        &mut self,
        dim: usize,
        device: &Device,
        dtype: DType,
    ) -> Result<Start, EigenError> {
        let Some(block) = self.block.clone() else {
            let rows = self.width.largest(dim);
            return Ok(Start {
                rows: self.prober.rows(rows, dim, device, dtype),
                carried: 0,
                block: rows,
                trusted: rows,
                centre: None,
                past: None,
                guards: None,
                supposed: None,
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
        let rows = self.width.rows();
        let carried = given.min(rows);
        let block = block.narrow(0, 0, carried).to_device(device).cast(dtype);
        let missing = rows - carried;
        let count = self.params.count;
        if missing == 0
            && rows > count
            && let Some(supposed) = self.rest.supposed()
        {
            return Ok(Start {
                rows: block.clone().narrow(0, 0, count),
                carried: count,
                block: count,
                trusted: count,
                centre: self.centre,
                past: None,
                guards: Some(block.narrow(0, count, rows - count)),
                supposed: Some(supposed),
            });
        }
        let probe = usize::from(self.prober.is_due());
        let random = missing + probe;
        let all = if random == 0 {
            block
        } else {
            Tensor::cat(vec![block, self.prober.rows(random, dim, device, dtype)], 0)
        };
        Ok(Start {
            rows: all,
            carried,
            block: rows + probe,
            trusted: rows,
            centre: self.centre,
            past: None,
            guards: None,
            supposed: self.rest.still_supposed(),
        })
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use crate::eigen::OperatorError;

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
            let all = solver
                .drift
                .past(60, &device, DType::F64, arithmetic)
                .unwrap();
            let exact = arithmetic.grams(&[(&all, &all)]).unwrap().swap_remove(0);
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
