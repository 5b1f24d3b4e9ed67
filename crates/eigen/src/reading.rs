//! Numbers that are read from the device.

use std::cell::Cell;

use burn::tensor::Tensor;

use super::EigenError;

thread_local! {
    static READ_BACKS: Cell<u64> = const { Cell::new(0) };
}

/// How often this thread has waited for a device by [`read`], which all that is here reads by.
///
/// Each time costs a round trip between host and device, in which the device runs out of work.
pub fn read_backs() -> u64 {
    READ_BACKS.get()
}

/// The values of tensors, one after the other, in one read-back; `what` names them in errors.
///
/// # Errors
/// [`EigenError::ReadBack`].
pub fn read(parts: Vec<Tensor<1>>, what: &'static str) -> Result<Vec<f64>, EigenError> {
    let whole = match &parts[..] {
        [] => return Ok(Vec::new()),
        [all] => all.clone(),
        _ => Tensor::cat(parts, 0),
    };
    READ_BACKS.set(READ_BACKS.get() + 1);
    let values = whole.try_into_vec_as::<f64>();
    values.map_err(|source| EigenError::ReadBack { what, source })
}

/// Numbers on the device that are wanted on the host, but not at once: a solve brings them along with
/// the first numbers that it must wait for anyway.
#[derive(Debug)]
pub struct Numbers {
    what: &'static str,
    parts: Vec<Tensor<1>>,
    values: Option<Vec<f64>>,
}

impl Numbers {
    /// Those of `parts`, one after the other; `what` names them in errors. On one device, of one
    /// element type.
    pub fn new(parts: Vec<Tensor<1>>, what: &'static str) -> Self {
        Self {
            what,
            parts,
            values: None,
        }
    }

    /// The numbers, waited for if they were not read yet.
    ///
    /// # Errors
    /// [`EigenError::ReadBack`].
    pub fn values(&mut self) -> Result<&[f64], EigenError> {
        let values = match self.values.take() {
            Some(values) => values,
            None => read(self.parts.clone(), self.what)?,
        };
        Ok(self.bring(values))
    }

    fn bring(&mut self, values: Vec<f64>) -> &[f64] {
        self.parts.clear();
        self.values.insert(values)
    }
}

/// Reads `parts` with those of the `numbers` that are still to be read, in one read-back. If it fails
/// they are still to be read.
pub(crate) fn read_with(
    parts: Vec<Tensor<1>>,
    numbers: &mut [&mut Numbers],
    what: &'static str,
) -> Result<Vec<f64>, EigenError> {
    bring(parts, numbers, |parts| read(parts, what))
}

fn bring(
    mut parts: Vec<Tensor<1>>,
    numbers: &mut [&mut Numbers],
    read: impl FnOnce(Vec<Tensor<1>>) -> Result<Vec<f64>, EigenError>,
) -> Result<Vec<f64>, EigenError> {
    let length = |parts: &[Tensor<1>]| parts.iter().map(|part| part.dims()[0]).sum::<usize>();
    let own = length(&parts);
    let mut waiting = Vec::with_capacity(numbers.len());
    for numbers in numbers
        .iter_mut()
        .filter(|numbers| numbers.values.is_none())
    {
        parts.extend(numbers.parts.iter().cloned());
        waiting.push((length(&numbers.parts), numbers));
    }
    let mut values = read(parts)?;
    let mut others = values.split_off(own);
    for (length, numbers) in waiting {
        let rest = others.split_off(length);
        numbers.bring(std::mem::replace(&mut others, rest));
    }
    Ok(values)
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn numbers_that_a_failed_read_back_was_to_bring_are_asked_for_again() {
        let tensor = |values: &[f64]| Tensor::<1>::from_floats(values, &Device::flex());
        let mut first = Numbers::new(vec![tensor(&[1.0, 2.0]), tensor(&[3.0])], "the first");
        let mut second = Numbers::new(vec![tensor(&[4.0])], "the second");
        let failing = |_: Vec<Tensor<1>>| {
            Err(EigenError::CountExceedsDimension { count: 2, dim: 1 }) // any error
        };
        let own = vec![tensor(&[0.5])];
        bring(own.clone(), &mut [&mut first, &mut second], failing).unwrap_err();
        assert_eq!(second.values().unwrap(), [4.0]);
        let alone = read_with(own, &mut [&mut first, &mut second], "all").unwrap();
        assert_eq!(alone, [0.5]);
        assert_eq!(first.values().unwrap(), [1.0, 2.0, 3.0]);
    }
}
