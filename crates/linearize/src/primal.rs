//! A part of the batch at one iterate: values that do not depend on a tangent, and products by them.

use burn::backend::DispatchTensor;
use burn::tensor::{DType, Tensor};

use crate::error::LinearizeError;
use crate::evaluate::{Evaluation, Gradient};
use crate::execute::{Target, Values, run};
use crate::graph::{NodeId, Schedule};
use crate::product::Product;
use crate::programs::{LinearMap, Programs};
use crate::sum::joined;

/// The values of a part at θ, as far as they are evaluated.
#[derive(Debug)]
pub(crate) struct Primal<'a> {
    programs: &'a Programs,
    target: &'a Target,
    values: Values,
}

impl<'a> Primal<'a> {
    pub fn new(programs: &'a Programs, target: &'a Target, values: Values) -> Self {
        Self {
            programs,
            target,
            values,
        }
    }

    pub fn evaluation<const D: usize>(&self) -> Result<Evaluation<D>, LinearizeError> {
        let [loss, outputs] = results(self.run(&self.programs.evaluate, 1)?)?;
        Ok(Evaluation {
            loss: Tensor::from_dispatch(loss),
            outputs: Tensor::from_dispatch(outputs),
        })
    }

    pub fn gradient<const D: usize>(&self) -> Result<Gradient<D>, LinearizeError> {
        gradient(self.run(&self.programs.gradient, 1)?)
    }

    /// The gradient, by an evaluation that leaves behind what Hessian-vector products need.
    pub fn linearize<const D: usize>(&mut self) -> Result<Gradient<D>, LinearizeError> {
        let program = &self.programs.linearize;
        let mut found = self.run(program, 1)?;
        for (&id, value) in program.roots.iter().zip(&found).skip(GRADIENT) {
            self.values.set(id, value.clone());
        }
        found.truncate(GRADIENT);
        gradient(found)
    }

    /// Evaluates at once all that a product needs.
    pub fn prepare_for(&mut self, product: Product) -> Result<(), LinearizeError> {
        self.fill(&product.map(self.programs).primal)
    }

    /// The image of a block; primal values that no product has needed so far are evaluated first.
    pub fn product(
        &mut self,
        product: Product,
        block: Tensor<2>,
    ) -> Result<Tensor<2>, LinearizeError> {
        let map = product.map(self.programs);
        let [k, _] = block.dims();
        let Some(schedule) = &map.schedule else {
            let outputs = self.programs.output_shape.iter().product();
            let parameters = self.programs.graph.node(self.programs.theta).len();
            let (_, to) = product.lengths(parameters, outputs);
            return Ok(Tensor::zeros([k, to], (&block.device(), block.dtype())));
        };
        let residuals = map.primal.roots.iter().copied();
        let missing: Vec<NodeId> = residuals.filter(|&id| !self.values.has(id)).collect();
        if !missing.is_empty() {
            let known = |id| self.values.has(id);
            let schedule = Schedule::new(&self.programs.graph, &missing, known);
            self.fill(&schedule)?;
        }
        let source = product.source(self.programs);
        let pieces = k.div_ceil(self.vectors_at_once(map));
        let mut images = Vec::with_capacity(pieces);
        for piece in 0..pieces {
            let (from, to) = (piece * k / pieces, (piece + 1) * k / pieces);
            let rows = match pieces {
                1 => block.clone(),
                _ => block.clone().narrow(0, from, to - from),
            };
            images.push(self.piece(schedule, source, rows)?);
        }
        Ok(joined(images, 0))
    }

    /// The image of some rows of a block, all at once.
    fn piece(
        &mut self,
        schedule: &Schedule,
        source: NodeId,
        rows: Tensor<2>,
    ) -> Result<Tensor<2>, LinearizeError> {
        let [k, _] = rows.dims();
        self.values.set(source, rows.into_dispatch());
        let image = self.run(schedule, k)?.pop();
        self.values.clear(source);
        let image =
            image.ok_or_else(|| LinearizeError::Internal("a product gave nothing".into()))?;
        Ok(Tensor::from_dispatch(image))
    }

    /// How many vectors go through a map together, one at least.
    fn vectors_at_once(&self, map: &LinearMap) -> usize {
        let bytes = map.elements * DType::from(self.target.float).size();
        (self.target.block_bytes / bytes.max(1)).max(1)
    }

    fn fill(&mut self, schedule: &Schedule) -> Result<(), LinearizeError> {
        let found = self.run(schedule, 1)?;
        for (&id, value) in schedule.roots.iter().zip(found) {
            self.values.set(id, value);
        }
        Ok(())
    }

    fn run(&self, schedule: &Schedule, k: usize) -> Result<Vec<DispatchTensor>, LinearizeError> {
        run(&self.programs.graph, schedule, self.target, k, &self.values)
    }
}

/// How many values make a gradient: L, F and ∇L come first among a program's roots.
const GRADIENT: usize = 3;

fn gradient<const D: usize>(found: Vec<DispatchTensor>) -> Result<Gradient<D>, LinearizeError> {
    let [loss, outputs, gradient] = results::<GRADIENT>(found)?;
    Ok(Gradient {
        loss: Tensor::from_dispatch(loss),
        outputs: Tensor::from_dispatch(outputs),
        gradient: Tensor::from_dispatch(gradient),
    })
}

fn results<const N: usize>(
    values: Vec<DispatchTensor>,
) -> Result<[DispatchTensor; N], LinearizeError> {
    let count = values.len();
    values.try_into().map_err(|_| {
        LinearizeError::Internal(format!("a program gave {count} values instead of {N}"))
    })
}
