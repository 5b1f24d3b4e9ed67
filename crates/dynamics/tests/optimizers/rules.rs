//! The rules once more, number by number.

use super::network::PARAMETERS;

pub type Vector = [f64; PARAMETERS];

/// A rule with its numbers.
#[derive(Debug, Clone, Copy)]
pub enum Rule {
    GradientDescent,
    HeavyBall(f64),
    Nesterov(f64),
    RmsProp(f64, f64, bool),
    Adam(f64, f64, f64),
    Sam(f64),
}

/// The rule's vectors.
#[derive(Default)]
pub struct Memory {
    first: Option<Vector>,
    second: Option<Vector>,
    steps: i32,
}

fn each(f: impl Fn(usize) -> f64) -> Vector {
    std::array::from_fn(f)
}

impl Rule {
    /// θ after the step, and p of that step; `gradient_at` is ∇L of what the step goes along.
    pub fn advance(
        self,
        memory: &mut Memory,
        theta: &Vector,
        gradient: &Vector,
        step_size: f64,
        gradient_at: impl Fn(&Vector) -> Vector,
    ) -> (Vector, Option<Vector>) {
        let (old, square) = (
            memory.first.unwrap_or([0.0; PARAMETERS]),
            memory.second.unwrap_or([0.0; PARAMETERS]),
        );
        memory.steps += 1;
        let t = memory.steps;
        let moved = |direction: Vector| each(|i| theta[i] - step_size * direction[i]);
        match self {
            Self::GradientDescent => (moved(*gradient), None),
            Self::HeavyBall(beta) => {
                let v = each(|i| beta * old[i] + gradient[i]);
                memory.first = Some(v);
                (moved(v), None)
            }
            Self::Nesterov(beta) => {
                let v = each(|i| beta * old[i] + gradient[i]);
                memory.first = Some(v);
                (moved(each(|i| gradient[i] + beta * v[i])), None)
            }
            Self::RmsProp(beta2, epsilon, corrected) => {
                let nu = each(|i| beta2 * square[i] + (1.0 - beta2) * gradient[i].powi(2));
                memory.second = Some(nu);
                let lacking = if corrected { 1.0 - beta2.powi(t) } else { 1.0 };
                let d = each(|i| (nu[i] / lacking).sqrt() + epsilon);
                (moved(each(|i| gradient[i] / d[i])), Some(d))
            }
            Self::Adam(beta1, beta2, epsilon) => {
                let m = each(|i| beta1 * old[i] + (1.0 - beta1) * gradient[i]);
                let nu = each(|i| beta2 * square[i] + (1.0 - beta2) * gradient[i].powi(2));
                (memory.first, memory.second) = (Some(m), Some(nu));
                let (first, second) = (1.0 - beta1.powi(t), 1.0 - beta2.powi(t));
                let d = each(|i| (nu[i] / second).sqrt() + epsilon);
                let direction = each(|i| m[i] / first / d[i]);
                (moved(direction), Some(each(|i| first * d[i])))
            }
            Self::Sam(radius) => {
                let norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
                let above = each(|i| theta[i] + radius * gradient[i] / norm);
                (moved(gradient_at(&above)), None)
            }
        }
    }
}
