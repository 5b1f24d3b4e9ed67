//! The Gauss rule of a tridiagonal matrix.

use faer::Mat;

use super::super::EigenError;
use super::super::host::eigh_descending;

/// A Gauss rule: Σ wᵢ f(θᵢ) for vᵀf(A)v.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rule {
    /// θ, descending.
    pub nodes: Vec<f64>,
    /// w, positive; they add to 1.
    pub weights: Vec<f64>,
}

impl Rule {
    /// The rule of the Jacobi matrix with this diagonal, and beside it one entry less.
    pub(super) fn of(diagonal: &[f64], beside: &[f64]) -> Result<Self, EigenError> {
        let size = diagonal.len();
        let matrix = Mat::from_fn(size, size, |i, j| match i.abs_diff(j) {
            0 => diagonal[i],
            1 => beside[i.min(j)],
            _ => 0.0,
        });
        let (nodes, rows) = eigh_descending(&matrix)?;
        let weights: Vec<f64> = (0..size).map(|i| rows[(i, 0)].powi(2)).collect();
        let total: f64 = weights.iter().sum();
        let weights = weights.into_iter().map(|weight| weight / total).collect();
        Ok(Self { nodes, weights })
    }

    /// Σ wᵢ θᵢ^p.
    pub fn moment(&self, power: i32) -> f64 {
        self.sum(|node| node.powi(power))
    }

    /// Σ wᵢ f(θᵢ).
    pub fn sum(&self, f: impl Fn(f64) -> f64) -> f64 {
        let terms = self.nodes.iter().zip(&self.weights);
        terms.map(|(node, weight)| weight * f(*node)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_of_chebyshev_polynomials_is_the_known_one() {
        // Of the first kind: nodes cos((2i + 1)π/2m), equal weights.
        let size = 9;
        let mut beside = vec![0.5; size - 1];
        beside[0] = 0.5_f64.sqrt();
        let rule = Rule::of(&vec![0.0; size], &beside).unwrap();
        for (i, (node, weight)) in rule.nodes.iter().zip(&rule.weights).enumerate() {
            let angle = (2 * i + 1) as f64 * std::f64::consts::PI / (2 * size) as f64;
            assert!((node - angle.cos()).abs() < 1e-14);
            assert!((weight - 1.0 / size as f64).abs() < 1e-14);
        }
        // The mean of x⁴ over the arcsine law is 3/8.
        assert!((rule.moment(4) - 0.375).abs() < 1e-14);
    }
}
