//! `[measure.spectrum]`: the density of the whole spectrum.

use brink_dynamics::eigen::{Broadening, SpectrumParams};
use brink_dynamics::measurement::{Schedule, Spectrum, SpectrumOf, columns, tables};
use serde::{Deserialize, Serialize};

use super::schedule::not_zero;
use super::table::{Fault, Need, Table};
use crate::config::Fusion;
use crate::config::keys::keys;

/// The table.
pub const TABLE: Table<SpectrumConfig> = Table {
    keys: &keys! {
        "measure.spectrum.operator", "\"hessian\"", "hessian | gauss-newton | fisher (empirical: of the samples' gradients) | preconditioned (P^(-1/2)HP^(-1/2), rmsprop and adam only): whose spectral density goes to spectrum.csv, with trace and squared Frobenius norm in the trace";
        "measure.spectrum.probes", "10", "random vectors, 2 to 1000";
        "measure.spectrum.lanczos_steps", "60", "products of each, 2 to 1000: a Gauss rule of so many nodes; the basis of all probes is kept in memory meanwhile";
        "measure.spectrum.points", "1024", "points of the grid, equally spaced from the lowest node to the highest with a margin of five widths";
        "measure.spectrum.width", "0.004", "σ of the Gaussian that stands for an eigenvalue, as a share of the distance between the outermost nodes, above 0 and at most 0.5";
        "measure.spectrum.seed", "0", "seed of the random vectors; each step has a stream of its own";
        "measure.spectrum.every", "100", "measure at every so many steps: probes × (lanczos_steps + 1) products each";
        "measure.spectrum.from", "0", "the first step to measure at";
    },
    needs: &[Need::PreconditionerOfSpectrum],
    faults: SpectrumConfig::faults,
    columns: || columns::spectrum("hessian"),
    arrays: tables::spectrum,
    measurement: |table, run| {
        let params = SpectrumParams {
            probes: table.probes,
            steps: table.lanczos_steps,
            seed: table.seed,
            fusion: run.config.run.fusion == Fusion::Auto,
            ..SpectrumParams::default()
        };
        let of = match table.operator {
            SpectrumOperator::Hessian => SpectrumOf::Hessian,
            SpectrumOperator::GaussNewton => SpectrumOf::GaussNewton,
            SpectrumOperator::Fisher => SpectrumOf::Fisher(run.output_slope()),
            SpectrumOperator::Preconditioned => SpectrumOf::Preconditioned,
        };
        let schedule = Schedule {
            every: table.every,
            from: table.from,
        };
        let spectrum = Spectrum::new(schedule, of, params, table.broadening())?;
        let spectrum = spectrum.with_flat_directions(run.flat_directions());
        Ok(Some(Box::new(spectrum)))
    },
};

/// What the table says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpectrumConfig {
    /// Whose spectrum.
    #[serde(default)]
    pub operator: SpectrumOperator,
    /// Random vectors.
    #[serde(default = "probes")]
    pub probes: usize,
    /// Products of each.
    #[serde(default = "lanczos_steps")]
    pub lanczos_steps: usize,
    /// Points of the grid.
    #[serde(default = "points")]
    pub points: usize,
    /// Width of an eigenvalue, as a share of the spectrum's.
    #[serde(default = "width")]
    pub width: f64,
    /// Seed of the random vectors.
    #[serde(default)]
    pub seed: u64,
    /// Measure at every so many steps.
    #[serde(default = "every")]
    pub every: u64,
    /// The first step to measure at.
    #[serde(default)]
    pub from: u64,
}

/// Whose spectrum is measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpectrumOperator {
    /// The Hessian.
    #[default]
    Hessian,
    /// Its Gauss–Newton part.
    GaussNewton,
    /// The empirical Fisher matrix.
    Fisher,
    /// P^(−½)HP^(−½).
    Preconditioned,
}

impl SpectrumOperator {
    /// What its columns in the trace begin with.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Hessian => "hessian",
            Self::GaussNewton => "gauss_newton",
            Self::Fisher => "fisher",
            Self::Preconditioned => "preconditioned",
        }
    }
}

impl SpectrumConfig {
    fn broadening(&self) -> Broadening {
        Broadening {
            points: self.points,
            width: self.width,
        }
    }

    fn faults(&self) -> Vec<Fault> {
        let unless = |possible: bool, key, fault: String| (!possible).then_some((key, fault));
        let width = self.width > 0.0 && self.width <= 0.5;
        let mut faults = vec![
            not_zero(self.every),
            unless(
                (2..=1000).contains(&self.probes),
                "probes",
                "must be from 2 to 1000: one alone has no standard error".into(),
            ),
            unless(
                (2..=1000).contains(&self.lanczos_steps),
                "lanczos_steps",
                "must be from 2 to 1000".into(),
            ),
            unless(width, "width", "must be above 0 and at most 0.5".into()),
            unless(
                self.points <= 1_000_000,
                "points",
                "must be at most 1000000".into(),
            ),
        ];
        if width {
            let least = Broadening::least_points(self.width);
            faults.push(unless(
                self.points >= least,
                "points",
                format!(
                    "must be at least {least}, for points no further apart than the width {}",
                    self.width
                ),
            ));
        }
        faults.into_iter().flatten().collect()
    }
}

fn probes() -> usize {
    SpectrumParams::default().probes
}

fn lanczos_steps() -> usize {
    SpectrumParams::default().steps
}

fn points() -> usize {
    1024
}

fn width() -> f64 {
    0.004
}

fn every() -> u64 {
    100
}
