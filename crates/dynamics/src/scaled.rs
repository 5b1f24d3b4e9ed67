//! The eigensolver on operators of any size.
//!
//! The solver sums squares of images. In float32 these leave the range where the operator's norm is
//! below 10⁻¹⁹ or above 10¹⁹, though the images do not. Such an operator is solved for times a
//! power of two, which changes no digit, and what was found is divided by it. Half of the power
//! goes into the vectors and half into the images, for the sake of what is computed in between:
//! J·Jᵀ can be far below the range where J is not.
//!
//! Operators of ordinary size are passed on as they are.

use brink_state::{Memory, Part};
use burn::tensor::{DType, Device, Tensor};

use crate::eigen::{
    EigenError, Eigenpair, OperatorError, Params, Solution, Solver, SymmetricOperator,
};

/// Largest entries of images between 2⁻⁴⁰ and 2⁴⁰ are as they should be: of squares in float32,
/// whose range is 2⁻¹²⁶ to 2¹²⁷, those of entries 10⁶ times smaller still count.
const ORDINARY: i32 = 40;

/// A [`Solver`] for operators of any size.
#[derive(Debug)]
pub struct ScaledSolver {
    solver: Solver,
    /// The operator is multiplied by 2 to this power.
    exponent: i32,
    /// Whether the operator was zero when it was last looked at through a magnifying power.
    vanished: bool,
}

impl ScaledSolver {
    /// A solver with no block yet.
    ///
    /// # Errors
    /// [`EigenError::InvalidParameter`].
    pub fn new(params: Params) -> Result<Self, EigenError> {
        Ok(Self {
            solver: Solver::new(params)?,
            exponent: 0,
            vanished: false,
        })
    }

    /// As [`Solver::solve`]; pairs below what the element type can resolve are not converged.
    ///
    /// # Errors
    /// [`EigenError`].
    pub fn solve(&mut self, operator: &mut dyn SymmetricOperator) -> Result<Solution, EigenError> {
        self.solve_above(operator, None)
    }

    /// As [`Solver::solve_above`], likewise.
    ///
    /// # Errors
    /// [`EigenError`].
    pub fn solve_above(
        &mut self,
        operator: &mut dyn SymmetricOperator,
        floor: Option<f64>,
    ) -> Result<Solution, EigenError> {
        let scaled_floor = |exponent: i32| floor.map(|floor| floor * power(exponent));
        let mut scaled = Scaled::new(operator, self.exponent);
        let mut result = self
            .solver
            .solve_above(&mut scaled, scaled_floor(self.exponent));
        let mut discarded = None;
        let doubtful = is_doubtful(&result);
        if doubtful && let Some(exponent) = self.better(&mut scaled, &result)? {
            // What the solver remembers is in units of the operator that it knew.
            self.solver.reset();
            self.exponent = exponent;
            discarded = result.ok();
            let mut scaled = Scaled::new(operator, exponent);
            result = self.solver.solve_above(&mut scaled, scaled_floor(exponent));
        }
        let mut solution = result?;
        solution.info.read_backs += usize::from(doubtful);
        if let Some(discarded) = &discarded {
            charge(&mut solution, discarded);
        }
        let resolution = resolution(operator.dim(), operator.dtype());
        let tolerance = self.solver.params().relative_tolerance;
        for pair in &mut solution.pairs {
            *pair = unscaled(*pair, self.exponent, resolution, tolerance);
        }
        if let Some(exceeded) = &mut solution.info.exceeded {
            let unit = power(-self.exponent);
            exceeded.value *= unit;
            exceeded.previous *= unit;
            exceeded.previous_bound *= unit;
        }
        Ok(solution)
    }

