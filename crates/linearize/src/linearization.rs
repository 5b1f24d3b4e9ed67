//! A loss linearised at one iterate: products at the cost of their linear part alone.

use burn::tensor::Tensor;

use crate::counters::Count;
use crate::error::LinearizeError;
use crate::execute::{Values, run};
use crate::graph::{NodeId, Schedule};
use crate::objective::{Gradient, Objective};
use crate::programs::LinearMap;

/// The derivatives of a loss at θ, as linear maps of blocks of row vectors.
///
/// What depends on θ alone was evaluated once, together with the gradient; each product evaluates
/// only what is linear in the block.
#[derive(Debug)]
pub struct Linearization<'a, const D: usize> {
    objective: &'a Objective<D>,
    values: Values,
    at: Gradient<D>,
}

impl<'a, const D: usize> Linearization<'a, D> {
    pub(crate) fn new(objective: &'a Objective<D>, values: Values, at: Gradient<D>) -> Self {
        Self {
            objective,
            values,
            at,
        }
    }

    /// L(θ), F(θ) and ∇L(θ).
    pub fn at(&self) -> &Gradient<D> {
        &self.at
    }

    /// L(θ), shape [1].
    pub fn loss(&self) -> &Tensor<1> {
        &self.at.loss
    }

    /// F(θ), in the model's own shape.
    pub fn outputs(&self) -> &Tensor<D> {
        &self.at.outputs
    }

    /// ∇L(θ), shape [P].
    pub fn gradient(&self) -> &Tensor<1> {
        &self.at.gradient
    }

    /// The objective this is a linearisation of.
    pub fn objective(&self) -> &'a Objective<D> {
        self.objective
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

    fn product(&mut self, product: Product, block: Tensor<2>) -> Result<Tensor<2>, LinearizeError> {
        let objective = self.objective;
        let programs = &objective.programs;
        let (p, n) = (
            objective.parameters(),
            programs.output_shape.iter().product(),
        );
        let (map, source, from, to, count): (&LinearMap, NodeId, usize, usize, Count) =
            match product {
                Product::Hessian => (&programs.hessian, programs.tangent, p, p, Count::Hessian),
                Product::Jacobian => (&programs.jacobian, programs.tangent, p, n, Count::Jacobian),
                Product::Transposed => (
                    &programs.transposed,
                    programs.cotangent,
                    n,
                    p,
                    Count::Transposed,
                ),
                Product::GaussNewton => (
                    &programs.gauss_newton,
                    programs.tangent,
                    p,
                    p,
                    Count::GaussNewton,
                ),
            };
        let k = block.dims()[0];
        objective.check("the block of vectors", &block, &[k, from])?;
        objective.counters.add(count, k);
        let Some(schedule) = &map.schedule else {
            return Ok(Tensor::zeros([k, to], (&block.device(), block.dtype())));
        };
        if k == 0 {
            return Ok(Tensor::zeros([0, to], (&block.device(), block.dtype())));
        }
        self.prepare(&map.residuals)?;
        self.values.set(source, block.into_dispatch());
        let mut found = run(
            &programs.graph,
            schedule,
            &objective.target,
            k,
            &self.values,
        )?;
        self.values.clear(source);
        let result = found
            .pop()
            .ok_or_else(|| LinearizeError::Internal("a product gave nothing".into()))?;
        Ok(Tensor::from_dispatch(result))
    }

    /// Evaluates primal values that no product has needed so far at this iterate.
    fn prepare(&mut self, residuals: &[NodeId]) -> Result<(), LinearizeError> {
        let missing: Vec<NodeId> = residuals
            .iter()
            .copied()
            .filter(|&id| !self.values.has(id))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let graph = &self.objective.programs.graph;
        let schedule = Schedule::new(graph, &missing, |id| self.values.has(id));
        let found = run(graph, &schedule, &self.objective.target, 1, &self.values)?;
        for (&id, value) in missing.iter().zip(found) {
            self.values.set(id, value);
        }
        Ok(())
    }
}

#[derive(Debug, Clone, Copy)]
enum Product {
    Hessian,
    Jacobian,
    Transposed,
    GaussNewton,
}
