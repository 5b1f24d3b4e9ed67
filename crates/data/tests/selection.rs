//! The subset rules and the targets, for any sequence of labels.

use brink_data::{Class, ConfigError, Encoding, Samples, Selection, SelectionError, Targets};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::subsequence;

fn class(id: u8) -> Class {
    Class::new(id).unwrap()
}

/// Some classes, in any order, each once.
fn classes() -> impl Strategy<Value = Vec<Class>> {
    subsequence(Class::ALL.to_vec(), 1..=10).prop_shuffle()
}

/// Positions taken from `labels`, in order.
fn take(selection: &mut Selection, labels: &[u8]) -> Vec<usize> {
    let positions = 0..labels.len();
    positions
        .filter(|position| selection.accept(labels[*position]))
        .collect()
}

fn among(classes: &[Class], label: u8) -> bool {
    classes.iter().any(|class| class.id() == label)
}

proptest! {
    #[test]
    fn the_first_n_of_the_chosen_classes(
        labels in vec(0_u8..10, 0..200),
        classes in classes(),
        samples in 1..60_usize,
    ) {
        let mut selection =
            Selection::new(classes.clone(), Samples::count(samples).unwrap(), false).unwrap();
        let taken = take(&mut selection, &labels);
        let eligible: Vec<usize> =
            (0..labels.len()).filter(|i| among(&classes, labels[*i])).collect();
        prop_assert_eq!(&taken, &eligible[..samples.min(eligible.len())]);
        prop_assert_eq!(selection.is_complete(), eligible.len() >= samples);
        let expected = if eligible.len() >= samples {
            Ok(())
        } else {
            Err(SelectionError::TooFew { asked: samples, available: eligible.len() })
        };
        prop_assert_eq!(selection.finish(), expected);
    }

    #[test]
    fn a_label_that_is_no_class_is_left_out(label in 10_u8..) {
        let mut selection = Selection::new(Class::ALL.to_vec(), Samples::All, false).unwrap();
        prop_assert!(!selection.accept(label));
    }

    #[test]
    fn all_of_the_chosen_classes(labels in vec(0_u8..10, 0..100), classes in classes()) {
        let mut selection = Selection::new(classes.clone(), Samples::All, false).unwrap();
        let taken = take(&mut selection, &labels);
        let eligible: Vec<usize> =
            (0..labels.len()).filter(|i| among(&classes, labels[*i])).collect();
        prop_assert_eq!(selection.finish().is_err(), eligible.is_empty());
        prop_assert_eq!(taken, eligible);
    }

    #[test]
    fn balanced_takes_the_first_of_each_class(
        labels in vec(0_u8..10, 100..400),
        classes in classes(),
        samples in 10..60_usize,
    ) {
        let mut selection =
            Selection::new(classes.clone(), Samples::count(samples).unwrap(), true).unwrap();
        let taken = take(&mut selection, &labels);
        prop_assert!(taken.is_sorted());
        let mut enough = true;
        let mut asked_in_all = 0;
        for (position, class) in classes.iter().enumerate() {
            let of_class: Vec<usize> =
                (0..labels.len()).filter(|i| labels[*i] == class.id()).collect();
            let asked = (samples + classes.len() - 1 - position) / classes.len();
            asked_in_all += asked;
            enough &= of_class.len() >= asked;
            let taken_of_class: Vec<usize> =
                taken.iter().copied().filter(|i| labels[*i] == class.id()).collect();
            prop_assert_eq!(&taken_of_class, &of_class[..asked.min(of_class.len())]);
        }
        prop_assert_eq!(asked_in_all, samples);
        prop_assert_eq!(selection.is_complete(), enough);
        prop_assert_eq!(selection.finish().is_ok(), enough);
    }

    #[test]
    fn one_hot_rows_point_at_the_label(classes in classes(), picks in vec(any::<prop::sample::Index>(), 0..30)) {
        let labels: Vec<u8> = picks.iter().map(|pick| pick.get(&classes).id()).collect();
        let encoding = Encoding::one_hot(&classes);
        prop_assert_eq!(encoding.outputs(), classes.len());
        let targets = encoding.encode(&labels);
        prop_assert_eq!(targets.len(), labels.len() * classes.len());
        for (row, label) in targets.chunks_exact(classes.len()).zip(&labels) {
            prop_assert_eq!(row.iter().sum::<f64>(), 1.0);
            let column = row.iter().position(|value| *value == 1.0).unwrap();
            prop_assert_eq!(classes[column].id(), *label);
        }
    }

    #[test]
    fn binary_targets_tell_the_groups_apart(order in Just(Class::ALL.to_vec()).prop_shuffle(), split in 1..9_usize) {
        let (negative, positive) = order.split_at(split);
        let encoding = Encoding::binary(negative, positive);
        prop_assert_eq!((encoding.outputs(), encoding.targets()), (1, Targets::Binary));
        let labels: Vec<u8> = order.iter().map(|class| class.id()).collect();
        let expected: Vec<f64> = (0..10).map(|i| if i < split { -1.0 } else { 1.0 }).collect();
        prop_assert_eq!(encoding.encode(&labels), expected);
    }
}

#[test]
fn a_shortage_names_classes_numbers_and_a_way_out() {
    let samples = Samples::count(6).unwrap();
    let mut selection = Selection::new(vec![class(4), class(0)], samples, true).unwrap();
    take(&mut selection, &[0, 4, 1, 0, 0, 0]);
    let error = selection.finish().unwrap_err();
    assert_eq!(
        error.to_string(),
        "too few records for a balanced subset: class 4 (deer) has 1 of 3; \
         set `data.samples` to at most 2, or choose other classes"
    );
}

#[test]
fn impossible_rules_are_refused() {
    let all = Class::ALL.to_vec();
    assert_eq!(
        Selection::new(all.clone(), Samples::All, true).unwrap_err(),
        ConfigError::BalancedNeedsCount
    );
    assert_eq!(
        Selection::new(all, Samples::count(9).unwrap(), true).unwrap_err(),
        ConfigError::BalancedNeedsOneEach {
            samples: 9,
            classes: 10
        }
    );
    assert_eq!(Samples::count(0), Err(ConfigError::NoSamples { given: 0 }));
}
