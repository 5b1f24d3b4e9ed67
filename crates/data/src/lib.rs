//! Training data for Brink: subsets of CIFAR-10, an offline stand-in of the same shape, CIFAR-100, MNIST, arrays in a
//! file of one's own, sequences of tokens; targets and standardisation.
//!
//! The way in is [`load`]: a [`DataConfig`] becomes a [`Dataset`] with a training [`Subset`], the
//! test set when there is one, and the [`Provenance`] that a run's manifest records. [`fetch`]
//! downloads CIFAR-10 and [`inspect`] describes a folder that holds it.
//!
//! ```
//! use brink_data::{DataConfig, Samples, Source, load};
//!
//! let config = DataConfig {
//!     source: Source::Synthetic,
//!     samples: Samples::count(20)?,
//!     ..DataConfig::default()
//! };
//! let dataset = load(&config, None)?;
//! assert_eq!(dataset.train.inputs_f32().len(), 20 * dataset.train.features());
//! assert_eq!(dataset.train.targets().len(), 20 * dataset.train.outputs());
//! # Ok::<(), brink_data::Error>(())
//! ```
//!
//! Images stay bytes until a design matrix is asked for: a quarter of the memory of `f32`, and the
//! standardised values are computed in `f64` from the bytes, whatever the type they are stored in.
//! Nothing here prints; long work reports through callbacks.

mod cifar;
mod cifar100;
mod class;
mod config;
mod dataset;
mod digest;
mod error;
mod fetch;
mod file;
mod images;
mod inspect;
mod labelled;
mod mnist;
mod provenance;
mod records;
mod selection;
mod sequence;
mod source;
mod standardise;
mod subset;
mod synthetic;
mod targets;

pub use cifar::{
    CifarError, CifarFiles, DEFAULT_FOLDER, find, locate, parse_records, read_records,
};
pub use cifar100::Cifar100Error;
pub use class::{Class, ClassChoice, ClassSet, UnknownClass};
pub use config::{ConfigError, DataConfig, Samples};
pub use dataset::{Dataset, load};
pub use error::Error;
pub use fetch::{Archive, FetchError, Fetched, Progress, fetch};
pub use file::{FileError, FileFault};
pub use inspect::{Inspection, SplitInspection, inspect};
pub use mnist::MnistError;
pub use provenance::{ClassCount, Origin, Provenance, SplitProvenance};
pub use records::{CHANNELS, FEATURES, PIXELS_PER_CHANNEL, RECORD_BYTES, Records, SIDE};
pub use selection::{Selection, SelectionError, Shortage};
pub use sequence::{Task, TextError};
pub use source::{Labels, Source};
pub use standardise::{ChannelSums, ConstantChannel, Standardisation, Standardise};
pub use subset::{SampleShape, Subset};
pub use synthetic::{SYNTHETIC_TEST_RECORDS, SYNTHETIC_TRAIN_RECORDS, SyntheticImages};
pub use targets::{Encoding, Targets};
