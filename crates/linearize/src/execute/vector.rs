//! Functions of float32 numbers on a CPU, many at a time.
//!
//! Burn's CPU backends call the C library once an element, which costs as much as a matrix product.
//! These are written so that the compiler vectorises them, for the widest instructions that the
//! machine has, and compute in float64 inside: what comes out is the exact value rounded to float32
//! but for one case in some 10⁵ (10⁴ for the error function), where it is the neighbouring number.

use crate::graph::Unary;

/// What of `f` there is here.
pub(super) fn kernel(f: Unary) -> Option<fn(&mut [f32])> {
    match f {
        Unary::Exp => Some(exp),
        Unary::Tanh => Some(tanh),
        Unary::Sigmoid => Some(sigmoid),
        Unary::Erf => Some(erf),
        _ => None,
    }
}

/// e^x of each.
pub(super) fn exp(values: &mut [f32]) {
    each(values, exp_of);
}

/// tanh x of each.
pub(super) fn tanh(values: &mut [f32]) {
    each(values, tanh_of);
}

/// 1/(1 + e^−x) of each.
pub(super) fn sigmoid(values: &mut [f32]) {
    each(values, sigmoid_of);
}

/// erf x of each.
pub(super) fn erf(values: &mut [f32]) {
    each(values, erf_of);
}

#[inline(always)]
fn each(values: &mut [f32], f: impl Function) {
    pulp::Arch::new().dispatch(Each { values, f });
}

/// A function of one number.
trait Function {
    /// `fused` multiplications and additions are one instruction, rounded once.
    fn of(&self, x: f32, fused: Fused) -> f32;
}

/// Whether the processor has fused multiplications and additions: a library's take far longer.
#[derive(Clone, Copy)]
struct Fused(bool);

impl Fused {
    /// a·b + c.
    #[inline(always)]
    fn sum(self, a: f64, b: f64, c: f64) -> f64 {
        if self.0 { a.mul_add(b, c) } else { a * b + c }
    }
}

impl<F: Fn(f32, Fused) -> f32> Function for F {
    #[inline(always)]
    fn of(&self, x: f32, fused: Fused) -> f32 {
        self(x, fused)
    }
}

struct Each<'a, F> {
    values: &'a mut [f32],
    f: F,
}

impl<F: Function> pulp::WithSimd for Each<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        // All vector instructions that are known here come with them.
        let fused = Fused(!S::IS_SCALAR);
        for value in self.values.iter_mut() {
            *value = self.f.of(*value, fused);
        }
    }
}

/// e^x − 1 and e^x for |x| below 700, to 1e-12 relative; NaN of NaN.
///
/// x = n·ln 2 + r with |r| ≤ ln 2 / 2; e^r − 1 by its Taylor polynomial of degree 10.
#[inline(always)]
fn exponentials(x: f64, fused: Fused) -> (f64, f64) {
    /// Adding it leaves the nearest whole number in the lowest bits of the mantissa.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    let shifted = fused.sum(x, std::f64::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = fused.sum(-n, std::f64::consts::LN_2, x);
    let mut p = 1.0 / 3_628_800.0;
    p = fused.sum(p, r, 1.0 / 362_880.0);
    p = fused.sum(p, r, 1.0 / 40_320.0);
    p = fused.sum(p, r, 1.0 / 5_040.0);
    p = fused.sum(p, r, 1.0 / 720.0);
    p = fused.sum(p, r, 1.0 / 120.0);
    p = fused.sum(p, r, 1.0 / 24.0);
    p = fused.sum(p, r, 1.0 / 6.0);
    p = fused.sum(p, r, 0.5);
    p = fused.sum(p, r, 1.0);
    p *= r;
    // 2^n: n moves from the mantissa's lowest bits into the exponent.
    let power = f64::from_bits((shifted.to_bits() << 52).wrapping_add(1023 << 52));
    let less_one = fused.sum(power, p, power - 1.0);
    (less_one, fused.sum(power, p, power))
}

/// Between two bounds; NaN stays NaN, which `f64::clamp` also does, but not in vectors.
#[inline(always)]
fn within(x: f64, low: f64, high: f64) -> f64 {
    let x = if x < low { low } else { x };
    if x > high { high } else { x }
}

#[inline(always)]
fn exp_of(x: f32, fused: Fused) -> f32 {
    // Beyond these float32 has only 0 and infinity to offer.
    exponentials(within(f64::from(x), -120.0, 120.0), fused).1 as f32
}

