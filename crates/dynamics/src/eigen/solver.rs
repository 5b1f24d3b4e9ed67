//! The solver: what is kept from one solve to the next.

use burn::tensor::{DType, Device, Tensor};

use super::block::Arithmetic;
use super::drift::Drift;
use super::operator::Meter;
use super::probe::Prober;
use super::search::{Search, Start};
use super::solution::{Eigenpair, Info, Missed, Solution};
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
            params,
            block: None,
            drift: Drift::default(),
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
        let meter = Meter::new(operator, self.params.end, count);
        // Room for iterates, residuals and directions, with a probe among them.
        if dim <= self.width.smallest().saturating_add(1).saturating_mul(3) {
            return dense::solve(meter, &self.params, &device, dtype, epsilon);
        }

        let start = self.starting_rows(dim, &device, dtype)?;
        let warm = start.carried > 0;
        let random = start.rows.dims()[0] > start.carried;
        let outcome = Search::new(
            &self.params,
            meter,
            &mut self.prober,
            &mut self.width,
            start,
            epsilon,
        )?
        .run()?;

        self.prober.record(random);
        let arithmetic = Arithmetic::new(self.params.fusion);
        self.block = Some(self.drift.next(outcome.next_start, arithmetic)?);
        self.centre = outcome.centre;
        let sign = match self.params.end {
            End::Largest => 1.0,
            End::Smallest => -1.0,
        };
        let assessment = &outcome.assessment;
        let pairs = (0..count)
            .map(|i| Eigenpair {
                value: sign * outcome.values[i],
                residual: assessment.residuals[i],
                error_bound: assessment.error_bound(i),
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
                probed: warm && random,
                missed: outcome.missed.map(|missed| Missed {
                    value: sign * missed.value,
                    previous: sign * missed.previous,
                    ..missed
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
        let probe = usize::from(self.prober.is_due());
        let random = rows - carried + probe;
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
        })
    }
}
