//! Memory whose vectors lie in one cache line each: others are read in two halves.

use std::ops::{Deref, DerefMut};

use crate::execute::real::Real;

/// Bytes of a cache line, and of the widest vector.
const LINE: usize = 64;

/// Numbers that begin with a cache line.
#[derive(Debug)]
pub(super) struct Aligned<T> {
    memory: Vec<T>,
    from: usize,
}

/// None.
impl<T> Default for Aligned<T> {
    fn default() -> Self {
        Self {
            memory: Vec::new(),
            from: 0,
        }
    }
}

impl<T: Real> Aligned<T> {
    /// So many zeros.
    pub fn zeros(size: usize) -> Self {
        let spare = LINE / size_of::<T>();
        let mut memory = vec![T::zero(); size + spare];
        // A pointer that cannot be aligned, which no processor has, costs speed alone.
        let from = memory.as_ptr().align_offset(LINE).min(spare);
        memory.truncate(from + size);
        Self { memory, from }
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        &self.memory[self.from..]
    }
}

impl<T> DerefMut for Aligned<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.memory[self.from..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_begin_with_a_line() {
        for size in [0, 1, 100] {
            let (single, double) = (Aligned::<f32>::zeros(size), Aligned::<f64>::zeros(size));
            assert_eq!((single.len(), double.len()), (size, size));
            assert_eq!(single.as_ptr().align_offset(LINE), 0);
            assert_eq!(double.as_ptr().align_offset(LINE), 0);
        }
    }
}
