//! A run's state, saved and restored.

use brink_state::{Loader, Memory, Part, Saver, State, StateError};

use super::Descent;
use crate::error::RunError;
use crate::measurement::Measurement;

/// What another run takes over from a state besides its step and its time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inherited {
    /// θ, to the bit.
    pub theta: bool,
    /// The rule's memory.
    pub optimizer: bool,
    /// The eigensolver's memory.
    pub eigenvalues: bool,
    /// That of the preconditioned eigenvalues.
    pub preconditioned: bool,
    /// The measurements, by name, whose memory it takes.
    pub measurements: Vec<String>,
}

impl<const D: usize> Descent<'_, D> {
    /// The whole state, from which a run goes on to the bit as this one will. It takes the step
    /// that is due first.
    ///
    /// # Errors
    /// [`RunError::State`], mostly of a device that cannot be read; those of
    /// [`advance`](Self::advance).
    pub fn state(&mut self) -> Result<State, RunError> {
        self.advance()?;
        let mut state = State::default();
        let step = self.step;
        self.save(&mut state.saver())
            .map_err(|source| RunError::State { step, source })?;
        Ok(state)
    }

    /// What a run goes on from, but for its measurements, which have names of their own, and counts.
    fn parts(&mut self) -> [Part<'_>; 11] {
        let (since, before) = &mut self.constant_since;
        [
            ("first_step", &mut self.first_step),
            ("step", &mut self.step),
            ("time", &mut self.time),
            ("constant_since", since),
            ("time_before", before),
            ("theta", &mut self.theta),
            ("recorded", &mut self.recorded),
            ("optimizer", &mut self.optimizer),
            ("eigenvalues", &mut self.spectrum),
            ("preconditioned", &mut self.preconditioned),
            ("seconds", &mut self.clock),
        ]
    }

    fn save(&mut self, to: &mut Saver<'_>) -> Result<(), StateError> {
        for (name, part) in self.parts() {
            part.save(&mut to.part(name))?;
        }
        let mut to_all = to.part("measurements");
        for measurement in self.measurements.iter_mut() {
            measurement.save(&mut to_all.part(measurement.name()))?;
        }
        to.part("evaluations").value(&self.evaluations())
    }

    /// Goes on from a [`state`](Self::state) of a run of the same problem and settings.
    ///
    /// # Errors
    /// [`StateError`]: it is the state of another run.
    pub fn restore(&mut self, state: &State) -> Result<(), StateError> {
        let device = self.theta.device();
        let from = state.loader(&device);
        for (name, part) in self.parts() {
            part.restore(&from.part(name))?;
        }
        for measurement in self.measurements.iter_mut() {
            restore_measurement(measurement, &from)?;
        }
        self.earlier = from.part("evaluations").value()?;
        let own = self.own_evaluations();
        for (name, count) in &mut self.earlier {
            // What was evaluated before restoring is no part of the run.
            let before = own.iter().find(|(own, _)| own == name);
            *count = count.saturating_sub(before.map_or(0, |(_, count)| *count));
        }
        Ok(())
    }

    /// Begins at the step of a state of another run, with what of it suits this one.
    ///
    /// # Errors
    /// [`StateError`]: what is inherited does not suit.
    pub fn inherit(&mut self, state: &State, inherited: &Inherited) -> Result<(), StateError> {
        let device = self.theta.device();
        let from = state.loader(&device);
        self.step.restore(&from.part("step"))?;
        self.first_step = self.step;
        self.time.restore(&from.part("time"))?;
        // To the bit the other run's times where no step size has changed.
        if self.time != self.settings.step_size * self.step as f64 {
            self.constant_since = (self.step, self.time);
        }
        if inherited.theta {
            self.theta.restore(&from.part("theta"))?;
            self.recorded = self.theta.clone();
        }
        if inherited.optimizer {
            self.optimizer.restore(&from.part("optimizer"))?;
        }
        if inherited.eigenvalues {
            self.spectrum.restore(&from.part("eigenvalues"))?;
        }
        if inherited.preconditioned {
            self.preconditioned.restore(&from.part("preconditioned"))?;
        }
        for measurement in self.measurements.iter_mut() {
            if inherited
                .measurements
                .iter()
                .any(|n| n == measurement.name())
            {
                restore_measurement(measurement, &from)?;
            }
        }
        Ok(())
    }
}

fn restore_measurement<const D: usize>(
    measurement: &mut Box<dyn Measurement<D>>,
    from: &Loader<'_>,
) -> Result<(), StateError> {
    let name = measurement.name();
    measurement.restore(&from.part("measurements").part(name))
}
