//! Weight files of a GPT whose head shares the tokens' matrix, made by hand.

mod files;

use brink_model::{Input, ModelConfig, Parameter, Precision, Task, WeightFileFault, Weights};
use files::{count, foreign, scratch};
use safetensors::SafeTensors;

const HEAD: &str = "lm_head.weight";
const TOKENS: &str = "transformer.wte.weight";

type Tensor = (String, Vec<usize>, Vec<f32>);

fn config(tied: bool) -> ModelConfig {
    let config = ModelConfig::of("gpt").with("tied", tied);
    config.with("width", 2).with("depth", 1).with("heads", 1)
}

fn parameters(tied: bool) -> Vec<Parameter> {
    let task = Task {
        input: Input::Tokens {
            length: 3,
            vocabulary: 5,
        },
        outputs: 5,
        positions: 1,
    };
    config(tied).declare(&task).expect("a network").parameters
}

/// The tensors of the body as PyTorch stores them, but for the tokens' matrix.
fn body() -> Vec<Tensor> {
    let others = parameters(true).into_iter().filter(|p| p.name != TOKENS);
    let tensor = |parameter: Parameter| {
        let values = parameter.count().expect("a count");
        let shape = parameter.stored_shape();
        (parameter.name, shape, count(values))
    };
    others.map(tensor).collect()
}

fn matrix(name: &str, values: &[f32]) -> Tensor {
    (name.to_owned(), vec![5, 2], values.to_vec())
}

fn read(more: &[Tensor], layout: Option<&str>, tied: bool) -> Result<Weights, WeightFileFault> {
    let tensors = [body(), more.to_vec()].concat();
    let tensors: Vec<_> = tensors
        .iter()
        .map(|(name, shape, values)| (name.as_str(), shape.as_slice(), values.clone()))
        .collect();
    let file = foreign(&tensors, layout);
    Weights::read(&file.path, &parameters(tied), Precision::F64).map_err(|error| *error.fault)
}

#[test]
fn the_shared_matrix_may_have_either_name_or_both() {
    let values = [3.0, 1.0, 4.0, 1.5, -5.0, 9.0, 2.0, 6.0, 5.5, -3.0];
    let expected: Vec<f64> = values.iter().map(|&v| f64::from(v)).collect();
    let (tokens, head) = (matrix(TOKENS, &values), matrix(HEAD, &values));
    for file in [
        // Ours, what `save_model` keeps of two names, and a state dict.
        vec![tokens.clone()],
        vec![head.clone()],
        vec![tokens.clone(), head.clone()],
    ] {
        let weights = read(&file, None, true).expect("weights");
        let tensor = weights.get(TOKENS).expect("the tokens' matrix");
        assert_eq!((&*tensor.shape, &tensor.values), (&[5, 2][..], &expected));
        assert!(weights.get(HEAD).is_none());
        assert!(weights.check(&parameters(true)).is_ok());
    }
    // A network that is not tied has two matrices.
    let apart = read(&[tokens.clone(), head], None, false).expect("weights");
    assert!(apart.get(HEAD).is_some() && apart.get(TOKENS).is_some());
    let error = read(&[tokens], None, false).expect_err("a matrix is missing");
    assert!(matches!(error, WeightFileFault::MissingTensor { tensor, .. } if tensor == HEAD));
    let error = read(&[], None, true).expect_err("both are missing");
    assert!(matches!(error, WeightFileFault::MissingTensor { tensor, .. } if tensor == TOKENS));
}

/// Where the metadata say that linear layers are `[in, out]`, the head is one of them.
#[test]
fn a_head_may_be_turned() {
    let tokens = matrix(TOKENS, &count(10));
    let turned = [0.0, 2.0, 4.0, 6.0, 8.0, 1.0, 3.0, 5.0, 7.0, 9.0];
    let head = (HEAD.to_owned(), vec![2, 5], turned.to_vec());
    let turn = |(name, shape, values): Tensor| match shape[..] {
        [rows, columns]
            if parameters(true)
                .iter()
                .any(|p| p.name == name && p.transposed) =>
        {
            let turned = (0..columns).flat_map(|j| (0..rows).map(move |i| (i, j)));
            let turned = turned.map(|(i, j)| values[i * columns + j]).collect();
            (name, vec![columns, rows], turned)
        }
        _ => (name, shape, values),
    };
    let both: Vec<Tensor> = body().into_iter().map(turn).collect();
    let read = |more: &[Tensor]| {
        let tensors = [both.as_slice(), more].concat();
        let tensors: Vec<_> = tensors
            .iter()
            .map(|(name, shape, values)| (name.as_str(), shape.as_slice(), values.clone()))
            .collect();
        let file = foreign(&tensors, Some("in_out"));
        Weights::read(&file.path, &parameters(true), Precision::F64).expect("weights")
    };
    let expected = self::read(std::slice::from_ref(&tokens), None, true).expect("weights");
    assert_eq!(read(std::slice::from_ref(&tokens)), expected);
    assert_eq!(read(std::slice::from_ref(&head)), expected);
    assert_eq!(read(&[tokens, head]), expected);
}

#[test]
fn two_matrices_that_differ_are_refused() {
    let mut other = count(10);
    other[7] += 0.5;
    let file = [matrix(TOKENS, &count(10)), matrix(HEAD, &other)];
    let error = read(&file, None, true).expect_err("they differ");
    assert_eq!(
        error.to_string(),
        "`transformer.wte.weight` and `lm_head.weight` are one matrix in a tied network, and \
         differ at index 7: 7.0 and 7.5; set model.tied = false, or save the network again"
    );
    assert!(matches!(
        error,
        WeightFileFault::Untied { index: 7, values, .. } if values == [7.0, 7.5]
    ));
    let narrow = (HEAD.to_owned(), vec![2, 5], count(10));
    let error = read(&[matrix(TOKENS, &count(10)), narrow], None, true).expect_err("its shape");
    assert!(matches!(
        error,
        WeightFileFault::TensorShape { tensor, got, expected }
            if tensor == HEAD && got == [2, 5] && expected == [5, 2]
    ));
    other[7] = f32::NAN;
    let file = [matrix(TOKENS, &count(10)), matrix(HEAD, &other)];
    let error = read(&file, None, true).expect_err("no number");
    assert!(matches!(error, WeightFileFault::NonFinite { tensor, .. } if tensor == HEAD));
}

#[test]
fn the_shared_matrix_is_written_once() {
    let weights = read(&[matrix(HEAD, &count(10))], None, true).expect("weights");
    let file = scratch();
    let written = weights.write(&file.path, &parameters(true), Precision::F32, &[]);
    written.expect("written");
    let bytes = std::fs::read(&file.path).expect("bytes");
    let tensors = SafeTensors::deserialize(&bytes).expect("tensors");
    let mut names = tensors.names();
    names.sort_unstable();
    let mut expected: Vec<String> = parameters(true).into_iter().map(|p| p.name).collect();
    expected.sort_unstable();
    assert_eq!(names, expected);
    assert!(!names.contains(&HEAD) && names.contains(&TOKENS));
    let again = Weights::read(&file.path, &parameters(true), Precision::F64).expect("read");
    assert_eq!(again, weights);
}
