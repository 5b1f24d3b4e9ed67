//! What a network's parameters look like, before there are any tensors.

/// One parameter tensor of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its path, such as `layers.0.weight` or `layer1.0.conv1.weight`: its name in the flat vector
    /// and in weight files.
    pub name: String,
    /// Its shape in the network.
    pub shape: Vec<usize>,
    /// What it does, which decides how its initial values are drawn.
    pub role: Role,
    /// Whether a weight file holds its transpose: PyTorch keeps the matrix of a linear layer as
    /// `[out, in]`, Burn as `[in, out]`.
    pub transposed: bool,
    /// Another name that PyTorch's state dict may have the same values under, as it lists a matrix that
    /// two layers share twice. It is read and not written.
    pub alias: Option<String>,
}

/// What a parameter does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Role {
    /// It multiplies what a layer is given: `model.init` says how it is drawn.
    Weight {
        /// How many inputs one output is summed over.
        fan_in: usize,
        /// How many outputs one input takes part in.
        fan_out: usize,
    },
    /// It is added to the outputs of a layer whose weight has this fan-in.
    Bias {
        /// How many inputs one output of the layer is summed over.
        fan_in: usize,
    },
    /// It scales what has been normalised: 1 at the start.
    Scale,
    /// It is added to what has been normalised: 0 at the start.
    Shift,
    /// Vectors of tokens or positions, normal with mean 0 whatever `model.init` says.
    Embedding {
        /// The standard deviation: 1 for PyTorch's `nn.Embedding`, 0.02 in GPT-2.
        deviation: f64,
    },
}

impl Parameter {
    /// Number of values, or `None` if it does not fit in a `usize`.
    pub fn count(&self) -> Option<usize> {
        self.shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d))
    }

    /// Its shape in a weight file.
    pub fn stored_shape(&self) -> Vec<usize> {
        let mut shape = self.shape.clone();
        if self.transposed {
            shape.reverse();
        }
        shape
    }

    /// Whether it is a layer's weight: what the columns of a layer are about.
    pub fn is_weight(&self) -> bool {
        matches!(self.role, Role::Weight { .. })
    }

    /// The layer that it belongs to: its path without `.weight` or `.bias`.
    pub fn layer(&self) -> &str {
        let name = &self.name;
        let layer = name.strip_suffix(".weight");
        layer.or(name.strip_suffix(".bias")).unwrap_or(name)
    }
}

/// Everything that a network declares of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Declared {
    /// The parameters, in the order of the forward pass.
    pub parameters: Vec<Parameter>,
    /// The name of the output layer's weight.
    pub output: Option<String>,
}

impl Declared {
    /// The layers' weights in order, that of the output layer last.
    pub fn weights(&self) -> impl Iterator<Item = &Parameter> {
        let is_output = |p: &&Parameter| self.output.as_deref() == Some(p.name.as_str());
        let others = self.parameters.iter().filter(|p| p.is_weight());
        let output = self.parameters.iter().find(is_output);
        others.filter(move |p| !is_output(p)).chain(output)
    }

    /// P: how many numbers the network is trained by.
    pub fn count(&self) -> usize {
        self.parameters.iter().filter_map(Parameter::count).sum()
    }
}
