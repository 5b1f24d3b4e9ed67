//! The step rules by their names: one entry each.

use brink_dynamics::optimizer::{
    Adam, GradientDescent, HeavyBall, Nesterov, Optimizer, RmsProp, Sam,
};
use serde::{Deserialize, Serialize};

use super::optimizer::OptimizerConfig;

/// A key that a rule has, and what it is when left out, 1 for `true`; none if it must be given.
type RuleKey = (&'static str, Option<f64>);

/// Makes [`OptimizerKind`] of the rules' names, keys and constructors.
macro_rules! rules {
    ($($(#[$doc:meta])* $kind:ident: $name:literal, $keys:expr, $make:expr;)*) => {
        /// How the parameters move.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum OptimizerKind {
            $($(#[$doc])* #[serde(rename = $name)] $kind,)*
        }

        impl OptimizerKind {
            /// The name in configs.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }

            /// The keys that only some kinds have, of those this one has.
            pub(super) fn keys(self) -> &'static [RuleKey] {
                match self {
                    $(Self::$kind => &$keys,)*
                }
            }

            /// The rule, its keys filled in.
            pub(super) fn rule(self, config: &OptimizerConfig) -> Box<dyn Optimizer> {
                let make: fn(&OptimizerConfig) -> Box<dyn Optimizer> = match self {
                    $(Self::$kind => $make,)*
                };
                make(config)
            }
        }
    };
}

rules! {
    /// Gradient descent, θ ← θ − η∇L(θ).
    GradientDescent: "gd", [], |_| Box::new(GradientDescent);

    /// With Polyak's momentum.
    HeavyBall: "heavy-ball", [("momentum", Some(0.9))],
        |config| Box::new(HeavyBall::new(number(config.momentum)));

    /// With Nesterov's momentum.
    Nesterov: "nesterov", [("momentum", Some(0.9))],
        |config| Box::new(Nesterov::new(number(config.momentum)));

    /// RMSProp.
    RmsProp: "rmsprop",
        [("beta2", Some(0.99)), ("epsilon", Some(1e-8)), ("bias_correction", Some(1.0))],
        |config| {
            let corrected = config.bias_correction.unwrap_or(true);
            Box::new(RmsProp::new(number(config.beta2), number(config.epsilon), corrected))
        };

    /// Adam.
    Adam: "adam", [("beta1", Some(0.9)), ("beta2", Some(0.999)), ("epsilon", Some(1e-8))],
        |config| {
            let (beta1, beta2) = (number(config.beta1), number(config.beta2));
            Box::new(Adam::new(beta1, beta2, number(config.epsilon)))
        };

    /// Sharpness-aware minimisation.
    Sam: "sam", [("radius", None)], |config| Box::new(Sam::new(number(config.radius)));
}

/// What a resolved table has; a rule of one that is not has no numbers.
fn number(value: Option<f64>) -> f64 {
    value.unwrap_or(f64::NAN)
}
