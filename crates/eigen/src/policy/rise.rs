//! How long random vectors are followed: while they raise the block's Ritz values.

/// Iterations that random vectors are followed at the least. Each multiplies the share of a hidden
/// outlier by its distance over the spread of the rest, so few suffice; the rise decides after that.
const LEAST_ITERATIONS: usize = 3;

/// They are followed while an iteration raises the sum of the block's Ritz values by more than this
/// part of the distance between the last wanted one and the lowest.
const RISE: f64 = 0.1;

/// Follows random vectors in a block until they have shown what they hold.
#[derive(Debug)]
pub(crate) struct Rise {
    iterations: usize,
    sum: Option<f64>,
    rising: bool,
}

impl Rise {
    /// Begins when random vectors join the block.
    pub fn begin() -> Self {
        Self {
            iterations: 0,
            sum: None,
            rising: true,
        }
    }

    /// Whether a rise matters; `distance` is how far the last wanted value lies above the lowest of the
    /// block, and `resolution` the rise that does not matter at all.
    pub fn matters(rise: f64, distance: f64, resolution: f64) -> bool {
        rise > RISE * distance.max(resolution)
    }

    /// Notes the `sum` of the block's Ritz values after an iteration.
    pub fn observe(&mut self, sum: f64, distance: f64, resolution: f64) {
        if let Some(before) = self.sum {
            self.iterations += 1;
            self.rising = self.iterations < LEAST_ITERATIONS
                || Self::matters(sum - before, distance, resolution);
        }
        self.sum = Some(sum);
    }

    /// Whether the random vectors still need products.
    pub fn goes_on(&self) -> bool {
        self.rising
    }
}
