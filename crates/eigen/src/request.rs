//! What a solve is asked for besides its pairs.

use burn::tensor::Tensor;

use super::reading::Numbers;

/// What a solve is asked for besides its pairs; by default nothing.
#[derive(Debug, Default)]
pub struct Request<'a> {
    /// All further eigenvalues above this are wanted (below it, for the smallest end), up to
    /// [`Params::largest_count`](super::Params::largest_count): pairs beyond `count` come and go as
    /// they cross it. A pair that just fell below it may still be among them. With
    /// [`Params::guard`](super::Params::guard) = 0 nothing shows which ones are missing.
    pub floor: Option<f64>,
    /// A vector, `[P]`, whose inner products with the eigenvectors are wanted as
    /// [`Solution::along`](super::Solution::along). They cost no read-back.
    pub along: Option<Tensor<1>>,
    /// Numbers that the first read-back brings along. They are left unread where a solve reads nothing.
    pub numbers: Option<&'a mut Numbers>,
}

impl Request<'_> {
    /// All eigenvalues above a floor.
    pub fn above(floor: f64) -> Self {
        Self {
            floor: Some(floor),
            ..Self::default()
        }
    }

    /// The same once more, with the numbers if these were not read.
    pub fn again(&mut self) -> Request<'_> {
        Request {
            floor: self.floor,
            along: self.along.clone(),
            numbers: self.numbers.as_deref_mut(),
        }
    }
}
