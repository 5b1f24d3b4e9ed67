//! Which layout a file's linear weights have, decided once for the whole file.

use super::WeightFileFault;
use super::names::{Group, chains};
use crate::{LayerKind, LayerSpec, weight_name};

/// How a file lays out linear weights. Convolutions are `[out, in, kernel, kernel]` in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// `[out, in]`: PyTorch's, and what we write.
    OutIn,
    /// `[in, out]`: Burn's own, and that of most JAX code.
    InOut,
}

impl Layout {
    /// The name used in metadata.
    pub fn name(self) -> &'static str {
        match self {
            Self::OutIn => "out_in",
            Self::InOut => "in_out",
        }
    }

    /// The layout of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::OutIn, Self::InOut]
            .into_iter()
            .find(|layout| layout.name() == name)
    }

    /// A layer's weight shape in a file of this layout.
    pub fn weight_shape(self, layer: &LayerSpec) -> Vec<usize> {
        match (self, layer.kind) {
            (Self::OutIn, LayerKind::Linear { inputs, outputs }) => vec![outputs, inputs],
            _ => layer.weight_shape(),
        }
    }
}

/// Decides the layout and which group is which layer (indices into `groups`, one a layer).
///
/// The layout is the `declared` one if there is any. Otherwise it is the one in which every weight
/// has its layer's shape; when all linear weights are square and both fit, PyTorch's.
pub(super) fn decide(
    groups: &[Group],
    layers: &[LayerSpec],
    declared: Option<Layout>,
) -> Result<(Layout, Vec<usize>), WeightFileFault> {
    if groups.len() != layers.len() {
        return Err(WeightFileFault::LayerCount {
            expected: layers.len(),
            found: groups.iter().map(|group| group.prefix.clone()).collect(),
        });
    }
    let fault = Fault { groups, layers };
    let chains = chains(groups);
    let fit = |layout| arrange(groups, &chains, layers, layout);
    if let Some(layout) = declared {
        return match fit(layout) {
            Ok(order) => Ok((layout, order)),
            Err(misfit) => Err(fault.misfit(&misfit, &[layout])),
        };
    }
    match (fit(Layout::OutIn), fit(Layout::InOut)) {
        (Ok(out_in), Ok(in_out)) => match (0..layers.len()).find(|&i| out_in[i] != in_out[i]) {
            None => Ok((Layout::OutIn, out_in)),
            Some(layer) => Err(fault.ambiguous(layer, &[out_in[layer], in_out[layer]])),
        },
        (Ok(order), Err(_)) => Ok((Layout::OutIn, order)),
        (Err(_), Ok(order)) => Ok((Layout::InOut, order)),
        (Err(out_in), Err(in_out)) => Err(fault.neither(&out_in, &in_out)),
    }
}

/// Why the weights do not fit in one layout: the first layer without exactly one weight for it.
struct Misfit {
    layer: usize,
    /// The groups that may come next by their names.
    heads: Vec<usize>,
    /// Those of them that have the shape: none, or several.
    fitting: Vec<usize>,
}

/// Gives each layer the one chain head that has its shape.
fn arrange(
    groups: &[Group],
    chains: &[Vec<usize>],
    layers: &[LayerSpec],
    layout: Layout,
) -> Result<Vec<usize>, Misfit> {
    let mut rest: Vec<&[usize]> = chains.iter().map(Vec::as_slice).collect();
    let mut order = Vec::with_capacity(layers.len());
    for (index, layer) in layers.iter().enumerate() {
        let shape = layout.weight_shape(layer);
        let heads: Vec<usize> = (rest.iter())
            .filter_map(|chain| chain.first().copied())
            .collect();
        let fitting: Vec<usize> = (heads.iter().copied())
            .filter(|&head| groups[head].weight.shape == shape)
            .collect();
        let [head] = fitting[..] else {
            return Err(Misfit {
                layer: index,
                heads,
                fitting,
            });
        };
        order.push(head);
        for chain in &mut rest {
            if let Some((&first, tail)) = chain.split_first()
                && first == head
            {
                *chain = tail;
            }
        }
    }
    Ok(order)
}

/// Words a misfit as an error.
struct Fault<'a> {
    groups: &'a [Group],
    layers: &'a [LayerSpec],
}

impl Fault<'_> {
    fn name(&self, group: usize) -> String {
        self.groups[group].weight.name.clone()
    }

    fn ambiguous(&self, layer: usize, groups: &[usize]) -> WeightFileFault {
        WeightFileFault::AmbiguousOrder {
            layer: weight_name(layer),
            tensors: groups.iter().map(|&group| self.name(group)).collect(),
        }
    }

    /// A misfit in each of the layouts that were tried.
    fn misfit(&self, misfit: &Misfit, layouts: &[Layout]) -> WeightFileFault {
        if !misfit.fitting.is_empty() {
            return self.ambiguous(misfit.layer, &misfit.fitting);
        }
        let needed = |layout| {
            (layouts.contains(&layout)).then(|| layout.weight_shape(&self.layers[misfit.layer]))
        };
        let candidate = |&head: &usize| (self.name(head), self.groups[head].weight.shape.clone());
        WeightFileFault::WeightShape {
            layer: weight_name(misfit.layer),
            candidates: misfit.heads.iter().map(candidate).collect(),
            out_in: needed(Layout::OutIn),
            in_out: needed(Layout::InOut),
        }
    }

    /// Neither layout fits: names that leave a choice are the first suspect, then a weight that
    /// is laid out the other way from an earlier one, then the layout that got further.
    fn neither(&self, out_in: &Misfit, in_out: &Misfit) -> WeightFileFault {
        if let Some(open) = [out_in, in_out].into_iter().find(|m| !m.fitting.is_empty()) {
            return self.ambiguous(open.layer, &open.fitting);
        }
        let (near, far, other) = if out_in.layer <= in_out.layer {
            (out_in, in_out, Layout::OutIn)
        } else {
            (in_out, out_in, Layout::InOut)
        };
        if let ([near_head], [far_head]) = (&near.heads[..], &far.heads[..])
            && near_head != far_head
            && self.groups[*far_head].weight.shape == other.weight_shape(&self.layers[far.layer])
        {
            let (near, far) = (self.name(*near_head), self.name(*far_head));
            let (out_in, in_out) = match other {
                Layout::OutIn => (far, near),
                Layout::InOut => (near, far),
            };
            return WeightFileFault::LayoutConflict { out_in, in_out };
        }
        self.misfit(far, &[Layout::OutIn, Layout::InOut])
    }
}
