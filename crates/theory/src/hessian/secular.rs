//! The matrix N(μ) and its quadratic forms.

use faer::Mat;

use crate::linalg::{add_scaled, apply, dot};
use crate::{Model, Products, State};

/// N(ρ + τ) as a function of τ > 0: near ρ, τ keeps the digits that μ² − ρ² would lose.
pub(super) struct Secular<'a> {
    pub(super) model: &'a Model,
    pub(super) state: &'a State,
    pub(super) products: &'a Products,
    pub(super) radius: f64,
}

/// The coefficients of G, K, h hᵀ and F hᵀ + h Fᵀ in a combination of them.
#[derive(Clone, Copy)]
struct Coefficients {
    gram: f64,
    kernel: f64,
    outer: f64,
    cross: f64,
}

/// The quadratic forms of one vector v that determine vᵀN(μ)v for every μ.
#[derive(Clone, Copy)]
pub(super) struct Forms {
    gram: f64,
    kernel: f64,
    along_h: f64,
    along_outputs: f64,
}

impl<'a> Secular<'a> {
    pub(super) fn new(model: &'a Model, state: &'a State, products: &'a Products) -> Self {
        Self {
            model,
            state,
            products,
            radius: products.residual_radius(model),
        }
    }

    fn coefficients(&self, tau: f64) -> Coefficients {
        let (mu, delta) = (self.radius + tau, tau * (2.0 * self.radius + tau));
        let (c, scale, s) = self.constants();
        Coefficients {
            gram: c * scale * mu / delta,
            kernel: c * scale * s / mu,
            outer: c.powi(3) * scale * scale * s / (mu * delta),
            cross: c * c * scale / delta,
        }
    }

    /// Derivatives of the coefficients by μ.
    fn slopes(&self, tau: f64) -> Coefficients {
        let (mu, delta) = (self.radius + tau, tau * (2.0 * self.radius + tau));
        let (mu_sq, rho_sq) = (mu * mu, self.radius * self.radius);
        let (c, scale, s) = self.constants();
        Coefficients {
            gram: -c * scale * (mu_sq + rho_sq) / (delta * delta),
            kernel: -c * scale * s / mu_sq,
            outer: -c.powi(3) * scale * scale * s * (3.0 * mu_sq - rho_sq)
                / (mu_sq * delta * delta),
            cross: -2.0 * c * c * scale * mu / (delta * delta),
        }
    }

    fn constants(&self) -> (f64, f64, f64) {
        (
            self.model.curvature_factor(),
            self.model.scale_sq(),
            self.state.output_norm_sq,
        )
    }

    /// N(ρ + τ) `[n, n]`.
    pub(super) fn matrix(&self, tau: f64) -> Mat<f64> {
        let k = self.coefficients(tau);
        let (gram, kernel) = (&self.state.gram_features, self.model.kernel());
        let (f, h) = (&self.state.outputs, &self.products.kernel_residual);
        let n = f.len();
        let mut matrix = Mat::zeros(n, n);
        for j in 0..n {
            let column = matrix.col_as_slice_mut(j);
            let (g, kernel) = (gram.col_as_slice(j), kernel.col_as_slice(j));
            for i in 0..n {
                column[i] = k.gram * g[i]
                    + k.kernel * kernel[i]
                    + k.outer * (h[i] * h[j])
                    + k.cross * (f[i] * h[j] + h[i] * f[j]);
            }
        }
        matrix
    }

    /// N(ρ + τ)·v − v.
    pub(super) fn residual(&self, tau: f64, v: &[f64]) -> Vec<f64> {
        let k = self.coefficients(tau);
        let (f, h) = (&self.state.outputs, &self.products.kernel_residual);
        let (along_f, along_h) = (dot(f, v), dot(h, v));
        let mut image: Vec<f64> = v.iter().map(|v| -v).collect();
        add_scaled(&mut image, k.gram, &apply(&self.state.gram_features, v));
        add_scaled(&mut image, k.kernel, &apply(self.model.kernel(), v));
        add_scaled(&mut image, k.outer * along_h + k.cross * along_f, h);
        add_scaled(&mut image, k.cross * along_h, f);
        image
    }

    pub(super) fn forms(&self, v: &[f64]) -> Forms {
        Forms {
            gram: dot(v, &apply(&self.state.gram_features, v)),
            kernel: dot(v, &apply(self.model.kernel(), v)),
            along_h: dot(v, &self.products.kernel_residual),
            along_outputs: dot(v, &self.state.outputs),
        }
    }

    /// vᵀN(ρ + τ)v.
    pub(super) fn value(&self, tau: f64, forms: &Forms) -> f64 {
        forms.combine(self.coefficients(tau))
    }

    /// −vᵀN′(ρ + τ)v = ‖u‖²/c.
    pub(super) fn fall(&self, tau: f64, forms: &Forms) -> f64 {
        -forms.combine(self.slopes(tau))
    }

    /// The squared norm of the part of u that lies in A: ‖c·[(μ − ρE)⁻¹Jᵀv]_A‖².
    pub(super) fn output_part(&self, tau: f64, forms: &Forms) -> f64 {
        let (mu, delta) = (self.radius + tau, tau * (2.0 * self.radius + tau));
        let (c, scale, s) = self.constants();
        let along_h = c * forms.along_h;
        let square = mu * mu * forms.gram
            + 2.0 * mu * along_h * forms.along_outputs
            + s * scale * along_h * along_h;
        c * c * scale * (square / (delta * delta)).max(0.0)
    }
}

impl Forms {
    /// vᵀMv = σ²(S·vᵀKv + vᵀGv).
    pub(super) fn gram_form(&self, model: &Model, state: &State) -> f64 {
        model.scale_sq() * (state.output_norm_sq * self.kernel + self.gram)
    }

    fn combine(&self, k: Coefficients) -> f64 {
        k.gram * self.gram
            + k.kernel * self.kernel
            + k.outer * self.along_h * self.along_h
            + 2.0 * k.cross * self.along_h * self.along_outputs
    }
}
