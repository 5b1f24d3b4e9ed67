//! What of the flow depends on the step rule: how it measures directions.

use std::fmt;

use burn::tensor::Tensor;

/// P = diag(p), which may move with the flow: dw/dτ = −P⁻¹(∇L + ½∇⟨H, Σ⟩), with H ⪯ (2/η)P.
///
/// The place y of the flow is w and, behind it, whatever p follows from.
pub trait Metric: fmt::Debug {
    /// y at θ, where p is that of the coming step; none where it is needed and there is none.
    fn begin(&self, theta: &Tensor<1>, diagonal: Option<&Tensor<1>>) -> Option<Tensor<1>>;

    /// p at y; none where it is 1.
    fn diagonal(&self, place: &Tensor<1>) -> Option<Tensor<1>>;

    /// dy/dτ for the average `slope` of the loss along the flow, ∇L + ½∇⟨H, Σ⟩, and E[g²], the squares
    /// of the oscillation's gradients.
    fn velocity(&self, at: &At<'_>, slope: Tensor<1>, squares: Squares<'_>) -> Tensor<1>;

    /// What the movement of p adds to the change of the block Uᵀ((2/η)P − H)U, `pairs` being uᵢ∘uⱼ, a
    /// row an entry of the block; none where p does not move.
    fn change(&self, at: &At<'_>, gradient: &Tensor<1>, pairs: &Tensor<2>) -> Option<Change>;
}

/// Where and when.
#[derive(Clone, Copy)]
pub struct At<'a> {
    /// y.
    pub place: &'a Tensor<1>,
    /// 2/η.
    pub cap: f64,
    /// Steps since the run's first.
    pub time: f64,
}

/// E[g²], coordinate by coordinate.
#[derive(Clone, Copy)]
pub struct Squares<'a> {
    /// ∇L(w).
    pub gradient: &'a Tensor<1>,
    /// diag Σ, where there is a Σ: as HΣ = (2/η)PΣ, it adds (2/η)²p²∘diag Σ.
    pub variance: Option<&'a Tensor<1>>,
}

/// A change by τ of the block's entries for Σ = UXUᵀ: `along` + RRᵀX, X as a vector of entries.
pub struct Change {
    /// `[entries]`.
    pub along: Tensor<1>,
    /// R, `[entries, P]`.
    pub rows: Tensor<2>,
}

/// That of gradient descent: p = 1.
#[derive(Debug, Clone, Copy)]
pub struct Euclidean;

impl Metric for Euclidean {
    fn begin(&self, theta: &Tensor<1>, _: Option<&Tensor<1>>) -> Option<Tensor<1>> {
        Some(theta.clone())
    }

    fn diagonal(&self, _: &Tensor<1>) -> Option<Tensor<1>> {
        None
    }

    fn velocity(&self, _: &At<'_>, slope: Tensor<1>, _: Squares<'_>) -> Tensor<1> {
        slope.neg()
    }

    fn change(&self, _: &At<'_>, _: &Tensor<1>, _: &Tensor<2>) -> Option<Change> {
        None
    }
}
