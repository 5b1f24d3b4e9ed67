//! The classes of images.

mod choice;
mod names;

use std::fmt;

use serde::{Serialize, Serializer};

pub use choice::ClassChoice;

/// The sets of images, by the labels that are read of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClassSet {
    /// CIFAR-10's ten classes.
    Cifar10,
    /// CIFAR-100's 100 fine labels.
    Cifar100Fine,
    /// CIFAR-100's 20 coarse labels.
    Cifar100Coarse,
    /// Ten classes by their numbers alone: the files of MNIST and Fashion-MNIST do not say which of the
    /// two they are.
    Mnist,
}

/// A class of one set; written as its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Class {
    set: ClassSet,
    id: u8,
}

/// A number or a name that is no class of a set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{set} has no class `{given}`{}; use a number from 0 to {}{}",
    nearest.map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default(),
    set.count() - 1,
    set.names_in_words()
)]
pub struct UnknownClass {
    /// The set.
    pub set: ClassSet,
    /// What was asked for.
    pub given: String,
    /// The valid name that it resembles, if any does.
    pub nearest: Option<&'static str>,
}

impl ClassSet {
    /// How many classes there are.
    pub const fn count(self) -> usize {
        match self {
            Self::Cifar10 => names::CIFAR10.len(),
            Self::Cifar100Fine => names::CIFAR100_FINE.len(),
            Self::Cifar100Coarse => names::CIFAR100_COARSE.len(),
            Self::Mnist => 10,
        }
    }

    /// All classes in the order of their numbers.
    pub fn all(self) -> Vec<Class> {
        let ids = (0..=u8::MAX).take(self.count());
        ids.map(|id| Class { set: self, id }).collect()
    }

    /// The class that a config means.
    ///
    /// # Errors
    /// [`UnknownClass`] with the nearest name.
    pub fn find(self, choice: &ClassChoice) -> Result<Class, UnknownClass> {
        let mut classes = self.all().into_iter();
        let (found, nearest) = match choice {
            ClassChoice::Number(number) => {
                (classes.find(|class| i64::from(class.id) == *number), None)
            }
            ClassChoice::Name(name) => (
                classes.find(|class| class.name() == Some(name)),
                self.nearest(name),
            ),
        };
        found.ok_or_else(|| UnknownClass {
            set: self,
            given: choice.to_string(),
            nearest,
        })
    }

    /// The names of its classes; none of MNIST.
    const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Cifar10 => &names::CIFAR10,
            Self::Cifar100Fine => &names::CIFAR100_FINE,
            Self::Cifar100Coarse => &names::CIFAR100_COARSE,
            Self::Mnist => &[],
        }
    }

    fn names_in_words(self) -> String {
        match self.names() {
            [] => String::new(),
            // A hundred names would hide what is wrong.
            [first, .., last] if self.count() > 20 => {
                format!(" or a name from {first} to {last}")
            }
            names => format!(" or one of {}", names.join(", ")),
        }
    }

    fn nearest(self, given: &str) -> Option<&'static str> {
        const RESEMBLANCE: f64 = 0.75;
        let given = given.to_lowercase();
        self.names()
            .iter()
            .map(|name| (strsim::jaro_winkler(&given, name), *name))
            .filter(|(likeness, _)| *likeness >= RESEMBLANCE)
            .max_by(|(a, _), (b, _)| a.total_cmp(b))
            .map(|(_, name)| name)
    }
}

impl fmt::Display for ClassSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cifar10 => "CIFAR-10",
            Self::Cifar100Fine => "CIFAR-100, by fine labels,",
            Self::Cifar100Coarse => "CIFAR-100, by coarse labels,",
            Self::Mnist => "MNIST",
        })
    }
}

/// Of CIFAR-10.
impl Class {
    /// How many classes CIFAR-10 has.
    pub const COUNT: usize = ClassSet::Cifar10.count();

