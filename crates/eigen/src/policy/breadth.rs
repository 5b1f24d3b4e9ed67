//! Whether the block has its fewest rows or as many as `width.rs` says.
//!
//! A wide block turns less from solve to solve, a narrow one spends what it saves on searching:
//! which is cheaper changes along a run, and no solve says what the other kind would have cost. So
//! the cheaper one is kept, and the other is tried now and then. Costs are counted, not timed:
//!
//! > c·products + (1 − c)·applications, with c the operator's [`row_cost`], products of random
//! > vectors left out.
//!
//! Where rows cost little ([`row_cost`] 0, as by default) the block is always wide. Else it is
//! narrow after a cold solve: while an operator changes fast, rows do not help the next solve.
//!
//! [`row_cost`]: crate::SymmetricOperator::row_cost

use brink_state::{Memory, Part};

/// Solves of the other kind that make a trial. The first start from rows that fit them less, and
/// where a block is heading shows after three: the last ones are judged.
const TRIAL: usize = 4;

/// How many of them are.
const JUDGED: usize = 2;

/// Solves between two trials, at the least: one that fails costs a few blocks' rows.
const SHORTEST: usize = 16;

/// The same at the most; it doubles with each trial that fails.
const LONGEST: usize = 64;

/// Part by which a solve moves the mean cost.
const WEIGHT: f64 = 0.25;

/// What a solve cost, and what the other kind of block would cost at the least.
#[derive(Debug, Clone, Copy)]
pub(super) struct Costs {
    pub solve: f64,
    pub other_at_least: f64,
}

/// The kind of block, and what it costs.
#[derive(Debug)]
pub(super) struct Breadth {
    narrow: bool,
    /// Mean cost of the kind that is kept.
    mean: Option<f64>,
    /// Solves since the last trial ended, or of the trial that goes on.
    solves: usize,
    on_trial: bool,
    /// Costs of its judged solves.
    judged: f64,
    patience: usize,
}

impl Breadth {
    /// A wide block.
    pub fn new() -> Self {
        Self {
            narrow: false,
            mean: None,
            solves: 0,
            on_trial: false,
            judged: 0.0,
            patience: SHORTEST,
        }
    }

    /// Whether the block has its fewest rows.
    pub fn is_narrow(&self) -> bool {
        self.narrow
    }

    /// Begins anew, narrow or wide.
    pub fn begin(&mut self, narrow: bool) {
        *self = Self {
            narrow,
            ..Self::new()
        };
    }

    /// Notes a solve from a carried block, of the kind that was said.
    pub fn note(&mut self, costs: Costs) {
        self.solves += 1;
        if self.on_trial {
            self.judge(costs.solve);
            return;
        }
        let mean = self
            .mean
            .map_or(costs.solve, |mean| mean + WEIGHT * (costs.solve - mean));
        self.mean = Some(mean);
        if self.solves >= self.patience && mean > costs.other_at_least {
            self.narrow = !self.narrow;
            (self.on_trial, self.solves, self.judged) = (true, 0, 0.0);
        }
    }

    fn judge(&mut self, cost: f64) {
        if self.solves > TRIAL - JUDGED {
            self.judged += cost / JUDGED as f64;
        }
        if self.solves < TRIAL {
            return;
        }
        if self.mean.is_some_and(|mean| self.judged < mean) {
            (self.mean, self.patience) = (Some(self.judged), SHORTEST);
        } else {
            self.narrow = !self.narrow;
            self.patience = (2 * self.patience).min(LONGEST);
        }
        (self.on_trial, self.solves) = (false, 0);
    }
}

impl Memory for Breadth {
    fn parts(&mut self) -> Vec<Part<'_>> {
        vec![
            ("narrow", &mut self.narrow),
            ("mean", &mut self.mean),
            ("solves", &mut self.solves),
            ("on_trial", &mut self.on_trial),
            ("judged", &mut self.judged),
            ("patience", &mut self.patience),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kinds of so many solves, `n` and `w`, at these costs of a narrow and a wide block.
    fn follow(breadth: &mut Breadth, solves: usize, narrow: f64, wide: f64) -> String {
        let kind = |breadth: &Breadth| if breadth.is_narrow() { 'n' } else { 'w' };
        (0..solves)
            .map(|_| {
                let now = kind(breadth);
                let [solve, other_at_least] = match breadth.is_narrow() {
                    true => [narrow, 10.0],
                    false => [wide, 3.0],
                };
                breadth.note(Costs {
                    solve,
                    other_at_least,
                });
                now
            })
            .collect()
    }

    #[test]
    fn the_cheaper_kind_is_kept_and_the_other_tried_ever_more_rarely() {
        let mut breadth = Breadth::new();
        breadth.begin(true);
        let kinds = follow(&mut breadth, 16 + 4 + 32 + 4 + 3, 25.0, 36.0);
        let [n, w] = ["n", "w"];
        let expected = [
            n.repeat(16),
            w.repeat(4),
            n.repeat(32),
            w.repeat(4),
            n.repeat(3),
        ];
        assert_eq!(kinds, expected.concat());
    }

    #[test]
    fn a_trial_that_pays_is_gone_on_with() {
        let mut breadth = Breadth::new();
        breadth.begin(true);
        let kinds = follow(&mut breadth, 30, 30.0, 20.0);
        assert_eq!(kinds, ["n".repeat(16), "w".repeat(14)].concat());
        // Where the narrow one is cheaper now, that comes out at the next trial.
        let kinds = follow(&mut breadth, 26, 8.0, 12.0);
        assert_eq!(kinds, ["w".repeat(6), "n".repeat(20)].concat());
    }

    #[test]
    fn what_cannot_pay_is_not_tried() {
        let mut breadth = Breadth::new();
        breadth.begin(true);
        assert_eq!(follow(&mut breadth, 99, 9.0, 10.0), "n".repeat(99));
    }
}