    /// The power that brings the operator of the last solve to ordinary size, if it is another.
    fn better(
        &mut self,
        scaled: &mut Scaled<'_>,
        result: &Result<Solution, EigenError>,
    ) -> Result<Option<i32>, EigenError> {
        let mut exponent = self.exponent;
        let mut largest = scaled.largest_entry()?;
        if largest != 0.0 {
            self.vanished = false;
        } else if let (Ok(solution), false) = (result, self.vanished) {
            exponent = strongest(scaled.dtype());
            largest = magnified(scaled.operator, &solution.vectors, exponent)?;
            self.vanished = largest == 0.0;
        }
        if largest == 0.0 || !largest.is_finite() {
            return Ok(None);
        }
        let size = largest.log2().floor() as i32;
        let needed = exponent - size;
        let far = size.abs() > ORDINARY || exponent != self.exponent;
        // Back among the ordinary ones it needs no power.
        let needed = if needed.abs() <= ORDINARY { 0 } else { needed };
        Ok((far && needed != self.exponent).then_some(needed))
    }

    /// vᵀAv of the rows of `vectors` and ‖Av − (vᵀAv)v‖, by one product each.
    ///
    /// # Errors
    /// [`EigenError`] of the operator or the device.
    pub fn quotients(
        &self,
        operator: &mut dyn SymmetricOperator,
        vectors: &Tensor<2>,
    ) -> Result<Vec<[f64; 2]>, EigenError> {
        let resolution = resolution(operator.dim(), operator.dtype());
        let mut scaled = Scaled::new(operator, self.exponent);
        let image = scaled.apply(vectors.clone()).map_err(failed)?;
        let mut exponent = self.exponent;
        let mut pairs = quotients(vectors, image.clone())?;
        if pairs
            .iter()
            .all(|[value, residual]| is_small(*value, *residual))
            || pairs.iter().flatten().any(|number| !number.is_finite())
        {
            let largest = scaled.largest_entry()?;
            if largest != 0.0 && largest.is_finite() {
                let further = -largest.log2().floor() as i32;
                exponent += further;
                pairs = quotients(vectors, times(image, further))?;
            }
        }
        let unit = power(-exponent);
        let pairs = pairs.into_iter();
        Ok(pairs
            .map(|[value, residual]| [value * unit, residual * unit + resolution])
            .collect())
    }
}

impl Memory for ScaledSolver {
    fn parts(&mut self) -> Vec<Part<'_>> {
        vec![
            ("solver", &mut self.solver),
            ("exponent", &mut self.exponent),
            ("vanished", &mut self.vanished),
        ]
    }
}

/// Whether a result may owe itself to the range of the element type: squares that overflowed are
/// not finite, those that vanished make all values small.
fn is_doubtful(result: &Result<Solution, EigenError>) -> bool {
    match result {
        Ok(solution) => {
            let small = |pair: &Eigenpair| is_small(pair.value, pair.residual);
            solution.pairs.iter().all(small)
        }
        Err(error) => matches!(
            error,
            EigenError::NonFinite { .. } | EigenError::HostDecomposition { .. }
        ),
    }
}

fn is_small(value: f64, residual: f64) -> bool {
    value.abs() + residual < power(-ORDINARY)
}

/// The largest power that finds out whether what looks like zero is.
fn strongest(dtype: DType) -> i32 {
    match dtype {
        DType::F64 => 1000,
        _ => 120,
    }
}

/// What an image's norm can be off by for want of smaller numbers: each entry by less than the least
/// number that has all its digits.
fn resolution(dim: usize, dtype: DType) -> f64 {
    let least = match dtype {
        DType::F64 => f64::MIN_POSITIVE,
        _ => f64::from(f32::MIN_POSITIVE),
    };
    least * (dim as f64).sqrt()
}

/// A pair of the operator itself.
fn unscaled(pair: Eigenpair, exponent: i32, resolution: f64, tolerance: f64) -> Eigenpair {
    let unit = power(-exponent);
    let (value, bound) = (pair.value * unit, pair.error_bound * unit);
    Eigenpair {
        value,
        residual: pair.residual * unit,
        error_bound: bound + resolution,
        // A bound that is larger by far was held against the tolerance already.
        converged: pair.converged && (resolution <= bound || resolution <= tolerance * value.abs()),
        ..pair
    }
}

