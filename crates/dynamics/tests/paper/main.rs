//! The quantities of Wang, Li and Li (2022) and others on small networks in float64.

mod batch_sharpness;
mod central_flow;
mod central_flow_rmsprop;
mod dense;
mod flow;
mod identities;
mod invariances;
mod networks;
mod self_stabilization;
mod spectrum;
mod step;
mod subspace;
