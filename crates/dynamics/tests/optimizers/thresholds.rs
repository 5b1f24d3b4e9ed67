//! On ½λθ² every rule decays at 0.99 of its threshold and grows at 1.01 of it.

use brink_dynamics::optimizer::{
    Adam, Coming, GradientDescent, HeavyBall, Nesterov, Optimizer, RmsProp, Sam,
};
use burn::tensor::{DType, Device, Tensor, TensorData};

fn number(value: f64) -> Tensor<1> {
    let data = TensorData::new(vec![value], [1]);
    Tensor::from_data(data, (&Device::flex(), DType::F64))
}

fn read(tensor: &Tensor<1>) -> f64 {
    tensor.to_data().iter::<f64>().next().unwrap()
}

/// The largest |θ| of the last ten of `steps` steps from `start`, over |start|.
fn growth(rule: &dyn Optimizer, share: f64, start: f64, steps: u64, step_size: f64) -> f64 {
    let mut rule = rule.fresh();
    let coming = |step: u64, gradient_norm: f64| Coming {
        step,
        step_size,
        gradient_norm,
    };
    // The threshold does not depend on the gradient, but for SAM's, which is tried step by step.
    let preconditioner =
        |rule: &dyn Optimizer, g: f64| rule.preconditioner(&number(g)).map_or(1.0, |p| read(&p));
    // Late in the run, where moving averages have their bias behind them.
    let p = {
        let mut late = rule.fresh();
        let mut theta = number(start);
        for step in 0..2000 {
            theta = late
                .advance(&coming(step, 0.0), theta, number(0.0), &mut |g| {
                    Ok(g.clone())
                })
                .unwrap();
        }
        preconditioner(late.as_ref(), 0.0)
    };
    let lambda = share * p * rule.threshold(&coming(0, 1.0));
    let mut theta = number(start);
    let mut last = 0.0_f64;
    for step in 0..steps {
        let gradient = theta.clone().mul_scalar(lambda);
        let norm = read(&gradient).abs();
        let mut elsewhere = |at: &Tensor<1>| Ok(at.clone().mul_scalar(lambda));
        theta = rule
            .advance(&coming(step, norm), theta, gradient, &mut elsewhere)
            .unwrap();
        if step + 10 >= steps {
            last = last.max(read(&theta).abs());
        }
    }
    last / start.abs()
}

#[test]
fn decays_below_and_grows_above() {
    // ε dwarfs the gradients, so that the preconditioner is constant.
    let rules: [(Box<dyn Optimizer>, f64); 6] = [
        (Box::new(GradientDescent), 1.0),
        (Box::new(HeavyBall::new(0.9)), 1.0),
        (Box::new(HeavyBall::new(0.0)), 1.0),
        (Box::new(Nesterov::new(0.9)), 1.0),
        (Box::new(RmsProp::new(0.99, 1.0, true)), 1e-12),
        (Box::new(Adam::new(0.9, 0.999, 1.0)), 1e-12),
    ];
    for (rule, start) in rules {
        let below = growth(rule.as_ref(), 0.99, start, 800, 0.02);
        let above = growth(rule.as_ref(), 1.01, start, 300, 0.02);
        assert!(below < 1e-2, "{rule:?} below: {below}");
        assert!(above > 10.0, "{rule:?} above: {above}");
    }
}

/// SAM's threshold moves with the gradient, so a single step tells.
#[test]
fn sam_overshoots_beyond_its_edge() {
    let (step_size, radius) = (0.02, 0.3);
    let mut rule = Sam::new(radius);
    for norm in [1e-3, 0.1, 10.0] {
        let coming = Coming {
            step: 0,
            step_size,
            gradient_norm: norm,
        };
        let edge = rule.threshold(&coming);
        for (share, shrinks) in [(0.99, true), (1.01, false)] {
            let lambda = share * edge;
            let theta = norm / lambda;
            let mut elsewhere = |at: &Tensor<1>| Ok(at.clone().mul_scalar(lambda));
            let next = rule
                .advance(&coming, number(theta), number(norm), &mut elsewhere)
                .unwrap();
            assert_eq!(read(&next).abs() < theta, shrinks, "{norm} {share}");
        }
    }
    let plain = Sam::new(0.0).threshold(&Coming {
        step: 0,
        step_size,
        gradient_norm: 0.5,
    });
    assert_eq!(plain, 2.0 / step_size);
}

/// Two batches whose gradients differ by ±b across the direction of curvature: the mean of their steps
/// shrinks θ below the edge for the norm of a batch's gradient, not that of the mean gradient.
#[test]
fn sams_edge_with_batches_is_that_of_their_gradients() {
    let pair = |first: f64, second: f64| {
        let data = TensorData::new(vec![first, second], [2]);
        Tensor::<1>::from_data(data, (&Device::flex(), DType::F64))
    };
    let first = |tensor: &Tensor<1>| tensor.to_data().iter::<f64>().next().unwrap();
    let (step_size, along, across) = (0.02, 0.1_f64, 2.0_f64);
    let mut rule = Sam::new(0.3);
    let coming = |gradient_norm: f64| Coming {
        step: 0,
        step_size,
        gradient_norm,
    };
    let of_a_batch = coming(along.hypot(across));
    let edge = rule.threshold(&of_a_batch);
    assert!(edge > 2.0 * rule.threshold(&coming(along)));
    for (share, shrinks) in [(0.99, true), (1.01, false)] {
        let lambda = share * edge;
        let theta = along / lambda;
        let mut mean = 0.0;
        for noise in [across, -across] {
            let mut elsewhere = |at: &Tensor<1>| Ok(pair(lambda * first(at), noise));
            let (start, gradient) = (pair(theta, 0.0), pair(along, noise));
            let next = rule
                .advance(&of_a_batch, start, gradient, &mut elsewhere)
                .unwrap();
            mean += 0.5 * first(&next);
        }
        assert_eq!(mean.abs() < theta, shrinks, "{share}");
    }
}
