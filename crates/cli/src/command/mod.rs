//! The commands besides `train`.

pub mod config;
pub mod data;
pub mod devices;
pub mod plot;
pub mod report;
