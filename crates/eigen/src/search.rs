//! One solve: what to search next, and when to stop.

use burn::tensor::Tensor;

use super::assessment::{Assessment, Progress};
use super::basis::{Block, Watched};
use super::block::Arithmetic;
use super::bounds::rounding;
use super::operator::Meter;
use super::policy::{MARGIN, Policy, Report, Rise, Supposed, Work};
use super::probe::{Outside, Probe};
use super::random::RandomVectors;
use super::solution::{Exceeded, Stop};
use super::subspace::Subspace;
use super::{EigenError, Params};

/// Combinations after which images are computed afresh from the iterates, tolerance or not:
/// float32 rounding then stays within a few ε of them, for a thirtieth of the products.
const OLDEST_IMAGES: usize = 32;

/// Iterations without a rise of a value or a fall of a residual before the solve is stagnant.
const IDLE_ITERATIONS: usize = 20;

/// Rows to begin with, and what they are.
pub(super) struct Start<'n> {
    /// `[rows, P]`, carried rows first, random rows last.
    pub rows: Tensor<2>,
    /// How many rows were carried over.
    pub carried: usize,
    /// Whether the last row is the probe, which is carried, too, in part.
    pub probe: bool,
    /// Rows that the block is to have, one that looks outside included.
    pub block: usize,
    /// The same without that one.
    pub trusted: usize,
    /// Mean Rayleigh quotient of residuals in an earlier solve.
    pub centre: Option<f64>,
    /// Rows whose products with the basis are wanted.
    pub watched: Watched<'n>,
    /// Guards that are not applied unless they must be, `[g, P]`.
    pub guards: Option<Tensor<2>>,
    /// What stands in for them, or did in the solve before.
    pub supposed: Option<Supposed>,
    /// All values above this are wanted, up to a limit.
    pub floor: Option<f64>,
}

/// State of the iteration.
pub(super) struct Search<'a> {
    /// Those of the solver, but for the count: it rises where more values lie above the floor.
    params: Params,
    floor: Option<f64>,
    source: &'a mut RandomVectors,
    probe: &'a Probe,
    policy: &'a mut Policy,
    subspace: Subspace<'a>,
    rise: Option<Rise>,
    /// Whether some rows were random, or had a random part.
    random: bool,
    /// Whether they were followed.
    followed: bool,
    /// Whether all were random.
    cold: bool,
    /// What is known of the probe.
    outside: Option<Outside>,
    /// Whether a random row is to join and be followed.
    alert: bool,
    /// What the carried rows alone would have answered, value and error bound; the wanted rows alone
    /// where guards were spared in the solve before, or at first in this one.
    carried: Vec<(f64, f64)>,
    /// The gap with which the next solve can be expected to do without guards.
    gap_needed: f64,
    /// Guards that were not applied yet.
    spared: Option<Tensor<2>>,
    /// Last rows of the block without which it would have needed no search either.
    spare: usize,
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
    /// Their products with the vector that was watched, if there was one.
    pub along: Vec<f64>,
    /// `[rows, P]`, where the next solve should start.
    pub next_start: Block,
    pub centre: Option<f64>,
    pub exceeded: Option<Exceeded>,
    /// The guards, if they were spared.
    pub spared: Option<Tensor<2>>,
    /// What is known outside the next block, where the probe of the next solve may begin.
    pub outside: Option<Outside>,
    /// Whether random rows took part, or a probe.
    pub random: bool,
    /// Whether random rows were followed.
    pub followed: bool,
    pub iterations: usize,
    pub read_backs: usize,
    pub products: Vec<usize>,
    pub applications: usize,
}

