//! Panics of the code that computes, as errors.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A panic below us, for instance Burn's when the device is out of memory or lost.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the computation stopped: {message}")]
pub struct Panicked {
    /// What the panic said.
    pub message: String,
}

/// Does some work; a panic in it becomes an error, so that what was written before is kept.
///
/// What `work` was changing when it panicked may be half done: use none of it but counts and times.
///
/// # Errors
/// [`Panicked`], with the panic's message.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| Panicked {
        message: message(panic.as_ref()),
    })
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_keeps_its_message() {
        assert_eq!(caught(|| 3), Ok(3));
        let message = |work: fn()| caught(work).unwrap_err().message;
        assert_eq!(message(|| panic!("plain")), "plain");
        assert_eq!(message(|| panic!("{} of 2", 1)), "1 of 2");
        let other = message(|| std::panic::panic_any(7));
        assert_eq!(other, "a panic without a message");
    }
}
