//! Bad input is refused with its facts.

mod common;

use brink_theory::eigen::Solver;
use brink_theory::faer::Mat;
use brink_theory::hessian::{reduced_hessian, top_eigenvalues};
use brink_theory::{
    InitialScale, Model, Network, Parametrisation, Products, Schedule, Settings, State, Terms,
    TheoryError, run, step,
};
use common::Weights;

fn network(width: usize) -> Network {
    Network {
        width,
        parametrisation: Parametrisation::Scaled,
    }
}

#[test]
fn models() {
    let eye = || Mat::<f64>::identity(2, 2);
    let refused = |kernel: Mat<f64>, targets: Vec<f64>, width: usize, factor: f64| {
        Model::new(kernel, targets, network(width), factor).unwrap_err()
    };
    let empty = refused(Mat::zeros(0, 0), vec![], 1, 1.0);
    assert_eq!(
        empty,
        TheoryError::Empty {
            what: "the number of samples n"
        }
    );
    let narrow = refused(eye(), vec![1.0; 2], 0, 1.0);
    assert_eq!(
        narrow,
        TheoryError::Empty {
            what: "the width m"
        }
    );
    let shape = refused(eye(), vec![1.0; 3], 1, 1.0);
    assert!(matches!(
        shape,
        TheoryError::Shape {
            rows: 2,
            expected_rows: 3,
            ..
        }
    ));
    assert!(shape.to_string().contains("expected 3×3"), "{shape}");
    for factor in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = refused(eye(), vec![1.0; 2], 1, factor);
        assert!(matches!(error, TheoryError::NotPositive { .. }), "{error}");
    }
    let nan = refused(eye(), vec![1.0, f64::NAN], 1, 1.0);
    assert!(matches!(nan, TheoryError::NonFinite { .. }));
    let skew = Mat::from_fn(2, 2, |i, j| i as f64 + 2.0 * j as f64);
    let skew = refused(skew, vec![1.0; 2], 1, 1.0);
    assert!(matches!(
        skew,
        TheoryError::NotSymmetric {
            row: 1,
            column: 0,
            ..
        }
    ));
}

#[test]
fn states() {
    let x = Mat::<f64>::identity(3, 2);
    let w = Mat::<f64>::zeros(4, 3);
    let refused = |a: usize, w: &Mat<f64>, x: &Mat<f64>, width: usize| {
        State::from_weights(&vec![1.0; a], w.as_ref(), x.as_ref(), network(width)).unwrap_err()
    };
    assert!(matches!(refused(4, &w, &x, 0), TheoryError::Empty { .. }));
    assert!(matches!(
        refused(3, &w, &x, 4),
        TheoryError::Shape { rows: 3, .. }
    ));
    assert!(matches!(
        refused(4, &w.transpose().to_owned(), &x, 4),
        TheoryError::Shape { .. }
    ));
    assert!(matches!(
        refused(4, &w, &Mat::zeros(3, 0), 4),
        TheoryError::Empty { .. }
    ));
    let nan = Mat::from_fn(4, 3, |_, _| f64::NAN);
    assert!(matches!(
        refused(4, &nan, &x, 4),
        TheoryError::NonFinite { .. }
    ));
    let draw = |width: usize, scale: InitialScale| {
        State::draw(x.as_ref(), network(width), scale, 0).unwrap_err()
    };
    assert!(matches!(
        draw(0, InitialScale::default()),
        TheoryError::Empty { .. }
    ));
    let flat = InitialScale {
        output: 0.0,
        hidden: 1.0,
    };
    assert!(matches!(draw(2, flat), TheoryError::NotPositive { .. }));
}

#[test]
fn a_state_of_another_model() {
    let (weights, other) = (Weights::random(1, (3, 2, 4)), Weights::random(1, (4, 2, 4)));
    let (model, mut state) = (weights.model(), other.state());
    let shape = |error: TheoryError| matches!(error, TheoryError::Shape { .. });
    assert!(shape(Products::new(&model, &state).unwrap_err()));
    assert!(shape(state.gram(&model).unwrap_err()));
    assert!(shape(
        step(&model, &mut state, 0.1, Terms::All).unwrap_err()
    ));
    assert!(shape(
        run(&model, state.clone(), Settings::new(0.1, 1)).unwrap_err()
    ));
    assert!(shape(reduced_hessian(&model, &state).unwrap_err()));
    assert!(shape(
        top_eigenvalues(&model, &state, 1, &Solver::default()).unwrap_err()
    ));
    let mut negative = weights.state();
    negative.output_norm_sq = -1.0;
    let error = run(&model, negative, Settings::new(0.1, 1)).unwrap_err();
    assert!(matches!(error, TheoryError::NotPositive { .. }));
}

#[test]
fn settings() {
    let weights = Weights::random(1, (3, 2, 4));
    let model = weights.model();
    let refused = |settings: Settings| run(&model, weights.state(), settings).unwrap_err();
    for step_size in [0.0, -0.1, f64::NAN, f64::INFINITY] {
        let error = refused(Settings::new(step_size, 1));
        assert!(matches!(
            error,
            TheoryError::NotPositive {
                name: "the step size η",
                ..
            }
        ));
        let stepped = step(&model, &mut weights.state(), step_size, Terms::All).unwrap_err();
        assert!(matches!(stepped, TheoryError::NotPositive { .. }));
    }
    let with = |change: fn(&mut Settings)| {
        let mut settings = Settings::new(0.1, 1);
        change(&mut settings);
        refused(settings)
    };
    let without = with(|s| {
        s.hessian = Some(Schedule { count: 1, every: 1 });
        s.terms = Terms::WithoutSecondOrder;
    });
    assert_eq!(without, TheoryError::HessianWithoutSecondOrder);
    let count = with(|s| s.gram = Some(Schedule { count: 4, every: 1 }));
    assert_eq!(
        count,
        TheoryError::Count {
            what: "M",
            count: 4,
            limit: 3
        }
    );
    let never = with(|s| s.hessian = Some(Schedule { count: 1, every: 0 }));
    assert!(matches!(never, TheoryError::Empty { .. }));
    assert!(matches!(
        with(|s| s.layers_every = Some(0)),
        TheoryError::Empty { .. }
    ));
}

#[test]
fn states_that_no_weights_have() {
    let weights = Weights::random(1, (3, 2, 4));
    let model = weights.model();
    // An output beyond the bound of Cauchy and Schwarz.
    let mut state = weights.state();
    state.outputs[1] = 1e3;
    let error = run(&model, state.clone(), Settings::new(0.1, 1)).unwrap_err();
    assert!(
        matches!(error, TheoryError::Unrealisable { sample: 1, .. }),
        "{error}"
    );
    let error = top_eigenvalues(&model, &state, 1, &Solver::default()).unwrap_err();
    assert!(
        matches!(error, TheoryError::Unrealisable { sample: 1, .. }),
        "{error}"
    );
    // Outputs of A = 0 that are not 0.
    let mut state = weights.state();
    state.output_norm_sq = 0.0;
    let error = run(&model, state, Settings::new(0.1, 1)).unwrap_err();
    assert!(
        matches!(error, TheoryError::Unrealisable { bound: 0.0, .. }),
        "{error}"
    );
}
