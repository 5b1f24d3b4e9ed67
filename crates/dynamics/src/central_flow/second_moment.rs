//! The metric of RMSProp.

use burn::tensor::Tensor;

use super::metric::{At, Change, Metric, Squares};

/// p = √ν̂ + ε with dν̂/dt = ρ(E[g²] − ν̂), t in steps.
///
/// RMSProp's ν̂ₜ, that of the step from θₜ, is (1 − a)ν̂ₜ₋₁ + a·gₜ², with a = 1 − β₂ or, bias-corrected,
/// a = (1 − β₂)/(1 − β₂^{t+1}): so ν̂ₜ − ν̂ₜ₋₁ = ρ(gₜ² − ν̂ₜ) for ρ = a/(1 − a). That is (1 − β₂)/β₂, by
/// 1 − β₂^t where it is bias-corrected. The flow passes from t − 1 to t meanwhile and takes ρ at the middle.
///
/// The place is w and, behind it, ν̂.
#[derive(Debug, Clone, Copy)]
pub struct SecondMoment {
    /// β₂, above 0.
    pub beta2: f64,
    /// ε.
    pub epsilon: f64,
    /// Whether ν is divided by 1 − β₂^{t+1}.
    pub bias_correction: bool,
}

impl SecondMoment {
    /// ρ by τ, of which a step is η.
    fn rate(&self, at: &At<'_>) -> f64 {
        let by_step = (1.0 - self.beta2) / self.beta2;
        let corrected = match self.bias_correction {
            true => by_step / (1.0 - self.beta2.powf(at.time + 0.5)),
            false => by_step,
        };
        corrected * at.cap / 2.0
    }

    /// √ν̂.
    fn root(&self, place: &Tensor<1>) -> Tensor<1> {
        moment(place).sqrt()
    }
}

impl Metric for SecondMoment {
    fn begin(&self, theta: &Tensor<1>, diagonal: Option<&Tensor<1>>) -> Option<Tensor<1>> {
        let root = diagonal?.clone().sub_scalar(self.epsilon).clamp_min(0.0);
        Some(Tensor::cat(vec![theta.clone(), root.clone() * root], 0))
    }

    fn diagonal(&self, place: &Tensor<1>) -> Option<Tensor<1>> {
        Some(self.root(place).add_scalar(self.epsilon))
    }

    fn velocity(&self, at: &At<'_>, slope: Tensor<1>, squares: Squares<'_>) -> Tensor<1> {
        let diagonal = self.root(at.place).add_scalar(self.epsilon);
        let mut mean = squares.gradient.clone() * squares.gradient.clone();
        if let Some(variance) = squares.variance {
            let scale = diagonal.clone().mul_scalar(at.cap);
            mean = mean + scale.clone() * scale * variance.clone();
        }
        let moment = (mean - moment(at.place)).mul_scalar(self.rate(at));
        Tensor::cat(vec![(slope / diagonal).neg(), moment], 0)
    }

    fn change(&self, at: &At<'_>, gradient: &Tensor<1>, pairs: &Tensor<2>) -> Option<Change> {
        // (2/η)·dp/dτ = (ρ/η)(E[g²] − ν̂)/√ν̂ for each coordinate; where ν̂ is 0 so is g, and p stays.
        let (root, rate) = (self.root(at.place), self.rate(at));
        let still = root.clone().equal_elem(0.0);
        let inverse = root.clone().recip().mask_fill(still, 0.0);
        let excess = gradient.clone() * gradient.clone() - moment(at.place);
        let change = (excess * inverse.clone()).mul_scalar(0.5 * rate * at.cap);
        let [entries, size] = pairs.dims();
        let along = pairs.clone().matmul(change.reshape([size, 1]));
        let diagonal = root.add_scalar(self.epsilon);
        let weight = (diagonal * inverse.sqrt()).mul_scalar((0.5 * rate * at.cap.powi(3)).sqrt());
        Some(Change {
            along: along.reshape([entries]),
            rows: pairs.clone() * weight.unsqueeze(),
        })
    }
}

/// ν̂, which rounding may not make negative.
fn moment(place: &Tensor<1>) -> Tensor<1> {
    let [size] = place.dims();
    place.clone().narrow(0, size / 2, size / 2).clamp_min(0.0)
}
