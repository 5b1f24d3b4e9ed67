//! What a GPU does at once of a program's steps.

use burn::backend::DispatchTensor;

use super::super::{Arg, Local, Target, is_elementwise};
use super::{Piece, split};
use crate::graph::{Kind, NodeId, Op, Range, Schedule, Step};

impl Local<'_> {
    /// Gives what elementwise operations on blocks take from outside a block's dimension. Where they
    /// did it themselves, between two of them, a GPU could not take these together.
    pub(in super::super) fn lift(&mut self, schedule: &Schedule, target: &Target) {
        if target.is_cpu() {
            return;
        }
        let mut outside = vec![false; self.graph.len()];
        for source in &schedule.sources {
            outside[source.index()] = !self.graph.node(*source).batched;
        }
        for step in &schedule.steps {
            let node = self.graph.node(step.node);
            if !(node.batched && is_elementwise(&node.op)) {
                continue;
            }
            for (id, _) in &step.args {
                let of = self.graph.node(*id);
                let value = self.values[id.index()].clone();
                if let (true, None, Some(value)) =
                    (outside[id.index()], &self.lifted[id.index()], value)
                {
                    self.lifted[id.index()] = Some(Arg::new(of, value).lifted());
                }
            }
        }
    }

    /// Takes all slices of a value on a GPU at the first of them; whether this step is one of them.
    pub(in super::super) fn split(&mut self, step: &Step, schedule: &Schedule) -> bool {
        let Some((whole, _)) = self.piece(step.node) else {
            return false;
        };
        if self.values[step.node.index()].is_none() {
            let steps = schedule.steps.iter();
            let pieces = steps.filter_map(|step| {
                let (of, piece) = self.piece(step.node)?;
                (of == whole).then_some((step.node, piece))
            });
            let (nodes, pieces): (Vec<NodeId>, Vec<Piece>) = pieces.unzip();
            if nodes.len() < 2 {
                return false;
            }
            let value = self.values[whole.index()].as_ref();
            let Some(found) = value.and_then(|value| split(value, pieces)) else {
                return false;
            };
            for (node, value) in nodes.into_iter().zip(found) {
                self.values[node.index()] = Some(value);
            }
        }
        for &(id, last) in &step.args {
            if last {
                self.values[id.index()] = None;
            }
        }
        true
    }

    /// Of which value a node is a slice of the last dimension, and which.
    fn piece(&self, id: NodeId) -> Option<(NodeId, Piece)> {
        let node = self.graph.node(id);
        let (Op::Slice(ranges), Kind::Float) = (&node.op, node.kind) else {
            return None;
        };
        let whole = *node.args.first()?;
        let lengths = &self.graph.node(whole).shape;
        let (last, before) = ranges.split_last()?;
        let all = |(range, &length): (&Range, &usize)| {
            range.start == 0 && range.end == length && range.step == 1
        };
        let along = ranges.len() == lengths.len() && last.step == 1;
        let piece = Piece {
            from: last.start,
            length: last.end - last.start,
        };
        (along && before.iter().zip(lengths).all(all)).then_some((whole, piece))
    }

    /// A value as an elementwise operation on blocks meets it, if that was prepared.
    pub(in super::super) fn lifted_for(&self, user: NodeId, id: NodeId) -> Option<DispatchTensor> {
        let user = self.graph.node(user);
        let prepared = user.batched && is_elementwise(&user.op);
        prepared.then(|| self.lifted[id.index()].clone())?
    }
}
