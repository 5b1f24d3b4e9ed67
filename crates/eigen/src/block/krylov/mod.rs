//! Krylov bases of several vectors, each orthonormal by itself.

#[cfg(feature = "flex")]
mod flex;
mod plain;
#[cfg(test)]
mod tests;

use burn::tensor::Tensor;

use super::{Arithmetic, EigenError};

/// Row j of each block belongs to the j-th basis.
#[derive(Debug)]
pub(crate) struct Krylov {
    own: bool,
    /// Whether what is negligible may be left in a vector.
    long: bool,
    /// `[k, P]` each, unit rows or zeros: all of them, or the last two if there are `halves`.
    blocks: Vec<Tensor<2>>,
    /// All blocks in 16 bits, for those that only ever take a rounding's size out of another.
    halves: Option<Vec<Vec<u16>>>,
    /// What the next block is before its rows are unit, `[k, P]`.
    next: Option<Tensor<2>>,
}

/// What a basis has of an image, and what is left of it.
#[derive(Debug)]
pub(crate) struct Orthogonalised {
    /// ⟨v, Av⟩ of each row v of the last block.
    pub along: Vec<f64>,
    /// ‖Av − its part in the basis‖.
    pub length: Vec<f64>,
}

impl Arithmetic {
    /// Bases that begin with unit rows, `[k, P]`.
    pub fn krylov(self, first: Tensor<2>) -> Krylov {
        Krylov {
            own: self.is_own(&first),
            long: false,
            blocks: vec![first],
            halves: None,
            next: None,
        }
    }

    /// The same for many blocks, of which only the last are read as they are.
    ///
    /// Once the parts along the last two blocks are out, an image of the Lanczos process has no more
    /// of the others than rounding brings. Sixteen bits of a basis vector, float32's sign, exponent
    /// and seven digits, tell and take that as well as all of them, and half as much memory is read.
    pub fn long_krylov(self, first: Tensor<2>) -> Krylov {
        let mut bases = self.krylov(first);
        bases.long = true;
        #[cfg(feature = "flex")]
        if bases.own
            && let Some(halves) = flex::halves(&bases.blocks[0])
        {
            bases.halves = Some(vec![halves]);
        }
        bases
    }
}

impl Krylov {
    /// The last block, `[k, P]`.
    pub fn last(&self) -> Tensor<2> {
        self.blocks[self.blocks.len() - 1].clone()
    }

    /// All blocks, one under the other.
    pub fn whole(&self) -> Tensor<2> {
        Tensor::cat(self.blocks.clone(), 0)
    }

    /// Takes from the image of the last block what lies in the bases: first along the last two
    /// blocks, of which that before the last is known to have the share `before`, then along all.
    pub fn orthogonalise(
        &mut self,
        image: Tensor<2>,
        before: &[f64],
    ) -> Result<Orthogonalised, EigenError> {
        #[cfg(feature = "flex")]
        if self.own
            && let Some((next, found)) = flex::orthogonalise(
                &self.blocks,
                self.halves.as_deref(),
                &image,
                before,
                self.long,
            )
        {
            self.next = Some(next);
            return Ok(found);
        }
        let _ = (self.own, self.long);
        let (next, found) = plain::orthogonalise(&self.blocks, image, before)?;
        self.next = Some(next);
        Ok(found)
    }

    /// What was left of the last image, times a factor for each row, is the next block.
    pub fn extend(&mut self, factors: &[f64]) {
        if let Some(next) = self.next.take() {
            let next = plain::scaled(next, factors);
            #[cfg(feature = "flex")]
            if let Some(halves) = &mut self.halves
                && let Some(of_next) = flex::halves(&next)
            {
                halves.push(of_next);
                let old = self.blocks.len().saturating_sub(1);
                self.blocks.drain(..old);
            }
            self.blocks.push(next);
        }
    }
}
