//! How many rows the block should have.

use brink_state::{Memory, Part};

use super::breadth::{Breadth, Costs};
use crate::Params;

/// Where several eigenvalues cluster, as at the edge of stability, the rows of a block that ends
/// inside the cluster turn from solve to solve; those of one that ends in the gap below do not. So
/// the block grows by a row while searching costs more products than its own rows do, unless
/// growing just made the solve dearer than that row; and it drops the rows without which no search
/// would have been needed either. Where rows are dear it has the fewest that it may while that is
/// cheaper (`breadth.rs`).
#[derive(Debug)]
pub(super) struct Width {
    /// Rows of a wide block.
    rows: usize,
    breadth: Breadth,
    wanted: usize,
    guard: usize,
    largest_guard: usize,
    /// Rows and products of the solve before.
    last: Option<[usize; 2]>,
}

impl Width {
    pub fn new(params: &Params) -> Self {
        Self {
            rows: params.count.saturating_add(params.guard),
            breadth: Breadth::new(),
            wanted: params.count,
            guard: params.guard,
            // Without guards the block is left alone.
            largest_guard: match params.guard {
                0 => 0,
                _ => params.largest_guard,
            },
            last: None,
        }
    }

    /// Back to the beginning, with so many vectors wanted.
    pub fn reset(&mut self, wanted: usize) {
        self.wanted = wanted;
        self.rows = self.smallest();
        self.breadth = Breadth::new();
        self.last = None;
    }

    /// So many vectors are wanted from now on: the block has room for them and their guards.
    pub fn set_wanted(&mut self, wanted: usize) {
        if wanted != self.wanted {
            self.wanted = wanted;
            self.rows = self.rows.max(self.smallest());
            self.last = None;
        }
    }

    /// Rows that the block is to have.
    pub fn rows(&self) -> usize {
        match self.breadth.is_narrow() {
            true => self.smallest(),
            false => self.rows,
        }
    }

    /// Whether the block is kept narrow, and would have more rows otherwise.
    pub fn is_narrow(&self) -> bool {
        self.breadth.is_narrow()
    }

    /// Fewest rows that it may have.
    pub fn smallest(&self) -> usize {
        self.wanted.saturating_add(self.guard)
    }

    /// Most rows that it may have in `dim` dimensions: with its residuals and their directions it
    /// fits with room to spare.
    pub fn largest(&self, dim: usize) -> usize {
        self.wanted
            .saturating_add(self.largest_guard)
            .min(dim / 4)
            .max(self.smallest())
    }

    /// Notes a solve from a carried block that took `searched` products besides those of the
    /// block's rows, of which the last `spare` could have been absent with no search either;
    /// `largest` is the limit, `work` what it cost.
    pub fn note(&mut self, searched: usize, spare: usize, largest: usize, work: Work) {
        let narrow = self.breadth.is_narrow();
        if !narrow {
            self.adapt(searched, spare, largest);
        }
        if narrow || self.is_dear(work.row_cost) {
            let other = if narrow { self.rows } else { self.smallest() };
            self.breadth.note(Costs {
                solve: work.cost(),
                other_at_least: Work::of_rows(other, work.row_cost).cost(),
            });
        }
        if narrow != self.breadth.is_narrow() {
            self.last = None;
        }
    }

    /// Whether the rows that a narrow block saves are worth more than another application.
    fn is_dear(&self, row_cost: f64) -> bool {
        let saved = self.rows.saturating_sub(self.smallest());
        row_cost * saved as f64 > 1.0 - row_cost
    }

    fn adapt(&mut self, searched: usize, spare: usize, largest: usize) {
        let (rows, products) = (self.rows, self.rows + searched);
        let grown_in_vain = self
            .last
            .is_some_and(|[fewer, before]| rows > fewer && products > before + (rows - fewer));
        self.last = Some([rows, products]);
        if grown_in_vain || spare > 0 {
            self.rows = (rows - spare.max(1)).max(self.smallest());
        } else if searched > rows {
            self.rows = (rows + 1).min(largest.max(rows));
        }
    }

