//! What happens within the span of the Hessian's top eigenvectors.

use std::collections::VecDeque;

use brink_state::{Loader, Memory, Saver, StateError};
use burn::tensor::Tensor;

use super::class_gradients::Classes;
use super::{Iterate, MeasureError, Measurement, Schedule, read};
use crate::column::Column;
use crate::norms::Reading;
use crate::record::Eigenvalue;

/// The span of the Hessian's top k eigenvectors at θ_t, and how much of the movement is in it
/// (Gur-Ari, Roberts and Dyer, *Gradient Descent Happens in a Tiny Subspace*, 2018,
/// arXiv 1812.04754). All columns are without unit.
///
/// - `subspace_gradient_share`: the share of ‖g‖² in the span, g = ∇L(θ_t) over all samples with the
///   penalty of weight decay; from 0 to 1. Empty where g is 0.
/// - `subspace_update_share`: the same of the update θ_t − θ_{t−1} that led here. Empty at a run's
///   first step, and where the update is 0.
/// - `subspace_overlap`: the mean squared cosine between the span and that of `lag` measured steps
///   ago, ‖VWᵀ‖²_F/k for orthonormal rows V and W: 1 of the same span, k/P of a random one. Empty
///   until there is one.
/// - `subspace_error`: a bound on the sine of any angle between the span that was solved for and that
///   of the eigenvectors, √(Σᵢ‖Hvᵢ − λᵢvᵢ‖²)/(λ_k − λ_{k+1}), with λ_{k+1} as large as its error bound
///   allows (Davis and Kahan). No share is off by more than that, and an overlap by no more than that
///   of both spans together. Empty where λ_{k+1} was not solved for, and where it may reach λ_k:
///   then which span it is is not known either.
/// - `subspace_class_share`, if asked for: the share in the span of ‖g_c‖², averaged over the classes c,
///   for the gradient g_c of the mean loss over the class's samples. Papyan (2019, arXiv 1901.08244;
///   JMLR 2020, arXiv 2008.11865) finds the outliers of the spectrum to be those of such class means.
///   Where samples share a normalisation it is the gradient of the class's part of their loss.
///
/// All are empty where eigenvalues were not solved for, and where directions outside θ, in which the
/// loss does not change, may be among the first k.
pub struct Subspace<const D: usize> {
    schedule: Schedule,
    count: usize,
    lag: usize,
    flat: usize,
    classes: Option<Classes<D>>,
    /// The last `lag` spans, the newest last.
    spans: VecDeque<Tensor<2>>,
    /// The step before a due one, and θ there.
    previous: Option<(u64, Tensor<1>)>,
}

impl<const D: usize> Subspace<D> {
    /// Of the first `count` eigenvectors, by `schedule` at those of its steps at which they are solved
    /// for, against those of `lag` such steps ago; both count from 1.
    pub fn new(schedule: Schedule, count: usize, lag: usize) -> Self {
        Self {
            schedule,
            count: count.max(1),
            lag: lag.max(1),
            flat: 0,
            classes: None,
            spans: VecDeque::new(),
            previous: None,
        }
    }

    /// With so many directions outside θ in which the loss does not change.
    pub fn with_flat_directions(self, flat: usize) -> Self {
        Self { flat, ..self }
    }

    /// With the share of the classes' gradients.
    pub fn with_classes(self, classes: Classes<D>) -> Self {
        Self {
            classes: Some(classes),
            ..self
        }
    }

    /// The first k eigenvectors, if they are known to be the solver's.
    fn span(&self, vectors: &Tensor<2>, eigenvalues: &[Eigenvalue]) -> Option<Tensor<2>> {
        let [found, size] = vectors.dims();
        let last = eigenvalues.get(self.count - 1)?;
        let theirs = self.flat == 0 || last.value > 0.0;
        (theirs && self.count <= found).then(|| vectors.clone().slice([0..self.count, 0..size]))
    }
}

impl<const D: usize> Memory for Subspace<D> {
    fn save(&mut self, to: &mut Saver<'_>) -> Result<(), StateError> {
        let made_at = self.previous.as_ref().map(|(made_at, _)| *made_at);
        to.part("made_at").value(&made_at)?;
        if let Some((_, theta)) = &self.previous {
            to.part("theta").tensor(theta)?;
        }
        to.part("spans").value(&self.spans.len())?;
        for (at, span) in self.spans.iter().enumerate() {
            to.part(&format!("span {at}")).tensor(span)?;
        }
        Ok(())
    }

    fn restore(&mut self, from: &Loader<'_>) -> Result<(), StateError> {
        let made_at: Option<u64> = from.part("made_at").value()?;
        self.previous = match made_at {
            Some(made_at) => Some((made_at, tensor(&from.part("theta"))?)),
            None => None,
        };
        let spans: usize = from.part("spans").value()?;
        let spans = (0..spans).map(|at| tensor(&from.part(&format!("span {at}"))));
        self.spans = spans.collect::<Result<_, _>>()?;
        Ok(())
    }
}

fn tensor<const R: usize>(from: &Loader<'_>) -> Result<Tensor<R>, StateError> {
    from.tensor()?.ok_or_else(|| from.missing())
}

