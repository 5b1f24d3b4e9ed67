//! How far from orthogonal the vectors of a Lanczos process are, by its recurrence, without reading them
//! (Simon, Linear Algebra Appl. 61, 1984; Math. Comp. 42, 1984).
//!
//! Let ωⱼₖ = ⟨qⱼ, qₖ⟩. The three-term recurrence holds for them as for the vectors, but for rounding:
//!
//! > βⱼωⱼ₊₁ₖ = βₖωⱼₖ₊₁ + (αₖ − αⱼ)ωⱼₖ + βₖ₋₁ωⱼₖ₋₁ − βⱼ₋₁ωⱼ₋₁ₖ ± ε‖A‖
//!
//! Up to ω = √ε the tridiagonal matrix is the projection of A to rounding. How large the rounding is
//! depends on the operator's products: each time the shares are measured, their estimate is corrected.

/// Least rounding of a product that is reckoned with, times √P: shares are of single vectors, and the
/// roundings of P numbers average out.
const LEAST_ROUNDING: f64 = 4.0;

/// Estimates for one basis q₁ … qⱼ.
#[derive(Debug)]
pub(super) struct Level {
    epsilon: f64,
    /// Rounding of a product along one vector, in ε‖A‖, and the least that it is taken for.
    rounding: f64,
    least: f64,
    /// Largest ‖Aq‖ seen, about.
    scale: f64,
    /// α₁ … αⱼ and β₁ … βⱼ.
    diagonal: Vec<f64>,
    beside: Vec<f64>,
    /// ωⱼₖ for k ≤ j, and ωⱼ₋₁ₖ for k < j.
    last: Vec<f64>,
    before: Vec<f64>,
}

impl Level {
    /// Of a basis of one vector of `dim` numbers.
    pub fn new(epsilon: f64, dim: usize) -> Self {
        Self {
            epsilon,
            rounding: 1.0,
            least: (LEAST_ROUNDING / (dim as f64).sqrt()).min(1.0),
            scale: 0.0,
            diagonal: Vec::new(),
            beside: Vec::new(),
            last: vec![1.0],
            before: Vec::new(),
        }
    }

    /// Notes αⱼ and βⱼ; the largest |ωⱼ₊₁ₖ| for k < j.
    pub fn next(&mut self, along: f64, length: f64) -> f64 {
        let j = self.diagonal.len();
        let previous = self.beside.last().copied().unwrap_or(0.0);
        self.scale = self.scale.max(along.abs() + length + previous);
        self.diagonal.push(along);
        self.beside.push(length);
        let noise = self.rounding * self.epsilon * self.scale;
        let (alpha, beta) = (&self.diagonal, &self.beside);
        let omega = |k: usize| {
            let mut sum = beta[k] * self.last[k + 1] + (alpha[k] - along) * self.last[k];
            if k > 0 {
                sum += beta[k - 1] * self.last[k - 1];
            }
            sum -= previous * self.before[k];
            (sum + noise.copysign(sum)) / length
        };
        let mut next: Vec<f64> = (0..j).map(omega).collect();
        let largest = next
            .iter()
            .fold(0.0, |most: f64, omega| most.max(omega.abs()));
        next.extend([self.common(), 1.0]);
        self.before = std::mem::replace(&mut self.last, next);
        if length > 0.0 { largest } else { 0.0 }
    }

    /// Both vectors are orthogonal again to those along which their `shares` were more than `least`; the
    /// largest was `estimated`.
    pub fn renew(&mut self, estimated: f64, shares: &[[f64; 2]], least: f64) {
        let measured = shares.iter().map(|[next, _]| next.abs());
        let measured = measured.fold(0.0, f64::max);
        if estimated.is_finite() && estimated > 0.0 && measured.is_finite() {
            // An estimate twice as large as what it is for leaves room for the next one.
            let rounding = self.rounding * 2.0 * measured / estimated;
            self.rounding = rounding.clamp(self.least, 1e4);
        }
        let common = self.common();
        for (k, shares) in shares.iter().enumerate() {
            let taken = shares.iter().any(|share| share.abs() > least);
            for (level, share) in [&mut self.last, &mut self.before].into_iter().zip(shares) {
                level[k] = match taken {
                    true => common,
                    false => share.abs().max(common).copysign(*share),
                };
            }
        }
    }

    /// What orthogonal vectors have in common by rounding.
    fn common(&self) -> f64 {
        self.epsilon * self.rounding.min(1.0)
    }
}
