//! Sums of matrix products, which are one operation: further products are added to the first where
//! that lies. Tangents of a product are such sums: of two products, and of up to four if they are
//! second derivatives.

use std::collections::BTreeMap;

use super::{Binary, Graph, NodeId, Op};

/// Which computed values are sums of products, and which products exist for them alone.
pub(super) struct Sums<'a> {
    graph: &'a Graph,
    products: BTreeMap<NodeId, Vec<NodeId>>,
    within: Vec<bool>,
}

impl<'a> Sums<'a> {
    /// Among the `computed` values, of which those in `roots` are wanted.
    pub fn new(graph: &'a Graph, computed: &[NodeId], roots: &[NodeId]) -> Self {
        let mut uses = vec![0_usize; graph.len()];
        let args = computed.iter().flat_map(|&id| &graph.node(id).args);
        args.chain(roots).for_each(|id| uses[id.index()] += 1);
        let mut found = Self {
            graph,
            products: BTreeMap::new(),
            within: vec![false; graph.len()],
        };
        for &id in computed {
            let node = graph.node(id);
            let Op::Binary(Binary::Add) = node.op else {
                continue;
            };
            let [first, second] = node.args[..] else {
                continue;
            };
            // The products that a term is the sum of, if it is for this sum alone.
            let terms = |term: NodeId| {
                let of = graph.node(term);
                let fits = computed.binary_search(&term).is_ok()
                    && uses[term.index()] == 1
                    && (of.batched, &of.shape) == (node.batched, &node.shape);
                match (fits, &of.op) {
                    (true, Op::Matmul) => Some(vec![term]),
                    (true, _) => found.products.get(&term).cloned(),
                    (false, _) => None,
                }
            };
            if first != second
                && let (Some(mut products), Some(more)) = (terms(first), terms(second))
            {
                products.extend(more);
                for term in [first, second] {
                    found.products.remove(&term);
                    found.within[term.index()] = true;
                }
                found.products.insert(id, products);
            }
        }
        found
    }

    /// Whether a value is computed as a sum of products.
    pub fn is_sum(&self, id: NodeId) -> bool {
        self.products.contains_key(&id)
    }

    /// Whether a product, or a sum of some, is computed within a larger sum.
    pub fn is_within(&self, id: NodeId) -> bool {
        self.within[id.index()]
    }

    /// What an operation takes: a sum both arguments of each product.
    pub fn args(&self, id: NodeId) -> Vec<NodeId> {
        match self.products.get(&id) {
            Some(products) => products
                .iter()
                .flat_map(|&product| self.graph.node(product).args.iter().copied())
                .collect(),
            None => self.graph.node(id).args.clone(),
        }
    }
}
