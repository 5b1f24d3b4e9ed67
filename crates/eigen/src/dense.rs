//! The whole spectrum of an operator that is small enough.

use burn::tensor::{DType, Device};
use faer::Mat;

use super::block::upload;
use super::bounds::rounding;
use super::host::{eigh_descending, scaled_rows};
use super::operator::Meter;
use super::rayleigh_ritz::{Grams, Measured};
use super::reading::read_with;
use super::request::Request;
use super::solution::{Certainty, Eigenpair, Info, Solution, Stop};
use super::{EigenError, End, Params};

/// What applying the operator to the identity may take, in products of a row alone: about what a solve
/// by blocks takes where much changes.
const LONGEST: f64 = 8.0;

/// Whether an operator is small enough to be decomposed whole, and its rows cheap enough.
pub(super) fn pays(meter: &Meter<'_>, params: &Params) -> bool {
    let dim = meter.dim();
    dim <= params.dense && dim as f64 * meter.row_cost() <= LONGEST
}

/// Applies the operator to the identity and decomposes the result on the host: P products, of
/// which each wanted pair but the last is charged one.
pub(super) fn solve(
    mut meter: Meter<'_>,
    params: &Params,
    request: Request<'_>,
    device: &Device,
    dtype: DType,
    epsilon: f64,
) -> Result<Solution, EigenError> {
    let dim = meter.dim();
    let identity = upload(&Mat::identity(dim, dim), device, dtype);
    let owners: Vec<usize> = (0..dim).collect();
    let images = meter.apply(identity, &owners)?.reshape([dim * dim]);
    let parts = std::iter::once(images).chain(request.along).collect();
    let mut numbers = request.numbers;
    let mut values = read_with(parts, numbers.as_mut_slice(), "the dense operator")?;
    let along = values.split_off(dim * dim);
    if let Some(at) = values.iter().position(|v| !v.is_finite()) {
        return Err(EigenError::NonFinite {
            row: at / dim,
            application: meter.applications(),
        });
    }
    // Row i is A·eᵢ, so v·matrix is A·v for a row vector v, symmetric or not.
    let matrix = Mat::from_fn(dim, dim, |i, j| values[i * dim + j]);
    let grams = Grams::from(Measured {
        overlap: Mat::identity(dim, dim),
        square: &matrix * matrix.transpose(),
        across: matrix.clone(),
        shifts: vec![0.0; dim],
    });
    grams.check_symmetry(epsilon)?;
    let (values, rows) = eigh_descending(&matrix)?;
    let images = &rows * &matrix;
    let scale = values.iter().fold(0.0, |top: f64, v| top.max(v.abs()));
    let above = |floor: f64| values.iter().take_while(|&&value| value > floor).count();
    let limit = params.largest_count.clamp(params.count, dim);
    let count = request.floor.map_or(params.count, |floor| {
        above(floor).clamp(params.count, limit)
    });
    let params = Params {
        count,
        ..params.clone()
    };
    let tolerances = params.tolerances(&values);
    let longest = params.longest_residual(&values);
    let products = meter.products_of(count);
    let sign = match params.end {
        End::Largest => 1.0,
        End::Smallest => -1.0,
    };
    let pairs = (0..count)
        .map(|i| {
            let residual = (0..dim)
                .map(|j| (images[(i, j)] - values[i] * rows[(i, j)]).powi(2))
                .sum::<f64>()
                .sqrt();
            let error_bound = residual + rounding(epsilon, scale, 0);
            Eigenpair {
                value: sign * values[i],
                residual,
                error_bound,
                certainty: Certainty::Bounded,
                converged: error_bound <= tolerances[i] && residual <= longest,
                products: products[i],
            }
        })
        .collect();
    let wanted: Vec<usize> = (0..count).collect();
    let vectors = scaled_rows(&rows, &wanted, &vec![1.0; count]);
    Ok(Solution {
        pairs,
        along: match along.is_empty() {
            true => Vec::new(),
            false => (0..count)
                .map(|i| (0..dim).map(|j| vectors[(i, j)] * along[j]).sum())
                .collect(),
        },
        vectors: upload(&vectors, device, dtype),
        info: Info {
            stop: Stop::Dense,
            iterations: 0,
            products: dim,
            applications: meter.applications(),
            read_backs: 1,
            probed: false,
            spared: false,
            exceeded: None,
            warm: false,
        },
    })
}
