//! The four phases of Wang, Li & Li (2022) along a run.
//!
//! | phase | sharpness Λ against 2/η | trend of Λ |
//! |---|---|---|
//! | before | the first upward crossing has not come | |
//! | I | below | rising |
//! | II | above | rising |
//! | III | above | falling |
//! | IV | below | falling |
//!
//! # The rule
//!
//! The phase is a function of two states, each with its own hysteresis.
//!
//! 1. *Side.* Λ changes sides once it has been on the other side of 2/η at every measured step
//!    for `hysteresis` steps, and has left the band 2/η·(1 ± `margin`) there. A Λ that equals 2/η
//!    is above.
//! 2. *Trend.* The trend is that of the mean of two successive measured Λ, which does not see Λ
//!    alternate from step to step. It turns once `hysteresis` steps have passed since Λ's last
//!    extremum and the mean is away from its own extremum by `turn`, relative to that.
//! 3. A crossing is a trend too: one upward makes the trend rising, one downward falling, whatever
//!    the trend was before.
//! 4. Every upward crossing begins a cycle. What comes before the first one is `before`, cycle 0:
//!    the initial dip, a start above 2/η, the first progressive sharpening.
//! 5. A step whose Λ was not measured has the label of the last measured one.
//!
//! The first measured Λ is on its side at once.
//!
//! Offline ([`classify`]), a crossing takes effect at the first measured step on the new side, and
//! a turn at the first measured step after the extremum: a peak is the last step of its rise, a
//! trough the last of its fall. Online ([`Classifier`]), both take effect when they are confirmed.
//!
//! # The lag
//!
//! The online label of step t differs from the offline one only if t lies between the true step
//! of a crossing or a turn and its confirmation. With every Λ measured, that is
//!
//! * for a crossing at step s: max(`hysteresis`, b) steps, where Λ first leaves the band on the
//!   new side at step s + b;
//! * for a turn at an extremum at step e, effective from e + 1: max(`hysteresis`, d) − 1 steps,
//!   where the mean of two is first away from its extremum by `turn` at step e + d; more only if
//!   it has come back closer when the hysteresis is over.
//!
//! So a cycle in which Λ leaves the band, and its mean of two moves by `turn`, within `hysteresis`
//! steps is labelled at most `hysteresis` steps late. Where Λ is not measured at each step, a
//! confirmation waits for the next measurement.
//!
//! # What follows another
//!
//! Offline: before → II; I → II, IV; II → III, IV; III → II, IV; IV → I, II. II → III → II is a
//! series that hovers above 2/η; I → IV is one that turns back below it; II → IV is a fall through
//! 2/η within a step of the peak. Online, a phase shorter than the lag may be skipped (I → III).

mod classifier;
mod label;
mod offline;
mod params;
mod span;
mod summary;
mod swing;

pub use classifier::Classifier;
pub use label::{Label, Phase, UnknownPhase};
pub use offline::classify;
pub use params::{PhaseParams, PhaseParamsError};
pub use span::{Span, spans};
pub use summary::{Growth, PhaseSummary, Signs, phase_table};

#[cfg(test)]
mod tests;
