//! The figure of `spectrum.csv`: spectral densities, and where there are several steps how they move.

use std::path::Path;

use brink_analysis::{Table, TableError};

use super::manifest::Head;
use super::read::EIGENVALUES_CSV;
use crate::chart::{
    Axis, Column, Curve, Figure, HeatMap, Level, Mark, Panel, Sample, Scale, Tile, style,
};
use crate::error::PlotError;
use crate::ticks;

/// A density below this share of the highest is left out: one eigenvalue of a million would show.
const LEAST: f64 = 1e-7;

/// Steps whose densities are drawn as curves.
const CURVES: usize = 4;

/// Rows and columns of the heat map.
const CELLS: [usize; 2] = [96, 72];

/// Shades of the heat map.
const SHADES: f64 = 14.0;

/// The density at a step.
#[derive(Debug)]
struct Density {
    step: u64,
    lambda: Vec<f64>,
    density: Vec<f64>,
}

/// The largest and smallest eigenvalues that were solved for, by step.
type Solved = Vec<(u64, f64)>;

/// Draws the spectra in a run's folder; none if there is none.
pub(super) fn draw(folder: &Path, table: &Table) -> Result<Option<String>, PlotError> {
    let head = Head::read(folder)?;
    let (densities, operator) = densities(table)?;
    let solved = match Table::read(folder.join(EIGENVALUES_CSV)) {
        Err(TableError::Read { source, .. }) if source.is_absent() => Vec::new(),
        solved => self::solved(&solved?, &operator)?,
    };
    let Some(last) = densities.last() else {
        return Ok(None);
    };
    let mut titles = head.titles();
    titles.note(Some(&format!("spectrum of {}", shown(&operator))));
    let mut columns = vec![curves(&densities, &solved, last.step)];
    if densities.len() > 2 {
        columns.push(over_time(&densities, &solved));
    }
    let figure = Figure {
        titles,
        width: if columns.len() > 1 { 900.0 } else { 640.0 },
        columns,
        ..Figure::default()
    };
    Ok(Some(figure.draw()?))
}

fn shown(operator: &str) -> &str {
    match operator {
        "hessian" => "the Hessian",
        "gauss-newton" => "the Gauss–Newton matrix",
        "fisher" => "the empirical Fisher matrix",
        "preconditioned" => "P^(−½)HP^(−½)",
        other => other,
    }
}

/// The densities in order of their steps, and whose they are.
fn densities(table: &Table) -> Result<(Vec<Density>, String), PlotError> {
    let steps = table.steps()?;
    let lambda: Vec<f64> = table.parsed(table.required("lambda")?, "a number")?;
    let density: Vec<f64> = table.parsed(table.required("density")?, "a number")?;
    let mut operators = table.cells(table.required("operator")?);
    let operator = operators.next().unwrap_or_default().to_owned();
    let mut all: Vec<Density> = Vec::new();
    for ((step, lambda), density) in steps.into_iter().zip(lambda).zip(density) {
        if all.last().is_none_or(|last| last.step != step) {
            all.push(Density {
                step,
                lambda: Vec::new(),
                density: Vec::new(),
            });
        }
        if let Some(last) = all.last_mut() {
            last.lambda.push(lambda);
            last.density.push(density);
        }
    }
    Ok((all, operator))
}

fn solved(table: &Table, operator: &str) -> Result<Solved, PlotError> {
    let steps = table.steps()?;
    let values: Vec<f64> = table.parsed(table.required("value")?, "a number")?;
    let kinds: Vec<String> = table
        .cells(table.required("kind")?)
        .map(String::from)
        .collect();
    let operators: Vec<String> = match table.column("operator") {
        Some(column) => table.cells(column).map(String::from).collect(),
        None => vec!["hessian".to_owned(); steps.len()],
    };
    let rows = steps.into_iter().zip(values).zip(kinds).zip(operators);
    Ok(rows
        .filter(|((_, kind), of)| kind == "solved" && of == operator)
        .map(|((row, _), _)| row)
        .collect())
}

fn curves(densities: &[Density], solved: &Solved, last: u64) -> Column {
    let count = densities.len();
    let picked: Vec<usize> = match count {
        0..=CURVES => (0..count).collect(),
        _ => (0..CURVES)
            .map(|i| i * (count - 1) / (CURVES - 1))
            .collect(),
    };
    let highest = densities.iter().flat_map(|d| &d.density);
    let least = LEAST
        * highest
            .copied()
            .filter(|d| d.is_finite())
            .fold(0.0, f64::max);
    let curves = picked.iter().rev().enumerate().map(|(at, index)| {
        let density = &densities[*index];
        let points = density.lambda.iter().zip(&density.density);
        Curve {
            name: format!("step {}", density.step),
            stroke: style::compared(at),
            samples: points
                .map(|(x, y)| Sample {
                    x: *x,
                    // NaN breaks the curve, where an empty cell would be bridged.
                    y: Some(if *y >= least { *y } else { f64::NAN }),
                    quality: Default::default(),
                })
                .collect(),
        }
    });
    let of_last = solved.iter().filter(|(step, _)| *step == last);
    let marks = of_last.map(|(step, value)| Mark {
        x: *value,
        name: format!("eigenvalues solved for at step {step}"),
    });
    Column {
        x_label: "eigenvalue λ".to_owned(),
        whole: false,
        marks: marks.collect(),
        ..Column::of_steps(vec![Panel {
            left: Axis {
                label: "spectral density".to_owned(),
                scale: Scale::Logarithmic,
                curves: curves.collect(),
                levels: Vec::new(),
            },
            height: 260.0,
            ..Panel::default()
        }])
    }
}