/// Its columns, with that of the classes if it is measured.
pub fn columns(classes: bool) -> Vec<Column> {
    let all = [
        (
            "subspace_gradient_share",
            "share of ‖∇L(θₜ)‖² in the span of the Hessian's top k eigenvectors, 0 to 1; \
             this and the next three are empty where eigenvalues were not solved for",
        ),
        (
            "subspace_update_share",
            "the same of ‖θₜ − θₜ₋₁‖²; empty at the first step, and where nothing moved",
        ),
        (
            "subspace_overlap",
            "mean squared cosine between the span and that of `lag` measured steps ago: 1 \
             of the same span; empty until there is one",
        ),
        (
            "subspace_error",
            "bound on the sine of the angles between the span and that of the eigenvectors: \
             √(Σ‖Hvᵢ − λᵢvᵢ‖²)/(λ_k − λ_{k+1}), λ_{k+1} as large as its error bound allows; \
             empty where λ_{k+1} was not solved for or may reach λ_k",
        ),
        (
            "subspace_class_share",
            "share of ‖∇L_c(θₜ)‖² in the span, averaged over the classes c, L_c being the mean \
             loss over the samples of a class",
        ),
    ];
    let count = if classes { all.len() } else { all.len() - 1 };
    (all.iter().take(count))
        .map(|(name, meaning)| Column::new(*name, *meaning))
        .collect()
}

impl<const D: usize> Measurement<D> for Subspace<D> {
    fn name(&self) -> &'static str {
        "subspace"
    }

    fn columns(&self) -> Vec<Column> {
        columns(self.classes.is_some())
    }

    fn wants(&self, step: u64) -> bool {
        // The step before a due one keeps its θ.
        self.schedule.due(step) || self.schedule.due(step + 1)
    }

    fn measure(&mut self, at: &mut Iterate<'_, '_, D>) -> Result<Vec<Option<f64>>, MeasureError> {
        let before = self.previous.take();
        let before = before.filter(|(made_at, _)| made_at + 1 == at.step);
        if self.schedule.due(at.step + 1) {
            self.previous = Some((at.step, at.theta.clone()));
        }
        let due = self.schedule.due(at.step);
        let vectors = at.vectors.filter(|_| due);
        let Some(span) = vectors.and_then(|vectors| self.span(vectors, at.eigenvalues)) else {
            return Ok(vec![None; 4 + usize::from(self.classes.is_some())]);
        };
        let gradient = share(&span, at.gradient.gradient.clone())?;
        let update = match before {
            Some((_, before)) => share(&span, at.theta.clone() - before)?,
            None => None,
        };
        // A run that goes on from another's state may have another count.
        self.spans.retain(|other| other.dims() == span.dims());
        let earlier = (self.spans.len() == self.lag).then(|| self.spans.pop_front());
        let overlap = match earlier.flatten() {
            Some(earlier) => Some(overlap(&span, earlier)?),
            None => None,
        };
        let error = error(at.eigenvalues, self.count);
        let mut cells = vec![gradient, update, overlap, error];
        if let Some(classes) = &self.classes {
            cells.push(classes.share(&span, at)?);
        }
        self.spans.push_back(span);
        Ok(cells)
    }
}

/// The share of ‖x‖² in the span of orthonormal rows; none if x is 0.
fn share(span: &Tensor<2>, x: Tensor<1>) -> Result<Option<f64>, MeasureError> {
    Ok(shares(span, vec![x])?.pop().flatten())
}

/// The same of several vectors, in one read-back.
pub(super) fn shares(
    span: &Tensor<2>,
    vectors: Vec<Tensor<1>>,
) -> Result<Vec<Option<f64>>, MeasureError> {
    let [count, size] = span.dims();
    let mut reading = Reading::default();
    for x in vectors {
        reading.norm(x.clone());
        for row in 0..count {
            let row = span.clone().slice([row..row + 1, 0..size]).reshape([size]);
            reading.inner(row, x.clone());
        }
    }
    let values = read(reading)?;
    let of_one = |values: &[f64]| {
        let norm = values[0];
        let shares = values[1..].iter().map(|inner| (inner / norm).powi(2));
        (norm > 0.0).then(|| shares.sum::<f64>().min(1.0))
    };
    Ok(values.chunks_exact(count + 1).map(of_one).collect())
}

/// ‖VWᵀ‖²_F/k.
fn overlap(span: &Tensor<2>, other: Tensor<2>) -> Result<f64, MeasureError> {
    let [count, _] = span.dims();
    let cosines = span.clone().matmul(other.transpose());
    let mut reading = Reading::default();
    reading.squared(cosines.reshape([count * count]));
    let squared = read(reading)?[0];
    if !squared.is_finite() {
        return Err(MeasureError::NonFinite("an eigenvector"));
    }
    Ok((squared / count as f64).min(1.0))
}

/// A bound on the sine of the largest angle between the first `count` vectors' span and that of the
/// eigenvectors.
fn error(eigenvalues: &[Eigenvalue], count: usize) -> Option<f64> {
    let (inside, next) = (eigenvalues.get(..count)?, eigenvalues.get(count)?);
    let gap = inside.last()?.value - next.value - next.error_bound;
    let residual = inside.iter().map(|e| e.residual.powi(2)).sum::<f64>();
    (gap > 0.0).then(|| residual.sqrt() / gap)
}
