//! A class as a config names it, before it is known of which set of images.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

use super::Class;

/// A class's number or its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClassChoice {
    /// As in the images' files.
    Number(i64),
    /// As its set calls it.
    Name(String),
}

impl From<Class> for ClassChoice {
    fn from(class: Class) -> Self {
        Self::Number(i64::from(class.id()))
    }
}

impl From<&str> for ClassChoice {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl fmt::Display for ClassChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

impl Serialize for ClassChoice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_i64(*number),
            Self::Name(name) => serializer.serialize_str(name),
        }
    }
}

impl<'de> Deserialize<'de> for ClassChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ChoiceVisitor;

        impl Visitor<'_> for ChoiceVisitor {
            type Value = ClassChoice;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a class: its number, or its name such as \"airplane\"")
            }

            fn visit_i64<E: de::Error>(self, given: i64) -> Result<ClassChoice, E> {
                Ok(ClassChoice::Number(given))
            }

            fn visit_u64<E: de::Error>(self, given: u64) -> Result<ClassChoice, E> {
                // No set has so many classes: it is refused as any number that is too large.
                Ok(ClassChoice::Number(
                    i64::try_from(given).unwrap_or(i64::MAX),
                ))
            }

            fn visit_str<E: de::Error>(self, given: &str) -> Result<ClassChoice, E> {
                Ok(ClassChoice::from(given))
            }
        }

        deserializer.deserialize_any(ChoiceVisitor)
    }
}
