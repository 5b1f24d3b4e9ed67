//! The rule, step by step and causal.

use super::swing::{Sample, Swing};
use super::{Label, Phase, PhaseParams};

/// Labels the steps of a run as it goes.
///
/// The rule and its lag are those of the [module](super).
///
/// ```
/// use brink_analysis::phases::{Classifier, Phase, PhaseParams};
///
/// let mut classifier = Classifier::new(PhaseParams { hysteresis: 1, ..PhaseParams::default() });
/// let seen = [90.0, 99.0, 110.0, 120.0, 130.0].map(Some);
/// let labels = (0..).zip(seen).map(|(step, sharpness)| classifier.see(step, sharpness, 100.0));
/// let expected = [Phase::Before, Phase::Before, Phase::Before, Phase::II, Phase::II];
/// assert!(labels.eq(expected.map(Some)));
/// ```
#[derive(Debug, Clone)]
pub struct Classifier {
    params: PhaseParams,
    state: Option<State>,
    events: Vec<Event>,
}

/// A confirmed change of state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Event {
    /// The step from which on it is true.
    pub since: u64,
    pub change: Change,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Λ is above 2/η and rising, or below and falling.
    Side { above: bool },
    /// Λ rises, or falls.
    Trend { rising: bool },
}

/// Side, trend and cycles, from the first measured step on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    above: bool,
    rising: bool,
    cycle: u64,
}

impl Standing {
    /// A run begins on the side of its first Λ. Its trend is not known yet, and not needed: the
    /// first upward crossing sets it.
    pub(super) const fn first(above: bool) -> Self {
        Self {
            above,
            rising: true,
            cycle: 0,
        }
    }

    pub(super) const fn apply(&mut self, change: Change) {
        match change {
            Change::Side { above } => {
                self.above = above;
                // A crossing is a trend too.
                self.rising = above;
                if above {
                    self.cycle += 1;
                }
            }
            Change::Trend { rising } => self.rising = rising,
        }
    }

    pub(super) const fn label(self) -> Label {
        let phase = match self.cycle {
            0 => Phase::Before,
            _ => Phase::of(self.above, self.rising),
        };
        Label {
            phase,
            cycle: self.cycle,
        }
    }
}

#[derive(Debug, Clone)]
struct State {
    last: Sample,
    standing: Standing,
    crossing: Option<Crossing>,
    swing: Swing,
}

/// An unbroken stay on the other side, not confirmed yet.
#[derive(Debug, Clone, Copy)]
struct Crossing {
    since: u64,
    left_band: bool,
    /// How far it has gone on that side.
    swing: Swing,
}

impl Classifier {
    /// A classifier that has seen no step.
    pub const fn new(params: PhaseParams) -> Self {
        Self {
            params,
            state: None,
            events: Vec::new(),
        }
    }

    /// Sees one step (steps in increasing order): its sharpness Λ, if measured, and the threshold
    /// 2/η. Returns its online phase; none until the first measured Λ.
    ///
    /// A Λ or a threshold that is not finite counts as not measured.
    pub fn see(&mut self, step: u64, sharpness: Option<f64>, threshold: f64) -> Option<Phase> {
        self.observe(step, sharpness, threshold);
        self.label().map(|label| label.phase)
    }

    /// The label of the last step seen; none until the first measured Λ.
    pub fn label(&self) -> Option<Label> {
        self.state.as_ref().map(|state| state.standing.label())
    }

    /// Sees one step; returns the changes that it confirms.
    pub(super) fn observe(
        &mut self,
        step: u64,
        sharpness: Option<f64>,
        threshold: f64,
    ) -> &[Event] {
        self.events.clear();
        if let Some(value) = sharpness.filter(|value| value.is_finite() && threshold.is_finite()) {
            match &mut self.state {
                Some(state) => {
                    let sample = state.last.then(step, value);
                    state.see(sample, threshold, &self.params, &mut self.events);
                }
                None => {
                    let first = Sample::first(step, value);
                    self.state = Some(State {
                        last: first,
                        standing: Standing::first(value >= threshold),
                        crossing: None,
                        swing: Swing::at(first, true),
                    });
                }
            }
        }
        &self.events
    }

    /// Whether Λ is above 2/η.
    pub(super) fn above(&self) -> Option<bool> {
        self.state.as_ref().map(|state| state.standing.above)
    }
}

impl State {
    fn see(
        &mut self,
        sample: Sample,
        threshold: f64,
        params: &PhaseParams,
        events: &mut Vec<Event>,
    ) {
        self.last = sample;
        self.swing.see(sample);
        // The crossing first: it may set a trend which this very step then turns.
        self.cross(sample, threshold, params, events);
        if self.swing.has_turned(sample, params) {
            self.reverse(events);
        }
    }

    fn cross(
        &mut self,
        sample: Sample,
        threshold: f64,
        params: &PhaseParams,
        events: &mut Vec<Event>,
    ) {
        let above = sample.value() >= threshold;
        if above == self.standing.above {
            self.crossing = None;
            return;
        }
        let crossing = self.crossing.get_or_insert(Crossing {
            since: sample.step(),
            left_band: false,
            swing: Swing::at(sample, above),
        });
        crossing.left_band |= (sample.value() - threshold).abs() >= params.margin * threshold.abs();
        crossing.swing.see(sample);
        let Crossing {
            since,
            left_band,
            swing,
        } = *crossing;
        if !left_band || sample.step().saturating_sub(since) < params.hysteresis {
            return;
        }
        self.crossing = None;
        if self.standing.rising != above {
            // The fall through 2/η began at the peak, not at the crossing; likewise the rise.
            self.reverse(events);
        }
        self.confirm(since, Change::Side { above }, events);
        // An extremum of before the crossing is not one of what it leads to.
        if self.swing.rising() != above || self.swing.extremum() < since {
            self.swing = swing;
        }
    }

    fn reverse(&mut self, events: &mut Vec<Event>) {
        if let Some((swing, since)) = self.swing.reversed() {
            self.swing = swing;
            let rising = swing.rising();
            self.confirm(since, Change::Trend { rising }, events);
        }
    }

    fn confirm(&mut self, since: u64, change: Change, events: &mut Vec<Event>) {
        self.standing.apply(change);
        events.push(Event { since, change });
    }
}
