//! Recurrent networks with gates (Hochreiter and Schmidhuber 1997), with the parameter names and the
//! formulas of PyTorch's `nn.LSTM`.

use burn::module::Param;
use burn::nn::Linear;
use burn::tensor::Tensor;

use super::sequence::Sequence;
use crate::config::MAX_WIDTH;
use crate::{Activation, BuildError, Forward, Keys, ModelKey, NetworkKind, Params, Role, Task};

/// Input, forget and output gate, and the candidate: i, f, g, o in PyTorch's order.
const GATES: usize = 4;

/// `model.kind = "lstm"`: layers of gated units that read a sequence step by step, and a linear layer
/// at each of the steps that have a target.
pub const KIND: NetworkKind = NetworkKind {
    name: "lstm",
    keys: &[
        ModelKey::count("width", 32, 1..=MAX_WIDTH, "units of each layer"),
        ModelKey::count("depth", 1, 1..=64, "layers"),
        ModelKey::bias(),
    ],
    starts_linear: false,
    describe: |keys, _| {
        let (depth, width) = (keys.count("depth")?, keys.count("width")?);
        Ok(format!("LSTM {depth}×{width}"))
    },
    build: |keys, task, params| Ok(Box::new(Lstm::new(keys, task, params)?)),
};

struct Lstm {
    sequence: Sequence,
    task: Task,
    layers: Vec<Layer>,
    head: Linear,
}

/// One layer: [i, f, g, o] = x·W + b + h·U + c, with the matrices of the four gates side by side.
struct Layer {
    inputs: Param<Tensor<2>>,
    states: Param<Tensor<2>>,
    biases: Option<[Param<Tensor<1>>; 2]>,
}

impl Lstm {
    fn new(keys: &Keys, task: &Task, params: &Params<'_>) -> Result<Self, BuildError> {
        let sequence = Sequence::of(task, "lstm")?;
        let (width, bias) = (keys.count("width")?, keys.flag("bias")?);
        let gates = width.saturating_mul(GATES);
        let body = params.at("lstm");
        let mut layers = Vec::new();
        for depth in 0..keys.count("depth")? {
            let inputs = if depth == 0 { sequence.features } else { width };
            let bias_of = |name: &str| {
                let role = Role::Bias { fan_in: width };
                body.tensor(&format!("bias_{name}_l{depth}"), [gates], role)
            };
            let input_weight = body.matrix(&format!("weight_ih_l{depth}"), [inputs, gates])?;
            let state_weight = body.matrix(&format!("weight_hh_l{depth}"), [width, gates])?;
            layers.push(Layer {
                inputs: input_weight,
                states: state_weight,
                biases: match bias {
                    true => Some([bias_of("ih")?, bias_of("hh")?]),
                    false => None,
                },
            });
        }
        Ok(Self {
            sequence,
            task: task.clone(),
            layers,
            head: params.at("fc").linear(width, task.outputs, bias)?,
        })
    }
}

impl Layer {
    /// The states `[n, length, width]` after each step of `[n, length, d]`.
    fn forward(&self, x: Tensor<3>) -> Vec<Tensor<2>> {
        let [samples, length, features] = x.dims();
        let [width, gates] = self.states.dims();
        let mut all = x
            .reshape([samples * length, features])
            .matmul(self.inputs.val());
        if let Some([of_inputs, of_states]) = &self.biases {
            all = all + (of_inputs.val() + of_states.val()).reshape([1, gates]);
        }
        let all = all.reshape([samples, length, gates]);
        let mut state: Option<(Tensor<2>, Tensor<2>)> = None;
        let mut states = Vec::with_capacity(length);
        for step in 0..length {
            let step = all.clone().narrow(1, step, 1).reshape([samples, gates]);
            let step = match &state {
                Some((hidden, _)) => step + hidden.clone().matmul(self.states.val()),
                // At the start there is no state, or one of zeros.
                None => step,
            };
            let gate = |index: usize| step.clone().narrow(1, index * width, width);
            let open = |index: usize| Activation::Sigmoid.forward(gate(index));
            let new = open(0) * gate(2).tanh();
            let cell = match &state {
                Some((_, cell)) => open(1) * cell.clone() + new,
                None => new,
            };
            let hidden = open(3) * cell.clone().tanh();
            states.push(hidden.clone());
            state = Some((hidden, cell));
        }
        states
    }
}

impl Forward for Lstm {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let [samples, _] = x.dims();
        let Sequence { length, features } = self.sequence;
        let mut x = x.reshape([samples, length, features]);
        let mut states = Vec::new();
        for layer in &self.layers {
            states = layer.forward(x.clone());
            x = Tensor::stack(states.clone(), 1);
        }
        let read = Tensor::cat(states.split_off(length - self.task.positions), 1);
        let [_, columns] = read.dims();
        let width = columns / self.task.positions;
        let rows = read.reshape([samples * self.task.positions, width]);
        let outputs = self.head.forward(rows);
        outputs.reshape([samples, self.task.positions * self.task.outputs])
    }
}
