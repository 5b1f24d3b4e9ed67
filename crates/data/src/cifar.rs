//! CIFAR-10 in its official binary layout (Krizhevsky 2009,
//! <https://www.cs.toronto.edu/~kriz/cifar.html>).

mod error;
mod locate;
mod reader;

pub use error::CifarError;
pub use locate::{CifarFiles, DEFAULT_FOLDER, find, locate};
pub(crate) use locate::{FOLDER_NAME, TEST_FILE};
pub use reader::{parse_records, read_records};
pub(crate) use reader::{record_count, select};
