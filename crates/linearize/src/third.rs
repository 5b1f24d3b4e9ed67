//! The third derivative of the loss, by forward mode over the program of the Hessian's products.

use crate::error::LinearizeError;
use crate::forward::tangents;
use crate::graph::{Graph, Kind, NodeId, Schedule};
use crate::programs::{Programs, linear_part, residuals};

/// (θ, u, v) ↦ ∇³L(θ)[u, v] for a block of vectors v, and (θ, u) ↦ ∇³L(θ)[u, u].
///
/// Tangents are made of operations that have a rule. So ∇L is differentiated along u, which is no
/// block, and the result, ∇²L·u, along the block or along u again. The second is cheaper than a
/// block of u alone: tangents along u are there already.
#[derive(Debug)]
pub(crate) struct Third {
    /// The objective's graph, whose values keep their numbers, and what comes on top of it.
    pub graph: Graph,
    /// u, [P].
    pub direction: NodeId,
    /// v ↦ ∇³L[u, v]; `None` is the zero map.
    pub of_block: Option<OfBlock>,
    /// ∇³L[u, u]; `None` is zero.
    pub twice: Option<Along>,
}

/// A linear map of a block, at an iterate and along a direction.
#[derive(Debug)]
pub(crate) struct OfBlock {
    /// To the values along u that the map refers to.
    pub along: Along,
    /// Values that depend on θ alone and that the map refers to.
    pub primal: Vec<NodeId>,
    /// From the block and both kinds of values to the result.
    pub schedule: Schedule,
}

/// Values at an iterate and along a direction.
#[derive(Debug)]
pub(crate) struct Along {
    /// Values that depend on θ alone.
    pub primal: Vec<NodeId>,
    /// From them and u to what is wanted, its roots.
    pub schedule: Schedule,
}

impl Third {
    pub fn new(programs: &Programs) -> Result<Self, LinearizeError> {
        let mut graph = programs.graph.clone();
        let theta = programs.theta;
        let size = graph.node(theta).len();
        let direction = graph.input(vec![size], Kind::Float, false);
        let moved = tangents(&mut graph, &[(theta, direction)], &[programs.slope])?[0];
        let mut again = |along: NodeId| match moved {
            Some(moved) => Ok(tangents(&mut graph, &[(theta, along)], &[moved])?[0]),
            None => Ok::<_, LinearizeError>(None),
        };
        let (mixed, twice) = (again(programs.tangent)?, again(direction)?);
        Ok(Self {
            of_block: mixed.map(|root| OfBlock::new(&graph, root, direction, programs.repeats)),
            twice: twice.map(|root| Along::new(&graph, &[root], direction)),
            graph,
            direction,
        })
    }
}

impl OfBlock {
    fn new(graph: &Graph, root: NodeId, direction: NodeId, repeats: bool) -> Self {
        let schedule = linear_part(graph, root, repeats);
        let residuals = residuals(graph, &schedule);
        let depends = users(graph, &residuals, direction);
        let (along, primal): (Vec<_>, Vec<_>) =
            residuals.into_iter().partition(|id| depends[id.index()]);
        Self {
            along: Along::new(graph, &along, direction),
            primal,
            schedule,
        }
    }
}

impl Along {
    fn new(graph: &Graph, wanted: &[NodeId], direction: NodeId) -> Self {
        let depends = users(graph, wanted, direction);
        let schedule = Schedule::new(graph, wanted, |id| !depends[id.index()]);
        let sources = schedule.sources.iter().copied();
        Self {
            primal: sources.filter(|&id| id != direction).collect(),
            schedule,
        }
    }
}

