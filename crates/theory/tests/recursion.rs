//! The recursion against gradient descent on the weights.

mod common;

use brink_theory::eigen::Solver;
use brink_theory::faer::Mat;
use brink_theory::hessian::top_eigenvalues;
use brink_theory::{InitialScale, Network, Parametrisation, Products, State, Terms, step};
use common::{Normal, Weights, close, distance, eigenvalues, norm};

/// Steps both and compares (F, ‖A‖², G, L) at every step, relative to their size.
fn agree(weights: &mut Weights, step_size: f64, steps: usize, tolerance: f64) -> Vec<f64> {
    let (model, mut state) = (weights.model(), weights.state());
    let mut sharpness = Vec::new();
    for _ in 0..steps {
        weights.descend(step_size);
        step(&model, &mut state, step_size, Terms::All).unwrap();
        let fresh = weights.state();
        let outputs = weights.outputs();
        let relative = distance(&state.outputs, &outputs) / norm(&outputs);
        assert!(relative < tolerance, "outputs differ by {relative:e}");
        let a_sq = weights.a.iter().map(|a| a * a).sum::<f64>();
        close(state.output_norm_sq, a_sq, tolerance * a_sq, "‖A‖²");
        let difference = (&state.gram_features - &fresh.gram_features).norm_l2();
        assert!(difference < tolerance * fresh.gram_features.norm_l2());
        let loss = Products::new(&model, &state).unwrap().loss(&model);
        // The loss is a difference of outputs and targets, squared.
        let scale = loss.max(norm(&outputs).powi(2) * weights.c());
        close(loss, weights.loss(), tolerance * scale, "L");
        let expected = eigenvalues(&weights.hessian())[0];
        let top = top_eigenvalues(&model, &state, 1, &Solver::default()).unwrap();
        close(top.values[0], expected, 10.0 * tolerance * expected, "Λ");
        sharpness.push(expected);
    }
    sharpness
}

#[test]
fn two_hundred_steps_agree_below_the_edge() {
    for (seed, factor, parametrisation, step_size) in [
        (1, 1.0, Parametrisation::Scaled, 0.05),
        (2, 0.5, Parametrisation::Scaled, 0.1),
        (3, 0.7, Parametrisation::Plain, 0.003),
    ] {
        let mut weights = Weights::random(seed, (6, 4, 9));
        weights.factor = factor;
        weights.parametrisation = parametrisation;
        agree(&mut weights, step_size, 200, 1e-11);
    }
}

#[test]
fn two_hundred_steps_agree_across_the_edge() {
    let mut weights = crossing();
    let start = eigenvalues(&weights.hessian())[0];
    // Soon after the start: below the edge for long, D along v₁ would fall to rounding and the
    // oscillation grow out of that.
    let step_size = 1.7 / start;
    let threshold = 2.0 / step_size;
    let sharpness = agree(&mut weights, step_size, 200, 1e-10);
    assert!(start < threshold, "starts below the edge");
    let crossing = sharpness.iter().position(|&s| s > threshold).unwrap();
    let above = sharpness.iter().filter(|&&s| s > 1.01 * threshold).count();
    assert!(above > 5, "crosses the edge: {above} steps above");
    let returns = sharpness[crossing..].iter().any(|&s| s < threshold);
    assert!(returns, "and comes back");
}

/// Targets larger than the outputs at first: ‖A‖² grows, and Λ with it.
fn crossing() -> Weights {
    let mut weights = Weights::random(11, (5, 5, 8));
    let mut normal = Normal(12);
    weights.x = Mat::from_fn(5, 5, |j, _| normal.draw() / (1.0 + j as f64));
    for entry in &mut weights.a {
        *entry *= 0.7;
    }
    for y in &mut weights.y {
        *y *= 2.0;
    }
    weights
}

#[test]
fn the_gram_matrix_is_that_of_the_jacobian() {
    for parametrisation in [Parametrisation::Scaled, Parametrisation::Plain] {
        let mut weights = Weights::random(5, (4, 6, 3));
        weights.parametrisation = parametrisation;
        let jacobian = weights.jacobian();
        let expected = &jacobian * jacobian.transpose();
        let gram = weights.state().gram(&weights.model()).unwrap();
        assert!((&gram - &expected).norm_l2() < 1e-13 * expected.norm_l2());
    }
}

