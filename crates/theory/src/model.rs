//! What stays fixed along a run: the data, the network's shape, the loss.

use faer::{Mat, MatRef};
use serde::{Deserialize, Serialize};

use crate::TheoryError;
use crate::error::{finite, nonempty, positive, shape};
use crate::linalg::{check_finite, check_symmetric, symmetric};

/// Whether the output carries the factor 1/√m.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Parametrisation {
    /// F = (1/√m) Aᵀ W X, as in the theorem of Wang, Li & Li 2022.
    #[default]
    Scaled,
    /// F = Aᵀ W X, as in a network of plain linear layers.
    Plain,
}

/// Shape of the two-layer linear network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Width m of the hidden layer, at least 1.
    pub width: usize,
    /// Whether the output is divided by √m.
    #[serde(default)]
    pub parametrisation: Parametrisation,
}

impl Network {
    /// The factor σ of F = σ·Aᵀ W X.
    pub fn output_scale(&self) -> f64 {
        match self.parametrisation {
            Parametrisation::Scaled => (self.width as f64).sqrt().recip(),
            Parametrisation::Plain => 1.0,
        }
    }

    pub(crate) fn check(&self) -> Result<(), TheoryError> {
        nonempty("the width m", self.width).map(|_| ())
    }
}

/// The data, the network and the loss L = (κ/n)‖F − Y‖² of a run.
#[derive(Clone, Debug)]
pub struct Model {
    kernel: Mat<f64>,
    targets: Vec<f64>,
    network: Network,
    factor: f64,
}

impl Model {
    /// A model from the kernel K = XᵀX `[n, n]`, the targets Y `[n]` and the loss's factor κ (1 in
    /// the paper, ½ in Cohen et al. 2021).
    ///
    /// # Errors
    /// n = 0, m = 0, shapes that do not agree, numbers that are not finite, κ ≤ 0, or a K that is
    /// not symmetric to 1e-12 of its largest entry. That K is positive semidefinite is not checked.
    pub fn new(
        kernel: Mat<f64>,
        targets: Vec<f64>,
        network: Network,
        factor: f64,
    ) -> Result<Self, TheoryError> {
        let n = nonempty("the number of samples n", targets.len())?;
        network.check()?;
        shape("the kernel K", (kernel.nrows(), kernel.ncols()), (n, n))?;
        check_finite("the kernel K", kernel.as_ref())?;
        check_symmetric("the kernel K", &kernel)?;
        finite("the targets Y", &targets)?;
        positive("the loss's factor κ", factor)?;
        Ok(Self {
            kernel,
            targets,
            network,
            factor,
        })
    }

    /// A model from the inputs X `[d, n]`, a sample a column.
    ///
    /// # Errors
    /// As [`Model::new`].
    pub fn from_inputs(
        inputs: MatRef<'_, f64>,
        targets: Vec<f64>,
        network: Network,
        factor: f64,
    ) -> Result<Self, TheoryError> {
        let product = inputs.transpose() * inputs;
        let kernel = symmetric(inputs.ncols(), |i, j| product[(i, j)]);
        Self::new(kernel, targets, network, factor)
    }

    /// Number of samples n.
    pub fn samples(&self) -> usize {
        self.targets.len()
    }

    /// K = XᵀX `[n, n]`.
    pub fn kernel(&self) -> &Mat<f64> {
        &self.kernel
    }

    /// Y `[n]`.
    pub fn targets(&self) -> &[f64] {
        &self.targets
    }

    /// The network's shape.
    pub fn network(&self) -> Network {
        self.network
    }

    /// κ.
    pub fn factor(&self) -> f64 {
        self.factor
    }

    /// c = 2κ/n: ∇L = c·JᵀD, and the Gauss–Newton matrix is c·JᵀJ.
    pub fn curvature_factor(&self) -> f64 {
        2.0 * self.factor / self.samples() as f64
    }

    /// σ², the factor of M = σ²(‖A‖² K + G).
    pub(crate) fn scale_sq(&self) -> f64 {
        match self.network.parametrisation {
            Parametrisation::Scaled => (self.network.width as f64).recip(),
            Parametrisation::Plain => 1.0,
        }
    }
}
