//! Weight files of networks whose parameters have names of their own.

use super::WeightFileFault;
use super::layout::Layout;
use super::names::Entry;
use super::read::Reading;
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
    let stored_turned = layout != Some(Layout::InOut);
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
        let of_its_name = |entry: &&mut Option<Entry>| {
            let entry = entry.as_ref();
            entry.is_some_and(|entry| entry.name == parameter.name)
        };
        let Some(entry) = entries.iter_mut().find(of_its_name).and_then(Option::take) else {
            return Err(WeightFileFault::MissingTensor {
                tensor: parameter.name.clone(),
                advice: "make the `model` section describe this file's network, whose tensors have \
                         the names of PyTorch's state dict",
            });
        };
        let turned = parameter.transposed && stored_turned;
        let expected = match turned {
            true => parameter.stored_shape(),
            false => parameter.shape.clone(),
        };
        if entry.shape != expected {
            return Err(WeightFileFault::TensorShape {
                tensor: entry.name,
                got: entry.shape,
                expected,
            });
        }
        plan.push(Reading {
            parameter,
            entry,
            turned,
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
