//! The operator, and the meter through which the solver applies it.

use burn::tensor::{DType, Device, Tensor};

use super::{EigenError, End, OperatorError};

/// A symmetric linear operator that is applied to a block of row vectors.
///
/// Only products are asked for. An operator that is far from symmetric on the first block of a
/// solve is refused ([`EigenError::NotSymmetric`]).
pub trait SymmetricOperator {
    /// P, the length of the vectors.
    fn dim(&self) -> usize;

    /// Where the blocks live.
    fn device(&self) -> &Device;

    /// Element type of the blocks: float32 or float64.
    fn dtype(&self) -> DType;

    /// What a further row in a block costs, as a part of the cost of a row alone: near 0 where a
    /// block costs little more than a row, 1 where each row costs as much as the first. Where rows
    /// are dear, blocks are kept narrow.
    ///
    /// To be had from the operator's arithmetic, not from a clock: it decides which vectors get
    /// products, and the same operators shall always be solved the same way. By default 0.
    fn row_cost(&self) -> f64 {
        0.0
    }

    /// Applies the operator to each row: `[k, P] → [k, P]`, for any k ≥ 1.
    ///
    /// # Errors
    /// Whatever stops the operator; it reaches the caller as [`EigenError::Operator`].
    fn apply(&mut self, block: Tensor<2>) -> Result<Tensor<2>, OperatorError>;
}

/// Applies the operator, negated when the smallest end is sought, and keeps the accounts.
pub(super) struct Meter<'a> {
    operator: &'a mut dyn SymmetricOperator,
    end: End,
    products: Vec<usize>,
    applications: usize,
}

impl<'a> Meter<'a> {
    /// Accounts at zero.
    pub fn new(operator: &'a mut dyn SymmetricOperator, end: End) -> Self {
        Self {
            operator,
            end,
            products: Vec::new(),
            applications: 0,
        }
    }

    pub fn dim(&self) -> usize {
        self.operator.dim()
    }

    /// Between 0 and 1, whatever the operator says.
    pub fn row_cost(&self) -> f64 {
        let cost = self.operator.row_cost();
        if cost.is_nan() {
            0.0
        } else {
            cost.clamp(0.0, 1.0)
        }
    }

    pub fn applications(&self) -> usize {
        self.applications
    }

    /// Products charged to each pair.
    pub fn products(&self) -> &[usize] {
        &self.products
    }

    /// Products charged to each of `count` wanted pairs, those of all others to the last.
    pub fn products_of(&self, count: usize) -> Vec<usize> {
        let mut wanted = vec![0; count];
        for (pair, products) in self.products.iter().enumerate() {
            wanted[pair.min(count - 1)] += products;
        }
        wanted
    }

    /// Applies the operator to `block`; row j is charged to pair `owners[j]`.
    pub fn apply(&mut self, block: Tensor<2>, owners: &[usize]) -> Result<Tensor<2>, EigenError> {
        self.applications += 1;
        let (device, expected) = (block.device(), block.dims());
        let expected_dtype = block.dtype();
        let image = self
            .operator
            .apply(block)
            .map_err(|source| EigenError::Operator {
                application: self.applications,
                source,
            })?;
        if image.dims() != expected || image.dtype() != expected_dtype {
            return Err(EigenError::OperatorOutput {
                got: image.dims(),
                got_dtype: image.dtype(),
                expected,
                expected_dtype,
            });
        }
        for &owner in owners {
            if owner >= self.products.len() {
                self.products.resize(owner + 1, 0);
            }
            self.products[owner] += 1;
        }
        // Everything else of a solve is there.
        let image = image.to_device(&device);
        Ok(match self.end {
            End::Largest => image,
            End::Smallest => image.neg(),
        })
    }
}
