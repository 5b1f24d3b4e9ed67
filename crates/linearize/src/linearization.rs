//! A loss linearised at one iterate: products at the cost of their linear part alone.

use burn::tensor::Tensor;

use crate::counters::Count;
use crate::error::LinearizeError;
use crate::evaluate::Gradient;
use crate::objective::Objective;
use crate::primal::Primal;
use crate::product::Product;
use crate::sum::{Sum, joined};

/// Operations in the time of a call: some microseconds at some ten operations a nanosecond.
const CALL: u64 = 100_000;

/// The derivatives of a loss at θ, as linear maps of blocks of row vectors.
///
/// What depends on θ alone was evaluated once, together with the gradient; each product evaluates
/// only what is linear in the block. An objective of several chunks is evaluated anew by each
/// product, chunk by chunk for the whole block: then a wide block pays.
#[derive(Debug)]
pub struct Linearization<'a, const D: usize> {
    objective: &'a Objective<D>,
    held: Held<'a>,
    at: Gradient<D>,
}

/// What a linearisation keeps on the device.
#[derive(Debug)]
pub(crate) enum Held<'a> {
    /// The primal values of the only part.
    Primal(Primal<'a>),
    /// θ, at which products evaluate one chunk after the other.
    Theta(Box<Tensor<1>>),
}

impl<'a, const D: usize> Linearization<'a, D> {
    pub(crate) fn new(objective: &'a Objective<D>, held: Held<'a>, at: Gradient<D>) -> Self {
        Self {
            objective,
            held,
            at,
        }
    }

    /// L(θ), F(θ) and ∇L(θ).
    pub fn at(&self) -> &Gradient<D> {
        &self.at
    }

    /// L(θ), shape `[1]`.
    pub fn loss(&self) -> &Tensor<1> {
        &self.at.loss
    }

    /// F(θ), in the model's own shape.
    pub fn outputs(&self) -> &Tensor<D> {
        &self.at.outputs
    }

    /// ∇L(θ), shape `[P]`.
    pub fn gradient(&self) -> &Tensor<1> {
        &self.at.gradient
    }

