//! The kinds of network there are.

use std::sync::{PoisonError, RwLock};

use burn::tensor::Tensor;

use crate::{BuildError, Keys, ModelKey, Params, Task, networks};

/// A kind of network: a value of `model.kind`.
///
/// What is here is all that the rest of Brink knows of it. A new kind is one such constant; the
/// built-in ones are listed in `networks`, and a program of one's own adds more by [`register`].
#[derive(Debug)]
pub struct NetworkKind {
    /// Its name in `model.kind`.
    pub name: &'static str,
    /// Its keys in `[model]`.
    pub keys: &'static [ModelKey],
    /// Whether the first thing that it does to its inputs is one linear map of all their values,
    /// by its first parameter `[d, …]`: then gradient descent can run on the inputs' coordinates.
    pub starts_linear: bool,
    /// The network in a word or two, for a figure's title: `tanh 3072-200-10`.
    pub describe: fn(&Keys, &Task) -> Result<String, BuildError>,
    /// Asks for the parameters, and makes layers of them.
    pub build: fn(&Keys, &Task, &Params<'_>) -> Result<Layers, BuildError>,
}

/// A network's layers with their parameters.
pub type Layers = Box<dyn Forward>;

/// The forward pass of a network that has its parameters.
pub trait Forward {
    /// Outputs `[n, positions·outputs]` of inputs `[n, d]`, as the [`Task`] says.
    ///
    /// Plain tensor code that does not depend on values: it is recorded once and differentiated
    /// twice.
    fn forward(&self, x: Tensor<2>) -> Tensor<2>;
}

impl<F: Fn(Tensor<2>) -> Tensor<2>> Forward for F {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self(x)
    }
}

/// Those that a program has added.
static ADDED: RwLock<Vec<&'static NetworkKind>> = RwLock::new(Vec::new());

/// A kind that cannot be added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// There is one of that name.
    #[error("there is a kind of network \"{name}\" already: choose another name")]
    Taken {
        /// The name.
        name: &'static str,
    },
    /// Another kind has a key of that name and of another type.
    #[error(
        "the key \"{key}\" of the kind of network \"{name}\" has another type in \"{other}\": \
         choose another name for it"
    )]
    KeyType {
        /// The kind.
        name: &'static str,
        /// Its key.
        key: &'static str,
        /// The kind that has it already.
        other: &'static str,
    },
    /// Every network has a key of that name.
    #[error("the key \"{key}\" of the kind of network \"{name}\" is one of all networks")]
    KeyOfAll {
        /// The kind.
        name: &'static str,
        /// Its key.
        key: &'static str,
    },
}

/// Adds a kind of network, for as long as the program runs.
///
/// Before the first config is read: keys that a config may have are collected then.
///
/// # Errors
/// A name that is taken, or a key whose type is not that of another kind's key of that name.
pub fn register(kind: &'static NetworkKind) -> Result<(), RegisterError> {
    let name = kind.name;
    let mut added = ADDED.write().unwrap_or_else(PoisonError::into_inner);
    let all = || networks::KINDS.iter().chain(added.iter());
    if all().any(|other| other.name == name) {
        return Err(RegisterError::Taken { name });
    }
    for key in kind.keys {
        if crate::config::COMMON.contains(&key.name) {
            let key = key.name;
            return Err(RegisterError::KeyOfAll { name, key });
        }
        let of_another_type = |other: &ModelKey| {
            let types = (&key.domain, &other.domain);
            other.name == key.name
                && std::mem::discriminant(types.0) != std::mem::discriminant(types.1)
        };
        if let Some(other) = all().find(|other| other.keys.iter().any(of_another_type)) {
            return Err(RegisterError::KeyType {
                name,
                key: key.name,
                other: other.name,
            });
        }
    }
    added.push(kind);
    Ok(())
}

/// Every kind, the built-in ones first.
pub fn kinds() -> Vec<&'static NetworkKind> {
    let added = ADDED.read().unwrap_or_else(PoisonError::into_inner);
    networks::KINDS
        .iter()
        .chain(added.iter())
        .copied()
        .collect()
}

/// The kind of that name.
pub fn kind(name: &str) -> Option<&'static NetworkKind> {
    kinds().into_iter().find(|kind| kind.name == name)
}
