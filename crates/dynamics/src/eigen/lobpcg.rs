//! One solve: what to search next, and when to stop.

use burn::tensor::Tensor;

use super::assessment::{Assessment, Progress};
use super::block::Arithmetic;
use super::bounds::rounding;
use super::operator::Meter;
use super::probe::{Prober, Watch};
use super::solution::{Missed, Stop};
use super::subspace::Subspace;
use super::{EigenError, Params};

/// Combinations after which images are computed afresh from the iterates, tolerance or not:
/// float32 rounding then stays within a few ε of them, for a thirtieth of the products.
const OLDEST_IMAGES: usize = 32;

/// Iterations without a rise of a value or a fall of a residual before the solve is stagnant.
const IDLE_ITERATIONS: usize = 20;

/// Rows to begin with, and what they are.
pub(super) struct Start {
    /// `[rows, P]`, carried rows first, random rows last.
    pub rows: Tensor<2>,
    /// How many rows were carried over.
    pub carried: usize,
    /// Rows that the block is to have.
    pub block: usize,
    /// First row that is watched while random rows climb.
    pub watched: usize,
    /// Mean Rayleigh quotient of residuals in an earlier solve.
    pub centre: Option<f64>,
}

/// State of the iteration.
pub(super) struct Lobpcg<'a> {
    params: &'a Params,
    prober: &'a mut Prober,
    subspace: Subspace<'a>,
    watched: usize,
    watch: Option<Watch>,
    /// What the carried rows alone would have answered: value and error bound.
    carried: Vec<(f64, f64)>,
    iterations: usize,
    progress: Progress,
}

/// The end of the iteration; values are those of the metered operator.
pub(super) struct Outcome {
    pub stop: Stop,
    pub values: Vec<f64>,
    pub assessment: Assessment,
    /// `[count, P]`.
    pub vectors: Tensor<2>,
    /// `[count + guard, P]`, where the next solve should start.
    pub next_start: Tensor<2>,
    pub centre: Option<f64>,
    pub missed: Option<Missed>,
    pub iterations: usize,
    pub read_backs: usize,
    pub products: Vec<usize>,
    pub applications: usize,
}

impl<'a> Lobpcg<'a> {
    /// Applies the operator to the starting rows and makes the first Rayleigh–Ritz step.
    pub fn new(
        params: &'a Params,
        meter: Meter<'a>,
        prober: &'a mut Prober,
        start: Start,
        epsilon: f64,
    ) -> Result<Self, EigenError> {
        let random = start.rows.dims()[0] > start.carried;
        let (subspace, alone) = Subspace::new(
            meter,
            Arithmetic::new(params.fusion),
            start.rows,
            start.carried,
            start.block,
            epsilon,
            start.centre,
        )?;
        let answer = Assessment::from_grams(&subspace, params, &alone.values, &alone.residual)?;
        let carried = (0..answer.truncation.len())
            .map(|i| (alone.values[i], answer.error_bound(i)))
            .collect();
        let mut solve = Self {
            params,
            prober,
            subspace,
            watched: start.watched,
            watch: random.then(Watch::begin),
            carried,
            iterations: 0,
            progress: Progress::default(),
        };
        solve.observe();
        Ok(solve)
    }

    /// Iterates to the end.
    pub fn run(mut self) -> Result<Outcome, EigenError> {
        loop {
            let assessment = Assessment::of(&mut self.subspace, self.params)?;
            let climbing = self.watch.as_ref().is_some_and(Watch::is_climbing);
            let values = &self.subspace.ritz.values;
            self.progress.note(values, &assessment, climbing);
            let open = assessment.open();
            let active = self.active_rows(&open, climbing, &assessment);
            if let Some(stop) = self.verdict(&open, &active, climbing, &assessment) {
                return Ok(self.finish(stop, assessment));
            }
            if self.only_age_matters(&open, &assessment) || self.subspace.age >= OLDEST_IMAGES {
                self.subspace.refresh()?;
                continue;
            }
            self.iterate(&active, &assessment)?;
        }
    }

