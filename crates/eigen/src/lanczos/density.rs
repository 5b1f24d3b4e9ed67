//! The spectral density on a grid.

use std::f64::consts::PI;

use super::Spectrum;

/// The grid ends so many widths beyond the outermost values: 6·10⁻⁷ of a value there is cut off.
const MARGIN: f64 = 5.0;

/// How a density is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Broadening {
    /// Grid points, equally spaced.
    pub points: usize,
    /// σ of the Gaussian that stands for an eigenvalue, as a share of the spectrum's extent.
    pub width: f64,
}

impl Broadening {
    /// The fewest points that resolve a width: a spacing of at most σ.
    pub fn least_points(width: f64) -> usize {
        (2.0 * MARGIN + 2.0 + 1.0 / width).ceil() as usize
    }
}

/// A density at the points of a grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Density {
    /// λ, ascending, equally spaced.
    pub lambda: Vec<f64>,
    /// φ(λ): its integral is 1.
    pub density: Vec<f64>,
    /// Its standard error over the probes.
    pub standard_error: Vec<f64>,
    /// σ, in units of λ.
    pub sigma: f64,
}

impl Spectrum {
    /// φ(λ) = mean over the probes of Σ wᵢ·exp(−(λ − θᵢ)²/2σ²)/(σ√2π), of an operator that has
    /// `flat` eigenvalues 0 besides.
    ///
    /// σ is `width` of the distance between the outermost nodes; of their size, where they are
    /// nearer to each other than a thousandth of it; `width` itself where all are zero.
    pub fn density(&self, broadening: &Broadening, flat: usize) -> Density {
        let nodes = self
            .rules
            .iter()
            .flat_map(|rule| rule.nodes.iter().copied());
        let zero = (flat > 0).then_some(0.0);
        let (low, high) = nodes
            .chain(zero)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), node| {
                (low.min(node), high.max(node))
            });
        let size = low.abs().max(high.abs());
        let extent = match high - low {
            extent if extent > 1e-3 * size => extent,
            _ if size > 0.0 => size,
            _ => 1.0,
        };
        let sigma = broadening.width * extent;
        let (low, high) = (low - MARGIN * sigma, high + MARGIN * sigma);
        let intervals = broadening.points.max(2) - 1;
        let at = |i: usize| low + (high - low) * i as f64 / intervals as f64;
        let lambda: Vec<f64> = (0..=intervals).map(at).collect();
        // Of the parameters, those outside the operator's space.
        let all = (self.dim + flat) as f64;
        let (own, outside) = (self.dim as f64 / all, flat as f64 / all);
        let unit = 1.0 / (sigma * (2.0 * PI).sqrt());
        let gaussian = |distance: f64| unit * (-0.5 * (distance / sigma).powi(2)).exp();
        let count = self.rules.len() as f64;
        let (mut density, mut standard_error) = (Vec::new(), Vec::new());
        for lambda in &lambda {
            let of_probes: Vec<f64> = (self.rules.iter())
                .map(|rule| rule.sum(|node| gaussian(lambda - node)))
                .collect();
            let mean = of_probes.iter().sum::<f64>() / count;
            let squares: f64 = of_probes.iter().map(|of| (of - mean).powi(2)).sum();
            density.push(own * mean + outside * gaussian(*lambda));
            standard_error.push(own * (squares / (count - 1.0) / count).sqrt());
        }
        Density {
            lambda,
            density,
            standard_error,
            sigma,
        }
    }
}
