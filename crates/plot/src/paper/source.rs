//! Columns of a trace, or the error that says how to get them.

use brink_analysis::Trace;

use crate::error::PlotError;

/// A trace, and the figure that it is for.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// What the figure is called in errors.
    pub figure: &'static str,
    /// The run.
    pub trace: &'a Trace,
}

impl<'a> Source<'a> {
    /// A column with at least one number in it.
    pub fn column(&self, name: &str) -> Result<&'a [Option<f64>], PlotError> {
        self.trace
            .measured(name)
            .ok_or_else(|| PlotError::NotMeasured {
                figure: self.figure,
                column: name.to_owned(),
                run: self.run(),
                measurement: measurement(name),
            })
    }

    /// The error of a run in which something did not happen.
    pub fn lacks(&self, what: &'static str, advice: &'static str) -> PlotError {
        PlotError::NotInRun {
            figure: self.figure,
            what,
            run: self.run(),
            advice,
        }
    }

    /// t of every row.
    pub fn steps(&self) -> Vec<f64> {
        self.trace.steps().iter().map(|step| *step as f64).collect()
    }

    /// η·t of every row.
    pub fn times(&self) -> Result<Vec<f64>, PlotError> {
        let step_size = self.step_size()?;
        Ok(self.steps().iter().map(|step| step * step_size).collect())
    }

    /// η.
    pub fn step_size(&self) -> Result<f64, PlotError> {
        self.trace.step_size().ok_or_else(|| {
            self.lacks(
                "a step size",
                "keep the run's manifest.json, or the column threshold of its trace",
            )
        })
    }

    /// 2/η.
    pub fn threshold(&self) -> Result<f64, PlotError> {
        Ok(2.0 / self.step_size()?)
    }

    fn run(&self) -> String {
        self.trace.facts().name.clone()
    }
}

/// What switches the measurement of a column on.
fn measurement(column: &str) -> &'static str {
    let name = column.trim_end_matches(|c: char| c.is_ascii_digit());
    match name {
        "lambda_" => {
            if column == "lambda_1" {
                "[measure.eigenvalues] in the config"
            } else {
                "`count` of [measure.eigenvalues] in the config at the number of this eigenvalue or more"
            }
        }
        "gauss_newton_lambda_" | "residual_hessian_lambda_" => {
            "[measure.gauss_newton] in the config"
        }
        "gram_lambda_" | "residual_on_v" | "residual_off_v" => "[measure.gram] in the config",
        "residual_dot_output" | "residual_norm_sq" => "[measure.residual] in the config",
        "flow_loss" | "flow_lambda_" | "flow_distance" => "[measure.flow] in the config",
        _ => "a version of brink that records it: every run should have it",
    }
}
