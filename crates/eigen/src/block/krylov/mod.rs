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
    /// How Brink's own code keeps them orthonormal, where that computes.
    #[cfg(feature = "flex")]
    own: Option<flex::Kept>,
    /// `[k, P]` each: unit rows or zeros, or rows as long as `own` knows.
    blocks: Vec<Tensor<2>>,
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
            #[cfg(feature = "flex")]
            own: (self.has_loops(&first)).then(|| flex::Kept::always(first.dims()[0])),
            blocks: vec![first],
            next: None,
        }
    }

    /// The same for many blocks of the Lanczos process, whose vectors may be so far from orthogonal as does
    /// not matter for its tridiagonal matrix.
    pub fn long_krylov(self, first: Tensor<2>) -> Krylov {
        Krylov {
            #[cfg(feature = "flex")]
            own: (self.has_loops(&first))
                .then(|| flex::Kept::estimated(first.dims(), first.dtype())),
            ..self.krylov(first)
        }
    }

    #[cfg(feature = "flex")]
    fn has_loops(self, rows: &Tensor<2>) -> bool {
        self.is_own(rows) && flex::suits(rows)
    }
}

impl Krylov {
    /// The last block, `[k, P]`; a long basis' rows are of lengths that [`Krylov::orthogonalise`] takes from
    /// their images, too.
    pub fn last(&self) -> Tensor<2> {
        self.blocks[self.blocks.len() - 1].clone()
    }

    /// The last block's unit rows, by the lengths that are known of them.
    #[cfg(test)]
    fn last_unit(&self) -> Tensor<2> {
        let units = self.own.as_ref().and_then(flex::Kept::last_factors);
        match units {
            Some(factors) => plain::scaled(self.last(), &factors),
            None => self.last(),
        }
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
        if let Some(kept) = &mut self.own {
            let found = kept.orthogonalise(&mut self.blocks, image, before);
            let (next, found) = found.ok_or(EigenError::UnsupportedDType {
                dtype: self.blocks[0].dtype(),
            })?;
            self.next = Some(next);
            return Ok(found);
        }
        let (next, found) = plain::orthogonalise(&self.blocks, image, before)?;
        self.next = Some(next);
        Ok(found)
    }

    /// What was left of the last image, times a factor for each row, is the next block.
    pub fn extend(&mut self, factors: &[f64]) {
        if let Some(next) = self.next.take() {
            #[cfg(feature = "flex")]
            if let Some(kept) = &mut self.own {
                self.blocks.push(kept.extend(next, factors));
                return;
            }
            self.blocks.push(plain::scaled(next, factors));
        }
    }
}
