//! Products with matrices whose rows end in zeros, without the zeros, on burn-flex.
//!
//! The coordinates of n samples in the space that they span are a lower triangular matrix: row i
//! ends after i + 1 numbers. Cut into bands of rows, each of which is multiplied as far as its
//! longest row goes, a product with it or its transpose costs little more than half.

use burn::backend::{BackendTensor, DispatchTensor, DispatchTensorKind};
use burn::tensor::DType;

use super::multiply::RowPart;

/// Bands that a matrix is cut into: more save little, and their products run slower.
const BANDS: usize = 12;

/// Below this many elements a product is too short to be cut.
const LEAST_ELEMENTS: usize = 256 * 256;

/// Cut only if at most this part of the elements remains.
const WORTHWHILE: f64 = 0.8;

/// The bands of a matrix: where the rows of each end, and where its numbers do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Staircase {
    /// End of rows and of columns by band; the last are the matrix's own.
    bands: Vec<(usize, usize)>,
}

impl Staircase {
    /// The bands of a matrix, if it pays to cut it.
    pub fn of(tensor: &DispatchTensor) -> Option<Self> {
        let DispatchTensorKind::Flex(BackendTensor::Float(matrix)) = &tensor.kind else {
            return None;
        };
        let [rows, columns] = matrix.layout().shape().to_vec()[..] else {
            return None;
        };
        if rows * columns < LEAST_ELEMENTS {
            return None;
        }
        match matrix.dtype() {
            DType::F32 => Self::new(matrix.as_slice::<f32>()?, columns, |x| *x == 0.0),
            DType::F64 => Self::new(matrix.as_slice::<f64>()?, columns, |x| *x == 0.0),
            _ => None,
        }
    }

    fn new<T>(values: &[T], columns: usize, is_zero: impl Fn(&T) -> bool) -> Option<Self> {
        let rows = values.len() / columns;
        let mut bands = Vec::with_capacity(BANDS);
        // At least one column, so that a band of zeros has a product too.
        let (mut kept, mut end) = (0, 1);
        for band in 1..=BANDS {
            let (from, to) = (
                bands.last().map_or(0, |&(rows, _)| rows),
                band * rows / BANDS,
            );
            for row in values[from * columns..to * columns].chunks_exact(columns) {
                let length = row.iter().rposition(|x| !is_zero(x)).map_or(0, |at| at + 1);
                end = end.max(length);
            }
            if band == BANDS {
                end = columns;
            }
            kept += (to - from) * end;
            if kept as f64 > WORTHWHILE * values.len() as f64 {
                return None;
            }
            bands.push((to, end));
        }
        Some(Self { bands })
    }

    /// The result's rows, and for each band of them the part of the inner dimension that matters.
    pub(super) fn parts(&self, transposed: bool) -> Vec<RowPart> {
        let rows = self.bands.last().map_or(0, |&(rows, _)| rows);
        let (mut row, mut column) = (0, 0);
        let mut parts = Vec::with_capacity(self.bands.len());
        for &(row_end, column_end) in &self.bands {
            let part = if transposed {
                (column..column_end, row..rows)
            } else {
                (row..row_end, 0..column_end)
            };
            (row, column) = (row_end, column_end);
            if !part.0.is_empty() {
                parts.push(part);
            }
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor, TensorData};

    use super::*;
    use crate::execute::matrix::multiply::{Term, multiply};
    use crate::execute::matrix::operand::Operand;
    use crate::execute::real::flex;

    /// A matrix whose row i ends after `length(i)` numbers.
    fn matrix(rows: usize, columns: usize, length: impl Fn(usize) -> usize) -> Tensor<2> {
        let values: Vec<f64> = (0..rows * columns)
            .map(|at| {
                let (i, j) = (at / columns, at % columns);
                if j < length(i) {
                    ((at * 7919) % 101) as f64 - 50.0
                } else {
                    0.0
                }
            })
            .collect();
        let data = TensorData::new(values, [rows, columns]);
        Tensor::from_data(data, (&Device::flex(), DType::F64))
    }

    /// The product of one matrix with a block of three.
    fn product(stairs: &Staircase, x: &Tensor<2>, transposed: bool, b: &Tensor<3>) -> Vec<f64> {
        let flex = |tensor: DispatchTensor| flex(tensor).expect("a tensor of burn-flex");
        let x = flex(x.clone().into_dispatch());
        let [rows, columns] = [x.layout().shape().to_vec()[0], b.dims()[2]];
        let term = || Term {
            a: Operand::<f64>::new(x.clone(), false, true, &[3]),
            b: Operand::new(flex(b.clone().into_dispatch()), true, true, &[3]),
            stairs: None,
        };
        let cut = Term {
            stairs: Some(stairs.parts(transposed)),
            ..term()
        };
        let once = multiply(&[cut], 3, rows, columns);
        let cut = Term {
            stairs: Some(stairs.parts(transposed)),
            ..term()
        };
        // Beside a whole one, whichever comes first.
        let twice = multiply(&[term(), cut], 3, rows, columns);
        assert!(
            once.iter()
                .zip(&twice)
                .all(|(once, twice)| 2.0 * once == *twice)
        );
        once
    }

    #[test]
    fn products_are_those_of_the_whole_matrix() {
        // Triangular, with rows of zeros in front, with columns of zeros behind.
        for (name, ahead, divisor) in [("triangle", 0, 1), ("rows", 100, 1), ("columns", 0, 2)] {
            let x = matrix(301, 290, |i| (i + 1).saturating_sub(ahead) / divisor);
            let stairs = Staircase::of(&x.clone().into_dispatch()).expect(name);
            let b = matrix(3 * 290, 5, |_| 5).reshape([3, 290, 5]);
            let c = matrix(3 * 301, 5, |_| 5).reshape([3, 301, 5]);
            for (transposed, x, b) in [(false, x.clone(), b), (true, x.transpose(), c)] {
                let found = product(&stairs, &x, transposed, &b);
                let expected = x.unsqueeze::<3>().matmul(b).into_data();
                let expected: Vec<f64> = expected.iter::<f64>().collect();
                assert_eq!(found, expected, "{name}, transposed: {transposed}");
            }
        }
    }

    #[test]
    fn full_and_small_matrices_are_left_whole() {
        for (size, length) in [(300, [300; 2]), (30, [0, 1])] {
            let [constant, slope] = length;
            let whole = matrix(size, size, |i| constant + slope * i);
            assert_eq!(Staircase::of(&whole.into_dispatch()), None);
        }
        let upper = matrix(300, 300, |i| 300 - i);
        assert_eq!(Staircase::of(&upper.into_dispatch()), None);
    }
}
