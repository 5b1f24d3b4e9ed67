//! The classes of the training samples, and the slopes of their losses.

use brink_data::{Subset, Targets};
use brink_dynamics::measurement::Classes;
use brink_model::Loss;
use burn::tensor::{Tensor, TensorData};

/// The class of each target: of each sample or, of sequences, of each position.
pub struct Labels {
    /// Numbers from 0, in the order of samples and positions.
    values: Vec<usize>,
    /// Columns of outputs that belong to one of them.
    columns: usize,
}

/// The labels of samples whose targets are classes.
pub fn labels(samples: &Subset) -> Option<Labels> {
    of_targets(
        &samples.targets(),
        samples.outputs(),
        samples.targets_kind(),
    )
}

fn of_targets(targets: &[f64], columns: usize, kind: Targets) -> Option<Labels> {
    let rows = targets.chunks_exact(columns.max(1));
    let largest = |row: &[f64]| (0..columns).max_by(|&i, &j| row[i].total_cmp(&row[j]));
    let values = match kind {
        Targets::Values => return None,
        Targets::Binary => rows.map(|row| usize::from(row[0] > 0.0)).collect(),
        Targets::OneHot => rows.filter_map(largest).collect(),
    };
    Some(Labels { values, columns })
}

/// Those classes that occur, with ∂L_c/∂F: the slope of the loss where the target is c, by the number
/// of such targets instead of all.
pub fn of(loss: Loss, targets: &Tensor<2>, labels: Labels) -> Classes<2> {
    let Labels { values, columns } = labels;
    let mut present = values.clone();
    present.sort_unstable();
    present.dedup();
    let count_of = |class: &usize| values.iter().filter(|value| *value == class).count();
    let counts: Vec<usize> = present.iter().map(count_of).collect();
    let total = values.len();
    // Whole numbers that float32 has exactly.
    let values: Vec<f64> = values.into_iter().map(|value| value as f64).collect();
    let (device, dtype, targets) = (targets.device(), targets.dtype(), targets.clone());
    let values = Tensor::<2>::from_data(TensorData::new(values, [total, 1]), (&device, dtype));
    Classes {
        count: present.len(),
        slopes: Box::new(move |outputs, classes| {
            let slope = loss.slope(outputs, targets.clone());
            let slope = slope.reshape([total, columns]);
            let rows = classes.map(|at| {
                let is_of_class = values.clone().equal_elem(present[at] as f64);
                let scale = total as f64 / counts[at] as f64;
                let row = slope.clone() * is_of_class.float().cast(dtype).mul_scalar(scale);
                row.reshape([1, total * columns])
            });
            Tensor::cat(rows.collect(), 0)
        }),
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::tensor::{DType, Device};

    use super::*;

    fn tensor(values: &[f64], columns: usize) -> Tensor<2> {
        let shape = [values.len() / columns, columns];
        let data = TensorData::new(values.to_vec(), shape);
        Tensor::from_data(data, (&Device::flex(), DType::F64))
    }

    fn values(tensor: Tensor<2>) -> Vec<f64> {
        tensor.into_data().iter::<f64>().collect()
    }

    /// The rows of a class alone are a set of their own, whose loss has that slope.
    #[test]
    fn the_slope_of_a_class_is_that_of_its_samples_alone() {
        let outputs: Vec<f64> = (0..15).map(|i| (1.7 * f64::from(i)).sin()).collect();
        let one_hot = [2, 0, 2, 2, 0].map(|label| [0, 1, 2].map(|c| f64::from(c == label)));
        for (kind, columns, targets, loss) in [
            (Targets::OneHot, 3, one_hot.concat(), Loss::CROSS_ENTROPY),
            (
                Targets::OneHot,
                3,
                one_hot.concat(),
                Loss::Mse { factor: 0.5 },
            ),
            (
                Targets::Binary,
                1,
                vec![1.0, -1.0, 1.0, 1.0, -1.0],
                Loss::Logistic,
            ),
        ] {
            let outputs = &outputs[..5 * columns];
            let labels = of_targets(&targets, columns, kind).unwrap();
            let classes = of(loss, &tensor(&targets, columns), labels);
            assert_eq!(classes.count, 2);
            let found = values((classes.slopes)(tensor(outputs, columns), 0..2));
            // No sample is of class 1, so that the second row is of class 2.
            for (row, samples) in [&[1, 4][..], &[0, 2, 3]].into_iter().enumerate() {
                let chosen = |of: &[f64]| {
                    let rows = samples.iter().map(|i| &of[i * columns..(i + 1) * columns]);
                    tensor(&rows.collect::<Vec<_>>().concat(), columns)
                };
                let alone = values(loss.slope(chosen(outputs), chosen(&targets)));
                let mut expected = vec![0.0; 5 * columns];
                for (at, slope) in samples.iter().zip(alone.chunks_exact(columns)) {
                    expected[at * columns..(at + 1) * columns].copy_from_slice(slope);
                }
                let found = &found[row * 5 * columns..(row + 1) * 5 * columns];
                let close = found
                    .iter()
                    .zip(&expected)
                    .all(|(x, y)| (x - y).abs() < 1e-14);
                assert!(close, "{loss:?}: {found:?} for {expected:?}");
            }
        }
    }

    #[test]
    fn real_values_are_no_classes() {
        assert!(of_targets(&[0.5, 1.0], 1, Targets::Values).is_none());
    }
}
