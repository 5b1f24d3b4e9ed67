//! The programs that an objective is made of, in one graph.

use burn::module::Module;
use burn::tensor::Tensor;

use crate::batch::Batch;
use crate::error::LinearizeError;
use crate::forward::tangents;
use crate::graph::{Graph, Kind, NodeId, Op, Operations, Range, Schedule};
use crate::import::{Imported, import};
use crate::layout::Layout;
use crate::trace::{Subject, Trace, bind};

/// A linear map of a block of vectors, at a fixed iterate.
#[derive(Debug, Clone)]
pub(crate) struct LinearMap {
    /// From the block and the primal values to the result; `None` is the zero map.
    pub schedule: Option<Schedule>,
    /// From θ and what was hoisted to the primal values that the map refers to, its roots.
    pub primal: Schedule,
    /// The most elements that the values of one vector have at a time on the way.
    pub elements: usize,
    /// Operations for one vector.
    pub operations: Operations,
    /// Operations of `primal`.
    pub primal_operations: Operations,
}

/// Nodes and schedules of one traced loss.
#[derive(Debug)]
pub(crate) struct Programs {
    pub graph: Graph,
    /// θ, [P].
    pub theta: NodeId,
    /// The batch's tensors.
    pub data: Vec<NodeId>,
    /// A block of tangents, [k, P].
    pub tangent: NodeId,
    /// A block of cotangents of the outputs, [k, N].
    pub cotangent: NodeId,
    /// ∇L, [P].
    pub slope: NodeId,
    pub output_shape: Vec<usize>,
    /// Values that depend on the data alone: computed once.
    pub hoisted: Schedule,
    pub evaluate: Schedule,
    pub gradient: Schedule,
    /// Gradient and everything that `hessian` refers to.
    pub linearize: Schedule,
    pub hessian: LinearMap,
    pub jacobian: LinearMap,
    pub transposed: LinearMap,
    pub gauss_newton: LinearMap,
    /// Whether a linear map computes cheap primal values again instead of reading them.
    pub repeats: bool,
}

impl Programs {
    pub fn trace<M: Module, const D: usize>(
        subject: &Subject<'_, M>,
        forward: &impl Fn(&M, &Batch) -> Tensor<D>,
        loss: &impl Fn(Tensor<D>, &Batch) -> Tensor<1>,
        repeats: bool,
    ) -> Result<Self, LinearizeError> {
        // Where passes are our own, so are long products.
        let mut graph = Graph::new(repeats);
        let size = subject.layout.len();
        let theta = graph.input(vec![size], Kind::Float, false);
        let parameters = cut(&mut graph, theta, subject.layout);
        let data: Vec<NodeId> = subject
            .batch
            .tensors()
            .iter()
            .map(|(kind, tensor)| {
                let shape = burn::backend::TensorMetadata::shape(tensor).to_vec();
                graph.input(shape, *kind, false)
            })
            .collect();
        let tangent = graph.input(vec![size], Kind::Float, true);

        // θ ↦ (L, F, ∇L), and its derivative along the tangent.
        let trace = subject.gradient(forward, loss)?;
        let values = read(&mut graph, &trace, &parameters, &data, None)?;
        let value = values.node(trace.scalar)?;
        let (outputs, output_shape) = trace
            .outputs
            .as_ref()
            .ok_or_else(|| LinearizeError::Internal("the trace recorded no outputs".into()))?;
        let outputs = values.node(*outputs)?;
        let gradient = flat(&mut graph, &trace, &values, subject.layout)?;
        let derivative = tangents(&mut graph, &[(theta, tangent)], &[gradient, outputs])?;
        let (hessian, pushed) = (derivative[0], derivative[1]);

        // (θ, U) ↦ JᵀU is linear in U: its derivative along U is itself, for a block.
        let count: usize = output_shape.iter().product();
        let cotangent = graph.input(vec![count], Kind::Float, true);
        let shaped = graph.reshape(cotangent, output_shape.clone());
        let paired = graph.input(output_shape.clone(), Kind::Float, false);
        let trace = subject.pullback(forward)?;
        let values = read(&mut graph, &trace, &parameters, &data, Some(paired))?;
        let pulled = flat(&mut graph, &trace, &values, subject.layout)?;
        let transposed = tangents(&mut graph, &[(paired, shaped)], &[pulled])?[0];

        // Gauss–Newton: push forward, multiply by the loss's own Hessian, pull back.
        let trace = subject.loss_gradient(output_shape, loss)?;
        let values = read(&mut graph, &trace, &parameters, &data, Some(outputs))?;
        let slope = trace.gradients.first().copied().flatten();
        let curved = match (slope, pushed) {
            (Some(slope), Some(pushed)) => {
                let slope = values.node(slope)?;
                tangents(&mut graph, &[(outputs, pushed)], &[slope])?[0]
            }
            _ => None,
        };
        let gauss_newton = match curved {
            Some(curved) => tangents(&mut graph, &[(paired, curved)], &[pulled])?[0],
            None => None,
        };
        let pushed = pushed.map(|pushed| graph.reshape(pushed, vec![count]));

        let output_shape = output_shape.clone();
        let wanted = [value, outputs, gradient];
        let linear = [hessian, pushed, transposed, gauss_newton]
            .map(|root| root.map(|root| linear_part(&graph, root, repeats)));
        let mut needed = wanted.to_vec();
        for schedule in linear.iter().flatten() {
            needed.extend(residuals(&graph, schedule));
        }
        let hoisted = hoist(&graph, &needed, theta);
        let known = |id: NodeId| hoisted.roots.contains(&id);
        let [hessian, jacobian, transposed, gauss_newton] = linear.map(|schedule| {
            let residuals = schedule.iter().flat_map(|s| residuals(&graph, s));
            let residuals: Vec<NodeId> = residuals.collect();
            let primal = Schedule::new(&graph, &residuals, known);
            let linear = schedule.as_ref();
            LinearMap {
                elements: linear.map_or(0, |linear| linear.elements_at_once(&graph)),
                operations: linear
                    .map(|linear| linear.operations(&graph))
                    .unwrap_or_default(),
                primal_operations: primal.operations(&graph),
                primal,
                schedule,
            }
        });
        let evaluate = Schedule::new(&graph, &[value, outputs], known);
        let with_gradient = Schedule::new(&graph, &wanted, known);
        let with_residuals = [&wanted[..], &hessian.primal.roots].concat();
        let linearize = Schedule::new(&graph, &with_residuals, known);
        Ok(Self {
            theta,
            data,
            tangent,
            cotangent,
            slope: gradient,
            output_shape,
            hoisted,
            evaluate,
            gradient: with_gradient,
            linearize,
            hessian,
            jacobian,
            transposed,
            gauss_newton,
            repeats,
            graph,
        })
    }
}

