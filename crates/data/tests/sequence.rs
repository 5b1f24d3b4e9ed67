//! Sequences of tokens: what a sample is, what is asked about it, and what is refused.

use std::collections::HashSet;

use brink_data::{DataConfig, Dataset, Error, Origin, SampleShape, Targets, load};

fn section(text: &str) -> DataConfig {
    toml::from_str(&format!("source = 'sequence'\n{text}")).expect("a data section")
}

fn dataset(text: &str) -> Dataset {
    load(&section(text), None).expect("data")
}

fn refusal(text: &str) -> String {
    load(&section(text), None).expect_err(text).to_string()
}

/// The rows of one-hot vectors as numbers.
fn numbers(rows: &[f64], width: usize) -> Vec<usize> {
    let places = rows.chunks_exact(width).map(|row| {
        assert_eq!(row.iter().sum::<f64>(), 1.0);
        row.iter().position(|&value| value == 1.0).expect("a one")
    });
    places.collect()
}

#[test]
fn a_sorting_sample_is_a_list_and_the_answer_but_its_last_token() {
    let data = dataset("task = 'sort'\nlength = 4\nvocabulary = 5\nsamples = 60\ntest_samples = 7");
    let train = &data.train;
    assert_eq!(
        (train.samples(), train.positions(), train.outputs()),
        (60, 4, 5)
    );
    let shape = SampleShape::Tokens {
        length: 7,
        vocabulary: 5,
    };
    assert_eq!(
        (train.shape(), train.targets_kind()),
        (shape, Targets::OneHot)
    );
    assert_eq!((train.features(), train.columns()), (35, 20));
    let inputs = numbers(&train.inputs_f64(), 5);
    let targets = numbers(&train.targets(), 5);
    for (tokens, answer) in inputs.chunks_exact(7).zip(targets.chunks_exact(4)) {
        let mut sorted = tokens[..4].to_vec();
        sorted.sort_unstable();
        assert_eq!(answer, sorted);
        assert_eq!(&tokens[4..], &sorted[..3]);
    }
    let test = data.test.as_ref().expect("a test set");
    assert_eq!(test.samples(), 7);
    let lists: HashSet<_> = inputs
        .chunks_exact(7)
        .map(|tokens| tokens[..4].to_vec())
        .collect();
    assert_eq!(lists.len(), 60);
    let tested = numbers(&test.inputs_f64(), 5);
    assert!(
        tested
            .chunks_exact(7)
            .all(|tokens| !lists.contains(&tokens[..4]))
    );
    assert_eq!(data.provenance.source, Origin::Sequence);
    assert_eq!(data.provenance.train.samples, 60);
    assert_ne!(
        data.provenance.train.sha256,
        data.provenance.test.expect("a test set").sha256
    );
}

#[test]
fn copies_repeat_their_list() {
    let data = dataset("task = 'copy'\nlength = 3\nvocabulary = 4\nsamples = 'all'");
    assert_eq!(data.train.samples(), 64);
    let inputs = numbers(&data.train.inputs_f64(), 4);
    let targets = numbers(&data.train.targets(), 4);
    for (tokens, answer) in inputs.chunks_exact(5).zip(targets.chunks_exact(3)) {
        assert_eq!(answer, &tokens[..3]);
        assert_eq!(&tokens[3..], &tokens[..2]);
    }
}

#[test]
fn sums_are_taken_modulo_p() {
    let data =
        dataset("task = 'modular-addition'\nvocabulary = 7\nsamples = 'all'\ntest_samples = 9");
    assert_eq!((data.train.samples(), data.train.positions()), (40, 1));
    assert_eq!(data.train.outputs(), 7);
    let inputs = numbers(&data.train.inputs_f64(), 8);
    let targets = numbers(&data.train.targets(), 7);
    for (tokens, sum) in inputs.chunks_exact(3).zip(targets) {
        assert_eq!(tokens[2], 7);
        assert_eq!((tokens[0] + tokens[1]) % 7, sum);
    }
}

#[test]
fn a_text_is_read_in_pieces_one_behind_the_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("text.txt");
    std::fs::write(&path, "abcäbcab").expect("a file");
    let text = format!(
        "task = 'text'\nlength = 3\nsamples = 'all'\ntext = '{}'",
        path.display()
    );
    let data = dataset(&text);
    // a b c ä are 0 1 2 3; two pieces of three, and one character that is only a target.
    assert_eq!(numbers(&data.train.inputs_f64(), 4), [0, 1, 2, 3, 1, 2]);
    assert_eq!(numbers(&data.train.targets(), 4), [1, 2, 3, 1, 2, 0]);
    assert_eq!(data.provenance.train.files, std::slice::from_ref(&path));
    assert!(refusal(&text.replace("'all'", "3")).contains("there are 2"));
    assert!(refusal(&text.replace("length = 3", "length = 8")).contains("8 characters"));
    std::fs::write(&path, "aaaaaaa").expect("a file");
    assert!(refusal(&text).contains("1 different"));
    std::fs::write(&path, [0xff, 0xfe, 0x00]).expect("a file");
    assert!(refusal(&text).contains("UTF-8"));
    std::fs::remove_file(&path).expect("removed");
    assert!(refusal(&text).contains("text.txt"));
}

#[test]
fn a_seed_decides_on_the_samples() {
    let text = "task = 'sort'\nlength = 8\nvocabulary = 9\nsamples = 50";
    let sum = |text: &str| dataset(text).provenance.train.sha256;
    assert_eq!(sum(text), sum(text));
    assert_ne!(sum(text), sum(&format!("{text}\nseed = 1")));
}

#[test]
fn impossible_sections_are_refused_by_key() {
    for (text, key) in [
        ("", "task"),
        ("task = 'sort'\nvocabulary = 3", "length"),
        ("task = 'sort'\nlength = 3", "vocabulary"),
        ("task = 'sort'\nlength = 0\nvocabulary = 3", "length"),
        ("task = 'sort'\nlength = 3\nvocabulary = 1", "vocabulary"),
        (
            "task = 'sort'\nlength = 3\nvocabulary = 3\ntext = 'a'",
            "text",
        ),
        (
            "task = 'modular-addition'\nvocabulary = 3\nlength = 2",
            "length",
        ),
        ("task = 'text'\nlength = 3", "text"),
        (
            "task = 'sort'\nlength = 3\nvocabulary = 3\nclasses = [1]",
            "classes",
        ),
        (
            "task = 'sort'\nlength = 3\nvocabulary = 3\nfile = 'x.npz'",
            "file",
        ),
    ] {
        let error = section(text).validate().expect_err(text);
        assert_eq!(error.key(), key, "{text}: {error}");
        assert!(error.to_string().contains(key), "{error}");
    }
    for source in ["cifar10", "synthetic", "auto"] {
        let config: DataConfig =
            toml::from_str(&format!("source = '{source}'\ntask = 'sort'")).expect("a section");
        assert_eq!(config.validate().expect_err(source).key(), "task");
    }
    let few = load(
        &section("task = 'sort'\nlength = 2\nvocabulary = 3\nsamples = 10"),
        None,
    );
    assert!(matches!(few, Err(Error::Selection(_))));
}
