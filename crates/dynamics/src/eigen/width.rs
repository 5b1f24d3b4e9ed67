//! How many rows the block should have.

use super::Params;

/// Where several eigenvalues cluster, as at the edge of stability, the rows of a block that ends
/// inside the cluster turn from solve to solve; those of one that ends in the gap below do not. So
/// the block grows by a row while searching costs more products than its own rows do, unless
/// growing just made the solve dearer than that row; and it drops a row without which no search
/// would have been needed either.
#[derive(Debug)]
pub(super) struct Width {
    rows: usize,
    smallest: usize,
    largest_guard: usize,
    count: usize,
    /// Rows and products of the solve before.
    last: Option<[usize; 2]>,
}

impl Width {
    pub fn new(params: &Params) -> Self {
        let smallest = params.count.saturating_add(params.guard);
        Self {
            rows: smallest,
            smallest,
            // Without guards the block is left alone.
            largest_guard: match params.guard {
                0 => 0,
                _ => params.largest_guard,
            },
            count: params.count,
            last: None,
        }
    }

    /// Back to the beginning.
    pub fn reset(&mut self) {
        self.rows = self.smallest;
        self.last = None;
    }

    /// Rows that the block is to have.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Fewest rows that it may have.
    pub fn smallest(&self) -> usize {
        self.smallest
    }

    /// Most rows that it may have in `dim` dimensions: with its residuals and their directions it
    /// fits with room to spare.
    pub fn largest(&self, dim: usize) -> usize {
        self.count
            .saturating_add(self.largest_guard)
            .min(dim / 4)
            .max(self.smallest)
    }

    /// Notes a solve from a carried block that took `searched` products besides those of the
    /// block's rows, of which the last was `dispensable` if none were searched without it either;
    /// `largest` is the limit.
    pub fn note(&mut self, searched: usize, dispensable: bool, largest: usize) {
        let (rows, products) = (self.rows, self.rows + searched);
        let grown_in_vain = self
            .last
            .is_some_and(|[fewer, before]| rows > fewer && products > before + (rows - fewer));
        self.last = Some([rows, products]);
        if grown_in_vain || dispensable {
            self.rows = (rows - 1).max(self.smallest);
        } else if searched > rows {
            self.rows = (rows + 1).min(largest.max(rows));
        }
    }

    /// Notes a solve with random rows, which says nothing about the next; a whole block of them
    /// leaves all that it found in its first rows.
    pub fn note_random(&mut self, cold: bool) {
        if cold {
            self.rows = self.smallest;
        }
        self.last = None;
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
            width.note(searched, false, 10);
            assert_eq!(width.rows(), expected);
        }
    }

    #[test]
    fn goes_back_when_growing_made_it_dearer() {
        let mut width = width();
        for (searched, expected) in [(6, 4), (9, 3), (6, 4), (6, 5)] {
            width.note(searched, false, 10);
            assert_eq!(width.rows(), expected);
        }
    }

    #[test]
    fn drops_rows_that_do_not_pay_down_to_the_fewest() {
        let mut width = width();
        for searched in [12, 11, 9] {
            width.note(searched, false, 10);
        }
        for expected in [5, 4, 3, 3] {
            width.note(0, true, 10);
            assert_eq!(width.rows(), expected);
        }
    }

    #[test]
    fn keeps_to_its_limits() {
        let mut width = width();
        width.note(12, false, 3);
        assert_eq!(width.rows(), 3);
        assert_eq!((width.largest(1000), width.largest(20)), (10, 5));
        let alone = Width::new(&Params {
            guard: 0,
            ..Params::default()
        });
        assert_eq!((alone.smallest(), alone.largest(1000)), (1, 1));
    }
}
