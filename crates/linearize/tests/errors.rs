//! Losses that cannot be differentiated are refused, by name and place.

mod common;

use brink_linearize::{Batch, LinearizeError, Objective};
use burn::module::{Module, Param};
use burn::nn::{Dropout, DropoutConfig, Linear, LinearConfig};
use burn::tensor::{DType, Distribution, Tensor};
use common::*;

fn traced(
    forward: impl Fn(&Linear, &Batch) -> Tensor<2>,
    loss: impl Fn(Tensor<2>, &Batch) -> Tensor<1>,
) -> Result<Objective<2>, LinearizeError> {
    let device = cpu();
    let batch = classified(5, 4, 3, &device, DType::F32);
    let module = LinearConfig::new(4, 3).init(&device);
    Objective::trace(&module, &batch, forward, loss)
}

fn plain(m: &Linear, b: &Batch) -> Tensor<2> {
    m.forward(b.float(0))
}

#[test]
fn an_operation_without_a_rule_is_named_with_its_place() {
    let error = traced(|m, b| plain(m, b).atan(), mse).unwrap_err();
    let LinearizeError::UnsupportedOperation { operation, place } = &error else {
        panic!("{error}");
    };
    assert_eq!(operation, "ArcTan");
    assert!(place.contains("[5, 3]"), "{place}");
    let error = traced(|m, b| plain(m, b).prod_dim(1).expand([5, 3]), mse).unwrap_err();
    assert!(
        matches!(&error, LinearizeError::UnsupportedOperation { .. }),
        "{error}"
    );
}

#[test]
fn random_numbers_are_refused() {
    let noisy = |m: &Linear, b: &Batch| {
        let f = plain(m, b);
        f.clone() + f.random_like(Distribution::Default)
    };
    let error = traced(noisy, mse).unwrap_err();
    assert!(matches!(error, LinearizeError::Random { .. }), "{error}");
}

#[derive(Module, Debug)]
struct Dropped {
    layer: Linear,
    dropout: Dropout,
}

#[test]
fn dropout_is_refused() {
    let device = cpu();
    let batch = classified(5, 4, 3, &device, DType::F32);
    let module = Dropped {
        layer: LinearConfig::new(4, 3).init(&device),
        dropout: DropoutConfig::new(0.5).init(),
    };
    let forward = |m: &Dropped, b: &Batch| m.dropout.forward(m.layer.forward(b.float::<2>(0)));
    let error = Objective::trace(&module, &batch, forward, mse).unwrap_err();
    assert!(matches!(error, LinearizeError::Random { .. }), "{error}");
}

#[test]
fn a_loss_must_be_one_number_that_depends_on_the_parameters() {
    let error = traced(plain, |f, _| f.sum_dim(1).reshape([5])).unwrap_err();
    assert!(
        matches!(&error, LinearizeError::LossNotScalar { shape } if *shape == [5]),
        "{error}"
    );
    let error = traced(plain, |f, _| f.detach().sum()).unwrap_err();
    assert!(matches!(error, LinearizeError::NoDependence), "{error}");
}

#[test]
fn a_detached_part_is_constant() {
    let whole = traced(plain, |f, _| (f.clone() * f).sum()).unwrap();
    let half = traced(plain, |f, _| (f.clone() * f.detach()).sum()).unwrap();
    let theta = tensor(&numbers(15, 1), [15], &cpu(), DType::F32);
    let whole = values(whole.gradient(&theta).unwrap().gradient);
    let twice: Vec<f64> = values(half.gradient(&theta).unwrap().gradient)
        .iter()
        .map(|g| 2.0 * g)
        .collect();
    assert!(relative(&twice, &whole) < 1e-6);
}

#[test]
fn a_panic_in_the_module_is_an_error() {
    let error = traced(|m, b| m.forward(b.float::<2>(7)), mse).unwrap_err();
    assert!(matches!(error, LinearizeError::Trace { .. }), "{error}");
    // And the next trace works.
    assert!(traced(plain, mse).is_ok());
}

#[derive(Module, Debug)]
struct Frozen {
    weight: Param<Tensor<2>>,
}

#[test]
fn a_module_without_trainable_parameters_is_refused() {
    let device = cpu();
    let batch = classified(5, 4, 3, &device, DType::F32);
    let weight = tensor(&numbers(12, 1), [4, 3], &device, DType::F32);
    let module = Frozen {
        weight: Param::from_tensor(weight).set_require_grad(false),
    };
    let forward = |m: &Frozen, b: &Batch| b.float::<2>(0).matmul(m.weight.val());
    let error = Objective::trace(&module, &batch, forward, mse).unwrap_err();
    assert!(matches!(error, LinearizeError::NoParameters), "{error}");
}

#[test]
fn arguments_of_another_shape_or_precision_are_refused() {
    let objective = traced(plain, mse).unwrap();
    let device = cpu();
    let short = Tensor::<1>::zeros([14], &device);
    assert!(matches!(
        objective.gradient(&short),
        Err(LinearizeError::Shape { .. })
    ));
    let double = Tensor::<1>::zeros([15], (&device, DType::F64));
    assert!(matches!(
        objective.gradient(&double),
        Err(LinearizeError::Placement { .. })
    ));
    let theta = Tensor::<1>::zeros([15], &device);
    let mut at = objective.linearize(&theta).unwrap();
    let wide = Tensor::<2>::zeros([2, 16], &device);
    assert!(matches!(at.hvp(wide), Err(LinearizeError::Shape { .. })));

    let (u, block) = (theta.clone(), Tensor::<2>::zeros([2, 15], &device));
    let wide = Tensor::<2>::zeros([2, 16], &device);
    let double = Tensor::<1>::zeros([15], (&device, DType::F64));
    let refused = [at.third(short, block.clone()), at.third(u.clone(), wide)];
    for refused in refused {
        assert!(matches!(refused, Err(LinearizeError::Shape { .. })));
    }
    let short = Tensor::<1>::zeros([14], &device);
    let refused = at.third_twice(short);
    assert!(matches!(refused, Err(LinearizeError::Shape { .. })));
    assert!(matches!(
        at.third(double, block.clone()),
        Err(LinearizeError::Placement { .. })
    ));
    assert!(at.third(u, block).is_ok());
}
