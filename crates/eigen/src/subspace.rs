//! The search subspace: starting rows, search directions, their images, and the Ritz pairs found in
//! them. What to search, and when to stop, is decided elsewhere.

use burn::tensor::Tensor;
use faer::Mat;

use super::EigenError;
use super::basis::{Basis, Block, Watched};
use super::block::{Arithmetic, Stack};
use super::host::{scaled_rows, stack};
use super::operator::Meter;
use super::policy::Supposed;
use super::probe::Outside;
use super::rayleigh_ritz::{Grams, Ritz};

/// Longest correction of a unit vector that is made without measuring its effect.
const LONGEST_FREE_STEP: f64 = 0.3;

/// Least eigenvalue of the Gram matrix of unit rows whose combinations amplify rounding little.
const ORTHONORMAL: f64 = 0.5;

/// Rows beyond three blocks that the basis may have before it is collapsed.
const ROOM: usize = 10;

/// A basis and its Ritz pairs.
pub(super) struct Subspace<'a> {
    meter: Meter<'a>,
    /// Machine epsilon of the device's arithmetic.
    pub epsilon: f64,
    /// Rows of the block. One Ritz pair more is kept, for a next block that grows.
    pub block: usize,
    /// Leading Ritz pairs that may say where the rest of the spectrum begins: those of all rows
    /// but a probe's.
    pub trusted: usize,
    basis: Basis,
    /// Where the random rows lead next, in terms of the images and of the rows, `[r, n]` each: what
    /// the images of their last descendants have beyond the basis. Followed, it makes a block
    /// Krylov sequence.
    trail: [Mat<f64>; 2],
    /// How far a probe reaches that is not followed.
    pub reach: Option<f64>,
    /// Whether the basis is to be replaced before anything is concluded from it.
    untidy: bool,
    /// Where the rest of the spectrum is supposed to begin, while there are no guards.
    pub supposed: Option<Supposed>,
    /// Products of random rows and of what they led to.
    random_products: usize,
    /// The kept Ritz pairs.
    pub ritz: Ritz,
    /// Combinations since the images were products.
    pub age: usize,
    /// Largest ‖A·s‖/‖s‖ seen.
    pub scale: f64,
    /// Mean Rayleigh quotient of the residual directions last applied.
    pub centre: Option<f64>,
}

impl<'a> Subspace<'a> {
    /// Applies the operator to `rows`, `[n, P]`, random from row `carried` on and no probes before
    /// row `trusted`, and makes the first Rayleigh–Ritz step for a block of `block` rows.
    pub fn new(
        mut meter: Meter<'a>,
        arithmetic: Arithmetic,
        rows: Tensor<2>,
        watched: Watched<'_>,
        carried: usize,
        [block, trusted]: [usize; 2],
        epsilon: f64,
    ) -> Result<Self, EigenError> {
        let count = rows.dims()[0];
        let owners: Vec<usize> = (0..count).collect();
        let images = meter.apply(rows.clone(), &owners)?;
        let basis = Basis::new(arithmetic, rows, images, watched)?;
        let grams = basis.grams();
        checked(grams, &meter)?;
        grams.check_symmetry(epsilon)?;
        let ritz = Ritz::new(grams, count, block + 1, epsilon)?;
        let random: Vec<usize> = (carried..count).collect();
        Ok(Self {
            trail: ritz.beyond(grams, &random, epsilon)?,
            reach: None,
            untidy: false,
            supposed: None,
            random_products: count - carried,
            ritz,
            scale: grams.image_scale(),
            basis,
            meter,
            epsilon,
            block,
            trusted,
            age: 0,
            centre: None,
        })
    }

    /// The Ritz pairs of the first `n` basis rows alone.
    pub fn leading(&self, n: usize) -> Result<Ritz, EigenError> {
        Ritz::new(&self.basis.grams().leading(n), n, n, self.epsilon)
    }

    /// P.
    pub fn dim(&self) -> usize {
        self.meter.dim()
    }

    /// A tensor on the right device with the right element type.
    pub fn sample(&self) -> &Tensor<2> {
        self.basis.sample()
    }

