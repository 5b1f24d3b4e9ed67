//! The built-in networks: one file each, and one line here.

mod cnn;
mod gpt;
mod lstm;
mod mlp;
mod resnet;
mod vgg;
mod vit;

mod image;
mod norm;
mod sequence;
mod transformer;

use crate::NetworkKind;

/// In the order in which they are listed.
pub(crate) const KINDS: &[&NetworkKind] = &[
    &mlp::KIND,
    &cnn::KIND,
    &vgg::KIND,
    &resnet::KIND,
    &vit::KIND,
    &gpt::KIND,
    &lstm::KIND,
];
