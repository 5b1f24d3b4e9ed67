//! Labels as regression or classification targets.

use serde::{Deserialize, Serialize};

use crate::Class;

/// The kind of target, as a config names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Targets {
    /// One column per class, 1 in that of the label and 0 elsewhere.
    #[default]
    OneHot,
    /// One column of −1 and +1.
    Binary,
    /// Real values, as the data have them.
    Values,
}

/// How a label becomes a row of the target matrix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Encoding(Kind);

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Kind {
    Values {
        outputs: usize,
    },
    Classes {
        classes: usize,
        positions: usize,
    },
    OneHot {
        columns: Vec<Class>,
    },
    Binary {
        negative: Vec<Class>,
        positive: Vec<Class>,
    },
}

impl Encoding {
    /// One column per class, in the order listed.
    pub fn one_hot(columns: &[Class]) -> Self {
        Self(Kind::OneHot {
            columns: columns.to_vec(),
        })
    }

    /// One column: −1 for the classes of the first group, +1 for those of the second.
    pub fn binary(negative: &[Class], positive: &[Class]) -> Self {
        Self(Kind::Binary {
            negative: negative.to_vec(),
            positive: positive.to_vec(),
        })
    }

    /// Real values in so many columns, as the data have them.
    pub(crate) fn values(outputs: usize) -> Self {
        Self(Kind::Values { outputs })
    }

    /// One of so many classes without names, at each of a sample's last positions.
    pub(crate) fn unnamed(classes: usize, positions: usize) -> Self {
        Self(Kind::Classes { classes, positions })
    }

    /// Which kind this is.
    pub fn targets(&self) -> Targets {
        match self.0 {
            Kind::OneHot { .. } | Kind::Classes { .. } => Targets::OneHot,
            Kind::Binary { .. } => Targets::Binary,
            Kind::Values { .. } => Targets::Values,
        }
    }

    /// Columns of the target matrix.
    pub fn outputs(&self) -> usize {
        match &self.0 {
            Kind::OneHot { columns } => columns.len(),
            Kind::Binary { .. } => 1,
            Kind::Values { outputs } => *outputs,
            Kind::Classes { classes, .. } => *classes,
        }
    }

    /// The named classes that have a target, in the order listed.
    pub fn classes(&self) -> Vec<Class> {
        match &self.0 {
            Kind::OneHot { columns } => columns.clone(),
            Kind::Binary { negative, positive } => [negative.as_slice(), positive].concat(),
            Kind::Values { .. } | Kind::Classes { .. } => Vec::new(),
        }
    }

    /// The side of binary targets that none of `labels` is on: its sign and its classes.
    pub(crate) fn empty_side(&self, labels: &[u8]) -> Option<(&'static str, &[Class])> {
        let Kind::Binary { negative, positive } = &self.0 else {
            return None;
        };
        let sides = [("−1", negative.as_slice()), ("+1", positive.as_slice())];
        sides.into_iter().find(|(_, classes)| {
            let occurs = |class: &Class| labels.contains(&class.id());
            !classes.iter().any(occurs)
        })
    }

    /// The number that a label's class has among the targets: its column, or 0 for −1 and 1 for +1.
    pub(crate) fn position(&self, label: u8) -> Option<usize> {
        let among = |classes: &[Class]| classes.iter().position(|class| class.id() == label);
        match &self.0 {
            Kind::OneHot { columns } => among(columns),
            Kind::Binary { negative, positive } => match (among(negative), among(positive)) {
                (Some(_), _) => Some(0),
                (None, Some(_)) => Some(1),
                (None, None) => None,
            },
            Kind::Values { .. } | Kind::Classes { .. } => None,
        }
    }

    /// The target matrix of `labels`, `n` × [`outputs`](Self::outputs) row-major.
    pub fn encode(&self, labels: &[u8]) -> Vec<f64> {
        let mut targets = Vec::with_capacity(labels.len() * self.outputs());
        for label in labels {
            match &self.0 {
                Kind::OneHot { columns } => {
                    targets.extend(columns.iter().map(|class| indicator(class.id() == *label)));
                }
                Kind::Binary { positive, .. } => {
                    let is_positive = positive.iter().any(|class| class.id() == *label);
                    targets.push(2.0 * indicator(is_positive) - 1.0);
                }
                // Their targets are not made of label bytes.
                Kind::Values { .. } | Kind::Classes { .. } => {}
            }
        }
        targets
    }
}

fn indicator(condition: bool) -> f64 {
    f64::from(u8::from(condition))
}