    /// Notes a solve from nothing but random rows that found the Ritz `values`, descending: the
    /// block shall end in the widest gap below the wanted ones; `largest` is the limit.
    pub fn note_cold(&mut self, values: &[f64], largest: usize, row_cost: f64) {
        let known = largest.min(values.len().saturating_sub(1));
        let gap = |rows: usize| values[rows - 1] - values[rows];
        let widest = (self.smallest()..=known)
            .rev()
            .max_by(|&a, &b| gap(a).total_cmp(&gap(b)));
        self.rows = widest.unwrap_or(self.smallest());
        self.breadth.begin(self.is_dear(row_cost));
        self.last = None;
    }
}

impl Memory for Width {
    fn parts(&mut self) -> Vec<Part<'_>> {
        vec![
            ("rows", &mut self.rows),
            ("breadth", &mut self.breadth),
            ("wanted", &mut self.wanted),
            ("last", &mut self.last),
        ]
    }
}

/// What a solve took, products of random vectors left out.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Work {
    pub products: usize,
    pub applications: usize,
    /// The operator's.
    pub row_cost: f64,
}

impl Work {
    /// That of a block of so many rows which needs no search.
    fn of_rows(rows: usize, row_cost: f64) -> Self {
        Self {
            products: rows,
            applications: 1,
            row_cost,
        }
    }

    /// In products of one row.
    fn cost(&self) -> f64 {
        let Self {
            products,
            applications,
            row_cost,
        } = *self;
        row_cost * products as f64 + (1.0 - row_cost) * applications as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn width() -> Width {
        Width::new(&Params {
            count: 2,
            ..Params::default()
        })
    }

    #[test]
    fn grows_while_searching_is_dear_and_settles_where_it_is_not() {
        let mut width = width();
        for (searched, expected) in [(12, 4), (11, 5), (9, 6), (3, 6), (2, 6)] {
            width.note(searched, 0, 10, Work::default());
            assert_eq!(width.rows(), expected);
        }
    }

    #[test]
    fn goes_back_when_growing_made_it_dearer() {
        let mut width = width();
        for (searched, expected) in [(6, 4), (9, 3), (6, 4), (6, 5)] {
            width.note(searched, 0, 10, Work::default());
            assert_eq!(width.rows(), expected);
        }
    }

    #[test]
    fn drops_rows_that_do_not_pay_down_to_the_fewest() {
        let mut width = width();
        for searched in [12, 11, 9] {
            width.note(searched, 0, 10, Work::default());
        }
        for (spare, expected) in [(1, 5), (0, 5), (2, 3), (2, 3)] {
            width.note(0, spare, 10, Work::default());
            assert_eq!(width.rows(), expected);
        }
    }

    #[test]
    fn begins_with_the_cluster_that_a_cold_solve_found() {
        let mut width = width();
        let edge = [
            50.0, 49.0, 44.0, 40.0, 38.0, 37.0, 36.0, 27.0, 26.0, 25.0, 1.0,
        ];
        for (values, largest, expected) in [
            (&edge[..], 9, 7),
            (&edge[..], 10, 10),
            (&edge[..], 6, 3),
            (&edge[..2], 9, 3),
            (&[9.0, 8.0, 7.0, 6.0, 5.0][..], 9, 3),
        ] {
            width.note_cold(values, largest, 0.0);
            assert_eq!(width.rows(), expected);
        }
    }

    #[test]
    fn keeps_to_its_limits() {
        let mut width = width();
        width.note(12, 0, 3, Work::default());
        assert_eq!(width.rows(), 3);
        assert_eq!((width.largest(1000), width.largest(20)), (10, 5));
        let alone = Width::new(&Params {
            guard: 0,
            ..Params::default()
        });
        assert_eq!((alone.smallest(), alone.largest(1000)), (1, 1));
    }

    #[test]
    fn dear_rows_are_left_out_until_that_is_dearer() {
        let mut width = width();
        let values = [9.0, 8.9, 8.8, 8.7, 8.6, 8.5, 1.0];
        width.note_cold(&values, 10, 1.0);
        assert_eq!((width.rows(), width.is_narrow()), (3, true));
        let work = |products| Work {
            products,
            applications: 4,
            row_cost: 1.0,
        };
        // More than the wide block's six rows: after a while that is tried, and kept.
        for _ in 0..16 {
            assert_eq!(width.rows(), 3);
            width.note(9, 0, 10, work(12));
        }
        for _ in 0..9 {
            assert_eq!(width.rows(), 6);
            width.note(0, 0, 10, work(6));
        }
    }
}
