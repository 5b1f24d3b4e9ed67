//! Which tensors of a file belong together, and in what order their names say they come.

use std::collections::HashMap;
use std::ops::Range;

use safetensors::tensor::Dtype;

use super::WeightFileFault;

/// A tensor as the file's header describes it.
#[derive(Debug)]
pub(super) struct Entry {
    pub name: String,
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    /// Its place among the bytes of all values.
    pub place: Range<usize>,
}

/// The tensors of one layer: `<prefix>.weight` and perhaps `<prefix>.bias`.
#[derive(Debug)]
pub(super) struct Group {
    pub prefix: String,
    pub weight: Entry,
    pub bias: Option<Entry>,
}

/// Puts every bias beside the weight of its prefix; in the file's order of weights.
pub(super) fn group(entries: Vec<Entry>) -> Result<Vec<Group>, WeightFileFault> {
    let mut groups: Vec<Group> = Vec::new();
    let mut biases = Vec::new();
    for entry in entries {
        if let Some(prefix) = entry.name.strip_suffix(".weight") {
            let prefix = prefix.to_owned();
            groups.push(Group {
                prefix,
                weight: entry,
                bias: None,
            });
        } else if let Some(prefix) = entry.name.strip_suffix(".bias") {
            biases.push((prefix.to_owned(), entry));
        } else {
            return Err(WeightFileFault::UnknownTensor { tensor: entry.name });
        }
    }
    let at: HashMap<String, usize> = (groups.iter().enumerate())
        .map(|(index, group)| (group.prefix.clone(), index))
        .collect();
    for (prefix, bias) in biases {
        match at.get(&prefix) {
            Some(&index) => groups[index].bias = Some(bias),
            None => {
                return Err(WeightFileFault::MissingTensor {
                    tensor: format!("{prefix}.weight"),
                    advice: "its bias is there; add the weight, or remove the bias",
                });
            }
        }
    }
    Ok(groups)
}

/// Sorts the groups into chains of names that differ in their numbers only, each chain in numeric
/// order (`net.0`, `net.2`, `net.10`); entries are indices into `groups`.
///
/// Between chains (`conv1`, `conv2` | `fc`) names say nothing: a writer sorts them by alphabet.
pub(super) fn chains(groups: &[Group]) -> Vec<Vec<usize>> {
    let mut keyed: Vec<_> = (groups.iter().enumerate())
        .map(|(index, group)| (split_numbers(&group.prefix), index))
        .collect();
    keyed.sort();
    keyed
        .chunk_by(|((a, _), _), ((b, _), _)| a == b)
        .map(|chain| chain.iter().map(|&(_, index)| index).collect())
        .collect()
}

/// A run of digits that compares as a number of any size: its length without leading zeros, then
/// those digits.
type Number = (usize, String);

/// The prefix with `#` for each run of digits, and the runs.
fn split_numbers(prefix: &str) -> (String, Vec<Number>) {
    let mut skeleton = String::new();
    let mut numbers = Vec::new();
    let mut rest = prefix;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        skeleton.push_str(&rest[..start]);
        skeleton.push('#');
        let tail = &rest[start..];
        let end = tail
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(tail.len());
        let digits = tail[..end].trim_start_matches('0');
        numbers.push((digits.len(), digits.to_owned()));
        rest = &tail[end..];
    }
    skeleton.push_str(rest);
    (skeleton, numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(prefixes: &[&str]) -> Vec<Vec<String>> {
        let groups: Vec<_> = (prefixes.iter())
            .map(|prefix| Group {
                prefix: (*prefix).to_owned(),
                weight: Entry {
                    name: format!("{prefix}.weight"),
                    dtype: Dtype::F32,
                    shape: Vec::new(),
                    place: 0..0,
                },
                bias: None,
            })
            .collect();
        let name = |&index: &usize| groups[index].prefix.clone();
        (chains(&groups).iter())
            .map(|chain| chain.iter().map(name).collect())
            .collect()
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        let sorted = order(&["net.10", "net.0", "net.2", "net.18446744073709551616"]);
        let expected = ["net.0", "net.2", "net.10", "net.18446744073709551616"];
        assert_eq!(sorted, [expected]);
    }

    #[test]
    fn names_that_differ_in_words_are_apart() {
        let sorted = order(&["fc", "conv2", "conv1", "block1.fc0", "block0.fc1"]);
        let expected: [&[&str]; 3] = [&["block0.fc1", "block1.fc0"], &["conv1", "conv2"], &["fc"]];
        assert_eq!(sorted, expected);
    }
}
