//! Where the rest of the spectrum begins in solves that spare the guards.
//!
//! Guards bound the next eigenvalue after the wanted ones. While the operator changes slowly that
//! need not be measured at every solve. Between two measurements that bound is taken to rise, in
//! each solve, by no more than [`ALLOWANCE`] times the largest of
//!
//! - the change of any wanted Ritz value in that solve, which is measured,
//! - the change a solve of any of these Ritz values, the next included, when it was last measured.
//!
//! Where values change by more than [`STEADY`] of the largest in a solve, nothing is supposed.
//! If the bounds do not meet their tolerance so, the guards are applied after all. A solve that
//! applies them again reports a bound that was too small without them.

use brink_state::{Loader, Memory, Part, Saver, StateError};

use super::Report;

/// How many times faster than what is followed the rest of the spectrum may rise.
const ALLOWANCE: f64 = 2.0;

/// Guards are spared while no value changes by more than this part of the largest one in a solve.
/// Where values change faster, what the block does not see may have changed faster still.
const STEADY: f64 = 0.02;

/// How many times larger the squared residuals at the start of the next solve may be than at the
/// start of this one for the guards to be spared.
pub(crate) const MARGIN: f64 = 2.0;

/// What is known of the rest from solve to solve.
#[derive(Debug)]
pub(super) struct Outside {
    every: usize,
    known: Option<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// Bound on the next eigenvalue when guards were last applied.
    end: f64,
    /// The wanted values and the next one, then.
    leading: Vec<f64>,
    /// Solves since.
    age: usize,
    /// By how much the end may have risen since, not counting the allowance.
    drift: f64,
    /// The largest change of a value in a solve, when last measured; `None` before there were two.
    pace: Option<f64>,
    /// The wanted values of the last solve.
    wanted: Vec<f64>,
    /// The gap that would let the next solve do without guards.
    enough: f64,
}

/// What a solve without guards supposes.
#[derive(Debug)]
pub(crate) struct Supposed {
    end: f64,
    drift: f64,
    pace: f64,
    wanted: Vec<f64>,
}

impl Supposed {
    /// Where the rest begins at most if the wanted Ritz values are `values` now.
    pub fn rest(&self, values: &[f64]) -> f64 {
        self.end + ALLOWANCE * self.drift(values)
    }

    fn drift(&self, values: &[f64]) -> f64 {
        self.drift + largest_change(&self.wanted, values).max(self.pace)
    }
}

impl Known {
    fn supposed(&self) -> Option<Supposed> {
        Some(Supposed {
            end: self.end,
            drift: self.drift,
            pace: self.pace?,
            wanted: self.wanted.clone(),
        })
    }
}

impl Outside {
    /// Nothing known yet.
    pub fn new(guard_every: usize) -> Self {
        Self {
            every: guard_every,
            known: None,
        }
    }

    /// Forgets everything.
    pub fn forget(&mut self) {
        self.known = None;
    }

    /// What the next solve may suppose if it can be expected to do without guards.
    pub fn supposed(&self) -> Option<Supposed> {
        let known = self.known.as_ref()?;
        let supposed = known.supposed()?;
        let gap = known.wanted.last()? - supposed.rest(&known.wanted);
        let largest = known
            .wanted
            .iter()
            .fold(0.0, |top: f64, v| top.max(v.abs()));
        let steady = supposed.pace <= STEADY * largest;
        (known.age + 1 < self.every && steady && gap > known.enough).then_some(supposed)
    }

    /// What the next solve would go on to suppose, if the last one did without guards.
    pub fn still_supposed(&self) -> Option<Supposed> {
        let known = self.known.as_ref()?;
        (known.age > 0).then(|| known.supposed())?
    }

    /// Notes how a solve went.
    pub fn note(&mut self, report: &Report<'_>) {
        let values = report.values;
        let wanted = values[..report.wanted.min(values.len())].to_vec();
        let enough = report.gap_needed;
        if report.spared {
            if let Some(known) = &mut self.known
                && let Some(supposed) = known.supposed()
            {
                known.drift = supposed.drift(&wanted);
                known.age += 1;
                (known.wanted, known.enough) = (wanted, enough);
            }
            return;
        }
        let before = self.known.take();
        let Some(end) = report.next else {
            return;
        };
        let leading = values[..=report.wanted].to_vec();
        let pace = before.map(|before| {
            let mean = largest_change(&before.leading, &leading) / (before.age + 1) as f64;
            mean.max(largest_change(&before.wanted, &wanted))
        });
        self.known = Some(Known {
            end,
            leading,
            age: 0,
            drift: 0.0,
            pace,
            wanted,
            enough,
        });
    }
}

impl Memory for Outside {
    fn save(&mut self, to: &mut Saver<'_>) -> Result<(), StateError> {
        to.part("is_known").value(&self.known.is_some())?;
        match &mut self.known {
            Some(known) => known.save(&mut to.part("known")),
            None => Ok(()),
        }
    }

    fn restore(&mut self, from: &Loader<'_>) -> Result<(), StateError> {
        self.known = None;
        if from.part("is_known").value()? {
            let known = self.known.insert(Known::default());
            known.restore(&from.part("known"))?;
        }
        Ok(())
    }
}

impl Memory for Known {
    fn parts(&mut self) -> Vec<Part<'_>> {
        vec![
            ("end", &mut self.end),
            ("leading", &mut self.leading),
            ("age", &mut self.age),
            ("drift", &mut self.drift),
            ("pace", &mut self.pace),
            ("wanted", &mut self.wanted),
            ("enough", &mut self.enough),
        ]
    }
}

/// The largest change of a value among those that both have.
pub(super) fn largest_change(before: &[f64], after: &[f64]) -> f64 {
    let changes = before.iter().zip(after).map(|(a, b)| (a - b).abs());
    changes.fold(0.0, f64::max)
}
