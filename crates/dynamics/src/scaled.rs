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
    EigenError, Eigenpair, OperatorError, Params, Request, Solution, Solver, SymmetricOperator,
    read,
};

/// Largest entries of images between 2⁻⁴⁰ and 2⁴⁰ are as they should be: of squares in float32,
/// whose range is 2⁻¹²⁶ to 2¹²⁷, those of entries 10⁶ times smaller still count.
pub(crate) const ORDINARY: i32 = 40;

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
        self.solve_for(operator, Request::default())
    }

    /// As [`solve`](Self::solve), and all further eigenvalues above a floor.
    ///
    /// # Errors
    /// [`EigenError`].
    pub fn solve_above(
        &mut self,
        operator: &mut dyn SymmetricOperator,
        floor: Option<f64>,
    ) -> Result<Solution, EigenError> {
        let request = floor.map_or_else(Request::default, Request::above);
        self.solve_for(operator, request)
    }

    /// As [`Solver::solve_for`], likewise.
    ///
    /// # Errors
    /// [`EigenError`].
    pub fn solve_for(
        &mut self,
        operator: &mut dyn SymmetricOperator,
        mut request: Request<'_>,
    ) -> Result<Solution, EigenError> {
        let mut scaled = Scaled::new(operator, self.exponent);
        let first = scaled_request(&mut request, self.exponent);
        let mut result = self.solver.solve_for(&mut scaled, first);
        let mut discarded = None;
        let doubtful = is_doubtful(&result);
        if doubtful && let Some(exponent) = self.better(&mut scaled, &result)? {
            // What the solver remembers is in units of the operator that it knew.
            self.solver.reset();
            self.exponent = exponent;
            discarded = result.ok();
            let mut scaled = Scaled::new(operator, exponent);
            let again = scaled_request(&mut request, exponent);
            result = self.solver.solve_for(&mut scaled, again);
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
        let far = size(largest).abs() > ORDINARY || exponent != self.exponent;
        let needed = toward_one(largest, exponent);
        Ok((far && needed != self.exponent).then_some(needed))
    }

    /// vᵀAv of the rows of `vectors` and ‖Av − (vᵀAv)v‖, by one product each, and ⟨v, along⟩.
    ///
    /// # Errors
    /// [`EigenError`] of the operator or the device.
    pub fn quotients(
        &self,
        operator: &mut dyn SymmetricOperator,
        vectors: &Tensor<2>,
        along: Tensor<1>,
    ) -> Result<Vec<Quotient>, EigenError> {
        let resolution = resolution(operator.dim(), operator.dtype());
        let mut scaled = Scaled::new(operator, self.exponent);
        let image = scaled.apply(vectors.clone()).map_err(failed)?;
        let mut exponent = self.exponent;
        let mut pairs = quotients(vectors, image.clone(), along.clone())?;
        if pairs.iter().all(|pair| is_small(pair.value, pair.residual))
            || !pairs.iter().all(Quotient::is_finite)
        {
            let largest = scaled.largest_entry()?;
            if largest != 0.0 && largest.is_finite() {
                let further = -size(largest);
                exponent += further;
                pairs = quotients(vectors, times(image, further), along)?;
            }
        }
        let unit = power(-exponent);
        let pairs = pairs.into_iter();
        Ok(pairs
            .map(|pair| Quotient {
                value: pair.value * unit,
                residual: pair.residual * unit + resolution,
                ..pair
            })
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

/// What is asked of an operator times a power of two.
fn scaled_request<'r>(request: &'r mut Request<'_>, exponent: i32) -> Request<'r> {
    let floor = request.floor.map(|floor| floor * power(exponent));
    Request {
        floor,
        ..request.again()
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

fn size(largest: f64) -> i32 {
    largest.log2().floor() as i32
}

/// The power by which an operator is of ordinary size whose images have such a `largest` entry times
/// 2 to the power `exponent`; 0 where it needs none.
pub(crate) fn toward_one(largest: f64, exponent: i32) -> i32 {
    if largest == 0.0 || !largest.is_finite() {
        return exponent;
    }
    let needed = exponent - size(largest);
    if needed.abs() <= ORDINARY { 0 } else { needed }
}

/// The largest power that finds out whether what looks like zero is.
pub(crate) fn strongest(dtype: DType) -> i32 {
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
pub(crate) fn power(exponent: i32) -> f64 {
    2.0_f64.powi(exponent)
}

/// The operator's image of a block times 2 to a power, half of which goes into the block.
pub(crate) fn product(
    operator: &mut dyn SymmetricOperator,
    block: Tensor<2>,
    exponent: i32,
) -> Result<Tensor<2>, OperatorError> {
    let inward = exponent / 2;
    let image = operator.apply(times(block, inward))?;
    Ok(times(image, exponent - inward))
}

/// The largest |entry| of an image, shape [1].
pub(crate) fn largest(image: &Tensor<2>) -> Tensor<1> {
    image.clone().max_abs()
}

/// A tensor times a power of two, which may itself lie outside the range.
pub(crate) fn times<const D: usize>(tensor: Tensor<D>, exponent: i32) -> Tensor<D> {
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

/// What is known of a vector v that may be no eigenvector any more.
#[derive(Debug, Clone, Copy)]
pub struct Quotient {
    /// vᵀAv.
    pub value: f64,
    /// ‖Av − (vᵀAv)v‖.
    pub residual: f64,
    /// Its inner product with another vector.
    pub along: f64,
}

impl Quotient {
    fn is_finite(&self) -> bool {
        self.value.is_finite() && self.residual.is_finite()
    }
}

fn quotients(
    vectors: &Tensor<2>,
    image: Tensor<2>,
    along: Tensor<1>,
) -> Result<Vec<Quotient>, EigenError> {
    let [rows, _] = vectors.dims();
    let values = (vectors.clone() * image.clone()).sum_dim(1);
    let residual = image - vectors.clone() * values.clone();
    let residuals = (residual.clone() * residual).sum_dim(1).sqrt();
    let along = (vectors.clone() * along.unsqueeze()).sum_dim(1);
    let parts = [values, residuals, along].map(|column| column.reshape([rows]));
    let read = read(parts.into(), "Rayleigh quotients")?;
    let quotient = |row: usize| Quotient {
        value: read[row],
        residual: read[rows + row],
        along: read[2 * rows + row],
    };
    Ok((0..rows).map(quotient).collect())
}

/// An operator times a power of two.
pub(crate) struct Scaled<'a> {
    pub operator: &'a mut dyn SymmetricOperator,
    /// None where the first image is yet to say which.
    pub exponent: Option<i32>,
    /// The largest entry of the first image, not waited for.
    largest: Option<Tensor<1>>,
}

impl<'a> Scaled<'a> {
    pub fn new(operator: &'a mut dyn SymmetricOperator, exponent: i32) -> Self {
        Self {
            operator,
            exponent: Some(exponent),
            largest: None,
        }
    }

    /// One times the power that its first image asks for.
    pub fn by_first_image(operator: &'a mut dyn SymmetricOperator) -> Self {
        Self {
            operator,
            exponent: None,
            largest: None,
        }
    }

    /// The largest entry of the first image; 0 if there is none.
    fn largest_entry(&self) -> Result<f64, EigenError> {
        let Some(largest) = &self.largest else {
            return Ok(0.0);
        };
        let read = read(vec![largest.clone()], "the size of an image")?;
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
        let image = match self.exponent {
            Some(exponent) => product(self.operator, block, exponent)?,
            None => self.first(block)?,
        };
        if self.largest.is_none() {
            self.largest = Some(largest(&image));
        }
        Ok(image)
    }
}
