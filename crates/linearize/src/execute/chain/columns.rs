//! Sums of columns. Each task has sums of its own; they are added in the order of the tasks, whatever
//! the number of threads.

use super::reduce;
use crate::execute::real::Real;
use crate::graph::Columns;

/// Which of the block's vectors the elements of tasks belong to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shares {
    /// Elements of one vector.
    vector: usize,
    /// Elements of all vectors.
    all: usize,
    /// Elements of one task.
    of_task: usize,
    /// Vectors that the elements of a task belong to, at most.
    vectors: usize,
}

impl Shares {
    pub fn new(vector: usize, all: usize, of_task: usize) -> Self {
        let vectors = match vector == all {
            true => 1,
            // The first and the last may be there in part.
            false => (of_task - 1).div_ceil(vector) + 1,
        };
        Self {
            vector,
            all,
            of_task,
            vectors,
        }
    }

    /// Sums of one task, where a vector has `count` columns.
    pub fn sums(&self, count: usize) -> usize {
        self.vectors * count
    }

    /// Adds elements from element `from` on, which belong to a task, to the sums of that.
    #[inline(always)]
    pub fn add<T: Real>(&self, mut x: &[T], mut from: usize, columns: Columns, sums: &mut [T]) {
        let Columns { count, inner } = columns;
        let first = from / self.of_task * self.of_task / self.vector;
        while !x.is_empty() {
            let (vector, place) = (from / self.vector - first, from % self.vector);
            let column = place / inner % count;
            let sums = &mut sums[vector * count + column..];
            let size = match inner {
                1 => count - column,
                _ => inner - place % inner,
            };
            let (now, rest) = x.split_at(size.min(x.len()));
            match inner {
                1 => {
                    for (sum, x) in sums.iter_mut().zip(now) {
                        *sum += *x;
                    }
                }
                _ => sums[0] += reduce::sum(now),
            }
            from += now.len();
            x = rest;
        }
    }

    /// The sums of all tasks, one vector's after the other, from those of each, `of_task` at a time.
    pub fn join<T: Real>(&self, parts: &[T], of_task: usize) -> Vec<T> {
        let count = of_task / self.vectors;
        let mut joined = vec![T::zero(); self.all / self.vector * count];
        for (task, part) in parts.chunks_exact(of_task).enumerate() {
            let first = task * self.of_task / self.vector * count;
            for (sum, x) in joined[first..].iter_mut().zip(part) {
                *sum += *x;
            }
        }
        joined
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sums of small whole numbers, which are exact in any order, and those of a plain loop.
    fn check(vectors: usize, [outer, count, inner]: [usize; 3], of_task: usize, step: usize) {
        let vector = outer * count * inner;
        let all = vectors * vector;
        let x: Vec<f32> = (0..all).map(|at| ((at * 7919) % 101) as f32).collect();
        let mut expected = vec![0.0; vectors * count];
        for (at, x) in x.iter().enumerate() {
            expected[at / vector * count + at / inner % count] += x;
        }
        let shares = Shares::new(vector, all, of_task);
        let own = shares.sums(count);
        let mut parts = Vec::new();
        for (task, x) in x.chunks(of_task).enumerate() {
            let mut sums = vec![0.0; own];
            for (part, x) in x.chunks(step).enumerate() {
                let from = task * of_task + part * step;
                shares.add(x, from, Columns { count, inner }, &mut sums);
            }
            parts.extend(sums);
        }
        let found = shares.join(&parts, own);
        assert_eq!(
            found, expected,
            "{vectors} of {outer}, {count}, {inner} by {of_task}"
        );
    }

    #[test]
    fn columns_are_summed_however_tasks_cut_them() {
        for vectors in [1, 3] {
            for shape in [[9, 5, 1], [4, 3, 7], [50, 1, 2], [2, 40, 1], [3, 2, 100]] {
                for (of_task, step) in [(1, 1), (7, 3), (64, 64), (100, 30), (5000, 1000)] {
                    check(vectors, shape, of_task, step);
                }
            }
        }
    }

    #[test]
    fn no_vectors_have_no_sums() {
        let shares = Shares::new(60, 0, 100);
        assert!(shares.join::<f32>(&[], shares.sums(6)).is_empty());
    }
}
