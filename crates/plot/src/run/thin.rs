//! Merging rows so that what matters for a curve is left: of each group its smallest and its largest
//! value, in the order in which they came.

use super::series::Measured;
use crate::chart::Quality;

/// How far the rows of a series are merged. A group shows as two rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Groups {
    /// Steps to a group; with two nothing is merged.
    width: u64,
    /// Steps in the last group so far.
    filled: u64,
}

impl Default for Groups {
    fn default() -> Self {
        Self {
            width: 2,
            filled: 0,
        }
    }
}

impl Groups {
    /// Whether the last group has both its rows, and takes another step into them.
    pub fn is_full(self) -> bool {
        self.filled >= 2
    }

    /// Whether no group is open.
    pub fn are_complete(self) -> bool {
        self.filled == 0
    }

    /// Notes a step.
    pub fn count(&mut self) {
        self.filled = (self.filled + 1) % self.width;
    }

    /// Notes that pairs of groups became one.
    pub fn double(&mut self) {
        self.width *= 2;
    }
}

/// A value that rows show.
pub trait Shown: Copy {
    /// What a curve goes by.
    fn height(&self) -> f64;

    /// The value with what must not be lost of one that it stands for.
    fn instead_of(self, other: Self) -> Self;
}

impl Shown for f64 {
    fn height(&self) -> f64 {
        *self
    }

    fn instead_of(self, _: Self) -> Self {
        self
    }
}

impl Shown for Measured {
    fn height(&self) -> f64 {
        self.value
    }

    fn instead_of(self, other: Self) -> Self {
        let quality = match other.quality {
            Quality::NotConverged => Quality::NotConverged,
            _ => self.quality,
        };
        Self { quality, ..self }
    }
}

/// Appends a value, or takes it into the last two rows if these are `full`.
pub fn push<T: Shown>(column: &mut Vec<Option<T>>, value: Option<T>, full: bool) {
    match column.as_mut_slice() {
        [.., first, second] if full => [*first, *second] = extremes([*first, *second, value]),
        _ => column.push(value),
    }
}

/// Makes two rows of every four.
pub fn halve<T: Shown>(column: &mut Vec<Option<T>>) {
    let groups = column.as_chunks::<4>().0;
    *column = groups.iter().flat_map(|group| extremes(*group)).collect();
}

/// The smallest and the largest of some values, in their order.
fn extremes<T: Shown, const N: usize>(values: [Option<T>; N]) -> [Option<T>; 2] {
    let there: Vec<T> = values.into_iter().flatten().collect();
    let by_height = |a: &usize, b: &usize| there[*a].height().total_cmp(&there[*b].height());
    let lowest = (0..there.len()).min_by(by_height);
    let highest = (0..there.len()).max_by(by_height);
    let (Some(lowest), Some(highest)) = (lowest, highest) else {
        return [None, None];
    };
    let kept = |at: usize| {
        there
            .iter()
            .fold(there[at], |kept, other| kept.instead_of(*other))
    };
    let (first, second) = (lowest.min(highest), lowest.max(highest));
    [Some(kept(first)), (second > first).then(|| kept(second))]
}
