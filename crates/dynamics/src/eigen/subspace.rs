//! The search subspace on the device: starting rows, search directions, and their images. What to
//! search, and when to stop, is decided elsewhere.

use burn::tensor::Tensor;
use faer::Mat;

use super::EigenError;
use super::block::{Arithmetic, Stack};
use super::host::{scaled_rows, stack};
use super::operator::Meter;
use super::rayleigh_ritz::{Grams, Ritz};

/// Longest correction of a unit vector that is made without measuring its effect.
const LONGEST_FREE_STEP: f64 = 0.3;

/// Rows beyond three blocks that the basis may have before it is collapsed.
const ROOM: usize = 10;

/// Basis rows S, images A·S, and the Ritz pairs found in them.
pub(super) struct Subspace<'a> {
    meter: Meter<'a>,
    arithmetic: Arithmetic,
    /// Machine epsilon of the device's arithmetic.
    pub epsilon: f64,
    /// Rows of the block. One Ritz pair more is kept, for a next block that grows.
    pub block: usize,
    /// Leading Ritz pairs that may say where the rest of the spectrum begins: those of all rows
    /// but a probe's.
    pub trusted: usize,
    /// S, `[n, P]`.
    rows: Stack,
    /// A·S, `[n, P]`.
    images: Stack,
    /// Of S and A·S.
    grams: Grams,
    /// Where the random rows lead next, in terms of the images and of the rows, `[r, n]` each: what
    /// the images of their last descendants have beyond the basis. Followed, it makes a block
    /// Krylov sequence.
    trail: [Mat<f64>; 2],
    /// The kept Ritz pairs.
    pub ritz: Ritz,
    /// Combinations since the images were products.
    pub age: usize,
    /// Largest ‖A·s‖/‖s‖ seen.
    pub scale: f64,
    /// Mean Rayleigh quotient of the residual directions last applied.
    pub centre: Option<f64>,
    /// Read-backs so far.
    pub read_backs: usize,
}

impl<'a> Subspace<'a> {
    /// Applies the operator to `rows`, `[n, P]`, random from row `carried` on and no probes before
    /// row `trusted`, and makes the first Rayleigh–Ritz step for a block of `block` rows.
    pub fn new(
        mut meter: Meter<'a>,
        arithmetic: Arithmetic,
        rows: Tensor<2>,
        carried: usize,
        [block, trusted]: [usize; 2],
        epsilon: f64,
        centre: Option<f64>,
    ) -> Result<Self, EigenError> {
        let count = rows.dims()[0];
        let owners: Vec<usize> = (0..count).collect();
        let images = Stack::from(meter.apply(rows.clone(), &owners)?);
        let rows = Stack::from(rows);
        let grams = read_grams(arithmetic, &rows, &images, &meter)?;
        let ritz = Ritz::new(&grams, count, block + 1, epsilon)?;
        let random: Vec<usize> = (carried..count).collect();
        Ok(Self {
            trail: ritz.beyond(&grams, &random, epsilon)?,
            ritz,
            scale: grams.image_scale(),
            grams,
            meter,
            arithmetic,
            epsilon,
            block,
            trusted,
            rows,
            images,
            age: 0,
            centre,
            read_backs: 1,
        })
    }

