//! States come back from their files with every bit, and from nothing else.

#![cfg(feature = "flex")]

use brink_fuzz::Fuzz;
use brink_state::{Memory, Part, State, StateError};
use burn::tensor::{DType, Device, Tensor, TensorData};
use faer::Mat;

#[derive(Debug)]
struct Everything {
    count: u64,
    power: i32,
    yes: bool,
    word: String,
    last: Option<[usize; 2]>,
    number: f64,
    perhaps: Option<f64>,
    numbers: Vec<f64>,
    single: Tensor<1>,
    double: Option<Tensor<2>>,
    none: Option<Tensor<1>>,
    several: Vec<Tensor<2>>,
    matrix: Mat<f64>,
}

impl Memory for Everything {
    fn parts(&mut self) -> Vec<Part<'_>> {
        vec![
            ("count", &mut self.count),
            ("power", &mut self.power),
            ("yes", &mut self.yes),
            ("word", &mut self.word),
            ("last", &mut self.last),
            ("number", &mut self.number),
            ("perhaps", &mut self.perhaps),
            ("numbers", &mut self.numbers),
            ("single", &mut self.single),
            ("double", &mut self.double),
            ("none", &mut self.none),
            ("several", &mut self.several),
            ("matrix", &mut self.matrix),
        ]
    }
}

fn tensor<const D: usize>(values: Vec<f64>, shape: [usize; D], dtype: DType) -> Tensor<D> {
    let data = TensorData::new(values, shape);
    Tensor::from_data(data, (&Device::flex(), dtype))
}

fn odd() -> Everything {
    Everything {
        count: u64::MAX,
        power: -7,
        yes: true,
        word: "a \"word\" / ü".into(),
        last: Some([3, usize::MAX]),
        number: f64::MIN_POSITIVE / 3.0,
        perhaps: None,
        numbers: vec![-0.0, f64::NEG_INFINITY, 0.1 + 0.2, f64::MAX],
        single: tensor(vec![0.1, -0.0, 1e-45, 3e38], [4], DType::F32),
        double: Some(tensor(vec![1.0 / 3.0; 6], [2, 3], DType::F64)),
        none: None,
        several: vec![tensor(vec![0.7], [1, 1], DType::F32); 3],
        matrix: Mat::from_fn(2, 3, |i, j| (i + 10 * j) as f64 / 7.0),
    }
}

fn blank() -> Everything {
    Everything {
        count: 0,
        power: 0,
        yes: false,
        word: String::new(),
        last: None,
        number: 0.0,
        perhaps: Some(1.0),
        numbers: Vec::new(),
        single: tensor(vec![0.0; 4], [4], DType::F32),
        double: None,
        none: Some(tensor(vec![0.0], [1], DType::F32)),
        several: Vec::new(),
        matrix: Mat::zeros(0, 0),
    }
}

fn saved(memory: &mut Everything) -> State {
    let mut state = State::default();
    memory.save(&mut state.saver()).unwrap();
    state
}

#[test]
fn every_bit_comes_back() {
    let state = saved(&mut odd());
    let file = state.encode().unwrap();
    let read = State::decode(&file).unwrap();
    assert_eq!(read, state);
    assert_eq!(read.checksum().unwrap(), state.checksum().unwrap());
    let mut restored = blank();
    restored.restore(&read.loader(&Device::flex())).unwrap();
    let odd = odd();
    let bits = |numbers: &[f64]| numbers.iter().map(|n| n.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&restored.numbers), bits(&odd.numbers));
    assert_eq!(restored.number.to_bits(), odd.number.to_bits());
    assert_eq!(restored.single.to_data(), odd.single.to_data());
    assert_eq!(restored.matrix, odd.matrix);
    let double = |of: Everything| of.double.map(|tensor| tensor.to_data());
    assert!(restored.none.is_none() && restored.perhaps.is_none());
    assert_eq!((restored.count, restored.power), (u64::MAX, -7));
    assert_eq!((restored.yes, &restored.word), (true, &odd.word));
    assert_eq!((restored.last, restored.several.len()), (odd.last, 3));
    // What is restored saves to the same file.
    assert_eq!(saved(&mut restored).encode().unwrap().len(), file.len());
    assert_eq!(saved(&mut restored), state);
    assert_eq!(double(restored), double(odd));
}

#[test]
fn a_changed_byte_is_noticed_wherever_it_is() {
    let file = saved(&mut odd()).encode().unwrap();
    let state = State::decode(&file).unwrap();
    for at in 0..file.len() {
        let mut damaged = file.clone();
        damaged[at] ^= 0x20;
        // A space of the header may be another; nothing else.
        if let Ok(read) = State::decode(&damaged) {
            assert_eq!(read, state, "byte {at}");
        }
    }
    for length in 0..file.len() {
        assert!(State::decode(&file[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn other_files_are_told_apart() {
    let file = saved(&mut odd()).encode().unwrap();
    assert!(matches!(
        State::decode(b"PK\x03\x04 something else altogether"),
        Err(StateError::Malformed { .. })
    ));
    let text = String::from_utf8_lossy(&file).into_owned();
    assert!(
        text.contains("\"brink-state\":\"1\""),
        "the version is not where it was"
    );
    let replaced = |from: &str, to: &str| {
        let mut other = file.clone();
        let at = file.windows(from.len()).position(|w| w == from.as_bytes());
        let at = at.unwrap();
        other[at..at + from.len()].copy_from_slice(to.as_bytes());
        State::decode(&other)
    };
    assert!(matches!(
        replaced("\"brink-state\":\"1\"", "\"brink-state\":\"2\""),
        Err(StateError::Version {
            found: 2,
            expected: 1
        })
    ));
    assert!(matches!(
        replaced("\"brink-state\"", "\"other-state\""),
        Err(StateError::Foreign)
    ));
}

#[test]
fn what_does_not_suit_is_named() {
    let state = saved(&mut odd());
    let device = Device::flex();
    let from = state.loader(&device);
    let mut single = tensor(vec![0.0; 5], [5], DType::F32);
    let error = single.restore(&from.part("single")).unwrap_err();
    assert!(
        error.to_string().starts_with("its single is not"),
        "{error}"
    );
    let error = single.restore(&from.part("nothing")).unwrap_err();
    assert!(matches!(error, StateError::Missing { .. }), "{error}");
    let error = 7u64.restore(&from.part("word")).unwrap_err();
    assert!(matches!(error, StateError::Unsuitable { .. }), "{error}");
    let error = 7.0.restore(&from.part("numbers")).unwrap_err();
    assert!(error.to_string().contains("4 numbers"), "{error}");
}

#[test]
fn half_precision_is_not_saved() {
    let mut half = tensor(vec![1.0, 2.0], [2], DType::F16);
    let mut state = State::default();
    let error = half.save(&mut state.saver().part("half")).unwrap_err();
    assert!(matches!(error, StateError::Element { .. }), "{error}");
}

#[test]
fn damaged_files_never_panic() {
    let seeds = [
        saved(&mut odd()).encode().unwrap(),
        State::default().encode().unwrap(),
    ];
    let fuzz = Fuzz {
        name: "state",
        seeds: &seeds,
        words: &[
            "brink-state",
            "sha256",
            "values",
            "F32",
            "data_offsets",
            "__metadata__",
        ],
        cases: 3000,
        memory: 64 << 20,
    };
    let tally = fuzz.run(|file| State::decode(file).is_ok());
    assert!(tally.refused > tally.taken, "{tally:?}");
}
