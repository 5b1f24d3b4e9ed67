//! How many passes over memory a program takes, where operations are taken together as far as they
//! can be.

use super::chain::{Chain, Function, Instruction};
use super::{Graph, NodeId, Op, Schedule, Unit};

/// Passes over memory, by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Passes {
    /// Matrix products and convolutions.
    pub products: usize,
    /// Sums and extrema along dimensions.
    pub reductions: usize,
    /// Elementwise operations that follow from each other.
    pub chains: usize,
}

impl Passes {
    /// All of them.
    pub fn total(self) -> usize {
        self.products + self.reductions + self.chains
    }
}

impl std::ops::AddAssign for Passes {
    fn add_assign(&mut self, other: Self) {
        self.products += other.products;
        self.reductions += other.reductions;
        self.chains += other.chains;
    }
}

impl Schedule {
    /// Those of the whole program; views, copies and selections are none of these.
    pub fn passes(&self, graph: &Graph) -> Passes {
        let mut passes = Passes::default();
        for unit in &self.units {
            match unit {
                Unit::Products(step) => passes.products += step.args.len() / 2,
                Unit::Step(step) => passes.add(graph, step.node),
                Unit::Chain(chain) => passes.add_chain(chain),
            }
        }
        passes
    }
}

impl Passes {
    fn add(&mut self, graph: &Graph, node: NodeId) {
        match graph.node(node).op {
            Op::Matmul | Op::Conv2d(_) | Op::Conv2dInput(_) | Op::Conv2dWeight(_) => {
                self.products += 1;
            }
            Op::Sum(_)
            | Op::CumulativeSum(_)
            | Op::ArgMax(_)
            | Op::ArgMin(_)
            | Op::AvgPool2d(_)
            | Op::AvgPool2dInput(_)
            | Op::MaxPool2dIndices(_) => self.reductions += 1,
            _ => {}
        }
    }

    /// Each of a chain's phases is a pass, and so is each sum over rows or columns.
    fn add_chain(&mut self, chain: &Chain) {
        for phase in &chain.phases {
            let reduces = |i: &&Instruction| {
                i.function.reduces() || matches!(i.function, Function::Columns(..))
            };
            let reductions = phase.elements.iter().filter(reduces).count();
            self.reductions += reductions;
            self.chains += usize::from(phase.elements.len() > reductions);
            self.chains += usize::from(!phase.rows.is_empty());
        }
    }
}
