//! A part of the batch at one iterate: values that do not depend on a tangent, and products by them.

use burn::backend::DispatchTensor;
use burn::tensor::{DType, Tensor};

use crate::error::LinearizeError;
use crate::evaluate::{Evaluation, Gradient};
use crate::execute::{Target, Values, run};
use crate::graph::{Graph, NodeId, Schedule};
use crate::part::Traced;
use crate::product::Product;
use crate::programs::{LinearMap, Programs};
use crate::sum::joined;
use crate::third::{Along, Third};

/// The values of a part at θ, as far as they are evaluated.
#[derive(Debug)]
pub(crate) struct Primal<'a> {
    traced: &'a Traced,
    target: &'a Target,
    values: Values,
}

impl<'a> Primal<'a> {
    pub fn new(traced: &'a Traced, target: &'a Target, values: Values) -> Self {
        Self {
            traced,
            target,
            values,
        }
    }

    pub fn evaluation<const D: usize>(&self) -> Result<Evaluation<D>, LinearizeError> {
        let [loss, outputs] = results(self.run(&self.traced.programs.evaluate, 1)?)?;
        Ok(Evaluation {
            loss: Tensor::from_dispatch(loss),
            outputs: Tensor::from_dispatch(outputs),
        })
    }

    pub fn gradient<const D: usize>(&self) -> Result<Gradient<D>, LinearizeError> {
        gradient(self.run(&self.traced.programs.gradient, 1)?)
    }

    /// The gradient, by an evaluation that leaves behind what Hessian-vector products need.
    pub fn linearize<const D: usize>(&mut self) -> Result<Gradient<D>, LinearizeError> {
        let program = &self.traced.programs.linearize;
        let mut found = self.run(program, 1)?;
        for (&id, value) in program.roots.iter().zip(&found).skip(GRADIENT) {
            self.values.set(id, value.clone());
        }
        found.truncate(GRADIENT);
        gradient(found)
    }

    /// Evaluates at once all that a product needs.
    pub fn prepare_for(&mut self, product: Product) -> Result<(), LinearizeError> {
        self.fill(&product.map(&self.traced.programs).primal)
    }

    /// The image of a block; primal values that no product has needed so far are evaluated first.
    pub fn product(
        &mut self,
        product: Product,
        block: Tensor<2>,
    ) -> Result<Tensor<2>, LinearizeError> {
        let programs: &'a Programs = &self.traced.programs;
        let map = product.map(programs);
        let [k, _] = block.dims();
        let Some(schedule) = &map.schedule else {
            let outputs = programs.output_shape.iter().product();
            let parameters = programs.graph.node(programs.theta).len();
            let (_, to) = product.lengths(parameters, outputs);
            return Ok(Tensor::zeros([k, to], (&block.device(), block.dtype())));
        };
        self.fill_missing(&programs.graph, &map.primal.roots)?;
        let source = product.source(programs);
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

    /// The third derivative along `direction`, [P], of a block, [k, P].
    pub fn third(
        &mut self,
        direction: Tensor<1>,
        block: Tensor<2>,
    ) -> Result<Tensor<2>, LinearizeError> {
        let traced = self.traced;
        let third = traced.third()?;
        let Some(map) = &third.of_block else {
            return Ok(block.zeros_like());
        };
        self.fill_missing(&third.graph, &map.primal)?;
        let along = self.along(third, &map.along, direction)?;
        // A copy of the handles: what is set on top of the values goes with it.
        let mut values = self.values.clone();
        for (&id, value) in map.along.schedule.roots.iter().zip(along) {
            values.set(id, value);
        }
        let [k, _] = block.dims();
        values.set(traced.programs.tangent, block.into_dispatch());
        let image = run(&third.graph, &map.schedule, self.target, k, &values)?;
        let [image] = results(image)?;
        Ok(Tensor::from_dispatch(image))
    }

    /// The third derivative along `direction`, [P], twice: [P].
    pub fn third_twice(&mut self, direction: Tensor<1>) -> Result<Tensor<1>, LinearizeError> {
        let third = self.traced.third()?;
        let Some(twice) = &third.twice else {
            return Ok(direction.zeros_like());
        };
        let [image] = results(self.along(third, twice, direction)?)?;
        Ok(Tensor::from_dispatch(image))
    }

    /// Values along a direction; those that depend on θ alone stay, for the next one.
    fn along(
        &mut self,
        third: &Third,
        along: &Along,
        direction: Tensor<1>,
    ) -> Result<Vec<DispatchTensor>, LinearizeError> {
        self.fill_missing(&third.graph, &along.primal)?;
        self.values.set(third.direction, direction.into_dispatch());
        let found = run(&third.graph, &along.schedule, self.target, 1, &self.values);
        self.values.clear(third.direction);
        found
    }

    /// Evaluates those of `wanted`, which depend on θ alone, that are not at hand.
    fn fill_missing(&mut self, graph: &Graph, wanted: &[NodeId]) -> Result<(), LinearizeError> {
        let wanted = wanted.iter().copied();
        let missing: Vec<NodeId> = wanted.filter(|&id| !self.values.has(id)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let schedule = Schedule::new(graph, &missing, |id| self.values.has(id));
        let found = run(graph, &schedule, self.target, 1, &self.values)?;
        self.keep(&schedule, found);
        Ok(())
    }

    fn fill(&mut self, schedule: &Schedule) -> Result<(), LinearizeError> {
        let found = self.run(schedule, 1)?;
        self.keep(schedule, found);
        Ok(())
    }

    fn keep(&mut self, schedule: &Schedule, found: Vec<DispatchTensor>) {
        for (&id, value) in schedule.roots.iter().zip(found) {
            self.values.set(id, value);
        }
    }

    fn run(&self, schedule: &Schedule, k: usize) -> Result<Vec<DispatchTensor>, LinearizeError> {
        run(
            &self.traced.programs.graph,
            schedule,
            self.target,
            k,
            &self.values,
        )
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
