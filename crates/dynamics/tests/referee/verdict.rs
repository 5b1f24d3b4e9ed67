//! The eigensolver along gradient descent, judged at every step.

use brink_dynamics::Hessian;
use brink_dynamics::eigen::{Params, Solver};
use brink_linearize::Objective;
use burn::tensor::Tensor;

use super::reference;

/// What was found along a run.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Eigenvalues compared.
    pub values: usize,
    /// Steps and places at which the error exceeds the bound, with value, bound and error.
    pub violations: Vec<String>,
    /// Bound over true error, where the error is above rounding.
    pub ratios: Vec<f64>,
    pub products: usize,
    pub not_converged: usize,
}

impl Verdict {
    pub fn add(&mut self, other: Self) {
        self.values += other.values;
        self.violations.extend(other.violations);
        self.ratios.extend(other.ratios);
        self.products += other.products;
        self.not_converged += other.not_converged;
    }

    pub fn median_ratio(&mut self) -> f64 {
        self.ratios.sort_by(f64::total_cmp);
        self.ratios
            .get(self.ratios.len() / 2)
            .copied()
            .unwrap_or(1.0)
    }
}

/// Follows gradient descent for `steps` steps, or to where it diverges.
pub fn follow(
    name: &str,
    objective: &Objective<2>,
    mut theta: Tensor<1>,
    step_size: f64,
    steps: usize,
    params: &Params,
) -> Verdict {
    let mut solver = Solver::new(params.clone()).unwrap();
    let mut verdict = Verdict::default();
    for step in 0..steps {
        let mut at = objective.linearize(&theta).unwrap();
        let gradient = at.at().gradient.clone();
        let norm = gradient.clone().square().sum().into_scalar::<f64>();
        if !norm.is_finite() || norm > 1e16 {
            break;
        }
        let exact = reference::largest(&mut at, params.count);
        let solution = solver.solve(&mut Hessian::new(&mut at)).unwrap();
        let rounding = 1e-10 * exact[0].abs();
        for (i, (pair, exact)) in solution.pairs.iter().zip(&exact).enumerate() {
            let error = (pair.value - exact).abs();
            verdict.values += 1;
            verdict.not_converged += usize::from(!pair.converged);
            if error > pair.error_bound + rounding {
                verdict.violations.push(format!(
                    "{name} step {step} λ{}: {} (bound {:.3e}) is {exact}, off by {error:.3e}; {:?}",
                    i + 1,
                    pair.value,
                    pair.error_bound,
                    solution.info
                ));
            }
            if error > 10.0 * rounding {
                verdict.ratios.push(pair.error_bound / error);
            }
        }
        verdict.products += solution.info.products;
        theta = theta - gradient.mul_scalar(step_size);
    }
    verdict
}
