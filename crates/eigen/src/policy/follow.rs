//! Which solves follow a random vector, besides those in which the probe reaches further than before.
//!
//! The probe shows what comes to the fore slowly. What comes at once, as where a ReLU switches, is seen by
//! following a random vector only. So one is followed
//!
//! - in one of [`Params::follow_every`] solves, of any kind, at the least,
//! - where a wanted value changed by more than [`CALM`] of the largest since the solve before,
//! - in [`WARY`] solves after one in which an eigenvalue was found that the block had hidden.

use brink_state::{Memory, Part};

use super::Report;
use super::outside::largest_change;
use crate::Params;

/// A random vector is followed where a wanted value changed by more than this part of the largest one.
const CALM: f64 = 0.05;

/// Solves that follow one after a hidden eigenvalue was found.
const WARY: usize = 3;

/// What is remembered for it.
#[derive(Debug)]
pub(super) struct Follow {
    every: usize,
    /// Solves since one was last followed.
    unfollowed: usize,
    /// Solves that are still to follow one.
    wary: usize,
    /// The wanted values of the last solve.
    wanted: Vec<f64>,
}

impl Follow {
    /// Nothing known yet.
    pub fn new(params: &Params) -> Self {
        Self {
            every: params.follow_every,
            unfollowed: 0,
            wary: 0,
            wanted: Vec::new(),
        }
    }

    /// Forgets everything.
    pub fn forget(&mut self) {
        (self.unfollowed, self.wary) = (0, 0);
        self.wanted.clear();
    }

    /// Whether the next solve that looks outside is to follow a random vector, whatever the probe sees.
    pub fn is_due(&self) -> bool {
        self.unfollowed + 1 >= self.every || self.wary > 0
    }

    /// Whether little changed since the last solve, if `values` are found now.
    pub fn is_calm(&self, values: &[f64]) -> bool {
        let largest = self.wanted.iter().fold(0.0, |top: f64, v| top.max(v.abs()));
        largest_change(&self.wanted, values) <= CALM * largest
    }

    /// Notes how a solve went.
    pub fn note(&mut self, report: &Report<'_>) {
        let values = report.values;
        self.wanted = values[..report.wanted.min(values.len())].to_vec();
        if report.exceeded {
            (self.unfollowed, self.wary) = (0, WARY);
        } else if report.followed {
            (self.unfollowed, self.wary) = (0, self.wary.saturating_sub(1));
        } else {
            self.unfollowed += 1;
        }
    }
}

impl Memory for Follow {
    fn parts(&mut self) -> Vec<Part<'_>> {
        vec![
            ("unfollowed", &mut self.unfollowed),
            ("wary", &mut self.wary),
            ("wanted", &mut self.wanted),
        ]
    }
}
