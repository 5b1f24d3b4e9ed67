//! What a chain takes: values in memory, and products that it computes a few rows at a time.

use super::access::{Access, Place, Values};
use crate::execute::matrix::{Rows, Scratch};
use crate::execute::real::Real;

/// An input of a chain.
pub(super) enum Given<'a, T> {
    /// In memory.
    Memory(Access<'a, T>),
    /// A product, of which every chunk of elements has whole rows.
    Product(Rows<'a>),
}

impl<T: Real> Given<'_, T> {
    /// Computes a product's elements from one on; what is in memory is found by [`find`](Self::find).
    #[inline(always)]
    pub fn produce(&self, from: usize, rows: &mut Scratch, scratch: &mut [T]) {
        if let (Self::Product(product), Some(to)) = (self, T::single_mut(scratch)) {
            product.write(from, rows, to);
        }
    }

    /// As [`Access::find`]; a product's are where they were put.
    #[inline(always)]
    pub fn find(&self, from: usize, scratch: &mut [T]) -> Place {
        match self {
            Self::Memory(access) => access.find(from, scratch),
            Self::Product(_) => Place::Gathered,
        }
    }

    /// As [`Access::get`].
    #[inline(always)]
    pub fn get<'s>(&'s self, place: Place, scratch: &'s [T]) -> Values<'s, T> {
        match self {
            Self::Memory(access) => access.get(place, scratch),
            Self::Product(_) => Values::Each(scratch),
        }
    }
}
