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
            None => read(std::mem::take(&mut self.parts), self.what)?,
        };
        Ok(self.values.insert(values))
    }
}

/// Reads `parts` with those of the `numbers` that are still to be read, in one read-back.
pub(crate) fn read_with(
    mut parts: Vec<Tensor<1>>,
    numbers: &mut [&mut Numbers],
    what: &'static str,
) -> Result<Vec<f64>, EigenError> {
    let length = |parts: &[Tensor<1>]| parts.iter().map(|part| part.dims()[0]).sum::<usize>();
    let own = length(&parts);
    let mut waiting = Vec::with_capacity(numbers.len());
    for numbers in numbers
        .iter_mut()
        .filter(|numbers| numbers.values.is_none())
    {
        waiting.push((length(&numbers.parts), numbers));
    }
    for (_, numbers) in &mut waiting {
        parts.append(&mut numbers.parts);
    }
    let mut values = read(parts, what)?;
    let mut others = values.split_off(own);
    for (length, numbers) in waiting {
        let rest = others.split_off(length);
        numbers.values = Some(std::mem::replace(&mut others, rest));
    }
    Ok(values)
}
