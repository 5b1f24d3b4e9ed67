//! How much memory a block takes on its way through a program.

use super::{Graph, Schedule};

impl Schedule {
    /// The most elements that values of one vector of the block have at a time.
    ///
    /// One operation at a time is supposed: those that are taken together make do with less.
    pub fn elements_at_once(&self, graph: &Graph) -> usize {
        let of_a_vector = |id| {
            let node = graph.node(id);
            if node.batched { node.len() } else { 0 }
        };
        let mut alive: usize = self.sources.iter().map(|&id| of_a_vector(id)).sum();
        let mut most = alive;
        for step in &self.steps {
            alive += of_a_vector(step.node);
            most = most.max(alive);
            let freed = step.args.iter().filter(|(_, last)| *last);
            alive -= freed.map(|&(id, _)| of_a_vector(id)).sum::<usize>();
        }
        most
    }
}

#[cfg(test)]
mod tests {
    use crate::graph::{Graph, Kind, Op, Schedule, Unary};

    #[test]
    fn values_count_from_their_making_to_their_last_use() {
        let mut graph = Graph::default();
        let fixed = graph.input(vec![100], Kind::Float, false);
        let source = graph.input(vec![10], Kind::Float, true);
        let apply = |graph: &mut Graph, op, arg, length| {
            graph.apply(Op::Unary(op), vec![arg], vec![length], Kind::Float)
        };
        let wide = apply(&mut graph, Unary::Exp, source, 40);
        let narrow = apply(&mut graph, Unary::Tanh, wide, 5);
        let other = apply(&mut graph, Unary::Sin, narrow, 30);
        let unseen = apply(&mut graph, Unary::Sin, fixed, 100);
        let at_once =
            |roots: &[_]| Schedule::new(&graph, roots, |_| false).elements_at_once(&graph);
        // The source stays, as nothing given is freed: 10 + 40 + 5.
        assert_eq!(at_once(&[other]), 55);
        // A wanted value stays, too: 10 + 40 + 5 + 30.
        assert_eq!(at_once(&[wide, other]), 85);
        assert_eq!(at_once(&[unseen]), 0);
    }
}
