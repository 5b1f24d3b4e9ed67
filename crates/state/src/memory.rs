//! What has a memory.

use crate::{Loader, Saver, StateError};

/// A part of a memory, and its name.
pub type Part<'m> = (&'static str, &'m mut dyn Memory);

/// Something that remembers, and can be saved and restored to the bit.
///
/// What is made of parts lists them all in [`parts`](Self::parts), and no more: what is given at
/// construction, such as settings, is not remembered. What has none needs nothing but
/// `impl Memory for … {}`.
pub trait Memory {
    /// Its parts, each under a name of its own.
    fn parts(&mut self) -> Vec<Part<'_>> {
        Vec::new()
    }

    /// Saves all parts.
    ///
    /// # Errors
    /// [`StateError`], mostly of a device that cannot be read.
    fn save(&mut self, to: &mut Saver<'_>) -> Result<(), StateError> {
        for (name, part) in self.parts() {
            part.save(&mut to.part(name))?;
        }
        Ok(())
    }

    /// Restores all parts, whatever they were before.
    ///
    /// # Errors
    /// [`StateError::Missing`], [`StateError::Unsuitable`]: it was something else that was saved.
    fn restore(&mut self, from: &Loader<'_>) -> Result<(), StateError> {
        for (name, part) in self.parts() {
            part.restore(&from.part(name))?;
        }
        Ok(())
    }
}

impl<M: Memory + ?Sized> Memory for Box<M> {
    fn parts(&mut self) -> Vec<Part<'_>> {
        (**self).parts()
    }

    fn save(&mut self, to: &mut Saver<'_>) -> Result<(), StateError> {
        (**self).save(to)
    }

    fn restore(&mut self, from: &Loader<'_>) -> Result<(), StateError> {
        (**self).restore(from)
    }
}
