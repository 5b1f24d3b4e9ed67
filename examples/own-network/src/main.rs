//! The whole `brink` command with a network of one's own: `model.kind = "gated"`.
//!
//! Each layer mixes what it is given with a function of it, as a gate decides (Srivastava et al.,
//! "Highway Networks", 2015): x ← g∘tanh(Wx + b) + (1 − g)∘x with g = σ(Vx + c).

use brink_model::{Activation, BuildError, Keys, Layers, ModelKey, NetworkKind, Params, Task};
use burn::tensor::Tensor;

static GATED: NetworkKind = NetworkKind {
    name: "gated",
    keys: &[
        ModelKey::count("width", 32, 1..=4096, "units of each layer"),
        ModelKey::count("depth", 4, 1..=100, "layers with gates"),
    ],
    starts_linear: true,
    describe: |keys, _| {
        let (depth, width) = (keys.count("depth")?, keys.count("width")?);
        Ok(format!("gated {depth}×{width}"))
    },
    build,
};

fn build(keys: &Keys, task: &Task, params: &Params<'_>) -> Result<Layers, BuildError> {
    let (width, depth) = (keys.count("width")?, keys.count("depth")?);
    let (inputs, outputs) = (task.features().unwrap_or(0), task.row().unwrap_or(0));
    let linear = |name: &str, i: usize| params.at(name).at(i).linear(width, width, true);
    let first = params.at("first").linear(inputs, width, true)?;
    let layers = (0..depth).map(|i| Ok((linear("layers", i)?, linear("gates", i)?)));
    let layers = layers.collect::<Result<Vec<_>, BuildError>>()?;
    let last = params.at("last").linear(width, outputs, true)?;
    Ok(Box::new(move |x: Tensor<2>| {
        let layers = layers.iter();
        let x = layers.fold(first.forward(x), |x, (layer, gate)| {
            let gate = Activation::Sigmoid.forward(gate.forward(x.clone()));
            let new = layer.forward(x.clone()).tanh();
            x.clone() + gate * (new - x)
        });
        last.forward(x)
    }))
}

fn main() {
    brink_model::register(&GATED).expect("a new kind");
    brink_cli::start()
}
