//! Which records of a sequence make up the training set.

use std::fmt;

use crate::{Class, ConfigError, Samples};

/// Takes records one by one in file order until it has what was asked for.
///
/// Three rules: every record of the chosen classes; the first `n` of them; or a quota of each
/// class. What is taken keeps its order.
#[derive(Clone, Debug)]
pub struct Selection {
    rule: Rule,
    chosen: Vec<Class>,
    /// By position in `chosen`, as a quota is.
    taken: Vec<usize>,
}

#[derive(Clone, Debug)]
enum Rule {
    All,
    First(usize),
    Quota(Vec<usize>),
}

/// There are fewer records than asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// The data ended before `asked` records were found.
    #[error(
        "{asked} samples asked for but there are {available} of the chosen classes; \
         set `data.samples` to at most {available}, or choose more classes"
    )]
    TooFew {
        /// How many were asked for.
        asked: usize,
        /// How many there are.
        available: usize,
    },
    /// Some classes have fewer records than a balanced subset needs.
    #[error(
        "too few records for a balanced subset: {}; \
         set `data.samples` to at most {largest}, or choose other classes",
        list(shortages)
    )]
    TooFewOfClass {
        /// The classes that fall short.
        shortages: Vec<Shortage>,
        /// The largest number of samples that can be balanced evenly.
        largest: usize,
    },
    /// Binary targets of which one side has no sample.
    #[error(
        "binary targets need samples of both sides, and none of the {samples} taken is of class \
         {}, the {sign}; set `data.balanced = true`, or take more `data.samples`",
        names(classes)
    )]
    OneSided {
        /// Samples taken.
        samples: usize,
        /// The target without a sample.
        sign: &'static str,
        /// The classes that it stands for.
        classes: Vec<Class>,
    },
    /// Fewer samples than asked for, of data without classes to choose.
    #[error(
        "{asked} samples asked for, those of the test set among them, but there are {available}; \
         lower `data.samples` or `data.test_samples`"
    )]
    TooFewSamples {
        /// How many were asked for.
        asked: usize,
        /// How many there are.
        available: usize,
    },
    /// All of more lists than can be listed.
    #[error("`data.samples` = \"all\" would be more than a million lists: give a number")]
    AllOfTooMany,
    /// Not one record of the chosen classes.
    #[error("the data holds no record of the chosen classes; choose other `data.classes`")]
    NoneOfClasses,
}

fn names(classes: &[Class]) -> String {
    let names: Vec<String> = classes.iter().map(Class::to_string).collect();
    names.join(" or ")
}

/// A class with fewer records than asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// The class.
    pub class: Class,
    /// How many were asked for.
    pub asked: usize,
    /// How many there are.
    pub available: usize,
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            class,
            asked,
            available,
        } = self;
        write!(f, "class {class} has {available} of {asked}")
    }
}

fn list(shortages: &[Shortage]) -> String {
    let each: Vec<String> = shortages.iter().map(Shortage::to_string).collect();
    each.join(", ")
}

impl Selection {
    /// A selection from the chosen classes, with nothing taken yet.
    ///
    /// A balanced selection gives the remainder of `samples` ÷ classes to the classes listed first.
    ///
    /// # Errors
    /// [`ConfigError`] when `balanced` is asked for without a number, or with fewer samples than
    /// classes.
    pub fn new(classes: Vec<Class>, samples: Samples, balanced: bool) -> Result<Self, ConfigError> {
        let rule = match (samples, balanced) {
            (Samples::All, false) => Rule::All,
            (Samples::All, true) => return Err(ConfigError::BalancedNeedsCount),
            (Samples::Count(samples), false) => Rule::First(samples.get()),
            (Samples::Count(samples), true) => Rule::Quota(quotas(&classes, samples.get())?),
        };
        Ok(Self {
            rule,
            taken: vec![0; classes.len()],
            chosen: classes,
        })
    }

    /// Whether the next record of the sequence, which has this label, is taken.
    pub fn accept(&mut self, label: u8) -> bool {
        let mut ids = self.chosen.iter().map(|class| class.id());
        let Some(index) = ids.position(|id| id == label) else {
            return false;
        };
        let wanted = match &self.rule {
            Rule::All => true,
            Rule::First(samples) => self.total() < *samples,
            Rule::Quota(quota) => self.taken[index] < quota[index],
        };
        self.taken[index] += usize::from(wanted);
        wanted
    }

    /// Whether no further record can be taken.
    pub fn is_complete(&self) -> bool {
        match &self.rule {
            Rule::All => false,
            Rule::First(samples) => self.total() == *samples,
            Rule::Quota(quota) => self.taken == *quota,
        }
    }

    /// Says whether the sequence, now at its end, held what was asked for.
    ///
    /// # Errors
    /// [`SelectionError`] with the numbers asked for and found.
    pub fn finish(&self) -> Result<(), SelectionError> {
        match &self.rule {
            Rule::All if self.total() == 0 => Err(SelectionError::NoneOfClasses),
            Rule::First(asked) if self.total() < *asked => Err(SelectionError::TooFew {
                asked: *asked,
                available: self.total(),
            }),
            Rule::Quota(quota) if self.taken != *quota => Err(self.shortage(quota)),
            _ => Ok(()),
        }
    }

    fn total(&self) -> usize {
        self.taken.iter().sum()
    }

    fn shortage(&self, quota: &[usize]) -> SelectionError {
        let found = self.taken.iter().zip(quota);
        let classes = self
            .chosen
            .iter()
            .zip(found)
            .map(|(class, numbers)| Shortage {
                class: *class,
                asked: *numbers.1,
                available: *numbers.0,
            });
        let shortages: Vec<Shortage> = classes.filter(|of| of.available < of.asked).collect();
        let scarcest = shortages.iter().map(|shortage| shortage.available).min();
        SelectionError::TooFewOfClass {
            largest: scarcest.unwrap_or(0) * self.chosen.len(),
            shortages,
        }
    }
}

fn quotas(classes: &[Class], samples: usize) -> Result<Vec<usize>, ConfigError> {
    if samples < classes.len() {
        return Err(ConfigError::BalancedNeedsOneEach {
            samples,
            classes: classes.len(),
        });
    }
    let (each, more) = (samples / classes.len(), samples % classes.len());
    let quota = |position: usize| each + usize::from(position < more);
    Ok((0..classes.len()).map(quota).collect())
}
