//! The linear maps that a linearisation offers.

use crate::counters::Count;
use crate::graph::NodeId;
use crate::programs::{LinearMap, Programs};

/// A linear map of a block of vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Product {
    /// v ↦ ∇²L·v.
    Hessian,
    /// v ↦ J·v.
    Jacobian,
    /// u ↦ Jᵀ·u.
    Transposed,
    /// v ↦ Jᵀ·∇²_F L·J·v.
    GaussNewton,
}

impl Product {
    /// Lengths of a vector and of its image, for P parameters and N outputs.
    pub fn lengths(self, parameters: usize, outputs: usize) -> (usize, usize) {
        match self {
            Self::Hessian | Self::GaussNewton => (parameters, parameters),
            Self::Jacobian => (parameters, outputs),
            Self::Transposed => (outputs, parameters),
        }
    }

    pub fn map(self, programs: &Programs) -> &LinearMap {
        match self {
            Self::Hessian => &programs.hessian,
            Self::Jacobian => &programs.jacobian,
            Self::Transposed => &programs.transposed,
            Self::GaussNewton => &programs.gauss_newton,
        }
    }

    /// Where the block goes in.
    pub fn source(self, programs: &Programs) -> NodeId {
        match self {
            Self::Transposed => programs.cotangent,
            Self::Hessian | Self::Jacobian | Self::GaussNewton => programs.tangent,
        }
    }

    pub fn count(self) -> Count {
        match self {
            Self::Hessian => Count::Hessian,
            Self::Jacobian => Count::Jacobian,
            Self::Transposed => Count::Transposed,
            Self::GaussNewton => Count::GaussNewton,
        }
    }
}
