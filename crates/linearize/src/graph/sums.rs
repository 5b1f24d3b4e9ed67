//! Sums of two matrix products, which are one operation: the second product is added to the first
//! where that lies. Tangents of a product are such sums.

use std::collections::BTreeMap;

use super::{Binary, Graph, NodeId, Op};

/// Which computed values are sums of two products, and which products exist for them alone.
pub(super) struct Sums<'a> {
    graph: &'a Graph,
    products: BTreeMap<NodeId, [NodeId; 2]>,
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
            let fits = |product: NodeId| {
                let of = graph.node(product);
                matches!(of.op, Op::Matmul)
                    && computed.binary_search(&product).is_ok()
                    && uses[product.index()] == 1
                    && (of.batched, &of.shape) == (node.batched, &node.shape)
            };
            if first != second && fits(first) && fits(second) {
                found.products.insert(id, [first, second]);
                found.within[first.index()] = true;
                found.within[second.index()] = true;
            }
        }
        found
    }

    /// Whether a value is a sum of two products.
    pub fn is_sum(&self, id: NodeId) -> bool {
        self.products.contains_key(&id)
    }

    /// Whether a product is computed within a sum.
    pub fn is_within(&self, id: NodeId) -> bool {
        self.within[id.index()]
    }

    /// What an operation takes: a sum both arguments of either product.
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