    /// Why to stop, if it is time to.
    fn verdict(
        &self,
        open: &[usize],
        active: &[usize],
        climbing: bool,
        assessment: &Assessment,
    ) -> Option<Stop> {
        if assessment.truncation.len() < self.params.count {
            return None; // A start of too low a rank is completed first.
        }
        let complete = self.subspace.missing() == 0;
        // With nothing to search the block is invariant to the last digit: random rows have
        // nowhere to climb.
        let exhausted = complete && active.is_empty();
        let settled = complete && (!climbing || self.watched_rows().is_empty());
        if open.is_empty() && (settled || exhausted) {
            return Some(Stop::Converged);
        }
        let unreachable = settled
            && open.iter().all(|&i| {
                assessment.tolerances[i] <= self.rounding_of_fresh_images()
                    && assessment.truncation[i] <= assessment.rounding
            });
        if unreachable || exhausted || self.progress.idle() >= IDLE_ITERATIONS {
            return Some(Stop::Stagnated);
        }
        (self.iterations == self.params.max_iterations).then_some(Stop::IterationLimit)
    }

    /// Whether nothing but the age of the images stands between the bounds and the tolerance.
    fn only_age_matters(&self, open: &[usize], assessment: &Assessment) -> bool {
        let fresh = self.rounding_of_fresh_images();
        self.subspace.age > 0
            && !open.is_empty()
            && open
                .iter()
                .all(|&i| assessment.truncation[i] + fresh <= assessment.tolerances[i])
    }

    fn rounding_of_fresh_images(&self) -> f64 {
        rounding(self.subspace.epsilon, self.subspace.scale, 0)
    }

    /// Rows that are followed while random rows climb.
    fn watched_rows(&self) -> std::ops::Range<usize> {
        self.watched..self.subspace.ritz.values.len()
    }

    /// The pairs that get a residual direction: wanted ones that are not converged, watched ones,
    /// and guards too coarse to say where the rest of the spectrum begins. A guard need not be
    /// sharper than half its distance from the wanted values: the gap is then right to a factor
    /// of two.
    fn active_rows(&self, open: &[usize], climbing: bool, assessment: &Assessment) -> Vec<usize> {
        let values = &self.subspace.ritz.values;
        let mut active = open.to_vec();
        if let (Some(last), false) = (assessment.truncation.len().checked_sub(1), open.is_empty()) {
            active.extend((last + 1..values.len()).filter(|&guard| {
                let enough = 0.5 * (values[last] - values[guard]);
                assessment.residuals[guard] > enough.max(assessment.tolerances[last])
            }));
        }
        if climbing {
            active.extend(self.watched_rows());
        }
        active.sort_unstable();
        active.dedup();
        // A pair known exactly has no residual to follow.
        active.retain(|&i| assessment.residuals[i] > 0.0);
        active
    }

    fn iterate(&mut self, active: &[usize], assessment: &Assessment) -> Result<(), EigenError> {
        let lengths: Vec<f64> = active.iter().map(|&i| assessment.residuals[i]).collect();
        let missing = self.subspace.missing();
        let random = (missing > 0).then(|| {
            let sample = self.subspace.sample();
            let (device, dtype) = (sample.device(), sample.dtype());
            let dim = self.subspace.dim();
            (
                self.prober.rows(missing, dim, &device, dtype),
                self.params.count,
            )
        });
        if random.is_some() {
            self.watch = Some(Watch::begin());
            self.watched = self.params.count;
        }
        self.subspace.expand(active, &lengths, random)?;
        self.iterations += 1;
        self.observe();
        Ok(())
    }

    /// Shows the watch the lowest Ritz value.
    fn observe(&mut self) {
        let values = &self.subspace.ritz.values;
        let last = self.params.count.min(values.len()).checked_sub(1);
        if let (Some(watch), Some(&lowest), Some(last)) = (&mut self.watch, values.last(), last) {
            let resolution = self.params.tolerances(values)[last];
            watch.observe(lowest, values[last] - lowest, resolution);
        }
    }

    fn finish(self, stop: Stop, assessment: Assessment) -> Outcome {
        let (subspace, params) = (self.subspace, self.params);
        let values = subspace.ritz.values.clone();
        let missed = self.carried.iter().enumerate().find_map(|(i, &known)| {
            let (previous, previous_bound) = known;
            (values[i] > previous + previous_bound + assessment.rounding).then_some(Missed {
                index: i,
                value: values[i],
                previous,
                previous_bound,
            })
        });
        let iterates = subspace.iterates();
        let carried = params.count + params.guard;
        Outcome {
            stop,
            vectors: iterates.clone().narrow(0, 0, assessment.truncation.len()),
            next_start: subspace.free_step(iterates, carried, &assessment.residuals),
            values,
            assessment,
            centre: subspace.centre,
            missed,
            iterations: self.iterations,
            read_backs: subspace.read_backs,
            products: subspace.meter().products().to_vec(),
            applications: subspace.meter().applications(),
        }
    }
}
