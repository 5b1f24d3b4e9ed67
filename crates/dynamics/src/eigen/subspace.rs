//! The search subspace on the device: iterates, conjugate directions, residual directions, and
//! their images. What to search, and when to stop, is decided elsewhere.

use burn::tensor::Tensor;
use faer::Mat;

use super::EigenError;
use super::block::{Arithmetic, Stack};
use super::host::{scaled_rows, stack};
use super::operator::Meter;
use super::rayleigh_ritz::{Grams, Ritz};

/// Longest correction of a unit vector that is made without measuring its effect.
const LONGEST_FREE_STEP: f64 = 0.3;

/// Basis rows S, images A·S, and the Ritz pairs found in them.
pub(super) struct Subspace<'a> {
    meter: Meter<'a>,
    arithmetic: Arithmetic,
    /// Machine epsilon of the device's arithmetic.
    pub epsilon: f64,
    /// Ritz pairs kept.
    block: usize,
    /// S, `[n, P]`.
    rows: Stack,
    /// A·S, `[n, P]`.
    images: Stack,
    /// The kept Ritz pairs.
    pub ritz: Ritz,
    /// Iterations since the iterates' images were products, not combinations.
    pub age: usize,
    /// Largest ‖A·s‖/‖s‖ seen.
    pub scale: f64,
    /// Mean Rayleigh quotient of the residual directions last applied.
    pub centre: Option<f64>,
    /// Read-backs so far.
    pub read_backs: usize,
}

impl<'a> Subspace<'a> {
    /// Applies the operator to `rows`, `[n, P]`, and keeps the `block` best Ritz pairs.
    ///
    /// Also returns the Ritz pairs of the first `carried` rows alone.
    pub fn new(
        mut meter: Meter<'a>,
        arithmetic: Arithmetic,
        rows: Tensor<2>,
        carried: usize,
        block: usize,
        epsilon: f64,
        centre: Option<f64>,
    ) -> Result<(Self, Ritz), EigenError> {
        let count = rows.dims()[0];
        let owners: Vec<usize> = (0..count).collect();
        let images = Stack::from(meter.apply(rows.clone(), &owners)?);
        let rows = Stack::from(rows);
        let grams = read_grams(arithmetic, &rows, &images, &meter)?;
        let alone = Ritz::new(&grams.leading(carried), carried, carried, epsilon)?;
        let subspace = Self {
            ritz: Ritz::new(&grams, count, block, epsilon)?,
            scale: grams.image_scale(),
            meter,
            arithmetic,
            epsilon,
            block,
            rows,
            images,
            age: 0,
            centre,
            read_backs: 1,
        };
        Ok((subspace, alone))
    }

    /// P.
    pub fn dim(&self) -> usize {
        self.meter.dim()
    }

    /// A tensor on the right device with the right element type.
    pub fn sample(&self) -> &Tensor<2> {
        self.rows.sample()
    }