    /// The objective this is a linearisation of.
    pub fn objective(&self) -> &'a Objective<D> {
        self.objective
    }

    /// What a further vector in a block of Hessian-vector products costs, as a part of what one
    /// costs alone, between 0 and 1. Each vector has convolutions and elementwise functions for
    /// itself. What a block shares is counted as no cost of a further vector: its matrix products,
    /// which are one tall product that reads the other operand once; the calls of the backend, as
    /// 100,000 operations each; in chunks, the evaluation of each anew. So it is near 1 for
    /// convolutional networks and near 0 for dense ones.
    ///
    /// It is counted on the traced programs, not timed: the same on every machine.
    pub fn row_cost(&self) -> f64 {
        let (mut own, mut shared) = (0, 0);
        for part in &self.objective.parts {
            let map = Product::Hessian.map(&part.traced.programs);
            let Some(schedule) = &map.schedule else {
                continue;
            };
            own += map.operations.other;
            shared += map.operations.matrix + CALL * schedule.steps.len() as u64;
            if let Held::Theta(_) = self.held {
                shared += map.primal_operations.total() + CALL * map.primal.steps.len() as u64;
            }
        }
        own as f64 / (own + shared).max(1) as f64
    }

    /// Hessian-vector products: `[k, P]` → `[k, P]`, row i ↦ ∇²L(θ)·vᵢ.
    pub fn hvp(&mut self, block: Tensor<2>) -> Result<Tensor<2>, LinearizeError> {
        self.product(Product::Hessian, block)
    }

    /// Jacobian-vector products: `[k, P]` → `[k, N]`, row i ↦ J·vᵢ, outputs flattened.
    pub fn jvp(&mut self, block: Tensor<2>) -> Result<Tensor<2>, LinearizeError> {
        self.product(Product::Jacobian, block)
    }

    /// Vector-Jacobian products: `[k, N]` → `[k, P]`, row i ↦ Jᵀ·uᵢ, outputs flattened.
    pub fn vjp(&mut self, block: Tensor<2>) -> Result<Tensor<2>, LinearizeError> {
        self.product(Product::Transposed, block)
    }

    /// Gauss–Newton products: `[k, P]` → `[k, P]`, row i ↦ Jᵀ·∇²_F L·J·vᵢ.
    pub fn gauss_newton(&mut self, block: Tensor<2>) -> Result<Tensor<2>, LinearizeError> {
        self.product(Product::GaussNewton, block)
    }

    /// The third derivative along u, `[P]`, of a block of vectors: `[k, P]` → `[k, P]`, row i ↦
    /// ∇³L(θ)[u, vᵢ] = d/dt ∇²L(θ + tu)·vᵢ at t = 0.
    ///
    /// Its program is built at an objective's first call. What depends on u alone is evaluated once
    /// for the block, so that vectors with one u are best given together: by its matrix products a
    /// vector costs 1.5 Hessian products where the first layer has most of the weights and 2.3 where
    /// it has few, and u 0.6 or 0.7 besides.
    ///
    /// # Errors
    ///
    /// [`LinearizeError::Shape`] and [`LinearizeError::Placement`] for arguments that do not fit.
    pub fn third(&mut self, u: Tensor<1>, block: Tensor<2>) -> Result<Tensor<2>, LinearizeError> {
        let size = self.objective.parameters();
        let [k, _] = block.dims();
        self.objective.check("the direction", &u, &[size])?;
        self.objective
            .check("the block of vectors", &block, &[k, size])?;
        self.objective.counters.add(Count::Third, k);
        if k == 0 {
            return Ok(block);
        }
        self.total(|primal| primal.third(u.clone(), block.clone()))
    }

    /// The third derivative along u, `[P]`, twice: ∇³L(θ)[u, u], `[P]`.
    ///
    /// The same as a row of [`third`](Self::third) for v = u, at the cost of 1.3 to 1.8 Hessian
    /// products instead of 2.1 to 3, by their matrix products. With the unit
    /// eigenvector u of a simple eigenvalue λ of ∇²L, it is ∇λ.
    ///
    /// # Errors
    ///
    /// [`LinearizeError::Shape`] and [`LinearizeError::Placement`] for a direction that does not fit.
    pub fn third_twice(&mut self, u: Tensor<1>) -> Result<Tensor<1>, LinearizeError> {
        let size = self.objective.parameters();
        self.objective.check("the direction", &u, &[size])?;
        self.objective.counters.add(Count::Third, 1);
        self.total(|primal| primal.third_twice(u.clone()))
    }

    /// What adds up over the parts, one of them in memory at a time.
    fn total<const R: usize>(
        &mut self,
        of_part: impl Fn(&mut Primal<'a>) -> Result<Tensor<R>, LinearizeError>,
    ) -> Result<Tensor<R>, LinearizeError> {
        let theta = match &mut self.held {
            Held::Primal(primal) => return of_part(primal),
            Held::Theta(theta) => theta,
        };
        let (objective, mut sum) = (self.objective, Sum::default());
        for part in &objective.parts {
            let mut primal = part.at(theta, &objective.target)?;
            objective.counters.add(Count::Chunk, 1);
            sum.add(objective.weight(part), of_part(&mut primal)?);
        }
        sum.total()
    }

    fn product(&mut self, product: Product, block: Tensor<2>) -> Result<Tensor<2>, LinearizeError> {
        let objective = self.objective;
        let outputs = objective.output_shape().iter().product();
        let (from, to) = product.lengths(objective.parameters(), outputs);
        let [k, _] = block.dims();
        objective.check("the block of vectors", &block, &[k, from])?;
        objective.counters.add(product.count(), k);
        if k == 0 || objective.is_zero(product) {
            return Ok(Tensor::zeros([k, to], (&block.device(), block.dtype())));
        }
        match &mut self.held {
            Held::Primal(primal) => primal.product(product, block),
            Held::Theta(theta) => in_chunks(objective, theta, product, block),
        }
    }
}

/// A product over all chunks, one of them in memory at a time.
fn in_chunks<const D: usize>(
    objective: &Objective<D>,
    theta: &Tensor<1>,
    product: Product,
    block: Tensor<2>,
) -> Result<Tensor<2>, LinearizeError> {
    let (mut sum, mut columns, mut from) = (Sum::default(), Vec::new(), 0);
    for part in &objective.parts {
        let outputs = part.outputs();
        let block = match product {
            Product::Transposed => block.clone().narrow(1, from, outputs),
            _ => block.clone(),
        };
        from += outputs;
        let mut primal = part.at(theta, &objective.target)?;
        primal.prepare_for(product)?;
        objective.counters.add(Count::Chunk, 1);
        let image = primal.product(product, block)?;
        match product {
            Product::Hessian | Product::GaussNewton => sum.add(objective.weight(part), image),
            Product::Transposed => sum.add(1.0, image),
            Product::Jacobian => columns.push(image),
        }
    }
    match product {
        Product::Jacobian => Ok(joined(columns, 1)),
        _ => sum.total(),
    }
}
