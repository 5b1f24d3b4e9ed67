//! The quantities of Wang, Li and Li (2022) on small networks in float64.

mod flow;
mod identities;
mod invariances;
mod networks;
mod self_stabilization;
