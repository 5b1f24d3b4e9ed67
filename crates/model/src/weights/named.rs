//! Weight files of networks whose parameters have names of their own.

use super::WeightFileFault;
use super::layout::Layout;
use super::names::Entry;
use super::read::{Reading, Stored};
use crate::Parameter;

/// What PyTorch's state dicts hold besides parameters: statistics and counts of batch norm.
const STATISTICS: [&str; 3] = ["running_mean", "running_var", "num_batches_tracked"];

/// The tensor of a parameter's name for each parameter, in the network's order.
///
/// The matrices of linear layers are `[out, in]` unless the metadata say otherwise.
pub(super) fn plan<'p>(
    parameters: &'p [Parameter],
    entries: Vec<Entry>,
    layout: Option<Layout>,
) -> Result<Vec<Reading<'p>>, WeightFileFault> {
    let is_statistic = |name: &str| {
        let last = name.rsplit('.').next();
        last.is_some_and(|last| STATISTICS.contains(&last))
    };
    let mut entries: Vec<Option<Entry>> = (entries.into_iter())
        .filter(|entry| !is_statistic(&entry.name))
        .map(Some)
        .collect();
    let mut plan = Vec::with_capacity(parameters.len());
    for parameter in parameters {
        let mut take = |name: &str| {
            let mut entries = entries.iter_mut();
            let of_that_name = |entry: &Entry| entry.name == name;
            let found = entries.find(|entry| entry.as_ref().is_some_and(of_that_name));
            found.and_then(Option::take)
        };
        let own = take(&parameter.name).map(|entry| Stored {
            entry,
            turned: parameter.transposed && layout != Some(Layout::InOut),
        });
        // The other name is that of a linear layer, whose matrix `[out, in]` is the parameter.
        let alias = parameter.alias.as_deref().and_then(&mut take);
        let alias = alias.map(|entry| Stored {
            entry,
            turned: layout == Some(Layout::InOut),
        });
        // `safetensors.torch.save_model` keeps one of two names, the first by the alphabet.
        let (first, again) = match own {
            Some(own) => (Some(own), alias),
            None => (alias, None),
        };
        let Some(stored) = first else {
            return Err(WeightFileFault::MissingTensor {
                tensor: parameter.name.clone(),
                advice: "make the `model` section describe this file's network, whose tensors have \
                         the names of PyTorch's state dict",
            });
        };
        for Stored { entry, turned } in [Some(&stored), again.as_ref()].into_iter().flatten() {
            let mut expected = parameter.shape.clone();
            if *turned {
                expected.reverse();
            }
            if entry.shape != expected {
                return Err(WeightFileFault::TensorShape {
                    tensor: entry.name.clone(),
                    got: entry.shape.clone(),
                    expected,
                });
            }
        }
        plan.push(Reading {
            parameter,
            stored,
            again,
        });
    }
    match entries.into_iter().flatten().next() {
        Some(entry) => Err(WeightFileFault::ExtraTensor {
            tensor: entry.name,
            advice: "make the `model` section describe this file's network",
        }),
        None => Ok(plan),
    }
}
