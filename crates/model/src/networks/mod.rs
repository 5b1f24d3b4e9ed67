//! The built-in networks: one file each, and one line here.

mod cnn;
mod image;
mod mlp;

use crate::NetworkKind;

/// In the order in which they are listed.
pub(crate) const KINDS: &[&NetworkKind] = &[&mlp::KIND, &cnn::KIND];
