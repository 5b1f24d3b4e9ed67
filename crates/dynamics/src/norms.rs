//! Sums of products that stay accurate in float32 and know no overflow: norms, inner products,
//! counts.

use burn::tensor::{DType, Tensor};

use crate::eigen::{EigenError, Numbers, read};

/// What is read, in errors.
const WHAT: &str = "norms and inner products";

/// Elements summed into one partial sum; partial sums keep rounding from growing with the length.
const CHUNK: usize = 256;

/// Ones that one partial count has at most: float32 counts exactly up to 2²⁴.
const COUNTED: usize = 1 << 16;

/// ⟨x, y⟩ on the device, shape [1], by partial sums: its relative error stays near the unit
/// roundoff.
pub fn inner(x: Tensor<1>, y: Tensor<1>) -> Tensor<1> {
    total(x * y)
}

fn total(x: Tensor<1>) -> Tensor<1> {
    let [len] = x.dims();
    if len <= CHUNK {
        // Along the dimension: a GPU's sum over everything adds atomically, in no fixed order.
        return x.sum_dim(0);
    }
    let rows = len / CHUNK;
    let main = x.clone().slice(0..rows * CHUNK).reshape([rows, CHUNK]);
    let mut partial = main.sum_dim(1).reshape([rows]);
    if rows * CHUNK < len {
        partial = Tensor::cat(vec![partial, x.slice(rows * CHUNK..len)], 0);
    }
    total(partial)
}

/// Numbers to be read from the device together.
///
/// A sum of products whose size says that terms may have left the range of the element type is
/// read again from scaled vectors. Only such a sum costs a second wait for the device.
#[derive(Debug, Default)]
pub struct Reading {
    entries: Vec<Entry>,
    parts: Vec<Tensor<1>>,
}

#[derive(Debug)]
enum Entry {
    Scalar,
    Sum(Box<Sum>),
    Count { parts: usize, of: usize },
}

/// Σ xᵢyᵢ.
#[derive(Debug)]
struct Sum {
    x: Tensor<1>,
    y: Tensor<1>,
    root: bool,
}

impl Reading {
    /// A number that is computed already, shape [1].
    pub fn scalar(&mut self, scalar: Tensor<1>) {
        self.parts.push(scalar);
        self.entries.push(Entry::Scalar);
    }

    /// ‖x‖₂.
    pub fn norm(&mut self, x: Tensor<1>) {
        self.sum(x.clone(), x, true);
    }

    /// ‖x‖₂².
    pub fn squared(&mut self, x: Tensor<1>) {
        self.sum(x.clone(), x, false);
    }

    /// ⟨x, y⟩.
    pub fn inner(&mut self, x: Tensor<1>, y: Tensor<1>) {
        self.sum(x, y, false);
    }

    fn sum(&mut self, x: Tensor<1>, y: Tensor<1>, root: bool) {
        self.parts.push(inner(x.clone(), y.clone()));
        self.entries.push(Entry::Sum(Box::new(Sum { x, y, root })));
    }

    /// How many of `x`, zeros and ones, are ones; exact for any length.
    pub fn count(&mut self, x: Tensor<1>) {
        self.share(x, 1);
    }

    /// The same, divided by a number.
    pub fn share(&mut self, x: Tensor<1>, of: usize) {
        let [len] = x.dims();
        let rows = len / COUNTED;
        let main = x.clone().slice(0..rows * COUNTED);
        let mut parts = Vec::with_capacity(2);
        if rows > 0 {
            let partial = main.reshape([rows, COUNTED]).sum_dim(1);
            parts.push(partial.reshape([rows]));
        }
        if rows * COUNTED < len {
            parts.push(x.slice(rows * COUNTED..len).sum_dim(0));
        }
        let count = rows + usize::from(rows * COUNTED < len);
        self.parts.extend(parts);
        self.entries.push(Entry::Count { parts: count, of });
    }

    /// The numbers in the order in which they were asked for.
    ///
    /// # Errors
    /// The device's message if it cannot be read.
    pub fn read(self) -> Result<Vec<f64>, String> {
        self.pending().read()
    }

    /// The same, to be read later.
    pub fn pending(self) -> Pending {
        Pending {
            dtype: self.parts.first().map(Tensor::dtype),
            numbers: Numbers::new(self.parts, WHAT),
            entries: self.entries,
        }
    }
}

/// Numbers that something else's read-back may bring.
#[derive(Debug)]
pub struct Pending {
    numbers: Numbers,
    entries: Vec<Entry>,
    dtype: Option<DType>,
}

impl Pending {
    /// What is to be brought.
    pub fn numbers(&mut self) -> &mut Numbers {
        &mut self.numbers
    }

