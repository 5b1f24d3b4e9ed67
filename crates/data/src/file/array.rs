//! Numbers of a shape, as a file has them.

use super::FileFault;

/// An array of a file, row-major.
#[derive(Debug)]
pub struct Array {
    /// `inputs` or `targets`.
    pub name: &'static str,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its values, as many as the shape says.
    pub numbers: Numbers,
}

/// The values of an array.
#[derive(Debug)]
pub enum Numbers {
    /// Of a floating-point type.
    Real(Vec<f64>),
    /// Of an integer type or booleans.
    Whole(Vec<i64>),
}

impl Array {
    /// The values as reals.
    ///
    /// # Errors
    /// The place of one that is not finite.
    pub fn finite(&self) -> Result<Vec<f64>, FileFault> {
        let values: Vec<f64> = match &self.numbers {
            Numbers::Real(values) => values.clone(),
            Numbers::Whole(values) => values.iter().map(|&value| value as f64).collect(),
        };
        match values.iter().position(|value| !value.is_finite()) {
            Some(at) => Err(FileFault::NotFinite {
                array: self.name,
                at: self.place(at),
                value: values[at],
            }),
            None => Ok(values),
        }
    }

    /// The values as whole numbers from 0 to below a bound.
    ///
    /// # Errors
    /// The place of one that is no such number.
    pub fn below(&self, bound: u64) -> Result<Vec<u32>, FileFault> {
        self.whole(bound, |value| {
            let number = u64::try_from(value).ok().filter(|number| *number < bound)?;
            u32::try_from(number).ok()
        })
    }

    /// Whole numbers −1 or 0, and 1, as 0 and 1.
    ///
    /// # Errors
    /// The place of another number.
    pub fn signs(&self) -> Result<Vec<u32>, FileFault> {
        self.whole(2, |value| match value {
            -1 | 0 => Some(0),
            1 => Some(1),
            _ => None,
        })
    }

    fn whole(&self, bound: u64, read: impl Fn(i64) -> Option<u32>) -> Result<Vec<u32>, FileFault> {
        let Numbers::Whole(values) = &self.numbers else {
            return Err(FileFault::NotWhole { array: self.name });
        };
        let numbered = values.iter().enumerate();
        numbered
            .map(|(at, &value)| {
                read(value).ok_or_else(|| FileFault::OutOfRange {
                    array: self.name,
                    at: self.place(at),
                    value,
                    bound,
                })
            })
            .collect()
    }

    /// The index of a value, dimension by dimension.
    fn place(&self, mut at: usize) -> Vec<usize> {
        let mut place: Vec<usize> = Vec::with_capacity(self.shape.len());
        for &size in self.shape.iter().rev() {
            place.push(at % size.max(1));
            at /= size.max(1);
        }
        place.reverse();
        place
    }
}
