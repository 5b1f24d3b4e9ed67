//! Every step rule against a computation of its own in float64, and its threshold on a quadratic.

#![cfg(feature = "flex")]

mod agreement;
mod network;
mod rules;
mod thresholds;