    /// The numbers in the order in which they were asked for, waited for if nothing brought them.
    ///
    /// # Errors
    /// The device's message if it cannot be read.
    pub fn read(mut self) -> Result<Vec<f64>, String> {
        let Some(dtype) = self.dtype else {
            return Ok(Vec::new());
        };
        let values = self.numbers.values().map_err(message)?.to_vec();
        let mut values = values.into_iter();
        let mut numbers = Vec::with_capacity(self.entries.len());
        let mut doubtful = Vec::new();
        for entry in self.entries {
            numbers.push(match entry {
                Entry::Scalar => values.next().unwrap_or(f64::NAN),
                Entry::Count { parts, of } => values.by_ref().take(parts).sum::<f64>() / of as f64,
                Entry::Sum(sum) => {
                    let number = values.next().unwrap_or(f64::NAN);
                    let root = sum.root;
                    if !in_range(number, dtype) {
                        doubtful.push((numbers.len(), sum));
                    }
                    if root { number.sqrt() } else { number }
                }
            });
        }
        if !doubtful.is_empty() {
            let parts = doubtful.iter().flat_map(|(_, sum)| sum.scaled()).collect();
            let again = read(parts, WHAT).map_err(message)?;
            for ((at, sum), parts) in doubtful.iter().zip(again.chunks_exact(3)) {
                numbers[*at] = sum.of_scaled([parts[0], parts[1], parts[2]]);
            }
        }
        Ok(numbers)
    }
}

impl Sum {
    /// max |xᵢ|, max |yᵢ|, and the sum of the vectors divided by them.
    fn scaled(&self) -> [Tensor<1>; 3] {
        let [x, y] = [&self.x, &self.y].map(|vector| vector.clone().max_abs());
        let sum = inner(self.x.clone() / x.clone(), self.y.clone() / y.clone());
        [x, y, sum]
    }

    fn of_scaled(&self, [x, y, sum]: [f64; 3]) -> f64 {
        if x == 0.0 || y == 0.0 {
            // The quotients are 0/0.
            return 0.0;
        }
        // A norm may be a number where its square is none.
        if self.root {
            x * sum.sqrt()
        } else {
            x * y * sum
        }
    }
}

/// Whether a sum of products is so large that what fell below the range cannot matter, and no term
/// rose above it.
fn in_range(sum: f64, dtype: DType) -> bool {
    let least = match dtype {
        DType::F64 => 2.0_f64.powi(-900),
        _ => 2.0_f64.powi(-80),
    };
    sum.is_finite() && sum.abs() >= least
}

fn message(error: EigenError) -> String {
    match error {
        EigenError::ReadBack { source, .. } => source.to_string(),
        other => other.to_string(),
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;

    fn tensor(values: &[f64], dtype: DType) -> Tensor<1> {
        let data = TensorData::new(values.to_vec(), [values.len()]);
        Tensor::from_data(data, (&Device::flex(), dtype))
    }

    #[test]
    fn sums_of_squares_beyond_the_range_are_right() {
        for (dtype, tiny, huge, tolerance) in [
            (DType::F32, 1e-30, 1e30, 1e-6),
            (DType::F64, 1e-200, 1e200, 1e-14),
        ] {
            let vector = |scale: f64| tensor(&[3.0 * scale, -4.0 * scale, 0.0], dtype);
            let mut reading = Reading::default();
            reading.norm(vector(tiny));
            reading.norm(vector(huge));
            reading.inner(vector(huge), vector(tiny));
            reading.inner(vector(huge), vector(1.0));
            reading.scalar(tensor(&[7.0], dtype));
            reading.norm(vector(0.0));
            reading.norm(vector(f64::INFINITY));
            let read = reading.read().unwrap();
            let expected = [5.0 * tiny, 5.0 * huge, 25.0, 25.0 * huge, 7.0, 0.0];
            for (read, expected) in read.iter().zip(expected) {
                let close = (read - expected).abs() <= tolerance * expected;
                assert!(close, "{dtype:?}: {read} for {expected}");
            }
            assert!(!read[6].is_finite());
        }
    }

    #[test]
    fn a_squared_norm_outlives_float32() {
        let mut reading = Reading::default();
        reading.squared(tensor(&[3e-30, 4e-30], DType::F32));
        reading.squared(tensor(&[3e30, 4e30], DType::F32));
        let read = reading.read().unwrap();
        assert!((read[0] / 25e-60 - 1.0).abs() < 1e-6, "{}", read[0]);
        assert!((read[1] / 25e60 - 1.0).abs() < 1e-6, "{}", read[1]);
    }

    #[test]
    fn ordinary_sums_are_those_of_the_device_to_the_bit() {
        let values: Vec<f64> = (0..1000).map(|i| (0.37 * f64::from(i)).sin()).collect();
        for dtype in [DType::F32, DType::F64] {
            let x = tensor(&values, dtype);
            let plain = inner(x.clone(), x.clone()).into_data().iter::<f64>().next();
            let mut reading = Reading::default();
            reading.squared(x);
            assert_eq!(reading.read().unwrap(), [plain.unwrap()]);
        }
    }

    #[test]
    fn counts_are_exact_beyond_what_float32_can_count() {
        // One more than the last number from which float32 can count on by ones.
        let len = (1 << 24) + 1;
        let ones = Tensor::<1>::ones([len], (&Device::flex(), DType::F32));
        let mut reading = Reading::default();
        reading.count(ones.clone());
        reading.count(ones.clone().slice(0..3));
        reading.count(ones.slice(0..2 * COUNTED));
        let expected = [len, 3, 2 * COUNTED].map(|count| count as f64);
        assert_eq!(reading.read().unwrap(), expected);
    }
}