/// Each parameter as a part of θ.
fn cut(graph: &mut Graph, theta: NodeId, layout: &Layout) -> Vec<NodeId> {
    layout
        .parameters()
        .iter()
        .map(|parameter| {
            let range = Range {
                start: parameter.offset,
                end: parameter.offset + parameter.len(),
                step: 1,
            };
            let part = graph.slice(theta, vec![range]);
            graph.reshape(part, parameter.shape.clone())
        })
        .collect()
}

/// Imports a trace, its stand-ins bound to nodes.
fn read(
    graph: &mut Graph,
    trace: &Trace,
    parameters: &[NodeId],
    data: &[NodeId],
    extra: Option<NodeId>,
) -> Result<Imported, LinearizeError> {
    let pairs = trace
        .parameters
        .iter()
        .zip(parameters)
        .chain(trace.data.iter().zip(data))
        .map(|(&tensor, &node)| (tensor, node));
    let extra = trace.extra.as_ref().map(|(tensor, _)| *tensor).zip(extra);
    import(graph, &trace.captured, bind(pairs.chain(extra)))
}

/// The recorded gradients as one vector [P].
fn flat(
    graph: &mut Graph,
    trace: &Trace,
    values: &Imported,
    layout: &Layout,
) -> Result<NodeId, LinearizeError> {
    let mut parts = Vec::with_capacity(layout.parameters().len());
    for (gradient, parameter) in trace.gradients.iter().zip(layout.parameters()) {
        let part = match gradient {
            Some(gradient) => values.node(*gradient)?,
            None => graph.full(0.0, parameter.shape.clone(), false),
        };
        parts.push(graph.reshape(part, vec![parameter.len()]));
    }
    Ok(graph.concat(parts, 0))
}

/// The program from a block and primal values to a root. Where it `repeats`, what follows from few
/// primal values by cheap operations is part of the program, instead of being one of these values.
pub(crate) fn linear_part(graph: &Graph, root: NodeId, repeats: bool) -> Schedule {
    match repeats {
        #[cfg(feature = "flex")]
        true => Schedule::of_block(graph, root),
        _ => Schedule::new(graph, &[root], |id| !graph.node(id).batched),
    }
}

/// The primal values that a linear part refers to.
pub(crate) fn residuals(graph: &Graph, linear: &Schedule) -> Vec<NodeId> {
    let sources = linear.sources.iter().copied();
    sources.filter(|&id| !graph.node(id).batched).collect()
}

/// What the programs need for `wanted` that does not depend on θ.
fn hoist(graph: &Graph, wanted: &[NodeId], theta: NodeId) -> Schedule {
    let reached = graph.ancestors(wanted);
    let mut varies = vec![false; graph.len()];
    for &id in &reached {
        let node = graph.node(id);
        varies[id.index()] =
            id == theta || node.batched || node.args.iter().any(|arg| varies[arg.index()]);
    }
    let mut fixed: Vec<NodeId> = wanted
        .iter()
        .copied()
        .filter(|id| !varies[id.index()])
        .collect();
    for &id in &reached {
        if varies[id.index()] {
            let args = &graph.node(id).args;
            fixed.extend(args.iter().copied().filter(|arg| !varies[arg.index()]));
        }
    }
    fixed.sort_unstable();
    fixed.dedup();
    // Fills are cheaper to make than to keep; inputs are bound anyway.
    fixed.retain(|&id| !matches!(graph.node(id).op, Op::Full(_) | Op::Input(_)));
    Schedule::new(graph, &fixed, |_| false)
}