    /// All classes of CIFAR-10 in the order of their numbers.
    pub const ALL: [Class; Class::COUNT] = {
        let set = ClassSet::Cifar10;
        let mut all = [Class { set, id: 0 }; Class::COUNT];
        let mut id = 0;
        while id < Class::COUNT {
            all[id].id = id as u8;
            id += 1;
        }
        all
    };

    /// CIFAR-10's class of a number.
    ///
    /// # Errors
    /// [`UnknownClass`] above 9.
    pub fn new(id: u8) -> Result<Self, UnknownClass> {
        ClassSet::Cifar10.find(&ClassChoice::Number(i64::from(id)))
    }
}

impl Class {
    /// The label byte of this class in a record.
    pub const fn id(self) -> u8 {
        self.id
    }

    /// The number as an index into arrays by class.
    pub const fn index(self) -> usize {
        self.id as usize
    }

    /// The official name, such as `airplane`, if the set has names.
    pub const fn name(self) -> Option<&'static str> {
        match self.set.names() {
            [] => None,
            names => Some(names[self.index()]),
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{} ({name})", self.id),
            None => self.id.fmt(f),
        }
    }
}

impl Serialize for Class {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETS: [ClassSet; 4] = [
        ClassSet::Cifar10,
        ClassSet::Cifar100Fine,
        ClassSet::Cifar100Coarse,
        ClassSet::Mnist,
    ];

    #[test]
    fn names_and_numbers_agree() {
        for set in SETS {
            for (id, class) in set.all().into_iter().enumerate() {
                assert_eq!(class.index(), id);
                assert_eq!(set.find(&ClassChoice::Number(id as i64)), Ok(class));
                if let Some(name) = class.name() {
                    assert_eq!(set.find(&name.into()), Ok(class));
                }
            }
            let beyond = ClassChoice::Number(set.count() as i64);
            assert!(set.find(&beyond).is_err() && set.find(&ClassChoice::Number(-1)).is_err());
        }
        assert_eq!(SETS.map(ClassSet::count), [10, 100, 20, 10]);
        assert_eq!(Class::ALL.to_vec(), ClassSet::Cifar10.all());
        // The classes of CIFAR-100 are numbered in the order of the alphabet.
        assert!(names::CIFAR100_FINE.is_sorted() && names::CIFAR100_COARSE.is_sorted());
    }

    #[test]
    fn a_misspelt_name_is_answered_with_the_nearest() {
        let find = |set: ClassSet, name: &str| set.find(&name.into()).unwrap_err();
        let error = find(ClassSet::Cifar10, "Airplan");
        assert_eq!(error.nearest, Some("airplane"));
        assert!(error.to_string().contains("did you mean `airplane`?"));
        assert_eq!(find(ClassSet::Cifar10, "zzz").nearest, None);
        let fine = find(ClassSet::Cifar100Fine, "aquarium fish");
        assert_eq!(fine.nearest, Some("aquarium_fish"));
        let digits = find(ClassSet::Mnist, "sneaker").to_string();
        assert_eq!(
            digits,
            "MNIST has no class `sneaker`; use a number from 0 to 9"
        );
    }

    #[test]
    fn read_from_numbers_and_names() {
        let read: Vec<ClassChoice> = serde_json::from_str(r#"[3, "truck"]"#).unwrap();
        let found: Vec<_> = read.iter().map(|c| ClassSet::Cifar10.find(c)).collect();
        assert_eq!(found, [Ok(Class::ALL[3]), Ok(Class::ALL[9])]);
        assert_eq!(serde_json::to_string(&read).unwrap(), r#"[3,"truck"]"#);
        for wrong in ["10", "-1", "18446744073709551615", r#""lorry""#] {
            let choice = serde_json::from_str::<ClassChoice>(wrong).unwrap();
            let error = ClassSet::Cifar10.find(&choice).unwrap_err();
            assert!(error.to_string().contains("no class"), "{wrong}: {error}");
        }
    }
}