impl<'a> Search<'a> {
    /// Applies the operator to the starting rows and makes the first Rayleigh–Ritz step.
    pub fn new(
        params: Params,
        meter: Meter<'a>,
        source: &'a mut RandomVectors,
        probe: &'a Probe,
        policy: &'a mut Policy,
        start: Start<'_>,
        epsilon: f64,
    ) -> Result<Self, EigenError> {
        let random = start.rows.dims()[0] > start.carried;
        let mut subspace = Subspace::new(
            meter,
            Arithmetic::new(params.fusion),
            start.rows,
            start.watched,
            start.carried,
            [start.block, start.trusted],
            epsilon,
        )?;
        subspace.centre = start.centre;
        subspace.supposed = start.supposed;
        let without = |subspace: &Subspace<'_>, rows: usize| {
            let alone = subspace.leading(rows)?;
            let answer = Assessment::from_grams(subspace, &params, &alone)?;
            Ok::<_, EigenError>((alone, answer))
        };
        let (alone, answer) = match subspace.supposed {
            Some(_) => without(&subspace, params.count)?,
            None => without(&subspace, start.carried)?,
        };
        let carried = (0..answer.truncation.len())
            .map(|i| (alone.values[i], answer.error_bound(i)))
            .collect();
        let gap_needed = answer.gap_needed(MARGIN);
        let mut spare = 0;
        if start.guards.is_none() {
            subspace.supposed = None;
            while start.carried >= policy.rows() && policy.rows() - spare > policy.smallest() {
                let (_, fewer) = without(&subspace, policy.rows() - spare - 1)?;
                if !fewer.open().is_empty() {
                    break;
                }
                spare += 1;
            }
        }
        let mut solve = Self {
            params,
            floor: start.floor,
            source,
            probe,
            policy,
            subspace,
            rise: None,
            random,
            followed: false,
            cold: start.carried == 0,
            outside: None,
            alert: false,
            carried,
            gap_needed,
            spared: start.guards,
            spare,
            iterations: 0,
            progress: Progress::default(),
        };
        if start.probe {
            solve.look()?;
        } else if random {
            solve.follow();
        }
        Ok(solve)
    }

    /// Iterates to the end.
    pub fn run(mut self) -> Result<Outcome, EigenError> {
        loop {
            let climbing = self.rise.as_ref().is_some_and(Rise::goes_on);
            if !climbing && self.rise.take().is_some() {
                self.subspace.leave_trail()?;
            }
            self.want_all_above_the_floor();
            let lost = climbing && !self.subspace.has_trail();
            let assessment = Assessment::of(&mut self.subspace, &self.params, lost)?;
            let values = &self.subspace.ritz.values;
            self.progress.note(values, &assessment, climbing);
            let open = assessment.open();
            let far = self
                .subspace
                .reach
                .is_some_and(|reach| reach >= assessment.rest);
            self.alert |= far && !open.is_empty();
            let unsure = open.is_empty() && self.may_miss_one(&assessment);
            let active = self.active_rows(&open, unsure, climbing, &assessment);
            let done = open.is_empty() && !unsure && self.subspace.missing() == 0;
            if !done && let Some(guards) = self.spared.take() {
                self.apply_guards(guards, &active, &assessment)?;
                continue;
            }
            if self.alert {
                self.answer_alert(&active, &assessment)?;
                continue;
            }
            if lost && active.is_empty() && self.subspace.missing() == 0 {
                // The block is invariant to the last digit: nowhere to climb.
                self.rise = None;
                self.subspace.tidy()?;
                continue;
            }
            if let Some(stop) = self.verdict(&open, &active, unsure, climbing, &assessment) {
                if self.subspace.is_untidy() {
                    self.subspace.tidy()?;
                    continue;
                }
                return Ok(self.finish(stop, assessment));
            }
            if self.only_age_matters(&open, &assessment) || self.subspace.age >= OLDEST_IMAGES {
                self.subspace.refresh()?;
                continue;
            }
            self.iterate(&active, climbing, &assessment)?;
        }
    }

    /// A Ritz value never exceeds the eigenvalue of its place: those above the floor are wanted.
    fn want_all_above_the_floor(&mut self) {
        let (Some(floor), None) = (self.floor, &self.spared) else {
            return;
        };
        let values = self.subspace.block_values();
        let above = values.iter().take_while(|&&value| value > floor).count();
        let limit = self.params.largest_count.min(values.len());
        if above.min(limit) > self.params.count {
            self.params.count = above.min(limit);
            self.subspace.grow(self.params.count + self.params.guard);
        }
    }

    /// Whether one more eigenvalue may lie above the floor, as far as the guards tell.
    fn may_miss_one(&self, assessment: &Assessment) -> bool {
        let Some(floor) = self.floor else {
            return false;
        };
        let count = self.params.count;
        if count >= self.params.largest_count || self.params.guard == 0 {
            return false;
        }
        if self.spared.is_some() {
            return assessment.rest > floor;
        }
        // A guard as well known as the wanted pairs decides.
        let enough = assessment.tolerances.last().copied().unwrap_or(0.0);
        let known = assessment
            .residuals
            .get(count)
            .is_some_and(|r| *r <= enough);
        !known && assessment.next.is_none_or(|next| next > floor)
    }

    /// Why to stop, if it is time to.
    fn verdict(
        &self,
        open: &[usize],
        active: &[usize],
        unsure: bool,
        climbing: bool,
        assessment: &Assessment,
    ) -> Option<Stop> {
        if assessment.truncation.len() < self.params.count {
            return None; // A start of too low a rank is completed first.
        }
        let complete = self.subspace.missing() == 0;
        let settled = complete && !climbing;
        if open.is_empty() && !unsure && settled {
            return Some(Stop::Converged);
        }
        let unreachable = settled
            && !unsure
            && open.iter().all(|&i| {
                assessment.tolerances[i] <= self.rounding_of_fresh_images()
                    && assessment.truncation[i] <= assessment.rounding
            });
        let exhausted = settled && active.is_empty();
        if unreachable || exhausted || self.progress.idle() >= IDLE_ITERATIONS {
            return Some(Stop::Stagnated);
        }
        (self.iterations >= self.params.max_iterations).then_some(Stop::IterationLimit)
    }

    /// Whether nothing but the age of the images stands between the bounds and the tolerance.
    fn only_age_matters(&self, open: &[usize], assessment: &Assessment) -> bool {
        let fresh = self.rounding_of_fresh_images();
        self.subspace.age > 0
            && !open.is_empty()
            && open.iter().all(|&i| {
                assessment.truncation[i] + fresh <= assessment.tolerances[i]
                    && !assessment.is_long(i)
            })
    }

    fn rounding_of_fresh_images(&self) -> f64 {
        rounding(self.subspace.epsilon, self.subspace.scale, 0)
    }

    /// The pairs that get a residual direction: wanted ones that are not converged, or what holds
    /// them back, and the first guard while it is too coarse to say where the rest of the spectrum
    /// begins.
    fn active_rows(
        &self,
        open: &[usize],
        unsure: bool,
        climbing: bool,
        assessment: &Assessment,
    ) -> Vec<usize> {
        let trail = self.subspace.has_trail();
        if climbing && self.cold && trail {
            return Vec::new(); // The residuals lie in the span of the trail's next rows.
        }
        // A residual of a few roundings of its own is nothing to follow.
        let rounding = 4.0 * self.rounding_of_fresh_images();
        let mut active = self.holding_back(open, assessment);
        let guard = self.params.count;
        let guards = guard..self.subspace.trusted.min(assessment.residuals.len());
        let coarse = assessment.reach == guard && !guards.is_empty();
        if !open.is_empty() && coarse && assessment.residuals[guard] > rounding {
            let rest = self.subspace.ritz.values[guard];
            if self.would_do(open, rest, assessment) {
                active = vec![guard];
            } else if !climbing {
                // Beside the random rows another iteration costs no application: the guard waits.
                active.push(guard);
            }
        }
        if unsure && assessment.residuals.len() > self.params.count {
            active.push(self.params.count);
        }
        if climbing && !trail {
            // Rounding has covered it, as where the other end is far larger: all pairs climb.
            active.extend(0..self.subspace.block_values().len());
        }
        active.sort_unstable();
        active.dedup();
        active.retain(|&i| assessment.residuals[i] > rounding);
        active
    }

    /// Whether the `open` pairs would be converged, each by itself, if the rest of the spectrum began
    /// at `rest`.
    fn would_do(&self, open: &[usize], rest: f64, assessment: &Assessment) -> bool {
        let values = &self.subspace.ritz.values;
        open.iter().all(|&i| {
            let rise = assessment.rise_over(values, i, rest);
            rise + assessment.rounding <= assessment.tolerances[i] && !assessment.is_long(i)
        })
    }

    /// The open pairs; but where these would be converged by themselves, the guards that may rise
    /// above them instead.
    fn holding_back(&self, open: &[usize], assessment: &Assessment) -> Vec<usize> {
        let values = &self.subspace.ritz.values;
        let alone = |&&i: &&usize| {
            assessment.rise(values, i) > assessment.tolerances[i] || assessment.is_long(i)
        };
        let unsharp: Vec<usize> = open.iter().filter(alone).copied().collect();
        let Some(&lowest) = open.last() else {
            return unsharp;
        };
        if unsharp.len() == open.len() {
            return unsharp;
        }
        let guards = self.params.count..assessment.reach;
        let rising = guards.filter(|&g| values[g] + assessment.rise(values, g) > values[lowest]);
        let rising: Vec<usize> = unsharp.iter().copied().chain(rising).collect();
        if rising.is_empty() {
            open.to_vec()
        } else {
            rising
        }
    }

    fn iterate(
        &mut self,
        active: &[usize],
        climbing: bool,
        assessment: &Assessment,
    ) -> Result<(), EigenError> {
        let missing = self.subspace.missing();
        if missing == 0 {
            return self.expand(active, climbing, assessment, [None, None]);
        }
        let random = self.random_rows(missing);
        self.expand(active, climbing, assessment, [None, Some(random)])?;
        self.follow();
        Ok(())
    }

    /// The guards get their products after all, and a random row joins them if a probe is due.
    fn apply_guards(
        &mut self,
        guards: Tensor<2>,
        active: &[usize],
        assessment: &Assessment,
    ) -> Result<(), EigenError> {
        let rows = self.subspace.block + guards.dims()[0];
        let look = self.policy.is_look_due();
        (self.subspace.block, self.subspace.trusted) = (rows + usize::from(look), rows);
        self.subspace.supposed = None;
        let random = look.then(|| self.random_rows(1));
        if self.policy.is_follow_due() || !self.probe.is_carried() {
            self.expand(active, false, assessment, [Some(guards), random])?;
            if look {
                self.follow();
            }
            return Ok(());
        }
        let probe = random.map(|random| self.probe.row(random));
        self.expand(active, false, assessment, [Some(guards), probe])?;
        if look {
            self.look()?;
        }
        Ok(())
    }

    /// Sees how far the basis' last row reaches, the probe. If that is further than when it was carried
    /// on, or more than a little has changed, a random row is to be followed.
    fn look(&mut self) -> Result<(), EigenError> {
        self.random = true;
        self.subspace.leave_trail()?;
        self.outside = self.subspace.probe();
        let values = self.subspace.block_values();
        let wanted = &values[..self.params.count.min(values.len())];
        let known = (self.outside.as_ref()).zip(self.params.tolerances(values).last().copied());
        let last = wanted.last().zip(values.last());
        let further = known
            .zip(last)
            .is_none_or(|((outside, tolerance), (last, lowest))| {
                let before = self.probe.reach(tolerance);
                let rise = outside.reach() - before;
                Rise::matters(rise, last - lowest, tolerance)
            });
        self.alert = further || !self.policy.is_calm(values);
        self.subspace.reach = self.outside.as_ref().map(Outside::reach);
        Ok(())
    }

    /// A random row joins the basis, and is followed.
    fn answer_alert(
        &mut self,
        active: &[usize],
        assessment: &Assessment,
    ) -> Result<(), EigenError> {
        self.alert = false;
        self.subspace.block += 1;
        let random = self.random_rows(1);
        self.expand(active, false, assessment, [None, Some(random)])?;
        self.follow();
        Ok(())
    }

    /// The random rows are followed from now on.
    fn follow(&mut self) {
        (self.rise, self.random, self.followed) = (Some(Rise::begin()), true, true);
        self.subspace.reach = None;
        self.observe();
    }

    /// So many random rows.
    fn random_rows(&mut self, rows: usize) -> Tensor<2> {
        let sample = self.subspace.sample();
        let (device, dtype) = (sample.device(), sample.dtype());
        self.source.rows(rows, self.subspace.dim(), &device, dtype)
    }

    fn expand(
        &mut self,
        active: &[usize],
        climbing: bool,
        assessment: &Assessment,
        others: [Option<Tensor<2>>; 2],
    ) -> Result<(), EigenError> {
        let lengths: Vec<f64> = active.iter().map(|&i| assessment.residuals[i]).collect();
        self.subspace.expand(active, &lengths, climbing, others)?;
        self.iterations += 1;
        self.observe();
        Ok(())
    }

    /// Notes how far the block has risen.
    fn observe(&mut self) {
        let values = self.subspace.block_values();
        let last = self.params.count.min(values.len()).checked_sub(1);
        if let (Some(rise), Some(&lowest), Some(last)) = (&mut self.rise, values.last(), last) {
            let resolution = self.params.tolerances(values)[last];
            rise.observe(values.iter().sum(), values[last] - lowest, resolution);
        }
    }

    /// What there is at the end, and the start of the next solve.
    fn finish(self, stop: Stop, assessment: Assessment) -> Outcome {
        let subspace = self.subspace;
        let values = subspace.ritz.values.clone();
        let exceeded = self.carried.iter().enumerate().find_map(|(i, &known)| {
            let (previous, previous_bound) = known;
            (values[i] > previous + previous_bound + assessment.rounding).then_some(Exceeded {
                index: i,
                value: values[i],
                previous,
                previous_bound,
            })
        });
        let products: usize = subspace.meter().products().iter().sum();
        let others = self.policy.rows() + subspace.random_products();
        self.policy.note(&Report {
            values: &values,
            wanted: self.params.count,
            dim: subspace.dim(),
            cold: self.cold,
            random: self.random,
            followed: self.followed,
            exceeded: exceeded.is_some(),
            spared: self.spared.is_some(),
            next: assessment.next,
            gap_needed: self.gap_needed,
            searched: products.saturating_sub(others),
            work: Work {
                products: products.saturating_sub(subspace.random_products()),
                applications: subspace.meter().applications(),
                row_cost: subspace.meter().row_cost(),
            },
            spare: self.spare,
            floor: self.floor,
        });
        let rows = self.policy.rows();
        // Followed to its end, it tells most by the first Ritz vector that the next block leaves out.
        let outside = match self.followed {
            true => subspace.pair(rows).map(Outside::with_random_part),
            false => self.outside,
        };
        let trustworthy = exceeded.is_none() && self.params.probe_every > 0;
        let next = match (self.spared.is_some(), self.policy.is_narrow()) {
            (true, _) => subspace.block,
            // What a wide block leaves behind may be wanted again.
            (false, true) => rows.max(subspace.trusted),
            (false, false) => rows,
        };
        Outcome {
            stop,
            vectors: subspace.vectors(assessment.truncation.len()),
            along: subspace.along(assessment.truncation.len()),
            next_start: subspace.free_step(next, &assessment.residuals),
            values,
            assessment,
            centre: subspace.centre,
            exceeded,
            spared: self.spared,
            outside: outside.filter(|_| trustworthy),
            random: self.random,
            followed: self.followed,
            iterations: self.iterations,
            read_backs: subspace.read_backs(),
            products: subspace.meter().products_of(self.params.count),
            applications: subspace.meter().applications(),
        }
    }
}
