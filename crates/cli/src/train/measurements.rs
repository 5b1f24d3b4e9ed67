//! The config's `[measure]` tables as the run's measurements.

use std::ops::Range;

use brink_dynamics::Problem;
use brink_dynamics::flow::{FlowMethod, GradientFlow};
use brink_dynamics::measurement::{
    Alignment, FirstOrder, GaussNewton, Gram, GramMethod, LayerSharpness, Measurement, Residual,
    Schedule, SelfStabilization, SquaredError,
};
use brink_linearize::Layout;
use brink_model::{Loss, bias_name, weight_name};
use burn::tensor::Tensor;

use crate::config::{
    Config, FlowConfig, FlowMethodConfig, GramMethodConfig, ScheduleConfig, SolvedConfig,
};
use crate::error::Error;

type Measurements = Vec<Box<dyn Measurement<2>>>;

/// What a config measures besides eigenvalues, in the order of the trace's columns.
///
/// Quantities in function space belong to the squared error; the config's check has refused them
/// with any other loss.
pub fn measurements(
    config: &Config,
    problem: &Problem<2>,
    loss: Loss,
    targets: &Tensor<2>,
) -> Result<Measurements, Error> {
    let measure = &config.measure;
    let layers = layers(problem);
    let flat = problem.fixed_parameters;
    let squared = match loss {
        Loss::Mse { factor } => Some(SquaredError::new(targets.clone(), factor)),
        Loss::CrossEntropy => None,
    };
    let mut all: Measurements = Vec::new();
    if let (Some(table), Some(squared)) = (&measure.residual, &squared)
        && let Some((weight, bias)) = output_layer(problem)
    {
        let residual = Residual::new(schedule(table), squared.clone(), weight, bias);
        all.push(Box::new(residual));
    }
    if let (Some(table), Some(squared)) = (&measure.gram, &squared) {
        let method = match table.method {
            GramMethodConfig::MatrixFree => GramMethod::MatrixFree,
            GramMethodConfig::Dense => GramMethod::Dense,
        };
        let schedule = Schedule {
            every: table.every,
            from: table.from,
        };
        let squared = squared.clone();
        let tolerance = table.relative_tolerance;
        let gram = Gram::new(schedule, squared, method, table.count, tolerance)?;
        all.push(Box::new(gram));
    }
    if let Some(table) = &measure.gauss_newton {
        let (schedule, tolerance) = solved(table);
        let parts = GaussNewton::new(schedule, tolerance)?;
        all.push(Box::new(parts.with_flat_directions(flat)));
    }
    if let (Some(table), Some(squared)) = (&measure.first_order, &squared) {
        let first_order = FirstOrder::new(schedule(table), squared.clone());
        all.push(Box::new(first_order));
    }
    if let Some(table) = &measure.alignment {
        all.push(Box::new(Alignment::new(schedule(table), layers.clone())));
    }
    if let Some(table) = &measure.self_stabilization {
        all.push(Box::new(SelfStabilization::new(schedule(table))));
    }
    if let Some(table) = &measure.layer_sharpness {
        let (schedule, tolerance) = solved(table);
        let sharpness = LayerSharpness::new(schedule, layers, tolerance)?;
        // They are parameters of the first layer.
        all.push(Box::new(sharpness.with_flat_directions(flat)));
    }
    if let Some(table) = &measure.flow {
        let flow = flow(table, config.optimizer.step_size)?;
        all.push(Box::new(flow.with_flat_directions(flat)));
    }
    Ok(all)
}

fn schedule(table: &ScheduleConfig) -> Schedule {
    Schedule {
        every: table.every,
        from: table.from,
    }
}

fn solved(table: &SolvedConfig) -> (Schedule, f64) {
    let schedule = Schedule {
        every: table.every,
        from: table.from,
    };
    (schedule, table.relative_tolerance)
}

fn flow(table: &FlowConfig, step_size: f64) -> Result<GradientFlow, Error> {
    let method = match table.method {
        FlowMethodConfig::Rk4 => FlowMethod::RungeKutta4 {
            alpha: table.alpha,
            cap: table.cap.unwrap_or(step_size),
        },
        FlowMethodConfig::Adaptive => FlowMethod::DormandPrince {
            tolerance: table.tolerance,
        },
    };
    let schedule = Schedule {
        every: table.every,
        from: 0,
    };
    let tolerance = table.relative_tolerance;
    Ok(GradientFlow::new(schedule, table.until, method, tolerance)?)
}

fn range(layout: &Layout, name: &str) -> Option<Range<usize>> {
    let parameter = layout.get(name)?;
    Some(parameter.offset..parameter.offset + parameter.len())
}

/// Each layer's name and its part of θ, weight and bias together: the layout has them in a row.
fn layers(problem: &Problem<2>) -> Vec<(String, Range<usize>)> {
    let layout = problem.objective.layout();
    (problem.layers.iter().enumerate())
        .filter_map(|(index, layer)| {
            let weight = range(layout, &weight_name(index))?;
            let end = match range(layout, &bias_name(index)) {
                Some(bias) if bias.start == weight.end => bias.end,
                _ => weight.end,
            };
            Some((layer.name.clone(), weight.start..end))
        })
        .collect()
}

/// Where the output layer's weight lies in θ, and its bias if it has one.
fn output_layer(problem: &Problem<2>) -> Option<(Range<usize>, Option<Range<usize>>)> {
    let layout = problem.objective.layout();
    let last = problem.layers.len().checked_sub(1)?;
    let weight = range(layout, &weight_name(last))?;
    Some((weight, range(layout, &bias_name(last))))
}
