//! Made-up runs with the shape of real ones, for tests.

use brink_analysis::{Facts, Trace};

/// A run at the edge of stability by a scalar model of self-stabilisation: the residual along v₁
/// grows by 1 − ηΛ a step, and its square pulls Λ down.
pub struct MadeUp {
    pub step_size: f64,
    pub steps: u64,
    /// How fast Λ rises, as a share of 2/η.
    pub sharpening: f64,
    pub name: &'static str,
}

impl Default for MadeUp {
    fn default() -> Self {
        Self {
            step_size: 0.01,
            steps: 600,
            sharpening: 0.012,
            name: "made-up",
        }
    }
}

impl MadeUp {
    /// The trace, with every column of the contract that figures use.
    pub fn trace(&self) -> Trace {
        let threshold = 2.0 / self.step_size;
        let mut columns = Columns::default();
        let (mut along, mut sharpness) = (0.02_f64, 1.5 * threshold);
        let mut flow = sharpness;
        for t in 0..self.steps {
            let time = self.step_size * t as f64;
            let off = 1.2 * (-0.15 * time).exp() + 0.02;
            let wobble = 0.004 * (t as f64 * 1.7).sin();
            let norm = 0.1 + 0.2 * sharpness / threshold * (1.0 + wobble);
            let loss = (along * along + off * off) / 2.0;
            let pull = along * along - 0.05;
            let second = sharpness * 0.72 + 5.0 * (t as f64 / 40.0).sin();
            let far = 0.3 * (1.0 - (-0.2 * time).exp()) + 0.05 * along.abs();
            columns.row([
                ("time", time),
                ("loss", loss),
                ("threshold", threshold),
                ("lambda_1", sharpness),
                ("lambda_2", second),
                ("output_norm_sq", norm),
                ("residual_dot_output", pull),
                ("residual_on_v1", along),
                ("residual_off_v1", off),
                ("gram_lambda_1", sharpness * (0.97 + wobble)),
                (
                    "gauss_newton_lambda_1",
                    sharpness * (0.97 + wobble) * (1.0 + 1e-6),
                ),
                ("residual_hessian_lambda_1", 0.1 * sharpness * off),
                ("flow_loss", off * off / 2.0),
                ("flow_lambda_1", flow),
                ("flow_distance", far),
            ]);
            along *= 1.0 - self.step_size * sharpness;
            along = along.signum() * along.abs().clamp(1e-5, 3.0);
            let rise = self.sharpening * threshold;
            let early = if t < 20 { -0.06 * sharpness } else { rise };
            sharpness += early - 0.5 * rise * (along / 0.3).powi(2).min(30.0);
            flow += if t < 20 {
                -0.06 * flow
            } else {
                rise / (1.0 + time)
            };
        }
        let facts = Facts {
            name: self.name.to_owned(),
            description: Some(format!(
                "linear 3072-200-200-1 · CIFAR-10, airplane/automobile, n = 800 · MSE, κ = 1 · η = {}",
                self.step_size
            )),
            step_size: Some(self.step_size),
            ..Facts::default()
        };
        columns.trace(facts, self.steps)
    }
}

#[derive(Default)]
struct Columns {
    columns: Vec<(&'static str, Vec<Option<f64>>)>,
}

impl Columns {
    fn row<const N: usize>(&mut self, cells: [(&'static str, f64); N]) {
        for (name, value) in cells {
            match self.columns.iter_mut().find(|(known, _)| *known == name) {
                Some((_, column)) => column.push(Some(value)),
                None => self.columns.push((name, vec![Some(value)])),
            }
        }
    }

    fn trace(self, facts: Facts, steps: u64) -> Trace {
        let empty = Trace::new(facts, (0..steps).collect()).unwrap();
        self.columns
            .into_iter()
            .fold(empty, |trace, (name, column)| {
                trace.with(name, column).unwrap()
            })
    }
}
