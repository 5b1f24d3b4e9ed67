//! The Lanczos process from several vectors at once.

use burn::tensor::Tensor;

use super::super::EigenError;
use super::super::block::{Arithmetic, Orthogonalised};
use super::super::operator::Meter;
use super::rule::Rule;

/// A next vector of at most so many roundings of the operator's size is none: the Krylov space is
/// invariant.
const INVARIANT: f64 = 20.0;

/// What the process knows of one probe.
#[derive(Debug, Default)]
struct Tridiagonal {
    diagonal: Vec<f64>,
    beside: Vec<f64>,
    /// Largest ‖Av‖ seen, about.
    scale: f64,
    finished: bool,
}

/// The Gauss rules of unit vectors, `[k, P]`, after `steps` steps from each, and their images.
pub(super) fn process(
    meter: &mut Meter<'_>,
    arithmetic: Arithmetic,
    probes: Tensor<2>,
    steps: usize,
    epsilon: f64,
) -> Result<(Vec<Rule>, Tensor<2>), EigenError> {
    let [count, _] = probes.dims();
    let owners: Vec<usize> = (0..count).collect();
    let mut found: Vec<Tridiagonal> = (0..count).map(|_| Tridiagonal::default()).collect();
    let mut basis = arithmetic.long_krylov(probes);
    let mut first = None;
    for step in 0..steps {
        let image = meter.apply(basis.last(), &owners)?;
        if first.is_none() {
            first = Some(image.clone());
        }
        let before: Vec<f64> = (found.iter())
            .map(|probe| match probe.finished {
                true => 0.0,
                false => probe.beside.last().copied().unwrap_or(0.0),
            })
            .collect();
        let Orthogonalised { along, length } = basis.orthogonalise(image, &before)?;
        let mut factors = vec![0.0; count];
        for (row, probe) in found.iter_mut().enumerate() {
            let (along, length) = (along[row], length[row]);
            if !(along.is_finite() && length.is_finite()) {
                return Err(EigenError::NonFinite {
                    row,
                    application: meter.applications(),
                });
            }
            if probe.finished {
                continue;
            }
            probe.diagonal.push(along);
            let size = along.abs() + length + before[row];
            probe.scale = probe.scale.max(size);
            probe.finished = length <= INVARIANT * epsilon * probe.scale || step + 1 == steps;
            if !probe.finished {
                probe.beside.push(length);
                factors[row] = length.recip();
            }
        }
        if found.iter().all(|probe| probe.finished) {
            break;
        }
        // A finished probe goes on as zeros, and stays zero.
        basis.extend(&factors);
    }
    let rules = found.iter();
    let rules = rules.map(|probe| Rule::of(&probe.diagonal, &probe.beside));
    let image = first.unwrap_or_else(|| basis.last());
    Ok((rules.collect::<Result<_, _>>()?, image))
}
