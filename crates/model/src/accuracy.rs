//! Classification accuracy, on the host.

/// The share of samples classified rightly, from 0 to 1, given outputs and targets of shape
/// `[samples, classes]`, row by row.
///
/// With one column the targets are −1 or +1 and an output is right when it has the target's sign
/// (0 is wrong). With more, the largest output must stand where the largest target stands; the
/// first of equal ones counts, and a row with a NaN is wrong.
///
/// `None` where accuracy means nothing: no samples, slices of unequal or ragged length, or a
/// single column of targets other than ±1.
pub fn accuracy(outputs: &[f64], targets: &[f64], classes: usize) -> Option<f64> {
    if targets.is_empty() || outputs.len() != targets.len() {
        return None;
    }
    if classes == 0 || !targets.len().is_multiple_of(classes) {
        return None;
    }
    if classes == 1 && targets.iter().any(|y| y.abs() != 1.0) {
        return None;
    }
    let rows = outputs
        .chunks_exact(classes)
        .zip(targets.chunks_exact(classes));
    let right = match classes {
        1 => rows.filter(|(f, y)| f[0] * y[0] > 0.0).count(),
        _ => rows
            .filter(|(f, y)| argmax(f).is_some_and(|class| Some(class) == argmax(y)))
            .count(),
    };
    Some(right as f64 / (targets.len() / classes) as f64)
}

/// Index of the first largest value; `None` when there is a NaN.
fn argmax(row: &[f64]) -> Option<usize> {
    let mut best = 0;
    for (index, &value) in row.iter().enumerate() {
        if value.is_nan() {
            return None;
        }
        if value > row[best] {
            best = index;
        }
    }
    Some(best)
}

#[cfg(test)]
mod tests {
    use super::accuracy;

    #[test]
    fn one_column_is_a_sign() {
        let outputs = [0.3, -2.0, 0.1, 0.0];
        let targets = [1.0, -1.0, -1.0, 1.0];
        assert_eq!(accuracy(&outputs, &targets, 1), Some(0.5));
        assert_eq!(accuracy(&[0.3], &[0.7], 1), None);
    }

    #[test]
    fn several_columns_are_an_argmax() {
        let outputs = [0.1, 0.7, 0.2, 3.0, 3.0, 1.0, f64::NAN, 0.0, 1.0];
        let targets = [0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0];
        assert_eq!(accuracy(&outputs, &targets, 3), Some(2.0 / 3.0));
    }

    #[test]
    fn shapes_that_disagree_have_no_accuracy() {
        assert_eq!(accuracy(&[], &[], 2), None);
        assert_eq!(accuracy(&[1.0], &[1.0, 0.0], 2), None);
        assert_eq!(accuracy(&[1.0; 3], &[1.0; 3], 2), None);
        assert_eq!(accuracy(&[1.0; 3], &[1.0; 3], 0), None);
    }
}