    /// The accounts.
    pub fn meter(&self) -> &Meter<'a> {
        &self.meter
    }

    /// Ritz pairs that the block lacks, for want of independent rows.
    pub fn missing(&self) -> usize {
        self.block.saturating_sub(self.ritz.values.len())
    }

    /// The Ritz vectors, `[b, P]`.
    pub fn iterates(&self) -> Tensor<2> {
        self.arithmetic
            .combine(&[(&self.ritz.coefficients, &self.rows)])
    }

    /// One iteration: the Ritz vectors, their conjugate directions and the residuals of the
    /// `active` pairs, of norm `lengths`, become the new basis, with `random` rows that are
    /// charged to pair `owner`. Only residual directions and random rows cost products.
    pub fn expand(
        &mut self,
        active: &[usize],
        lengths: &[f64],
        random: Option<(Tensor<2>, usize)>,
    ) -> Result<(), EigenError> {
        let kept = self.ritz.values.len();
        let combination = stack(&self.ritz.coefficients, &self.ritz.directions(active)?);
        let arithmetic = self.arithmetic;
        let basis = arithmetic.combine(&[(&combination, &self.rows)]);
        let basis_images = arithmetic.combine(&[(&combination, &self.images)]);

        let mut search = Vec::with_capacity(2);
        let mut owners = active.to_vec();
        if !active.is_empty() {
            // Unit length before any Gram matrix: residuals differ by orders of magnitude.
            let scales: Vec<f64> = lengths.iter().map(|length| length.recip()).collect();
            search.push(self.residual_rows(active, &scales));
        }
        if let Some((random, owner)) = random {
            owners.extend(std::iter::repeat_n(owner, random.dims()[0]));
            search.push(random);
        }
        let search = arithmetic.stack(search).whole();
        let search = arithmetic.project_out(search, &basis, self.epsilon);
        let images = self.meter.apply(search.clone(), &owners)?;

        self.rows = arithmetic.stack(vec![basis, search]);
        self.images = arithmetic.stack(vec![basis_images, images]);
        self.age += 1;
        let grams = self.read()?;
        let from = combination.nrows();
        let directions = grams.leading(from + active.len());
        self.centre = directions.mean_quotient(from).or(self.centre);
        self.ritz = Ritz::new(&grams, kept, self.block, self.epsilon)?;
        Ok(())
    }

    /// Applies the operator to the iterates themselves and forgets the directions.
    pub fn refresh(&mut self) -> Result<(), EigenError> {
        let iterates = self.iterates();
        let count = self.ritz.values.len();
        let owners: Vec<usize> = (0..count).collect();
        self.images = self.meter.apply(iterates.clone(), &owners)?.into();
        self.rows = iterates.into();
        self.age = 0;
        let grams = self.read()?;
        self.ritz = Ritz::new(&grams, count, self.block, self.epsilon)?;
        Ok(())
    }

    /// The Gram matrix of the residuals, `[b, b]`, from the residuals themselves: exact where the
    /// one from Gram matrices drowns in rounding, at one more read-back.
    pub fn residual_gram(&mut self) -> Result<Mat<f64>, EigenError> {
        let all: Vec<usize> = (0..self.ritz.values.len()).collect();
        let residual = Stack::from(self.residual_rows(&all, &vec![1.0; all.len()]));
        let [gram] = self.arithmetic.grams([(&residual, &residual)])?;
        self.read_backs += 1;
        Ok(gram)
    }

    /// The first `carried` of the Ritz vectors `iterates` moved along their residuals (of norm
    /// `lengths`), x + r/(θ − ω): the step that Rayleigh–Ritz would choose, were the residual's
    /// Rayleigh quotient ω (that of the last directions applied). It costs no product, and where
    /// the next operator differs little from this one the next solve begins where an iteration
    /// of this one would have ended.
    pub fn free_step(&self, iterates: Tensor<2>, carried: usize, lengths: &[f64]) -> Tensor<2> {
        let carried = carried.min(self.ritz.values.len());
        let iterates = iterates.narrow(0, 0, carried);
        let Some(centre) = self.centre else {
            return iterates;
        };
        let steps: Vec<f64> = (0..carried)
            .map(|i| {
                let distance = self.ritz.values[i] - centre;
                let longest = LONGEST_FREE_STEP / lengths[i].max(f64::MIN_POSITIVE);
                if distance > 0.0 {
                    distance.recip().min(longest)
                } else {
                    0.0
                }
            })
            .collect();
        // x + s·(A·x − θ·x), with A·x by combination of the images.
        let kept = Mat::from_fn(carried, carried, |i, j| {
            if i == j {
                1.0 - steps[i] * self.ritz.values[i]
            } else {
                0.0
            }
        });
        let rows: Vec<usize> = (0..carried).collect();
        let moved = scaled_rows(&self.ritz.coefficients, &rows, &steps);
        self.arithmetic
            .combine(&[(&kept, &iterates.into()), (&moved, &self.images)])
    }

    /// Residuals A·x − θ·x of the given Ritz pairs, each multiplied by its factor, `[rows, P]`.
    fn residual_rows(&self, rows: &[usize], factors: &[f64]) -> Tensor<2> {
        let shifted: Vec<f64> = rows
            .iter()
            .zip(factors)
            .map(|(&i, factor)| -factor * self.ritz.values[i])
            .collect();
        let coefficients = &self.ritz.coefficients;
        self.arithmetic.combine(&[
            (&scaled_rows(coefficients, rows, factors), &self.images),
            (&scaled_rows(coefficients, rows, &shifted), &self.rows),
        ])
    }

    fn read(&mut self) -> Result<Grams, EigenError> {
        let grams = read_grams(self.arithmetic, &self.rows, &self.images, &self.meter)?;
        self.read_backs += 1;
        self.scale = self.scale.max(grams.image_scale());
        Ok(grams)
    }
}

fn read_grams(
    arithmetic: Arithmetic,
    rows: &Stack,
    images: &Stack,
    meter: &Meter<'_>,
) -> Result<Grams, EigenError> {
    let [overlap, projected, image] =
        arithmetic.grams([(rows, rows), (rows, images), (images, images)])?;
    let grams = Grams {
        overlap,
        projected,
        image,
    };
    match grams.first_non_finite() {
        None => Ok(grams),
        Some(row) => Err(EigenError::NonFinite {
            row,
            application: meter.applications(),
        }),
    }
}
