//! Roots of λᵢ(N(μ)) = 1.

use faer::Mat;

use super::secular::{Forms, Secular};
use crate::eigen::{Pairs, Solver, solve};
use crate::linalg::dot;
use crate::{Model, Products, State, TheoryError};

/// A root is taken when a step changes it by at most this share of the largest eigenvalue; its
/// own error is of the order of the square.
const SETTLED: f64 = 1e-9;
/// Roots nearer to ρ than this share of the largest eigenvalue count as ρ.
const AT_RADIUS: f64 = 1e-14;
const MAX_SOLVES: usize = 200;

/// The largest eigenvalues of the Hessian ∇²L, and what is known of the top eigenvector.
#[derive(Clone, Debug)]
pub struct HessianTop {
    /// Largest first; `values[0]` is the sharpness Λ.
    pub values: Vec<f64>,
    /// ‖Hu − λu‖ for the unit vector u of each value: an eigenvalue lies within it.
    pub residuals: Vec<f64>,
    /// |cos| of the angle between ∇L and the top eigenvector; `None` where ∇L = 0 or where the
    /// largest eigenvalue is the multiple one at ρ, whose vectors are not determined.
    pub gradient_alignment: Option<f64>,
    /// Share of the top eigenvector's squared norm that lies in A; the rest lies in W.
    pub output_share: Option<f64>,
    /// Eigensolves of order n that it took.
    pub solves: usize,
}

/// The `count` largest eigenvalues of the Hessian: a few eigensolves of order n each.
///
/// # Errors
/// A state that does not fit the model or that no weights have, a count outside 1..=min(n, m) (the closed form covers the
/// m largest), or a failed eigensolve.
pub fn top_eigenvalues(
    model: &Model,
    state: &State,
    count: usize,
    solver: &Solver,
) -> Result<HessianTop, TheoryError> {
    solver.check()?;
    state.check_values(model)?;
    check_count(model, count)?;
    let gram = solve("M", &state.gram_unchecked(model), count, None, solver)?;
    from_gram(
        model,
        state,
        &Products::unchecked(model, state),
        &gram,
        count,
        solver,
    )
}

pub(crate) fn check_count(model: &Model, count: usize) -> Result<(), TheoryError> {
    let limit = model.samples().min(model.network().width);
    if count == 0 || count > limit {
        return Err(TheoryError::Count {
            what: "the Hessian",
            count,
            limit,
        });
    }
    Ok(())
}

/// The same from at least `count` eigenpairs of M, which start and bracket the roots.
pub(crate) fn from_gram(
    model: &Model,
    state: &State,
    products: &Products,
    gram: &Pairs,
    count: usize,
    solver: &Solver,
) -> Result<HessianTop, TheoryError> {
    let secular = Secular::new(model, state, products);
    let c = model.curvature_factor();
    let scale = c * gram.values[0].abs() + secular.radius;
    let mut top = HessianTop {
        values: Vec::with_capacity(count),
        residuals: Vec::with_capacity(count),
        gradient_alignment: None,
        output_share: None,
        solves: 0,
    };
    for index in 0..count {
        let root = root(&secular, gram, index, scale, solver, &mut top.solves)?;
        let Some((tau, vector)) = root else {
            top.values.push(secular.radius);
            top.residuals.push(AT_RADIUS * scale);
            continue;
        };
        let forms = secular.forms(&vector);
        let length_sq = c * secular.fall(tau, &forms);
        let off = secular.forms(&secular.residual(tau, &vector));
        let residual = c * (off.gram_form(model, state).max(0.0) / length_sq).sqrt();
        top.values.push(secular.radius + tau);
        top.residuals.push(residual);
        if index == 0 {
            let gradient = products.gradient_norm_sq(model, state).sqrt();
            let along = c * dot(&products.residual, &vector).abs();
            let cosine = along / (gradient * length_sq.sqrt());
            top.gradient_alignment = cosine.is_finite().then_some(cosine.min(1.0));
            top.output_share = Some((secular.output_part(tau, &forms) / length_sq).min(1.0));
        }
    }
    Ok(top)
}