    /// The Ritz pairs of the first `n` basis rows alone.
    pub fn leading(&self, n: usize) -> Result<Ritz, EigenError> {
        Ritz::new(&self.grams.leading(n), n, n, self.epsilon)
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

    /// Ritz values of the block, descending.
    pub fn block_values(&self) -> &[f64] {
        let values = &self.ritz.values;
        &values[..self.block.min(values.len())]
    }

    /// The first `count` Ritz vectors, `[count, P]`.
    pub fn vectors(&self, count: usize) -> Tensor<2> {
        let first = self.ritz.coefficients.subrows(0, count).to_owned();
        self.arithmetic.combine(&[(&first, &self.rows)])
    }

    /// Whether there are random rows that can be followed.
    pub fn has_trail(&self) -> bool {
        self.trail[0].nrows() > 0
    }

    /// One iteration: the residuals of the `active` pairs, of norm `lengths`, join the basis, then
    /// the next rows of the random rows' trail if `follow`, then `random` new rows. Only these
    /// cost products, those of random origin at the charge of the pair of their number.
    ///
    /// They are not orthogonalised on the device: they are orthogonal to the basis but for
    /// rounding, and Rayleigh–Ritz takes the rest out by the Gram matrices.
    pub fn expand(
        &mut self,
        active: &[usize],
        lengths: &[f64],
        follow: bool,
        random: Option<Tensor<2>>,
    ) -> Result<(), EigenError> {
        let mut search = Vec::with_capacity(3);
        let mut owners = active.to_vec();
        if !active.is_empty() {
            // Unit length before any Gram matrix: residuals differ by orders of magnitude.
            let scales: Vec<f64> = lengths.iter().map(|length| length.recip()).collect();
            search.push(self.residual_rows(active, &scales));
        }
        if follow && self.has_trail() {
            let [on_images, on_rows] = &self.trail;
            owners.extend(self.block.saturating_sub(on_images.nrows())..self.block);
            search.push(
                self.arithmetic
                    .combine(&[(on_images, &self.images), (on_rows, &self.rows)]),
            );
        }
        if let Some(random) = random {
            let first = self.ritz.values.len();
            owners.extend(first..first + random.dims()[0]);
            search.push(random);
        }
        let search = self.arithmetic.stack(search).whole();
        let images = self.meter.apply(search.clone(), &owners)?;
        if self.rows.rows() + owners.len() > 3 * self.block + ROOM {
            self.collapse(active)?;
        }
        let from = self.rows.rows();
        self.append(search, images)?;
        let descendants: Vec<usize> = (from + active.len()..self.rows.rows()).collect();
        let directions = self.grams.leading(from + active.len());
        self.centre = directions.mean_quotient(from).or(self.centre);
        self.ritz = Ritz::new(&self.grams, from, self.block + 1, self.epsilon)?;
        self.trail = self.ritz.beyond(&self.grams, &descendants, self.epsilon)?;
        Ok(())
    }

    /// As in LOBPCG the Ritz vectors and the conjugate directions of the `active` pairs replace
    /// the basis.
    fn collapse(&mut self, active: &[usize]) -> Result<(), EigenError> {
        let combination = stack(&self.ritz.coefficients, &self.ritz.directions(active)?);
        let images = self.arithmetic.combine(&[(&combination, &self.images)]);
        self.rows = self
            .arithmetic
            .combine(&[(&combination, &self.rows)])
            .into();
        self.images = images.into();
        self.age += 1;
        self.read()
    }

    /// The Ritz vectors replace the basis. Combinations of rows that are far from orthonormal, as
    /// random ones are, are thus measured themselves.
    pub fn tidy(&mut self) -> Result<(), EigenError> {
        self.collapse(&[])?;
        self.begin_again()
    }

    /// The Ritz pairs of a basis that is nothing but iterates, and no trail.
    fn begin_again(&mut self) -> Result<(), EigenError> {
        self.trail = [Mat::zeros(0, 0), Mat::zeros(0, 0)];
        let count = self.rows.rows();
        self.ritz = Ritz::new(&self.grams, count, self.block + 1, self.epsilon)?;
        Ok(())
    }

    fn read(&mut self) -> Result<(), EigenError> {
        self.grams = read_grams(self.arithmetic, &self.rows, &self.images, &self.meter)?;
        self.read_backs += 1;
        self.scale = self.scale.max(self.grams.image_scale());
        Ok(())
    }

    /// Puts rows and their images at the end of the basis.
    fn append(&mut self, rows: Tensor<2>, images: Tensor<2>) -> Result<(), EigenError> {
        let (new_rows, new_images) = (Stack::from(rows.clone()), Stack::from(images.clone()));
        self.rows = self.arithmetic.extend(&self.rows, rows);
        self.images = self.arithmetic.extend(&self.images, images);
        let [overlap, projected, image] = self.arithmetic.grams([
            (&new_rows, &self.rows),
            (&new_rows, &self.images),
            (&new_images, &self.images),
        ])?;
        self.read_backs += 1;
        self.grams = self.grams.extended(&Grams {
            overlap,
            projected,
            image,
        });
        checked(&self.grams, &self.meter)?;
        self.scale = self.scale.max(self.grams.image_scale());
        Ok(())
    }

    /// Applies the operator to the iterates themselves and forgets the directions.
    pub fn refresh(&mut self) -> Result<(), EigenError> {
        let count = self.ritz.values.len();
        let iterates = self.vectors(count);
        let owners: Vec<usize> = (0..count).collect();
        self.images = self.meter.apply(iterates.clone(), &owners)?.into();
        self.rows = iterates.into();
        self.age = 0;
        self.read()?;
        self.begin_again()
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

    /// The first `carried` of the Ritz vectors moved along their residuals (of norm `lengths`),
    /// x + r/(θ − ω): the step that Rayleigh–Ritz would choose, were the residual's Rayleigh
    /// quotient ω (that of the last directions applied). It costs no product, and where the next
    /// operator differs little from this one the next solve begins where an iteration of this one
    /// would have ended.
    pub fn free_step(&self, carried: usize, lengths: &[f64]) -> Tensor<2> {
        let carried = carried.min(self.ritz.values.len());
        let Some(centre) = self.centre else {
            return self.vectors(carried);
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
        let kept = |i: usize| 1.0 - steps[i] * self.ritz.values[i];
        let kept: Vec<f64> = (0..carried).map(kept).collect();
        let rows: Vec<usize> = (0..carried).collect();
        let coefficients = &self.ritz.coefficients;
        self.arithmetic.combine(&[
            (&scaled_rows(coefficients, &rows, &kept), &self.rows),
            (&scaled_rows(coefficients, &rows, &steps), &self.images),
        ])
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
    checked(&grams, meter)?;
    Ok(grams)
}

/// An error if a product was not finite.
fn checked(grams: &Grams, meter: &Meter<'_>) -> Result<(), EigenError> {
    grams.first_non_finite().map_or(Ok(()), |row| {
        Err(EigenError::NonFinite {
            row,
            application: meter.applications(),
        })
    })
}
