//! A run that is asked for an end in the middle of a measurement stops there, and goes on to the bit.

use std::cell::Cell;

use brink_dynamics::central_flow::{CentralFlow, CentralFlowParams};
use brink_dynamics::eigen::{Broadening, SpectrumParams};
use brink_dynamics::flow::{FlowMethod, GradientFlow};
use brink_dynamics::measurement::{
    BatchSharpness, Gram, GramMethod, Measurement, Schedule, Spectrum, SpectrumOf, SquaredError,
};
use brink_dynamics::observer::{Observer, ObserverError, Outcome};
use brink_dynamics::record::StepRecord;
use brink_dynamics::state::State;
use brink_dynamics::{Checkpoints, Descent, Finished, Interrupt, Run, Settings};
use brink_linearize::Objective;
use burn::tensor::DType;

use crate::{Case, case};

const STEPS: u64 = 6;

/// Asks for an end from the time on that it is asked so often, and sees what is evaluated meanwhile.
struct After<'a> {
    asks: u64,
    asked: Cell<u64>,
    objective: &'a Objective<2>,
    /// Evaluations when it was asked last before it asks for an end, and the most between two times.
    last: Cell<u64>,
    most: Cell<u64>,
}

impl<'a> After<'a> {
    fn new(asks: u64, objective: &'a Objective<2>) -> Self {
        Self {
            asks,
            asked: Cell::new(0),
            objective,
            last: Cell::new(evaluations(objective)),
            most: Cell::new(0),
        }
    }
}

impl Interrupt for After<'_> {
    fn is_set(&self) -> bool {
        self.asked.set(self.asked.get() + 1);
        let now = evaluations(self.objective);
        self.most.set(self.most.get().max(now - self.last.get()));
        self.last.set(now);
        self.asked.get() >= self.asks
    }
}

/// Gradients and products, in gradients' worth at most: a block of products counts each of its rows.
fn evaluations(objective: &Objective<2>) -> u64 {
    let counts = objective.counters().snapshot();
    counts.iter().map(|(_, count)| count).sum()
}

#[derive(Default)]
struct Store {
    saved: Option<(u64, Vec<u8>)>,
}

impl Checkpoints for Store {
    fn is_due(&self, _: u64) -> bool {
        false
    }

    fn saved(&self) -> Option<u64> {
        self.saved.as_ref().map(|(step, _)| *step)
    }

    fn save(&mut self, step: u64, state: State) -> Result<(), ObserverError> {
        self.saved = Some((step, state.encode()?));
        Ok(())
    }
}

/// The records as text with every digit.
#[derive(Default)]
struct Kept(Vec<String>);

impl Observer for Kept {
    fn name(&self) -> &'static str {
        "kept"
    }

    fn step(&mut self, record: &StepRecord) -> Result<(), ObserverError> {
        self.0.push(format!("{record:?}"));
        Ok(())
    }
}

type Measured = fn(&mut Case) -> Box<dyn Measurement<2>>;

const MEASURED: [(&str, Measured); 6] = [
    ("runge-kutta", |_| {
        let (alpha, cap) = (1.0, 0.1);
        let method = FlowMethod::RungeKutta4 { alpha, cap };
        Box::new(GradientFlow::new(third(), None, method, 1e-3).unwrap())
    }),
    ("dormand-prince", |_| {
        let method = FlowMethod::DormandPrince { tolerance: 1e-6 };
        Box::new(GradientFlow::new(third(), None, method, 1e-3).unwrap())
    }),
    ("central flow", |_| {
        Box::new(CentralFlow::new(third(), CentralFlowParams::default()).unwrap())
    }),
    ("dense Gram", |case| {
        let squared = SquaredError::new(case.targets.clone(), 0.5);
        Box::new(Gram::new(third(), squared, GramMethod::Dense, 2, 1e-3).unwrap())
    }),
    ("batch sharpness", |case| {
        let batches = case.random.take().unwrap();
        let measured = BatchSharpness::new(third(), batches, 0.05, 20);
        Box::new(measured.with_eigenvalues(3, 1e-3).unwrap())
    }),
    ("spectrum", |_| {
        let params = SpectrumParams {
            probes: 3,
            steps: 5,
            ..SpectrumParams::default()
        };
        let (points, width) = (300, 0.01);
        let broadening = Broadening { points, width };
        Box::new(Spectrum::new(third(), SpectrumOf::Hessian, params, broadening).unwrap())
    }),
];

fn third() -> Schedule {
    Schedule { every: 3, from: 1 }
}

struct Ended {
    finished: Finished,
    records: Vec<String>,
    store: Store,
    /// How often it was asked for an end, the most evaluations in between, and those after the last time.
    asked: u64,
    most: u64,
    after: u64,
}

fn follow(measured: Measured, step_size: f64, asks: u64, from: Option<&State>) -> Ended {
    let mut case = case(DType::F64, None);
    let mut measurements = [measured(&mut case)];
    let settings = Settings::gradient_descent(step_size, STEPS);
    let objective = &case.problem.objective;
    let descent = Descent::new(
        &case.problem,
        case.theta.clone(),
        &settings,
        &mut measurements,
    )
    .unwrap();
    let (mut store, mut kept) = (Store::default(), Kept::default());
    let mut run = Run::new(descent).with_checkpoints(&mut store);
    if let Some(state) = from {
        run = run.resumed(state).unwrap();
    }
    let after = After::new(asks, objective);
    let finished = run.follow(&mut [&mut kept], &after);
    Ended {
        finished,
        records: kept.0,
        store,
        asked: after.asked.get(),
        most: after.most.get(),
        after: evaluations(objective) - after.last.get(),
    }
}

/// Where λ₁ is above 2/η, the central flow is led down by Σ.
#[test]
fn a_measurement_that_is_given_up_anywhere_is_taken_anew() {
    for (name, measured) in MEASURED {
        for step_size in [0.3, 1.5] {
            let whole = follow(measured, step_size, u64::MAX, None);
            assert_eq!(whole.finished.summary.outcome, Outcome::Completed, "{name}");
            let counters = &whole.finished.summary.counters;
            // Every other time is within a measurement, of which there are two.
            assert!(whole.asked > 2 * STEPS, "{name}: {}", whole.asked);
            // A block of products at most is waited for.
            assert!(whole.most <= 16, "{name}: {}", whole.most);
            let mut given_up = 0;
            for asks in (1..=whole.asked).step_by(1 + whole.asked as usize / 40) {
                let place = format!("{name}, η = {step_size}, after {asks} of {}", whole.asked);
                let first = follow(measured, step_size, asks, None);
                assert_eq!(
                    first.finished.summary.outcome,
                    Outcome::Interrupted,
                    "{place}"
                );
                assert!(first.finished.errors.is_empty(), "{place}");
                assert_eq!(first.after, 0, "{place}");
                let (step, file) = first.store.saved.unwrap();
                assert_eq!(step, first.records.len() as u64, "{place}");
                given_up += u64::from(third().due(step));
                let state = State::decode(&file).unwrap();
                let rest = follow(measured, step_size, u64::MAX, Some(&state));
                let records = [first.records, rest.records].concat();
                assert_eq!(records, whole.records, "{place}");
                let (found, expected) = (&rest.finished, &whole.finished);
                assert_eq!(found.theta.to_data(), expected.theta.to_data(), "{place}");
                assert_eq!(&found.summary.counters, counters, "{place}");
            }
            assert!(given_up > 0, "{name}");
        }
    }
}
