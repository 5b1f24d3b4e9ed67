//! What a solve returns.

use burn::tensor::Tensor;
use serde::Serialize;

/// Eigenpairs with the evidence for them.
#[derive(Debug, Clone)]
pub struct Solution {
    /// The wanted pairs: descending for the largest end, ascending for the smallest.
    pub pairs: Vec<Eigenpair>,
    /// Unit eigenvectors as rows, `[count, P]`, on the operator's device, in the order of `pairs`.
    pub vectors: Tensor<2>,
    /// Inner products of the eigenvectors with [`Request::along`](super::Request::along); empty if
    /// there was none.
    pub along: Vec<f64>,
    /// How the solve went.
    pub info: Info,
}

/// What an error bound rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// Some eigenvalue lies within the residual of the value. Nothing says which one it is.
    Rigorous,
    /// It is the eigenvalue of its place, within the bound, given what this solve measured outside
    /// the wanted vectors: guard vectors and a random vector that was followed, or the whole operator.
    Bounded,
    /// As `Bounded`, but what lies outside, or what is new there, is known from earlier solves.
    Supposed,
}

impl Certainty {
    /// The word that traces use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rigorous => "rigorous",
            Self::Bounded => "bounded",
            Self::Supposed => "supposed",
        }
    }
}

/// One eigenvalue and how well it is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Eigenpair {
    /// The Ritz value θ.
    pub value: f64,
    /// ‖Hv − θv‖ for the unit vector v; never below what the arithmetic can resolve.
    pub residual: f64,
    /// Bound on |θ − λ|: truncation (see [the module](super#error-bounds)) plus rounding.
    pub error_bound: f64,
    /// What the bound rests on.
    pub certainty: Certainty,
    /// Whether `error_bound` meets the tolerance asked for, and `residual` its own if there is one.
    pub converged: bool,
    /// Products charged to this pair: those of its own row; the last wanted pair also carries
    /// guard and probe rows. They add up to [`Info::products`].
    pub products: usize,
}

/// Why a solve ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Every wanted pair met its tolerance.
    Converged,
    /// Rounding prevents further progress: the tolerance is finer than the arithmetic.
    Stagnated,
    /// [`Params::max_iterations`](super::Params::max_iterations) was reached.
    IterationLimit,
    /// The operator was small enough to be decomposed whole.
    Dense,
}

/// An account of one solve.
#[derive(Debug, Clone, PartialEq)]
pub struct Info {
    /// Why it ended.
    pub stop: Stop,
    /// Iterations after the first Rayleigh–Ritz step.
    pub iterations: usize,
    /// Matrix–vector products.
    pub products: usize,
    /// Applications of the operator to a block.
    pub applications: usize,
    /// Waits for the device to hand numbers to the host.
    pub read_backs: usize,
    /// Whether a probe or a random row joined a warm block in this solve.
    pub probed: bool,
    /// Whether it did without products for the guards (see [`Params::guard_every`]).
    ///
    /// [`Params::guard_every`]: super::Params::guard_every
    pub spared: bool,
    /// Set when the block carried over had hidden an eigenvalue; its wanted rows, where guards were
    /// spared in the solve before, or at first in this one.
    pub exceeded: Option<Exceeded>,
    /// The wanted pairs' starting rows came from an earlier solve or from the caller.
    pub warm: bool,
}

/// A bound that the block carried over would have broken; its wanted rows, where guards were spared in
/// the solve before, or at first in this one. It exceeds, by more than the error bound, what these
/// alone would have answered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exceeded {
    /// Place among the wanted pairs, from 0; the first that was wrong.
    pub index: usize,
    /// The eigenvalue found there.
    pub value: f64,
    /// What they alone would have answered.
    pub previous: f64,
    /// The error bound that would have gone with that answer.
    pub previous_bound: f64,
}

impl Exceeded {
    /// How far that answer would have been off.
    pub fn shortfall(&self) -> f64 {
        (self.value - self.previous).abs()
    }
}
