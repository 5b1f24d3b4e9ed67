//! The eigensolver along gradient descent, judged at every step.

use brink_dynamics::Hessian;
use brink_dynamics::eigen::{Params, Solution, Solver};
use brink_linearize::Objective;
use burn::tensor::{DType, FloatDType, Tensor};

use super::case::Case;
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

    /// Judges a solution by the `exact` eigenvalues of its place.
    ///
    /// Errors below 1e-10, or ten times the precision's `epsilon`, of the largest say nothing of how
    /// wide the bounds are.
    fn compare(&mut self, name: &str, solution: &Solution, exact: &[f64], epsilon: f64) {
        let rounding = 1e-10 * exact[0].abs();
        let told = 10.0 * epsilon.max(1e-10) * exact[0].abs();
        for (i, (pair, exact)) in solution.pairs.iter().zip(exact).enumerate() {
            let error = (pair.value - exact).abs();
            self.values += 1;
            self.not_converged += usize::from(!pair.converged);
            if error > pair.error_bound + rounding {
                self.violations.push(format!(
                    "{name} λ{}: {} ({:?} by {:.3e}) is {exact}, off by {error:.3e}; {:?}",
                    i + 1,
                    pair.value,
                    pair.certainty,
                    pair.error_bound,
                    solution.info
                ));
            }
            if error > told {
                self.ratios.push(pair.error_bound / error);
            }
        }
        self.products += solution.info.products;
    }

    pub fn median_ratio(&mut self) -> f64 {
        self.ratios.sort_by(f64::total_cmp);
        self.ratios
            .get(self.ratios.len() / 2)
            .copied()
            .unwrap_or(1.0)
    }
}

/// Gradient descent of a case, to be followed by the eigensolver and judged by the reference.
pub struct Trial {
    name: String,
    objective: Objective<2>,
    /// In float64, whatever the objective's precision.
    exact: Objective<2>,
    theta: Tensor<1>,
    step_size: f64,
    /// Of the objective's precision.
    epsilon: f64,
}

impl Trial {
    /// The case in the given precision; `None` for images that are not at hand.
    pub fn new(case: &Case, cifar: bool, dtype: FloatDType) -> Option<Self> {
        let (exact, start) = case.build(cifar, FloatDType::F64)?;
        let (objective, theta) = case.build(cifar, dtype)?;
        Some(Self {
            name: format!("{case:?} cifar {cifar} {dtype:?}"),
            step_size: case.step.size(&exact, &start),
            epsilon: match dtype {
                FloatDType::F64 => f64::EPSILON,
                _ => f64::from(f32::EPSILON),
            },
            objective,
            exact,
            theta,
        })
    }

    /// Follows gradient descent for `steps` steps, or to where it diverges.
    pub fn follow(self, steps: usize, params: &Params) -> Verdict {
        let mut solver = Solver::new(params.clone()).unwrap();
        let mut verdict = Verdict::default();
        let mut theta = self.theta;
        for step in 0..steps {
            let mut at = self.objective.linearize(&theta).unwrap();
            let gradient = at.at().gradient.clone();
            let norm = gradient.clone().cast(DType::F64).square().sum();
            let norm = norm.into_scalar::<f64>();
            if !norm.is_finite() || norm > 1e16 {
                break;
            }
            let mut there = self
                .exact
                .linearize(&theta.clone().cast(DType::F64))
                .unwrap();
            let exact = reference::largest(&mut there, params.count);
            let solution = solver.solve(&mut Hessian::new(&mut at)).unwrap();
            let name = format!("{} step {step}", self.name);
            verdict.compare(&name, &solution, &exact, self.epsilon);
            theta = theta - gradient.mul_scalar(self.step_size);
        }
        verdict
    }
}
