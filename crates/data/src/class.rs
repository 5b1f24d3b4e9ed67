//! The ten classes of CIFAR-10.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

const NAMES: [&str; Class::COUNT] = [
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
];

/// One of CIFAR-10's classes; written in a config as its number (0 to 9) or its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Class(u8);

/// A number or a name that is none of the ten classes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "CIFAR-10 has no class `{given}`{}; use a number from 0 to 9 or one of {}",
    nearest.map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default(),
    NAMES.join(", ")
)]
pub struct UnknownClass {
    /// What was asked for.
    pub given: String,
    /// The valid name that it resembles, if any does.
    pub nearest: Option<&'static str>,
}

impl Class {
    /// How many classes there are.
    pub const COUNT: usize = 10;

    /// All classes in the order of their numbers.
    pub const ALL: [Class; Class::COUNT] = {
        let mut all = [Class(0); Class::COUNT];
        let mut id = 0;
        while id < Class::COUNT {
            all[id] = Class(id as u8);
            id += 1;
        }
        all
    };

    /// The class of a number.
    ///
    /// # Errors
    /// [`UnknownClass`] above 9.
    pub fn new(id: u8) -> Result<Self, UnknownClass> {
        Self::from_number(i64::from(id))
    }

    /// The label byte of this class in a record.
    pub const fn id(self) -> u8 {
        self.0
    }

    /// The number as an index into arrays by class.
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The official name, such as `airplane`.
    pub const fn name(self) -> &'static str {
        NAMES[self.index()]
    }

    fn from_number(given: i64) -> Result<Self, UnknownClass> {
        u8::try_from(given)
            .ok()
            .filter(|id| usize::from(*id) < Self::COUNT)
            .map(Self)
            .ok_or(UnknownClass {
                given: given.to_string(),
                nearest: None,
            })
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0, self.name())
    }
}

impl FromStr for Class {
    type Err = UnknownClass;

    fn from_str(given: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|class| class.name() == given);
        found.ok_or_else(|| UnknownClass {
            given: given.to_owned(),
            nearest: nearest_name(given),
        })
    }
}

fn nearest_name(given: &str) -> Option<&'static str> {
    const RESEMBLANCE: f64 = 0.75;
    NAMES
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&given.to_lowercase(), name), name))
        .filter(|(likeness, _)| *likeness >= RESEMBLANCE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}

impl Serialize for Class {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.0)
    }
}

impl<'de> Deserialize<'de> for Class {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ClassVisitor;

        impl Visitor<'_> for ClassVisitor {
            type Value = Class;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a class: a number from 0 to 9, or a name such as \"airplane\"")
            }

            fn visit_i64<E: de::Error>(self, given: i64) -> Result<Class, E> {
                Class::from_number(given).map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, given: u64) -> Result<Class, E> {
                let number = i64::try_from(given).unwrap_or(i64::MAX);
                Class::from_number(number).map_err(E::custom)
            }

            fn visit_str<E: de::Error>(self, given: &str) -> Result<Class, E> {
                given.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_any(ClassVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_agree() {
        for (id, name) in NAMES.into_iter().enumerate() {
            let class: Class = name.parse().unwrap();
            assert_eq!(class.index(), id);
            assert_eq!(Class::ALL[id], class);
            assert_eq!(class.name(), name);
        }
        assert!(Class::new(10).is_err());
    }

    #[test]
    fn a_misspelt_name_is_answered_with_the_nearest() {
        let error = "Airplan".parse::<Class>().unwrap_err();
        assert_eq!(error.nearest, Some("airplane"));
        assert!(error.to_string().contains("did you mean `airplane`?"));
        assert_eq!("zzz".parse::<Class>().unwrap_err().nearest, None);
    }

    #[test]
    fn read_from_numbers_and_names() {
        let read: Vec<Class> = serde_json::from_str(r#"[3, "truck"]"#).unwrap();
        assert_eq!(read, [Class(3), Class(9)]);
        assert_eq!(serde_json::to_string(&read).unwrap(), "[3,9]");
        for wrong in ["10", "-1", "18446744073709551615", r#""lorry""#] {
            let error = serde_json::from_str::<Class>(wrong).unwrap_err();
            assert!(error.to_string().contains("no class"), "{wrong}: {error}");
        }
    }
}
