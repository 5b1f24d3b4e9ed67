//! What a report shows of each table: panels of columns, those of a panel in one unit.

use brink_analysis::Table;

/// The panels of the tables, in the order of the trace's columns. `<layer>` stands for every layer.
const PANELS: &[(&str, &[&[&str]])] = &[
    (
        "residual",
        &[
            &["output_norm_sq_change", "output_norm_sq_predicted"],
            &["residual_dot_output"],
        ],
    ),
    (
        "gram",
        &[
            &["lambda_1", "gram_lambda_1"],
            &["residual_on_v1", "residual_off_v1"],
        ],
    ),
    (
        "gauss_newton",
        &[
            &["lambda_1", "gauss_newton_lambda_1"],
            &["residual_hessian_lambda_1"],
        ],
    ),
    ("first_order", &[&["first_order_error"]]),
    ("alignment", &[&["eigenvector_share.<layer>"]]),
    (
        "self_stabilization",
        &[
            &["progressive_sharpening", "progressive_sharpening_reference"],
            &["stabilization"],
            &["oscillation", "predicted_deviation"],
        ],
    ),
    (
        "step",
        &[
            &[
                "lambda_1",
                "directional_sharpness",
                "critical_sharpness",
                "threshold",
            ],
            &["relative_progress"],
        ],
    ),
    (
        "batch_sharpness",
        &[
            &[
                "lambda_1",
                "batch_sharpness",
                "batch_lambda_max",
                "threshold",
            ],
            &["gradient_noise_trace"],
        ],
    ),
    (
        "subspace",
        &[
            &[
                "subspace_gradient_share",
                "subspace_update_share",
                "subspace_class_share",
                "subspace_overlap",
            ],
            &["subspace_error"],
        ],
    ),
    ("layer_sharpness", &[&["lambda_1", "lambda_1.<layer>"]]),
    (
        "spectrum",
        &[
            &[
                "hessian_trace",
                "gauss_newton_trace",
                "fisher_trace",
                "preconditioned_trace",
            ],
            &[
                "hessian_frobenius_sq",
                "gauss_newton_frobenius_sq",
                "fisher_frobenius_sq",
                "preconditioned_frobenius_sq",
            ],
        ],
    ),
    (
        "flow",
        &[
            &["loss", "flow_loss"],
            &["lambda_1", "flow_lambda_1", "threshold"],
            &["flow_distance"],
        ],
    ),
    (
        "central_flow",
        &[
            &["loss", "central_loss", "central_predicted_loss"],
            &[
                "lambda_1",
                "preconditioned_1",
                "central_lambda_1",
                "central_lambda_2",
                "threshold",
                "preconditioned_threshold",
            ],
            &["central_trace_sigma"],
            &["central_distance", "central_error"],
        ],
    ),
    (
        "test",
        &[&["loss", "test_loss"], &["train_accuracy", "test_accuracy"]],
    ),
];

/// The tables that a trace has values of, and the panels of its columns that have some. A panel is
/// left out where it has none of the table's own columns.
pub fn of_trace(trace: &Table) -> Vec<(&'static str, Vec<Vec<String>>)> {
    let filled = |name: &&String| {
        let column = trace.column(name);
        column.is_some_and(|column| trace.cells(column).any(|cell| !cell.is_empty()))
    };
    let filled: Vec<&str> = trace
        .header()
        .iter()
        .filter(filled)
        .map(String::as_str)
        .collect();
    let matching = |pattern: &str| -> Vec<&str> {
        let names = filled.iter().copied();
        match pattern.strip_suffix("<layer>") {
            Some(stem) => names.filter(|name| name.starts_with(stem)).collect(),
            None => names.filter(|name| *name == pattern).collect(),
        }
    };
    let of_table = PANELS.iter().map(|(table, panels)| {
        let panels = panels.iter().filter_map(|patterns| {
            let own = patterns.iter().filter(|pattern| !SHARED.contains(pattern));
            let any = own
                .map(|pattern| matching(pattern))
                .any(|found| !found.is_empty());
            // Beside P^(−½)HP^(−½) the Hessian has another unit.
            let other = patterns
                .iter()
                .any(|p| *p == PRECONDITIONED && !matching(p).is_empty());
            let shown = patterns.iter().filter(|p| !(other && **p == "lambda_1"));
            let names = shown.flat_map(|pattern| matching(pattern));
            any.then(|| names.map(str::to_owned).collect())
        });
        (*table, panels.collect::<Vec<_>>())
    });
    of_table.filter(|(_, panels)| !panels.is_empty()).collect()
}

/// Columns of every run, beside which a table's own are drawn.
const SHARED: [&str; 6] = [
    "loss",
    "lambda_1",
    "threshold",
    "train_accuracy",
    PRECONDITIONED,
    "preconditioned_threshold",
];

/// λ₁ of P^(−½)HP^(−½).
const PRECONDITIONED: &str = "preconditioned_1";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{TABLES, columns};

    #[test]
    fn every_table_is_shown_by_columns_that_it_has() {
        let shown: Vec<&str> = PANELS.iter().map(|(table, _)| *table).collect();
        let tables: Vec<&str> = TABLES.iter().map(|(table, _)| *table).collect();
        assert_eq!(shown, tables);
        for ((table, columns), (_, panels)) in columns().iter().zip(PANELS) {
            for name in panels.iter().copied().flatten() {
                // The operator of a spectrum names its columns.
                let mut name = (*name).to_owned();
                if *table == "spectrum" {
                    for operator in ["fisher", "preconditioned", "gauss_newton"] {
                        name = name.replace(operator, "hessian");
                    }
                }
                let own = columns.iter().any(|column| column.name == name);
                assert!(own || SHARED.contains(&name.as_str()), "{table}: {name}");
            }
        }
    }
}
