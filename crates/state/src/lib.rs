//! What a computation remembers from one step to the next, saved with exact bits.
//!
//! A [`State`] holds named arrays of float32 or float64 numbers and named values without fractions:
//! counts, words, yes or no. It is saved as a `.safetensors` file, with a checksum over all of it.
//! What has a memory implements [`Memory`]: it lists its parts, and the same list serves to save and
//! to restore them.
//!
//! ```
//! use brink_state::{Memory, Part, State};
//! use burn::tensor::{Device, Tensor};
//!
//! /// A running sum.
//! #[derive(Default)]
//! struct Sum {
//!     terms: u64,
//!     sum: Option<Tensor<1>>,
//! }
//!
//! impl Memory for Sum {
//!     fn parts(&mut self) -> Vec<Part<'_>> {
//!         vec![("terms", &mut self.terms), ("sum", &mut self.sum)]
//!     }
//! }
//!
//! # fn main() -> Result<(), brink_state::StateError> {
//! let device = Device::flex();
//! let sum = Some(Tensor::from_floats([0.1, 0.2], &device));
//! let mut before = Sum { terms: 7, sum };
//! let mut state = State::default();
//! before.save(&mut state.saver())?;
//! let file = state.encode()?;
//!
//! let mut after = Sum::default();
//! after.restore(&State::decode(&file)?.loader(&device))?;
//! assert_eq!(after.terms, 7);
//! assert_eq!(after.sum.unwrap().to_data(), before.sum.unwrap().to_data());
//! # Ok(())
//! # }
//! ```

mod error;
mod file;
mod leaves;
mod loader;
mod memory;
mod saver;
mod state;

pub use error::StateError;
pub use loader::Loader;
pub use memory::{Memory, Part};
pub use saver::Saver;
pub use state::State;