#[inline(always)]
fn tanh_of(x: f32, fused: Fused) -> f32 {
    // tanh 10 rounds to 1.
    let (e, _) = exponentials(2.0 * within(f64::from(x), -10.0, 10.0), fused);
    ((e / (e + 2.0)) as f32).copysign(x)
}

#[inline(always)]
fn sigmoid_of(x: f32, fused: Fused) -> f32 {
    let (_, e) = exponentials(-within(f64::from(x), -120.0, 120.0), fused);
    (1.0 / (1.0 + e)) as f32
}

/// erf x = x·p(x²)/q(x²) to 6e-12 relative for |x| below 3.93, where float32 has 1 already.
///
/// The polynomials are the best ones of degree 7, found by iterated weighted least squares.
#[inline(always)]
fn erf_of(x: f32, fused: Fused) -> f32 {
    const P: [f64; 8] = [
        1.128_379_167_088_988_5,
        0.197_752_277_905_033_6,
        0.057_727_113_811_320_24,
        0.004_843_200_350_215_068,
        5.057_985_542_268_537e-4,
        2.102_918_579_570_674e-5,
        7.502_311_434_671_651e-7,
        3.092_516_969_246_647e-9,
    ];
    const Q: [f64; 8] = [
        1.0,
        0.508_586_726_275_250_2,
        0.120_688_234_029_494_47,
        0.017_472_427_852_493_037,
        0.001_683_166_379_260_702_4,
        1.089_677_040_766_211_2e-4,
        4.408_366_029_525_428e-6,
        7.437_969_294_810_99e-8,
    ];
    let x64 = within(f64::from(x), -3.93, 3.93);
    let z = x64 * x64;
    let polynomial = |c: &[f64; 8]| c[..7].iter().rfold(c[7], |sum, &c| fused.sum(sum, z, c));
    ((x64 * polynomial(&P) / polynomial(&Q)) as f32).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every 997th float32, whatever its sign and size, and the special ones.
    fn samples() -> Vec<f32> {
        let special = [0.0, -0.0, f32::MIN_POSITIVE, 1e-45, f32::MAX, f32::MIN];
        (0..u32::MAX)
            .step_by(997)
            .map(f32::from_bits)
            .filter(|x| x.is_finite())
            .chain(special)
            .collect()
    }

    /// Largest distance to the exact value in float32 steps, and how often it exceeds a half.
    fn compare(f: Unary, exact: impl Fn(f64) -> f64) -> (f64, usize) {
        let samples = samples();
        let mut values = samples.clone();
        kernel(f).unwrap()(&mut values);
        let (mut worst, mut off) = (0.0_f64, 0);
        for (&x, &value) in samples.iter().zip(&values) {
            let exact = exact(f64::from(x));
            let rounded = exact as f32;
            if rounded.is_infinite() {
                assert_eq!(value, rounded, "at {x}");
                continue;
            }
            let step = f64::from(f32::from_bits(rounded.abs().to_bits() + 1) - rounded.abs());
            let distance = (f64::from(value) - exact).abs() / step;
            worst = worst.max(distance);
            off += usize::from(distance > 0.500_001);
        }
        (worst, off)
    }

    #[test]
    fn values_are_exact_to_rounding() {
        for f in [Unary::Exp, Unary::Tanh, Unary::Sigmoid, Unary::Erf] {
            let (worst, off) = compare(f, |x| match f {
                Unary::Exp => x.exp(),
                Unary::Tanh => x.tanh(),
                Unary::Erf => libm::erf(x),
                _ => 1.0 / (1.0 + (-x).exp()),
            });
            assert!(
                worst < 0.501 && off < 400,
                "{f:?}: {worst} steps, {off} off"
            );
        }
    }

    #[test]
    fn what_is_not_a_number_stays_so() {
        for f in [Unary::Exp, Unary::Tanh, Unary::Sigmoid, Unary::Erf] {
            let mut values = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
            kernel(f).unwrap()(&mut values);
            assert!(values[0].is_nan(), "{f:?}");
            let limits = match f {
                Unary::Exp => [f32::INFINITY, 0.0],
                Unary::Tanh | Unary::Erf => [1.0, -1.0],
                _ => [1.0, 0.0],
            };
            assert_eq!(values[1..], limits, "{f:?}");
        }
    }

    #[test]
    fn signs_of_zero_are_kept() {
        for f in [Unary::Tanh, Unary::Erf] {
            let mut values = [0.0_f32, -0.0];
            kernel(f).unwrap()(&mut values);
            assert_eq!(values.map(f32::to_bits), [0.0_f32, -0.0].map(f32::to_bits));
        }
    }
}
