//! Extrema of Λ and how far it has come back from them.

use super::PhaseParams;

/// A measured Λ together with the measured one before it.
///
/// The trend is that of the mean of both: Λ can alternate from step to step while the residual
/// does, and the mean of two does not see that.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    before: (u64, f64),
    now: (u64, f64),
}

impl Sample {
    pub(super) const fn first(step: u64, value: f64) -> Self {
        let now = (step, value);
        Self { before: now, now }
    }

    pub(super) const fn then(self, step: u64, value: f64) -> Self {
        Self {
            before: self.now,
            now: (step, value),
        }
    }

    pub(super) const fn step(self) -> u64 {
        self.now.0
    }

    pub(super) const fn value(self) -> f64 {
        self.now.1
    }

    const fn mean(self) -> f64 {
        f64::midpoint(self.before.1, self.now.1)
    }

    /// Whether it continues a trend that has come as far as `other`. An equal mean does: a plateau
    /// belongs to the trend that led to it.
    fn goes_on(self, rising: bool, other: Self) -> bool {
        reaches(self.mean(), rising, other.mean())
    }
}

fn reaches(value: f64, rising: bool, other: f64) -> bool {
    if rising {
        value >= other
    } else {
        value <= other
    }
}

/// The extreme mean, and the step of Λ's own extremum: where Λ has a single peak, that is one of
/// the two steps of the largest mean.
#[derive(Debug, Clone, Copy)]
struct Extremum {
    sample: Sample,
    step: u64,
    /// The first measured step after it.
    after: Option<u64>,
}

impl Extremum {
    fn of(sample: Sample, rising: bool) -> Self {
        let Sample { before, now } = sample;
        let later = reaches(now.1, rising, before.1);
        Self {
            sample,
            step: if later { now.0 } else { before.0 },
            after: (!later).then_some(now.0),
        }
    }

    fn passed(&mut self, sample: Sample) {
        self.after.get_or_insert(sample.step());
    }
}

/// A trend, its extremum, and the farthest that Λ has come back from it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Swing {
    rising: bool,
    extremum: Extremum,
    back: Option<Extremum>,
}

impl Swing {
    pub(super) fn at(sample: Sample, rising: bool) -> Self {
        Self {
            rising,
            extremum: Extremum::of(sample, rising),
            back: None,
        }
    }

    pub(super) const fn rising(&self) -> bool {
        self.rising
    }

    /// The step of Λ's extremum.
    pub(super) const fn extremum(&self) -> u64 {
        self.extremum.step
    }

    pub(super) fn see(&mut self, sample: Sample) {
        if sample.goes_on(self.rising, self.extremum.sample) {
            *self = Self::at(sample, self.rising);
            return;
        }
        self.extremum.passed(sample);
        match &mut self.back {
            Some(back) if !sample.goes_on(!self.rising, back.sample) => back.passed(sample),
            back => *back = Some(Extremum::of(sample, !self.rising)),
        }
    }

    pub(super) fn has_turned(&self, sample: Sample, params: &PhaseParams) -> bool {
        let extreme = self.extremum.sample.mean();
        let away = (sample.mean() - extreme).abs() >= params.turn * extreme.abs();
        away && sample.step().saturating_sub(self.extremum.step) >= params.hysteresis
    }

    /// The opposite trend and the step since which it holds; none if Λ has not come back at all.
    pub(super) fn reversed(&self) -> Option<(Self, u64)> {
        let swing = Self {
            rising: !self.rising,
            extremum: self.back?,
            back: None,
        };
        Some((swing, self.extremum.after?))
    }
}
