//! `[measure]`: what is measured along a run, and how often.
//!
//! A table that adds a measurement is one file here, which says what keys it has, what it needs of
//! the config and how it is set up, and one line in the list of `tables!`.

mod alignment;
mod batch_sharpness;
mod central_flow;
mod classes;
mod context;
mod eigenvalues;
mod first_order;
mod flow;
mod gauss_newton;
mod gram;
mod layer_sharpness;
pub mod panels;
mod residual;
mod schedule;
mod self_stabilization;
mod spectrum;
mod step;
mod subspace;
mod table;
mod test;

use std::sync::LazyLock;

use brink_analysis::phases::PhaseParams;
use brink_dynamics::Column;
use brink_dynamics::measurement::Measurement;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::config::keys::Key;
use crate::error::Error;

pub use batch_sharpness::BatchSharpnessConfig;
pub use central_flow::CentralFlowConfig;
pub use context::Context;
pub use eigenvalues::{EigenvaluesConfig, Stale};
pub use flow::FlowConfig;
pub use gram::{GramConfig, GramMethodConfig};
pub use schedule::{ScheduleConfig, SolvedConfig};
pub use spectrum::{SpectrumConfig, SpectrumOperator};
pub use subspace::SubspaceConfig;
pub use test::TestConfig;

/// What is wrong with a table: the path of the table or of its key, and why.
pub type Wrong = (String, String);

/// The tables of eigenvalues, which every run may have.
pub const SOLVED: [&str; 2] = ["eigenvalues", "preconditioned"];

/// The names of all tables of something measured.
pub fn table_names() -> &'static [&'static str] {
    static NAMES: LazyLock<Vec<&str>> = LazyLock::new(|| {
        let others = TABLES.iter().map(|(name, _)| *name);
        SOLVED.into_iter().chain(others).collect()
    });
    &NAMES
}

/// Makes [`MeasureConfig`] of the tables' names, types and descriptions.
macro_rules! tables {
    ($($name:ident: $config:ty;)*) => {
        /// The table `[measure]`.
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct MeasureConfig {
            /// Eigenvalues of the Hessian; none are measured without this table.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub eigenvalues: Option<EigenvaluesConfig>,
            /// Eigenvalues of P^(−½)HP^(−½) for a rule with a preconditioner P.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub preconditioned: Option<EigenvaluesConfig>,
            /// The rule that labels steps with the paper's phases.
            #[serde(default)]
            pub phases: PhaseParams,
            $(
                #[doc = concat!("The table `[measure.", stringify!($name), "]`.")]
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub $name: Option<$config>,
            )*
        }

        /// The names of the tables and their keys, in the order of the trace's columns.
        pub const TABLES: &[(&str, &[Key])] = &[$((stringify!($name), $name::TABLE.keys)),*];

        /// The names of the tables and the columns that they add to the trace, in its order.
        pub fn columns() -> Vec<(&'static str, Vec<Column>)> {
            vec![$((stringify!($name), ($name::TABLE.columns)())),*]
        }

        /// The names of the tables and what they write to files of their own.
        pub fn arrays() -> Vec<(&'static str, Vec<brink_dynamics::Table>)> {
            vec![$((stringify!($name), ($name::TABLE.arrays)())),*]
        }

        impl MeasureConfig {
            /// The names of the tables that are there.
            pub fn tables(&self) -> Vec<&'static str> {
                let all = [$((stringify!($name), self.$name.is_some())),*];
                all.into_iter().filter(|(_, on)| *on).map(|(name, _)| name).collect()
            }

            /// Everything that is wrong with the tables in a config.
            pub fn wrong(&self, config: &Config) -> Vec<Wrong> {
                let mut wrong = Vec::new();
                $(if let Some(table) = &self.$name {
                    let path = concat!("measure.", stringify!($name));
                    let unmet = $name::TABLE.needs.iter().filter_map(|need| need.unmet(config));
                    wrong.extend(unmet.map(|advice| (path.to_owned(), advice.to_owned())));
                    let faults = ($name::TABLE.faults)(table).into_iter();
                    wrong.extend(faults.map(|(key, fault)| (format!("{path}.{key}"), fault)));
                })*
                wrong
            }

            /// The measurements, in the order of the trace's columns.
            ///
            /// # Errors
            /// What an eigensolver refuses.
            pub fn measurements(
                &self,
                run: &Context<'_>,
            ) -> Result<Vec<Box<dyn Measurement<2>>>, Error> {
                let mut all = Vec::new();
                $(if let Some(table) = &self.$name {
                    all.extend(($name::TABLE.measurement)(table, run)?);
                })*
                Ok(all)
            }
        }
    };
}

tables! {
    residual: ScheduleConfig;
    gram: GramConfig;
    gauss_newton: SolvedConfig;
    first_order: ScheduleConfig;
    alignment: ScheduleConfig;
    self_stabilization: ScheduleConfig;
    step: ScheduleConfig;
    batch_sharpness: BatchSharpnessConfig;
    subspace: SubspaceConfig;
    layer_sharpness: SolvedConfig;
    spectrum: SpectrumConfig;
    flow: FlowConfig;
    central_flow: CentralFlowConfig;
    test: TestConfig;
}
