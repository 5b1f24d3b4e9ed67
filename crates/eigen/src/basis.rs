//! The search basis on the device, and what has been read of it.

use burn::tensor::Tensor;
use faer::Mat;

use super::EigenError;
use super::block::{Arithmetic, Stack};
use super::host::stack;
use super::rayleigh_ritz::{Grams, Measured};
use super::reading::Numbers;

/// Rows of some block with what is known of them.
pub(super) struct Block {
    /// `[b, P]`.
    pub rows: Tensor<2>,
    /// Their Gram matrix, `[b, b]`.
    pub gram: Mat<f64>,
    /// Their products with the rows of the earlier blocks, `[b, m]`.
    pub past: Mat<f64>,
}

/// Rows whose products with the basis are wanted.
#[derive(Debug, Default)]
pub(super) struct Watched<'n> {
    /// Blocks of earlier solves.
    pub past: Vec<Tensor<2>>,
    /// A vector that the eigenvectors are compared with, `[P]`.
    pub along: Option<Tensor<1>>,
    /// Numbers that the first read-back brings along.
    pub numbers: Option<&'n mut Numbers>,
}

/// Basis rows S and images A·S, `[n, P]` each. Images are held less their shifts Σ·S, which are zero
/// where residuals are cheap.
pub(super) struct Basis {
    arithmetic: Arithmetic,
    rows: Stack,
    /// D = A·S − Σ·S.
    images: Stack,
    /// Σ, as far as it is known; the last rows' shifts may still be on the device.
    shifts: Vec<f64>,
    /// Those of the others.
    pending: Vec<Tensor<1>>,
    /// Rows whose products with the basis come with its Gram matrices, in the same read-backs.
    watched: Option<Stack>,
    /// How many of these, the first ones, are blocks of earlier solves.
    past: usize,
    grams: Grams,
    /// S and A·S times the transpose of the watched rows, `[n, m]` each.
    shared: [Mat<f64>; 2],
    /// Whether nothing of it has been read since it was replaced.
    unread: bool,
    read_backs: usize,
}

/// What one read-back brings.
struct Reading {
    measured: Measured,
    shared: [Mat<f64>; 2],
}

impl Basis {
    /// Reads the Gram matrices of `rows` and `images` and their products with the `watched` rows.
    pub fn new(
        arithmetic: Arithmetic,
        rows: Tensor<2>,
        images: Tensor<2>,
        watched: Watched<'_>,
    ) -> Result<Self, EigenError> {
        let (images, pending) = arithmetic.shifted(&rows, images);
        let empty = || Mat::zeros(0, 0);
        let numbers = watched.numbers;
        let past = watched.past.iter().map(|block| block.dims()[0]).sum();
        let along = watched.along.map(|vector| vector.unsqueeze());
        let watched: Vec<Tensor<2>> = watched.past.into_iter().chain(along).collect();
        let mut basis = Self {
            arithmetic,
            rows: rows.into(),
            images: images.into(),
            shifts: Vec::new(),
            pending: pending.into_iter().collect(),
            watched: (!watched.is_empty()).then(|| watched.into()),
            past,
            grams: Grams::from(Measured {
                overlap: empty(),
                across: empty(),
                square: empty(),
                shifts: Vec::new(),
            }),
            shared: [empty(), empty()],
            unread: true,
            read_backs: 0,
        };
        basis.read_with(numbers)?;
        Ok(basis)
    }

    /// n.
    pub fn rows(&self) -> usize {
        self.rows.rows()
    }

    /// A tensor on the right device with the right element type.
    pub fn sample(&self) -> &Tensor<2> {
        self.rows.sample()
    }

    /// Gram matrices of S and A·S as of the last reading.
    pub fn grams(&self) -> &Grams {
        &self.grams
    }

    /// Read-backs so far.
    pub fn read_backs(&self) -> usize {
        self.read_backs
    }

    /// Other rows and images instead, of which nothing is read yet.
    pub fn replace(&mut self, rows: Tensor<2>, images: Tensor<2>) {
        let (images, pending) = self.arithmetic.shifted(&rows, images);
        (self.rows, self.images) = (rows.into(), images.into());
        (self.shifts, self.pending) = (Vec::new(), pending.into_iter().collect());
        self.unread = true;
    }

    /// Combinations of the rows, and of the images, instead; nothing of them is read yet, but their
    /// Rayleigh quotients are known.
    pub fn recombine(&mut self, combination: &Mat<f64>) {
        debug_assert!(!self.unread, "what is combined has been read");
        let rows = self.on_rows(combination);
        if self.is_shifted() {
            let shifts = self.quotients(combination);
            let kept = Mat::from_fn(combination.nrows(), combination.ncols(), |i, j| {
                -shifts[i] * combination[(i, j)]
            });
            self.images = self.on_both(combination, &kept).into();
            self.shifts = shifts;
        } else {
            self.images = self
                .arithmetic
                .combine(&[(combination, &self.images)])
                .into();
            self.shifts = vec![0.0; combination.nrows()];
        }
        self.rows = rows.into();
        self.pending = Vec::new();
        self.unread = true;
    }

    fn is_shifted(&self) -> bool {
        self.shifts.iter().any(|shift| *shift != 0.0)
    }

    /// Rayleigh quotients of combinations of the rows.
    fn quotients(&self, combination: &Mat<f64>) -> Vec<f64> {
        let diagonal = |matrix: &Mat<f64>| {
            let image = combination * matrix;
            let rows = 0..combination.nrows();
            rows.map(move |i| image.row(i) * combination.row(i).transpose())
                .collect::<Vec<f64>>()
        };
        let squares = diagonal(&self.grams.overlap);
        let products = diagonal(&self.grams.projected).into_iter().zip(squares);
        products
            .map(|(product, square)| if square > 0.0 { product / square } else { 0.0 })
            .collect()
    }

