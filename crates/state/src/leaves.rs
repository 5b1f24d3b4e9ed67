//! The memories that have no parts: numbers, tensors, matrices.

use burn::tensor::Tensor;
use faer::Mat;

use crate::{Loader, Memory, Saver, StateError};

/// Types that JSON holds exactly.
macro_rules! values {
    ($($type:ty),*) => {$(
        impl Memory for $type {
            fn save(&mut self, to: &mut Saver<'_>) -> Result<(), StateError> {
                to.value(self)
            }

            fn restore(&mut self, from: &Loader<'_>) -> Result<(), StateError> {
                *self = from.value()?;
                Ok(())
            }
        }
    )*};
}

values!(
    bool,
    i32,
    u64,
    usize,
    String,
    Option<u64>,
    Option<usize>,
    Option<[usize; 2]>
);

impl Memory for f64 {
    fn save(&mut self, to: &mut Saver<'_>) -> Result<(), StateError> {
        to.numbers(&[*self]);
        Ok(())
    }

    fn restore(&mut self, from: &Loader<'_>) -> Result<(), StateError> {
        match from.numbers()?.as_deref() {
            Some(&[number]) => *self = number,
            Some(other) => return Err(from.unsuitable(format!("it has {} numbers", other.len()))),
            None => return Err(from.missing()),
        }
        Ok(())
    }
}

impl Memory for Option<f64> {
    fn save(&mut self, to: &mut Saver<'_>) -> Result<(), StateError> {
        to.numbers(self.as_slice());
        Ok(())
    }

    fn restore(&mut self, from: &Loader<'_>) -> Result<(), StateError> {
        *self = match from.numbers()?.as_deref() {
            Some(&[]) => None,
            Some(&[number]) => Some(number),
            Some(other) => return Err(from.unsuitable(format!("it has {} numbers", other.len()))),
            None => return Err(from.missing()),
        };
        Ok(())
    }
}

impl Memory for Vec<f64> {
    fn save(&mut self, to: &mut Saver<'_>) -> Result<(), StateError> {
        to.numbers(self);
        Ok(())
    }

    fn restore(&mut self, from: &Loader<'_>) -> Result<(), StateError> {
        *self = from.numbers()?.ok_or_else(|| from.missing())?;
        Ok(())
    }
}

impl<const D: usize> Memory for Tensor<D> {
    fn save(&mut self, to: &mut Saver<'_>) -> Result<(), StateError> {
        to.tensor(self)
    }

    /// To the same shape and element type.
    fn restore(&mut self, from: &Loader<'_>) -> Result<(), StateError> {
        let saved = from.tensor::<D>()?.ok_or_else(|| from.missing())?;
        let kind = |tensor: &Self| (tensor.dims(), tensor.dtype());
        if kind(&saved) != kind(self) {
            let [saved, own] = [kind(&saved), kind(self)];
            return Err(from.unsuitable(format!("it is {saved:?}, and {own:?} is needed")));
        }
        *self = saved;
        Ok(())
    }
}

impl<const D: usize> Memory for Option<Tensor<D>> {
    fn save(&mut self, to: &mut Saver<'_>) -> Result<(), StateError> {
        to.part("is_some").value(&self.is_some())?;
        match self {
            Some(tensor) => to.tensor(tensor),
            None => Ok(()),
        }
    }

    fn restore(&mut self, from: &Loader<'_>) -> Result<(), StateError> {
        *self = match from.part("is_some").value()? {
            true => Some(from.tensor()?.ok_or_else(|| from.missing())?),
            false => None,
        };
        Ok(())
    }
}

impl<const D: usize> Memory for Vec<Tensor<D>> {
    fn save(&mut self, to: &mut Saver<'_>) -> Result<(), StateError> {
        to.part("count").value(&self.len())?;
        for (at, tensor) in self.iter().enumerate() {
            to.part(&at.to_string()).tensor(tensor)?;
        }
        Ok(())
    }

    fn restore(&mut self, from: &Loader<'_>) -> Result<(), StateError> {
        let count: usize = from.part("count").value()?;
        let tensors = (0..count).map(|at| {
            let from = from.part(&at.to_string());
            from.tensor()?.ok_or_else(|| from.missing())
        });
        *self = tensors.collect::<Result<_, _>>()?;
        Ok(())
    }
}

impl Memory for Mat<f64> {
    fn save(&mut self, to: &mut Saver<'_>) -> Result<(), StateError> {
        to.part("rows").value(&self.nrows())?;
        let numbers = (0..self.nrows()).flat_map(|i| (0..self.ncols()).map(move |j| (i, j)));
        let numbers: Vec<f64> = numbers.map(|at| self[at]).collect();
        to.numbers(&numbers);
        Ok(())
    }

    fn restore(&mut self, from: &Loader<'_>) -> Result<(), StateError> {
        let rows: usize = from.part("rows").value()?;
        let numbers = from.numbers()?.ok_or_else(|| from.missing())?;
        let columns = numbers.len().checked_div(rows).unwrap_or(0);
        if rows * columns != numbers.len() {
            return Err(from.unsuitable(format!("{} numbers in {rows} rows", numbers.len())));
        }
        *self = Mat::from_fn(rows, columns, |i, j| numbers[i * columns + j]);
        Ok(())
    }
}
