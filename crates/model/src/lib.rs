//! Networks as plain Burn modules, their losses, and their initial weights.
//!
//! Everything here is ordinary tensor code over [`burn::tensor::Tensor`], free of control flow
//! that depends on data, so that a graph can be captured from it and differentiated twice.
//!
//! ```text
//! ModelConfig ──declare(task)──▶ [Parameter] ──Weights::initial──▶ Weights
//!      └────────────────────── Network::new ◀─────────────────────────┘
//! ```
//!
//! A parameter's path, as a Burn module visitor reports it, its name in [`Weights`] and its name
//! in a weight file are one and the same: `layers.<i>.weight` and `layers.<i>.bias` for the plain
//! sequences of layers (`mlp`, `cnn`), and those of PyTorch's state dict for other networks.
//!
//! A kind of network is one [`NetworkKind`]: its keys, and a function that asks [`Params`] for its
//! layers' parameters. The built-in ones are listed in `networks`; [`register`] adds others.

mod accuracy;
mod activation;
mod config;
mod error;
mod init;
mod key;
mod kind;
mod layer;
mod loss;
mod network;
mod networks;
mod parameter;
mod params;
mod row_space;
mod slot;
mod task;
mod weights;

pub use accuracy::accuracy;
pub use activation::Activation;
pub use config::{MAX_PARAMETERS, MAX_WIDTH, ModelConfig};
pub use error::{BuildError, ConfigError};
pub use init::Init;
pub use key::{Domain, KeyValue, Keys, ModelKey};
pub use kind::{Forward, Layers, NetworkKind, RegisterError, kind, kinds, register};
pub use layer::{LayerKind, LayerSpec, bias_name, weight_name};
pub use loss::{Loss, LossConfig, LossKind};
pub use network::Network;
pub use parameter::{Declared, Parameter, Role};
pub use params::{Convolution, Params};
pub use row_space::{Projected, RowSpace, RowSpaceError};
pub use task::{Input, Task};
pub use weights::{
    NamedTensor, Precision, WeightFileError, WeightFileFault, Weights, WeightsError,
};