    /// Reads what is unread, if anything.
    pub fn read(&mut self) -> Result<(), EigenError> {
        self.read_with(None)
    }

    fn read_with(&mut self, numbers: Option<&mut Numbers>) -> Result<(), EigenError> {
        if self.unread {
            let (rows, images) = (self.rows.clone(), self.images.clone());
            let Reading { measured, shared } = self.reading(&rows, &images, numbers)?;
            (self.grams, self.shared) = (measured.into(), shared);
            self.unread = false;
            self.read_backs += 1;
        }
        Ok(())
    }

    /// Puts rows and their images at the end and reads them, and the others if they are unread, in
    /// one read-back.
    pub fn append(&mut self, rows: Tensor<2>, images: Tensor<2>) -> Result<(), EigenError> {
        let (images, pending) = self.arithmetic.shifted(&rows, images);
        let (new_rows, new_images) = (Stack::from(rows.clone()), Stack::from(images.clone()));
        self.pending.extend(pending);
        self.rows = self.arithmetic.extend(&self.rows, rows);
        self.images = self.arithmetic.extend(&self.images, images);
        if self.unread {
            return self.read();
        }
        let new = self.reading(&new_rows, &new_images, None)?;
        self.grams = self.grams.extended(new.measured);
        let [rows, images] = &self.shared;
        self.shared = [stack(rows, &new.shared[0]), stack(images, &new.shared[1])];
        self.read_backs += 1;
        Ok(())
    }

    /// The products of some rows and their images with the whole basis and the watched rows.
    fn reading(
        &mut self,
        rows: &Stack,
        images: &Stack,
        numbers: Option<&mut Numbers>,
    ) -> Result<Reading, EigenError> {
        let mut pairs = vec![
            (rows, &self.rows),
            (rows, &self.images),
            (images, &self.images),
        ];
        if let Some(watched) = &self.watched {
            pairs.extend([(rows, watched), (images, watched)]);
        }
        let pending = std::mem::take(&mut self.pending);
        let mut shifts = (!pending.is_empty()).then(|| Numbers::new(pending, "shifts"));
        let mut numbers: Vec<&mut Numbers> = numbers.into_iter().chain(&mut shifts).collect();
        let mut products = self.arithmetic.grams(&pairs, &mut numbers)?.into_iter();
        match &mut shifts {
            Some(shifts) => self.shifts.extend_from_slice(shifts.values()?),
            None => self.shifts.resize(self.rows.rows(), 0.0),
        }
        let mut next = || {
            products
                .next()
                .unwrap_or_else(|| Mat::zeros(rows.rows(), 0))
        };
        let measured = Measured {
            overlap: next(),
            across: next(),
            square: next(),
            shifts: self.shifts.clone(),
        };
        let [on_rows, on_images] = [next(), next()];
        // As of A·S again.
        let own = &self.shifts[self.shifts.len() - rows.rows()..];
        let on_images = Mat::from_fn(on_images.nrows(), on_images.ncols(), |i, j| {
            on_images[(i, j)] + own[i] * on_rows[(i, j)]
        });
        Ok(Reading {
            measured,
            shared: [on_rows, on_images],
        })
    }

    /// C·S for C = `coefficients`, `[q, n]`.
    pub fn on_rows(&self, coefficients: &Mat<f64>) -> Tensor<2> {
        self.arithmetic.combine(&[(coefficients, &self.rows)])
    }

    /// C·A·S + D·S for C = `on_images` and D = `on_rows`, `[q, n]` each.
    pub fn on_both(&self, on_images: &Mat<f64>, on_rows: &Mat<f64>) -> Tensor<2> {
        let on_rows = Mat::from_fn(on_rows.nrows(), on_rows.ncols(), |i, j| {
            on_rows[(i, j)] + on_images[(i, j)] * self.shifts[j]
        });
        self.arithmetic
            .combine(&[(on_images, &self.images), (&on_rows, &self.rows)])
    }

    /// The same, with its Gram matrix and its products with the earlier blocks, by what was read.
    pub fn block(&self, on_images: &Mat<f64>, on_rows: &Mat<f64>) -> Block {
        let Grams {
            overlap,
            projected,
            image,
            ..
        } = &self.grams;
        let mixed = on_rows * projected * on_images.transpose();
        let gram = on_rows * overlap * on_rows.transpose()
            + on_images * image * on_images.transpose()
            + mixed.transpose()
            + &mixed;
        let [rows, images] = &self.shared;
        let rows = rows.subcols(0, self.past);
        let images = images.subcols(0, self.past);
        Block {
            rows: self.on_both(on_images, on_rows),
            gram,
            past: on_rows * rows + on_images * images,
        }
    }

    /// Products of C·S, for C = `coefficients`, `[q, n]`, with the vector that is watched; none if there
    /// is none.
    pub fn along(&self, coefficients: &Mat<f64>) -> Vec<f64> {
        let [rows, _] = &self.shared;
        if rows.ncols() <= self.past {
            return Vec::new();
        }
        let products = coefficients * rows.subcols(self.past, 1);
        (0..products.nrows()).map(|i| products[(i, 0)]).collect()
    }

    /// The Gram matrix of rows that are no part of it, in a read-back of its own.
    pub fn gram_of(&mut self, rows: Tensor<2>) -> Result<Mat<f64>, EigenError> {
        let rows = Stack::from(rows);
        self.read_backs += 1;
        let mut grams = self.arithmetic.grams(&[(&rows, &rows)], &mut [])?;
        Ok(grams.swap_remove(0))
    }
}