/// μ − ρ at the root of λ(N(μ)) = 1 for the eigenvalue number `index`, and the eigenvector of
/// N(μ); `None` if there is no root above ρ.
fn root(
    secular: &Secular<'_>,
    gram: &Pairs,
    index: usize,
    scale: f64,
    solver: &Solver,
    solves: &mut usize,
) -> Result<Option<(f64, Vec<f64>)>, TheoryError> {
    let rho = secular.radius;
    let gauss_newton = secular.model.curvature_factor() * gram.values[index];
    let (floor, margin) = (AT_RADIUS * scale, 1e-8 * scale);
    // Weyl: |λᵢ(H) − cλᵢ(M)| ≤ ρ. The margin covers the error of λᵢ(M).
    let mut low = (gauss_newton - 2.0 * rho - margin).max(0.0);
    let mut high = gauss_newton.max(0.0) + margin;
    if scale == 0.0 {
        return Ok(None);
    }
    let mut forms = secular.forms(gram.vectors.col_as_slice(index));
    let mut warm: Option<Mat<f64>> = Some(gram.warm.clone());
    let mut tau = inside(
        rayleigh_root(secular, &forms, floor, scale),
        low,
        high,
        floor,
    );
    for _ in 0..MAX_SOLVES {
        let matrix = secular.matrix(tau);
        let pairs = solve("N(μ)", &matrix, index + 1, warm.as_ref(), solver)?;
        *solves += 1;
        let vector = pairs.vectors.col_as_slice(index);
        forms = secular.forms(vector);
        let next = rayleigh_root(secular, &forms, floor, scale);
        if next > floor && (next - tau).abs() <= SETTLED * scale {
            return Ok(Some((next, vector.to_vec())));
        }
        if pairs.values[index] > 1.0 {
            low = tau;
        } else {
            high = tau;
        }
        if high <= floor {
            return Ok(None);
        }
        if high - low <= floor {
            return Err(TheoryError::NoHessian { index: index + 1 });
        }
        tau = inside(next, low, high, floor);
        warm = Some(pairs.warm);
    }
    Err(TheoryError::NotConverged {
        what: "the Hessian",
        index: index + 1,
        achieved: high - low,
        tolerance: SETTLED * scale,
        iterations: MAX_SOLVES,
    })
}

/// `guess` if it is inside the bracket, else a point that is.
fn inside(guess: f64, low: f64, high: f64, floor: f64) -> f64 {
    if guess > low && guess < high {
        guess
    } else if low == 0.0 && guess <= floor {
        // There may be no root: settle that first.
        floor.min(high)
    } else {
        0.5 * (low + high)
    }
}

/// The τ > `floor` at which vᵀN(ρ + τ)v = 1, or `floor` if there is none.
///
/// The form falls from its pole at τ = 0 to 0, and is below 1 beyond `scale`. Newton's method on
/// its reciprocal, which is nearly straight, inside a bracket.
fn rayleigh_root(secular: &Secular<'_>, forms: &Forms, floor: f64, scale: f64) -> f64 {
    if secular.value(floor, forms) <= 1.0 {
        return floor;
    }
    let (mut low, mut high) = (floor, 2.0 * scale);
    let mut tau = 0.5 * (low + high);
    for _ in 0..200 {
        let value = secular.value(tau, forms);
        if value > 1.0 {
            low = tau;
        } else {
            high = tau;
        }
        let newton = tau + value * (value - 1.0) / secular.fall(tau, forms);
        let next = if newton > low && newton < high {
            newton
        } else {
            0.5 * (low + high)
        };
        let change = (next - tau).abs();
        tau = next;
        if change <= 1e-16 * scale {
            break;
        }
    }
    tau
}
