//! The step size at which a step along a line would begin to raise the loss.

/// Probes that look for a bracket: the first step size times 2^±40.
const BRACKETING: usize = 40;

/// A bracket is this narrow, relative to its lower end, in the end.
const WIDTH: f64 = 1e-3;

/// A step size, and by how much the step would raise the loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Probe {
    /// η.
    pub step_size: f64,
    /// L(θ − ηg) − L(θ); one that is not finite counts as raised.
    pub rise: f64,
}

impl Probe {
    fn raises(self) -> bool {
        self.rise > 0.0 || self.rise.is_nan()
    }

    /// Linear in η on a quadratic.
    fn rate(self) -> f64 {
        self.rise / self.step_size
    }
}

/// A search's outcome.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    /// η_c, if there is a bracket.
    pub step_size: Option<f64>,
    /// Probes besides the first.
    pub probes: u64,
}

/// The step size η_c at which `rise(η)` turns positive: bracketed by doubling or halving that of the
/// first probe, then bisected.
///
/// # Errors
/// Those of `rise`.
pub fn critical<E>(first: Probe, mut rise: impl FnMut(f64) -> Result<f64, E>) -> Result<Found, E> {
    let mut probes = 0;
    let mut probe = |step_size: f64| {
        probes += 1;
        let rise = rise(step_size)?;
        Ok(Probe { step_size, rise })
    };
    let factor = if first.raises() { 0.5 } else { 2.0 };
    let (mut last, mut bracket) = (first, None);
    for _ in 0..BRACKETING {
        let next = probe(last.step_size * factor)?;
        if next.raises() != first.raises() {
            bracket = Some(if first.raises() {
                (next, last)
            } else {
                (last, next)
            });
            break;
        }
        last = next;
    }
    let step_size = match bracket {
        Some((mut low, mut high)) => {
            while high.step_size - low.step_size > WIDTH * low.step_size {
                let middle = probe(low.step_size.midpoint(high.step_size))?;
                match middle.raises() {
                    true => high = middle,
                    false => low = middle,
                }
            }
            Some(between(low, high))
        }
        None => None,
    };
    Ok(Found { step_size, probes })
}

/// Where the straight line through both rates is zero: exact on a quadratic.
fn between(low: Probe, high: Probe) -> f64 {
    let share = -low.rate() / (high.rate() - low.rate());
    match share.is_finite() && high.rise.is_finite() {
        true => low.step_size + share * (high.step_size - low.step_size),
        false => low.step_size.midpoint(high.step_size),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(start: f64, rise: impl Fn(f64) -> f64) -> Found {
        let first = Probe {
            step_size: start,
            rise: rise(start),
        };
        critical(first, |step_size| Ok::<_, ()>(rise(step_size))).unwrap()
    }

    #[test]
    fn a_quadratic_is_exact_from_wherever_it_starts() {
        for start in [1e-6, 0.3, 0.7, 0.700001, 1.4, 5e4] {
            let found = search(start, |step| step * (step / 0.7 - 1.0));
            let step = found.step_size.unwrap();
            assert!((step - 0.7).abs() < 1e-12, "{start}: {step}");
            assert!(found.probes < 40, "{start}: {}", found.probes);
        }
    }

    #[test]
    fn other_losses_are_bisected() {
        let quartic = search(0.1, |step| step * (step.powi(3) - 1.0));
        assert!((quartic.step_size.unwrap() - 1.0).abs() < 1e-5);
        // A loss that leaves the range of numbers, or is none.
        for beyond in [f64::INFINITY, f64::NAN] {
            let wall = search(0.1, |step| if step < 3.0 { -step } else { beyond });
            assert!((wall.step_size.unwrap() / 3.0 - 1.0).abs() < 1e-3);
        }
    }

    #[test]
    fn what_is_nowhere_is_not_found() {
        for always in [-1.0, 1.0] {
            let found = search(0.1, |_| always);
            assert_eq!((found.step_size, found.probes), (None, BRACKETING as u64));
        }
    }
}
