//! Which vectors get products in a solve: one policy, with all that it remembers.
//!
//! A block holds the *wanted* vectors and *guard* vectors below them, which show where the rest of
//! the spectrum begins. *Random* vectors show what the block cannot see; the *probe* is one that is
//! carried from solve to solve (`probe.rs`). A solve begins in one of three ways:
//!
//! | start | gets products | when | its bounds are |
//! |---|---|---|---|
//! | cold | random vectors only | there is no block | bounded |
//! | [`Full`](Plan::Full) | wanted and guard vectors, the probe or a random one if due | otherwise | bounded with a random one that is followed, else supposed |
//! | [`Wanted`](Plan::Wanted) | wanted vectors only | little changes and the gap below them is wide | supposed |
//!
//! A `Wanted` solve whose bounds miss their tolerance becomes a `Full` one on the way. What decides,
//! from solve to solve:
//!
//! - `width.rs`: how many guard vectors the block has, from what searching cost;
//! - `breadth.rs`: whether it does with the fewest, where rows are dear;
//! - `outside.rs`: where the rest of the spectrum is supposed to begin when guards get no products,
//!   and whether that will do;
//! - `follow.rs`: whether a random vector is followed, and `rise.rs`: for how long;
//! - here: when a random vector is due ([`Params::probe_every`]), and how many vectors are wanted
//!   where all above a floor are ([`Params::largest_count`]).

mod breadth;
mod follow;
mod outside;
mod rise;
mod width;

use brink_state::{Memory, Part};

use super::Params;

pub(super) use outside::{MARGIN, Supposed};
pub(super) use rise::Rise;

use follow::Follow;
use outside::Outside;
use width::Width;

pub(super) use width::Work;

/// What gets products when a solve begins from a carried block.
#[derive(Debug)]
pub(super) enum Plan {
    /// The carried block and so many random vectors.
    Full {
        /// Vectors of the block that are used.
        carried: usize,
        /// Vectors that complete the block.
        missing: usize,
        /// Whether one more looks outside.
        look: bool,
        /// What the solve before supposed, if it did without guards.
        supposed: Option<Supposed>,
    },
    /// The wanted vectors alone.
    Wanted {
        /// Guard vectors that wait.
        guards: usize,
        /// Where the rest begins.
        supposed: Supposed,
    },
}

/// How a solve went, as far as the next plans depend on it.
#[derive(Debug)]
pub(super) struct Report<'a> {
    /// Ritz values, descending.
    pub values: &'a [f64],
    /// Vectors wanted in it.
    pub wanted: usize,
    /// Dimension of the operator.
    pub dim: usize,
    /// Whether it began with random vectors only.
    pub cold: bool,
    /// Whether random vectors took part.
    pub random: bool,
    /// Whether they were followed.
    pub followed: bool,
    /// Whether the carried rows had hidden an eigenvalue.
    pub exceeded: bool,
    /// Whether guards got no products.
    pub spared: bool,
    /// Bound on the next eigenvalue after the wanted ones, if guards say so.
    pub next: Option<f64>,
    /// The gap with which the next solve can be expected to do without guards.
    pub gap_needed: f64,
    /// Products besides those of the block and of random vectors.
    pub searched: usize,
    /// What it took without random vectors.
    pub work: Work,
    /// Last rows of the block without which it would have needed no search either.
    pub spare: usize,
    /// Values above this are wanted, if there is such a floor.
    pub floor: Option<f64>,
}

/// All that is remembered of earlier solves but vectors.
#[derive(Debug)]
pub(super) struct Policy {
    count: usize,
    largest_count: usize,
    probe_every: usize,
    /// Vectors wanted in the next solve.
    wanted: usize,
    width: Width,
    outside: Outside,
    follow: Follow,
    /// Solves with guards since a random vector was last in the block; `None` if it never was.
    since_random: Option<usize>,
}

impl Policy {
    pub fn new(params: &Params) -> Self {
        Self {
            count: params.count,
            largest_count: params.largest_count.max(params.count),
            probe_every: params.probe_every,
            wanted: params.count,
            width: Width::new(params),
            outside: Outside::new(params.guard_every),
            follow: Follow::new(params),
            since_random: None,
        }
    }

    /// Back to the beginning.
    pub fn reset(&mut self) {
        self.wanted = self.count;
        self.width.reset(self.count);
        self.outside.forget();
        self.follow.forget();
        self.since_random = None;
    }

    /// Vectors wanted in the next solve.
    pub fn wanted(&self) -> usize {
        self.wanted
    }

    /// Rows that the next block is to have.
    pub fn rows(&self) -> usize {
        self.width.rows()
    }

    /// Whether it is kept narrow, so that rows which it had may be wanted again.
    pub fn is_narrow(&self) -> bool {
        self.width.is_narrow()
    }

    /// Fewest rows that a block may have.
    pub fn smallest(&self) -> usize {
        self.width.smallest()
    }

    /// Whether a solve that applies its guards should look outside the block.
    pub fn is_look_due(&self) -> bool {
        let every = self.probe_every;
        every > 0 && self.since_random.is_none_or(|since| since + 1 >= every)
    }

    /// Whether the next solve that looks outside is to follow a random vector, whatever the probe sees.
    pub fn is_follow_due(&self) -> bool {
        self.follow.is_due()
    }

    /// Whether little changed since the last solve, if `values` are found now.
    pub fn is_calm(&self, values: &[f64]) -> bool {
        self.follow.is_calm(values)
    }

    /// Random vectors that a solve in `dim` dimensions begins with where there is no block.
    pub fn cold_rows(&self, dim: usize) -> usize {
        self.width.largest(dim)
    }

    /// What a solve begins with, given a block of so many rows.
    pub fn plan(&self, given: usize) -> Plan {
        let rows = self.width.rows();
        let carried = given.min(rows);
        if carried == rows
            && rows > self.wanted
            && let Some(supposed) = self.outside.supposed()
        {
            return Plan::Wanted {
                guards: rows - self.wanted,
                supposed,
            };
        }
        Plan::Full {
            carried,
            missing: rows - carried,
            look: self.is_look_due(),
            supposed: self.outside.still_supposed(),
        }
    }

    /// Notes how a solve went.
    pub fn note(&mut self, report: &Report<'_>) {
        if !report.spared {
            self.since_random = match report.random {
                true => Some(0),
                false => self.since_random.map(|since| since + 1),
            };
        }
        self.follow.note(report);
        let wanted = self.wanted_next(report);
        let largest = self.width.largest(report.dim);
        if report.cold {
            let row_cost = report.work.row_cost;
            self.width.note_cold(report.values, largest, row_cost);
        } else if !report.spared {
            self.width
                .note(report.searched, report.spare, largest, report.work);
        }
        if wanted == report.wanted {
            self.outside.note(report);
        } else {
            // What is remembered is of another end of the block.
            self.outside.forget();
        }
        self.wanted = wanted;
        self.width.set_wanted(wanted);
    }

    /// As many as lie above the floor now, within the limits.
    fn wanted_next(&self, report: &Report<'_>) -> usize {
        let Some(floor) = report.floor else {
            return self.count;
        };
        let found = &report.values[..report.wanted.min(report.values.len())];
        let above = found.iter().take_while(|&&value| value > floor).count();
        above.clamp(self.count, self.largest_count)
    }
}

impl Memory for Policy {
    fn parts(&mut self) -> Vec<Part<'_>> {
        vec![
            ("wanted", &mut self.wanted),
            ("width", &mut self.width),
            ("outside", &mut self.outside),
            ("follow", &mut self.follow),
            ("since_random", &mut self.since_random),
        ]
    }
}