#[test]
fn the_hidden_weight_grows_by_the_closed_form() {
    let mut weights = Weights::random(7, (4, 3, 6));
    let (model, state) = (weights.model(), weights.state());
    let mut settings = brink_theory::Settings::new(0.1, 1);
    settings.terms = Terms::All;
    let record = brink_theory::run(&model, state, settings)
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let before = (weights.w.squared_norm_l2(), norm(&weights.a).powi(2));
    weights.descend(0.1);
    let after = (weights.w.squared_norm_l2(), norm(&weights.a).powi(2));
    close(
        record.hidden_norm_sq_change,
        after.0 - before.0,
        1e-13,
        "‖W‖²",
    );
    close(
        record.output_norm_sq_change,
        after.1 - before.1,
        1e-13,
        "‖A‖²",
    );
    close(
        record.output_norm_sq_predicted,
        after.1 - before.1,
        1e-13,
        "identity",
    );
    close(
        record.gradient_norm,
        norm(&Weights::random(7, (4, 3, 6)).gradient()),
        1e-13,
        "‖∇L‖",
    );
}

#[test]
fn without_second_order_a_step_of_flow_is_taken() {
    // Half the step twice as often: the plain terms alone are Euler's method for gradient flow,
    // and the terms that are left out are of second order in η.
    let weights = Weights::random(8, (5, 4, 7));
    let model = weights.model();
    let gap = |step_size: f64| {
        let (mut all, mut without) = (weights.state(), weights.state());
        step(&model, &mut all, step_size, Terms::All).unwrap();
        step(&model, &mut without, step_size, Terms::WithoutSecondOrder).unwrap();
        distance(&all.outputs, &without.outputs)
            + (all.output_norm_sq - without.output_norm_sq).abs()
            + (&all.gram_features - &without.gram_features).norm_l2()
    };
    close(gap(0.02) / gap(0.01), 4.0, 1e-9, "ratio");
}

#[test]
fn with_targets_in_proportion_to_the_root_of_the_width_nothing_depends_on_it() {
    let base = Weights::random(9, (5, 4, 8));
    let run = |repeat: usize| {
        // Each hidden unit `repeat` times: ‖A‖² and G grow by `repeat`, F by its root.
        let (m, root) = (base.a.len() * repeat, (repeat as f64).sqrt());
        let a: Vec<f64> = (0..m).map(|k| base.a[k / repeat]).collect();
        let w = Mat::from_fn(m, 4, |k, j| base.w[(k / repeat, j)]);
        let network = Network {
            width: m,
            parametrisation: Parametrisation::Scaled,
        };
        let targets = base.y.iter().map(|y| root * y).collect();
        let model =
            brink_theory::Model::from_inputs(base.x.as_ref(), targets, network, 1.0).unwrap();
        let mut state = State::from_weights(&a, w.as_ref(), base.x.as_ref(), network).unwrap();
        for _ in 0..100 {
            step(&model, &mut state, 0.05, Terms::All).unwrap();
        }
        let outputs: Vec<f64> = state.outputs.iter().map(|f| f / root).collect();
        (outputs, state.output_norm_sq / m as f64)
    };
    let (narrow, wide) = (run(1), run(16));
    assert!(distance(&narrow.0, &wide.0) < 1e-12);
    close(narrow.1, wide.1, 1e-13, "‖A‖²/m");
}

#[test]
fn drawn_states_have_the_moments_of_normal_weights_and_do_not_depend_on_chunks() {
    let x = Normal(3).matrix(4, 3);
    let network = |width| Network {
        width,
        parametrisation: Parametrisation::Scaled,
    };
    let scale = InitialScale {
        output: 0.5,
        hidden: 2.0,
    };
    let m = 40_000;
    let state = State::draw(x.as_ref(), network(m), scale, 1).unwrap();
    close(state.output_norm_sq / m as f64, 0.25, 0.01, "mean of A²");
    let kernel = x.transpose() * &x;
    for i in 0..3 {
        for j in 0..3 {
            let expected = 4.0 * kernel[(i, j)];
            let size = 4.0 * (kernel[(i, i)] * kernel[(j, j)]).sqrt();
            close(
                state.gram_features[(i, j)] / m as f64,
                expected,
                0.03 * size,
                "G/m",
            );
        }
    }
    // 257 units take a second chunk of one; the first 256 are those of the narrower network.
    let (narrow, wide) = (
        State::draw(x.as_ref(), network(256), scale, 1).unwrap(),
        State::draw(x.as_ref(), network(257), scale, 1).unwrap(),
    );
    assert!(wide.output_norm_sq > narrow.output_norm_sq);
    assert!(wide.output_norm_sq - narrow.output_norm_sq < 5.0);
    let added = &wide.gram_features - &narrow.gram_features;
    let values = eigenvalues(&added);
    assert!(
        values[0] > 0.0 && values[1].abs() < 1e-10 * values[0].max(1.0),
        "rank one"
    );
    let other = State::draw(x.as_ref(), network(256), scale, 2).unwrap();
    assert!(other.output_norm_sq != narrow.output_norm_sq);
}
