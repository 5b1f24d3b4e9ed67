//! The place of a flow, which there is only from its first step on.

use brink_state::{Loader, Memory, Saver, StateError};

/// A state that is there once its flow has begun.
#[derive(Debug)]
pub(crate) struct Begun<S>(pub Option<S>);

/// A state that can be made from what was saved.
pub(crate) trait Begins: Memory + Sized {
    /// A state with its tensors from a file; [`Memory::restore`] gives it the rest.
    fn begin(from: &Loader<'_>) -> Result<Self, StateError>;
}

impl<S> Default for Begun<S> {
    fn default() -> Self {
        Self(None)
    }
}

impl<S: Begins> Memory for Begun<S> {
    fn save(&mut self, to: &mut Saver<'_>) -> Result<(), StateError> {
        to.part("begun").value(&self.0.is_some())?;
        match &mut self.0 {
            Some(state) => state.save(to),
            None => Ok(()),
        }
    }

    fn restore(&mut self, from: &Loader<'_>) -> Result<(), StateError> {
        self.0 = None;
        if from.part("begun").value()? {
            self.0.insert(S::begin(from)?).restore(from)?;
        }
        Ok(())
    }
}