fn over_time(densities: &[Density], solved: &Solved) -> Column {
    let thinned: Vec<&Density> = match densities.len() {
        count if count <= CELLS[1] => densities.iter().collect(),
        count => (0..CELLS[1])
            .map(|i| &densities[i * (count - 1) / (CELLS[1] - 1)])
            .collect(),
    };
    let ends = |of: fn(f64, f64) -> f64, start: f64| {
        let all = thinned.iter().flat_map(|d| &d.lambda).copied();
        all.fold(start, of)
    };
    let (low, high) = (
        ends(f64::min, f64::INFINITY),
        ends(f64::max, f64::NEG_INFINITY),
    );
    let highest = thinned.iter().flat_map(|d| &d.density);
    let highest = highest
        .copied()
        .filter(|d| d.is_finite())
        .fold(0.0, f64::max);
    let height = (high - low) / CELLS[0] as f64;
    let mut tiles = Vec::new();
    for (at, density) in thinned.iter().enumerate() {
        let middle = |a: &Density, b: &Density| f64::midpoint(a.step as f64, b.step as f64);
        let first = match at {
            0 => density.step as f64,
            _ => middle(thinned[at - 1], density),
        };
        let to = match thinned.get(at + 1) {
            Some(next) => middle(density, next),
            None => density.step as f64,
        };
        let mut column: Vec<Tile> = Vec::new();
        for cell in 0..CELLS[0] {
            let (from_y, to_y) = (low + cell as f64 * height, low + (cell + 1) as f64 * height);
            let points = density.lambda.iter().zip(&density.density);
            let within = points.filter(|(x, _)| **x >= from_y && **x < to_y);
            let most = within.map(|(_, y)| *y).fold(0.0, f64::max);
            // A grid coarser than the cells leaves some without a point.
            let value = match most {
                0.0 => interpolated(density, f64::midpoint(from_y, to_y)),
                most => most,
            };
            let share = 1.0 - (value / highest).log10() / LEAST.log10();
            let shade = (share * SHADES).ceil() / SHADES;
            if shade.is_nan() || shade <= 0.0 {
                continue;
            }
            match column.last_mut() {
                Some(last) if last.shade == shade && last.y.1 == from_y => last.y.1 = to_y,
                _ => column.push(Tile {
                    x: (first, to),
                    y: (from_y, to_y),
                    shade,
                }),
            }
        }
        tiles.extend(column);
    }
    let mut steps: Vec<u64> = solved.iter().map(|(step, _)| *step).collect();
    steps.dedup();
    let largest = |step: &u64| {
        let of_step = solved.iter().filter(|(of, _)| of == step);
        of_step.map(|(_, value)| *value).reduce(f64::max)
    };
    let x: Vec<f64> = steps.iter().map(|step| *step as f64).collect();
    let y: Vec<Option<f64>> = steps.iter().map(largest).collect();
    let mut curves = vec![Curve::new("", style::FRAME, &[], &[])];
    if !x.is_empty() {
        curves[0] = Curve::new("largest eigenvalue, solved for", style::SOLVED, &x, &y);
    }
    let note = format!(
        "colour: density, logarithmic, {} to {}",
        ticks::short(LEAST * highest),
        ticks::short(highest)
    );
    Column {
        x_label: "step".to_owned(),
        ..Column::of_steps(vec![Panel {
            note,
            left: Axis {
                label: "eigenvalue λ".to_owned(),
                scale: Scale::Linear,
                curves,
                levels: Vec::<Level>::new(),
            },
            heat: Some(HeatMap { tiles }),
            height: 260.0,
            ..Panel::default()
        }])
    }
}

/// The density at a place between the points of its grid; 0 outside.
fn interpolated(density: &Density, at: f64) -> f64 {
    let after = density.lambda.partition_point(|lambda| *lambda <= at);
    let (Some(before), true) = (after.checked_sub(1), after < density.lambda.len()) else {
        return 0.0;
    };
    let share = (at - density.lambda[before]) / (density.lambda[after] - density.lambda[before]);
    density.density[before] + share * (density.density[after] - density.density[before])
}
