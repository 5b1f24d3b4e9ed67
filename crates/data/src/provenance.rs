//! Where a dataset came from, for a run's manifest.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::{Class, ClassSet, Encoding, Records, Standardisation, Standardise};

/// Which data were used in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Records of CIFAR-10.
    Cifar10,
    /// The offline stand-in.
    Synthetic,
    /// Records of CIFAR-100.
    Cifar100,
    /// MNIST, or Fashion-MNIST.
    Mnist,
    /// Arrays in a file.
    File,
    /// Sequences of tokens.
    Sequence,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cifar10 => "CIFAR-10",
            Self::Synthetic => "synthetic stand-in",
            Self::Cifar100 => "CIFAR-100",
            Self::Mnist => "MNIST",
            Self::File => "arrays in a file",
            Self::Sequence => "sequences",
        })
    }
}

/// Everything needed to tell, and to make again, what a run was trained on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Provenance {
    /// The data that were used.
    pub source: Origin,
    /// Why the stand-in replaces CIFAR-10 under `source = "auto"`; none when it does not.
    pub fallback: Option<String>,
    /// CIFAR-10's folder.
    pub folder: Option<PathBuf>,
    /// Seed of data that are drawn at random.
    pub seed: Option<u64>,
    /// The standardisation of images that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standardise: Option<Standardise>,
    /// The figures that were used for it, also on the test set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standardisation: Option<Standardisation>,
    /// How labels became targets.
    pub targets: Encoding,
    /// The training set.
    pub train: SplitProvenance,
    /// The test set when there is one.
    pub test: Option<SplitProvenance>,
}

/// The records of a training or test set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SplitProvenance {
    /// The files that were read, in order; none for synthetic images.
    pub files: Vec<PathBuf>,
    /// How many records.
    pub samples: usize,
    /// Of images, how many of each class that occurs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub counts: Vec<ClassCount>,
    /// SHA-256: of CIFAR-10's images, of the records in the order used, each as its label byte and 3,072
    /// pixel bytes; of other images, of all pixel bytes and then all label bytes; of other data, of all inputs and then all targets in the order used, as
    /// little-endian float64 or, for tokens and classes, 32-bit integers.
    pub sha256: String,
}

/// How many records of a class there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClassCount {
    /// Its number.
    pub class: Class,
    /// Its name, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'static str>,
    /// How many.
    pub count: usize,
}

impl Provenance {
    /// The chosen classes that no training sample is of.
    pub fn absent_classes(&self) -> Vec<Class> {
        let occurs = |class: &Class| self.train.counts.iter().any(|count| count.class == *class);
        let mut classes = self.targets.classes();
        classes.retain(|class| !occurs(class));
        classes
    }

    /// Whether the stand-in was used because CIFAR-10 was not found.
    pub fn fell_back(&self) -> bool {
        self.fallback.is_some()
    }
}

impl SplitProvenance {
    pub(crate) fn new(samples: usize, files: Vec<PathBuf>, sha256: String) -> Self {
        Self {
            files,
            samples,
            counts: Vec::new(),
            sha256,
        }
    }

    /// Of images with labels of a set.
    pub(crate) fn of_labelled(
        set: ClassSet,
        labels: &[u8],
        files: Vec<PathBuf>,
        sha256: String,
    ) -> Self {
        Self {
            counts: ClassCount::all(set, labels),
            ..Self::new(labels.len(), files, sha256)
        }
    }

    pub(crate) fn of_images(records: &Records, files: Vec<PathBuf>) -> Self {
        Self {
            files,
            samples: records.len(),
            counts: ClassCount::all(ClassSet::Cifar10, records.labels()),
            sha256: records.sha256(),
        }
    }
}

impl ClassCount {
    /// The classes of a set that occur among labels.
    pub(crate) fn all(set: ClassSet, labels: &[u8]) -> Vec<Self> {
        let mut counts = [0; 256];
        for label in labels {
            counts[usize::from(*label)] += 1;
        }
        let entry = |class: Class| Self {
            class,
            name: class.name(),
            count: counts[class.index()],
        };
        let entries = set.all().into_iter().map(entry);
        entries.filter(|entry| entry.count > 0).collect()
    }
}