/// Adds the cost of a solve that came to nothing.
fn charge(solution: &mut Solution, discarded: &Solution) {
    if let Some(last) = solution.pairs.last_mut() {
        last.products += discarded.info.products;
    }
    let (info, other) = (&mut solution.info, &discarded.info);
    info.iterations += other.iterations;
    info.products += other.products;
    info.applications += other.applications;
    info.read_backs += other.read_backs;
}

/// 2 to a power, to the bit.
fn power(exponent: i32) -> f64 {
    2.0_f64.powi(exponent)
}

/// A tensor times a power of two, which may itself lie outside the range.
fn times(tensor: Tensor<2>, exponent: i32) -> Tensor<2> {
    match exponent {
        0 => tensor,
        _ => {
            let half = exponent / 2;
            let first = tensor.mul_scalar(power(half));
            first.mul_scalar(power(exponent - half))
        }
    }
}

fn failed(source: OperatorError) -> EigenError {
    EigenError::Operator {
        application: 1,
        source,
    }
}

/// The largest entry of the images of `vectors` times 2 to the power `exponent`.
fn magnified(
    operator: &mut dyn SymmetricOperator,
    vectors: &Tensor<2>,
    exponent: i32,
) -> Result<f64, EigenError> {
    let mut scaled = Scaled::new(operator, exponent);
    scaled.apply(vectors.clone()).map_err(failed)?;
    scaled.largest_entry()
}

fn quotients(vectors: &Tensor<2>, image: Tensor<2>) -> Result<Vec<[f64; 2]>, EigenError> {
    let values = (vectors.clone() * image.clone()).sum_dim(1);
    let residual = image - vectors.clone() * values.clone();
    let residuals = (residual.clone() * residual).sum_dim(1).sqrt();
    let both = Tensor::cat(vec![values, residuals], 1);
    let both = both
        .try_into_data()
        .map_err(|error| failed(OperatorError::from(error)))?;
    let both: Vec<f64> = both.iter::<f64>().collect();
    Ok(both.as_chunks::<2>().0.to_vec())
}

/// An operator times a power of two.
struct Scaled<'a> {
    operator: &'a mut dyn SymmetricOperator,
    exponent: i32,
    /// The largest entry of the first image, not waited for.
    largest: Option<Tensor<1>>,
}

impl<'a> Scaled<'a> {
    fn new(operator: &'a mut dyn SymmetricOperator, exponent: i32) -> Self {
        Self {
            operator,
            exponent,
            largest: None,
        }
    }

    /// The largest entry of the first image; 0 if there is none.
    fn largest_entry(&self) -> Result<f64, EigenError> {
        let Some(largest) = &self.largest else {
            return Ok(0.0);
        };
        let read = largest.clone().try_into_vec_as::<f64>();
        let read = read.map_err(|source| EigenError::ReadBack {
            what: "the size of an image",
            source,
        })?;
        Ok(read.first().copied().unwrap_or(0.0))
    }
}

impl SymmetricOperator for Scaled<'_> {
    fn dim(&self) -> usize {
        self.operator.dim()
    }

    fn device(&self) -> &Device {
        self.operator.device()
    }

    fn dtype(&self) -> DType {
        self.operator.dtype()
    }

    fn row_cost(&self) -> f64 {
        self.operator.row_cost()
    }

    fn apply(&mut self, block: Tensor<2>) -> Result<Tensor<2>, OperatorError> {
        let inward = self.exponent / 2;
        let image = self.operator.apply(times(block, inward))?;
        let image = times(image, self.exponent - inward);
        if self.largest.is_none() {
            self.largest = Some(image.clone().max_abs());
        }
        Ok(image)
    }
}