    /// The accounts.
    pub fn meter(&self) -> &Meter<'a> {
        &self.meter
    }

    /// Products spent on random rows and on what they led to.
    pub fn random_products(&self) -> usize {
        self.random_products
    }

    /// Read-backs so far.
    pub fn read_backs(&self) -> usize {
        self.basis.read_backs()
    }

    /// Widens the block to `rows` at least.
    pub fn grow(&mut self, rows: usize) {
        if rows > self.trusted {
            self.block += rows - self.trusted;
            self.trusted = rows;
        }
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
        self.basis.on_rows(&first)
    }

    /// Their products with the vector that is watched, if there is one.
    pub fn along(&self, count: usize) -> Vec<f64> {
        let first = self.ritz.coefficients.subrows(0, count).to_owned();
        self.basis.along(&first)
    }

    /// What is known of the basis' last row, a probe, outside of the trusted Ritz vectors; `None` if it lies
    /// in their span.
    pub fn probe(&self) -> Option<Outside> {
        let overlap = &self.basis.grams().overlap;
        let last = self.basis.rows().checked_sub(1)?;
        let trusted = self.trusted.min(self.ritz.values.len());
        let leading = self.ritz.coefficients.subrows(0, trusted);
        let whole = Mat::from_fn(1, last + 1, |_, j| if j == last { 1.0 } else { 0.0 });
        let inside = &whole * overlap * leading.transpose();
        let outside = whole - inside * leading;
        let left = (&outside * overlap * outside.transpose())[(0, 0)];
        let enough = left > self.epsilon.sqrt() * overlap[(last, last)];
        enough.then(|| self.power_step(&outside))?
    }

    /// The same of Ritz vector `i`, if it is kept.
    pub fn pair(&self, i: usize) -> Option<Outside> {
        let kept = i < self.ritz.values.len();
        kept.then(|| self.power_step(&self.ritz.coefficients.subrows(i, 1).to_owned()))?
    }

    /// One step of the power method, from s to (A − ω)s: ω is the mean Rayleigh quotient of residuals,
    /// but low enough for the other end of the spectrum not to win.
    fn power_step(&self, outside: &Mat<f64>) -> Option<Outside> {
        let grams = self.basis.grams();
        let form = |gram: &Mat<f64>| (outside * gram * outside.transpose())[(0, 0)];
        let square = form(&grams.overlap);
        let (value, image) = (form(&grams.projected) / square, form(&grams.image) / square);
        let residual = (image - value * value).max(0.0).sqrt();
        let low = value - residual;
        let shift = self.centre.map_or(low, |centre| centre.min(low));
        let length = (image - 2.0 * shift * value + shift * shift) * square;
        let on_images = faer::Scale(length.sqrt().recip()) * outside;
        let on_rows = faer::Scale(-shift) * &on_images;
        (length > 0.0 && length.is_finite()).then(|| Outside {
            next: self.basis.on_both(&on_images, &on_rows),
            value,
            residual,
        })
    }

    /// Whether there are random rows that can be followed.
    pub fn has_trail(&self) -> bool {
        self.trail[0].nrows() > 0
    }

    /// One iteration: the residuals of the `active` pairs, of norm `lengths`, join the basis, then
    /// `guards` that had none yet, the next rows of the random rows' trail if `follow`, and new
    /// `random` rows. Only these cost products,
    /// those that are no residuals at the charge of the pair of their number.
    ///
    /// They are not orthogonalised on the device: they are orthogonal to the basis but for
    /// rounding, and Rayleigh–Ritz takes the rest out by the Gram matrices.
    pub fn expand(
        &mut self,
        active: &[usize],
        lengths: &[f64],
        follow: bool,
        [guards, random]: [Option<Tensor<2>>; 2],
    ) -> Result<(), EigenError> {
        let mut search = Vec::with_capacity(4);
        let mut owners = active.to_vec();
        if !active.is_empty() {
            // Unit length before any Gram matrix: residuals differ by orders of magnitude.
            let scales: Vec<f64> = lengths.iter().map(|length| length.recip()).collect();
            search.push(self.residual_rows(active, &scales));
        }
        let mut followed = active.len();
        if let Some(guards) = guards {
            let first = self.ritz.values.len();
            owners.extend(first..first + guards.dims()[0]);
            search.push(guards);
            followed = owners.len();
        }
        if follow && self.has_trail() {
            let [on_images, on_rows] = &self.trail;
            owners.extend(self.block.saturating_sub(on_images.nrows())..self.block);
            search.push(self.basis.on_both(on_images, on_rows));
        }
        if let Some(random) = random {
            let first = self.ritz.values.len();
            owners.extend(first..first + random.dims()[0]);
            search.push(random);
        }
        self.random_products += owners.len() - followed;
        let search = Stack::from(search).whole();
        let images = self.meter.apply(search.clone(), &owners)?;
        let full = self.basis.rows() + owners.len() > 3 * self.block + ROOM;
        if full || self.untidy {
            self.collapse(active)?;
        }
        let from = self.basis.rows();
        self.basis.append(search, images)?;
        self.note_reading()?;
        let grams = self.basis.grams();
        let descendants: Vec<usize> = (from + followed..self.basis.rows()).collect();
        let directions = grams.leading(from + active.len());
        self.centre = directions.mean_quotient(from).or(self.centre);
        self.ritz = Ritz::new(grams, from, self.block + 1, self.epsilon)?;
        self.trail = self.ritz.beyond(grams, &descendants, self.epsilon)?;
        Ok(())
    }

    /// As in LOBPCG the Ritz vectors and the conjugate directions of the `active` pairs replace
    /// the basis. They are not measured yet.
    fn collapse(&mut self, active: &[usize]) -> Result<(), EigenError> {
        let combination = stack(&self.ritz.coefficients, &self.ritz.directions(active)?);
        self.basis.recombine(&combination);
        self.untidy = false;
        self.age += 1;
        Ok(())
    }

    /// Ends the trail. From a basis far from orthonormal, as random rows may be, nothing is to be
    /// concluded before the Ritz vectors have replaced it and are measured themselves, here or with
    /// the next directions.
    pub fn leave_trail(&mut self) -> Result<(), EigenError> {
        self.untidy = self.basis.grams().condition()? < ORTHONORMAL;
        self.trail = [Mat::zeros(0, 0), Mat::zeros(0, 0)];
        Ok(())
    }

    /// Whether that is still to be done.
    pub fn is_untidy(&self) -> bool {
        self.untidy
    }

    /// Does it.
    pub fn tidy(&mut self) -> Result<(), EigenError> {
        self.collapse(&[])?;
        self.begin_again()
    }

    /// Applies the operator to the iterates themselves and forgets the directions.
    pub fn refresh(&mut self) -> Result<(), EigenError> {
        let count = self.ritz.values.len();
        let iterates = self.vectors(count);
        let owners: Vec<usize> = (0..count).collect();
        let images = self.meter.apply(iterates.clone(), &owners)?;
        self.basis.replace(iterates, images);
        self.untidy = false;
        self.age = 0;
        self.begin_again()
    }

    /// The Ritz pairs of a basis that is nothing but iterates, and no trail.
    fn begin_again(&mut self) -> Result<(), EigenError> {
        self.basis.read()?;
        self.note_reading()?;
        self.trail = [Mat::zeros(0, 0), Mat::zeros(0, 0)];
        let count = self.basis.rows();
        self.ritz = Ritz::new(self.basis.grams(), count, self.block + 1, self.epsilon)?;
        Ok(())
    }

    fn note_reading(&mut self) -> Result<(), EigenError> {
        let grams = self.basis.grams();
        checked(grams, &self.meter)?;
        self.scale = self.scale.max(grams.image_scale());
        Ok(())
    }

    /// The Gram matrix of the residuals, `[b, b]`, from the residuals themselves: exact where the
    /// one from Gram matrices drowns in rounding, at one more read-back.
    pub fn residual_gram(&mut self) -> Result<Mat<f64>, EigenError> {
        let all: Vec<usize> = (0..self.ritz.values.len()).collect();
        let residual = self.residual_rows(&all, &vec![1.0; all.len()]);
        self.basis.gram_of(residual)
    }

    /// The first `carried` of the Ritz vectors moved along their residuals (of norm `lengths`),
    /// x + r/(θ − ω): the step that Rayleigh–Ritz would choose, were the residual's Rayleigh
    /// quotient ω (that of the last directions applied). It costs no product, and where the next
    /// operator differs little from this one the next solve begins where an iteration of this one
    /// would have ended.
    pub fn free_step(&self, carried: usize, lengths: &[f64]) -> Block {
        let carried = carried.min(self.ritz.values.len());
        let step = |i: usize| {
            let distance = self.ritz.values[i] - self.centre?;
            let longest = LONGEST_FREE_STEP / lengths[i].max(f64::MIN_POSITIVE);
            (distance > 0.0).then(|| distance.recip().min(longest))
        };
        let rows: Vec<usize> = (0..carried).collect();
        let steps: Vec<f64> = rows.iter().map(|&i| step(i).unwrap_or(0.0)).collect();
        // x + s·(A·x − θ·x), with A·x by combination of the images.
        let kept = |&i: &usize| 1.0 - steps[i] * self.ritz.values[i];
        let kept: Vec<f64> = rows.iter().map(kept).collect();
        let coefficients = &self.ritz.coefficients;
        self.basis.block(
            &scaled_rows(coefficients, &rows, &steps),
            &scaled_rows(coefficients, &rows, &kept),
        )
    }

    /// Residuals A·x − θ·x of the given Ritz pairs, each multiplied by its factor, `[rows, P]`.
    fn residual_rows(&self, rows: &[usize], factors: &[f64]) -> Tensor<2> {
        let shifted: Vec<f64> = rows
            .iter()
            .zip(factors)
            .map(|(&i, factor)| -factor * self.ritz.values[i])
            .collect();
        let coefficients = &self.ritz.coefficients;
        self.basis.on_both(
            &scaled_rows(coefficients, rows, factors),
            &scaled_rows(coefficients, rows, &shifted),
        )
    }
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