/// Which of the values that `wanted` need depend on `source`, by number.
fn users(graph: &Graph, wanted: &[NodeId], source: NodeId) -> Vec<bool> {
    let mut depends = vec![false; graph.len()];
    for id in graph.ancestors(wanted) {
        let args = &graph.node(id).args;
        depends[id.index()] = id == source || args.iter().any(|arg| depends[arg.index()]);
    }
    depends
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::module::Module;
    use burn::nn::{Linear, LinearConfig};
    use burn::tensor::{Device, Tensor};

    use super::*;
    use crate::graph::Op;
    use crate::{Batch, Objective};

    #[derive(Module, Debug)]
    struct Net {
        first: Linear,
        second: Linear,
        output: Linear,
    }

    /// A tanh network on n samples, nothing of it computed.
    fn objective(n: usize, sizes: [usize; 4]) -> Objective<2> {
        let device = Device::flex();
        let layer = |i: usize| LinearConfig::new(sizes[i], sizes[i + 1]).init(&device);
        let module = Net {
            first: layer(0),
            second: layer(1),
            output: layer(2),
        };
        let batch = Batch::new()
            .with(Tensor::<2>::zeros([n, sizes[0]], &device))
            .with(Tensor::<2>::zeros([n, sizes[3]], &device));
        let forward = |m: &Net, b: &Batch| {
            let x = m.first.forward(b.float::<2>(0)).tanh();
            m.output.forward(m.second.forward(x).tanh())
        };
        let loss = |f: Tensor<2>, b: &Batch| (f - b.float::<2>(1)).square().mean();
        Objective::trace(&module, &batch, forward, loss).unwrap()
    }

    /// Multiplications and additions of the matrix products, for one vector.
    fn work(graph: &Graph, schedule: &Schedule) -> usize {
        let nodes = schedule.steps.iter().map(|step| graph.node(step.node));
        nodes
            .filter(|node| matches!(node.op, Op::Matmul))
            .map(|node| node.len() * graph.node(node.args[0]).shape.last().unwrap())
            .sum()
    }

    /// The cost in Hessian products: of the values along u, of each vector besides, of ∇³L[u, u].
    fn cost(n: usize, sizes: [usize; 4]) -> [f64; 3] {
        let objective = objective(n, sizes);
        let traced = &objective.parts[0].traced;
        let third = traced.third().unwrap();
        let programs = &traced.programs;
        let product = work(&third.graph, programs.hessian.schedule.as_ref().unwrap());
        let map = third.of_block.as_ref().unwrap();
        let twice = third.twice.as_ref().unwrap();
        // The linearisation has evaluated all products of matrices that depend on θ alone.
        let known = |id: NodeId| {
            programs.hoisted.roots.contains(&id) || programs.hessian.primal.roots.contains(&id)
        };
        let primal = [&map.primal, &map.along.primal, &twice.primal].into_iter();
        let mut fresh = primal.flatten().copied().collect::<Vec<NodeId>>();
        fresh.retain(|&id| !known(id));
        let fresh = Schedule::new(&third.graph, &fresh, known);
        assert_eq!(work(&third.graph, &fresh), 0);
        [&map.along.schedule, &map.schedule, &twice.schedule]
            .map(|part| work(&third.graph, part) as f64 / product as f64)
    }

    #[test]
    fn it_is_built_when_it_is_asked_for() {
        let objective = objective(4, [3, 4, 4, 2]);
        let traced = &objective.parts[0].traced;
        let size = traced.programs.graph.len();
        assert!(!traced.has_third());
        assert!(traced.third().unwrap().graph.len() > size);
        assert!(traced.has_third());
        assert_eq!(traced.programs.graph.len(), size);
    }

    /// Matrix products alone, counted. A layer's weights meet n samples in 6 products for Hv, and
    /// in 18 for ∇³L[u, v], 4 of which are the same for every v, and in 11 for ∇³L[u, u]; in the
    /// first layer, whose inputs do not move, in 2, in 3 and 1, and in 2.
    #[test]
    fn what_it_costs_in_hessian_products() {
        let rounded = |sizes| cost(1000, sizes).map(|cost| (cost * 100.0).round() / 100.0);
        assert_eq!(rounded([1000, 200, 200, 10]), [0.56, 1.52, 1.32]);
        assert_eq!(rounded([10, 400, 400, 10]), [0.67, 2.32, 1.83]);
    }
}
