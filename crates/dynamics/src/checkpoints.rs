//! Where a run's states go.

use brink_state::State;

use crate::observer::ObserverError;

/// Keeps a run's states, from which it can be continued or branched.
pub trait Checkpoints {
    /// Whether the state before the record of `step` is to be saved. A run asks at its first step
    /// and after every step that it takes; at its end it saves in any case.
    fn is_due(&self, step: u64) -> bool;

    /// The step of the last state that is saved, if any.
    fn saved(&self) -> Option<u64>;

    /// Saves the state before the record of `step`.
    ///
    /// # Errors
    /// Whatever keeps it from being saved; it ends the run, whose earlier states stand.
    fn save(&mut self, step: u64, state: State) -> Result<(), ObserverError>;
}
