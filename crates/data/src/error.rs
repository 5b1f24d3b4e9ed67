//! Everything that [`load`](crate::load) can report, one layer per variant.

use crate::{
    Cifar100Error, CifarError, ConfigError, ConstantChannel, FileError, MnistError, SelectionError,
    TextError,
};

/// An error of loading data. Every message says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The `[data]` section asks for something impossible.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// CIFAR-10 was not found, or its files are not what they should be.
    #[error(transparent)]
    Cifar(#[from] CifarError),
    /// CIFAR-100 was not found, or its files are not what they should be.
    #[error(transparent)]
    Cifar100(#[from] Cifar100Error),
    /// MNIST was not found, or its files are not what they should be.
    #[error(transparent)]
    Mnist(#[from] MnistError),
    /// A file of arrays cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// A text makes no samples.
    #[error(transparent)]
    Text(#[from] TextError),
    /// There are fewer records than asked for.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// A channel of the subset cannot be scaled to unit variance.
    #[error(transparent)]
    Standardise(#[from] ConstantChannel),
}
