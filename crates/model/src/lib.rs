//! Networks as plain Burn modules, their losses, and their initial weights.
//!
//! Everything here is ordinary tensor code over [`burn::tensor::Tensor`], free of control flow
//! that depends on data, so that a graph can be captured from it and differentiated twice.
//!
//! ```text
//! ModelConfig ──layers(inputs, outputs)──▶ [LayerSpec] ──Weights::initial──▶ Weights
//!      └────────────────────── Network::new ◀──────────────────────────────────┘
//! ```
//!
//! A parameter's path, as a Burn module visitor reports it, its name in [`Weights`] and its name
//! in a weight file are one and the same: `layers.<i>.weight` and `layers.<i>.bias`, where `i`
//! counts the layers that bear weights, in order.

mod accuracy;
mod activation;
mod cnn;
mod config;
mod error;
mod init;
mod layer;
mod loss;
mod mlp;
mod network;
mod row_space;
mod weights;

pub use accuracy::accuracy;
pub use activation::Activation;
pub use cnn::Cnn;
pub use config::{Architecture, MAX_PARAMETERS, MAX_WIDTH, ModelConfig, ModelKind, Pooling};
pub use error::{BuildError, ConfigError};
pub use init::Init;
pub use layer::{LayerKind, LayerSpec, bias_name, weight_name};
pub use loss::{Loss, LossConfig, LossKind};
pub use mlp::Mlp;
pub use network::Network;
pub use row_space::{Projected, RowSpace, RowSpaceError};
pub use weights::{
    NamedTensor, Precision, WeightFileError, WeightFileFault, Weights, WeightsError,
};
