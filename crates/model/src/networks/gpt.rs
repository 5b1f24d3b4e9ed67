//! Transformers that predict the next token (Radford et al. 2019), with the parameter names of
//! nanoGPT's.

use burn::module::Param;
use burn::nn::Linear;
use burn::tensor::Tensor;

use super::norm::LayerNorm;
use super::sequence::{Sequence, last};
use super::transformer::{Block, DEPTH, HEADS, MLP_RATIO, Names, WIDTH};
use crate::{
    BuildError, ConfigError, Forward, Input, Keys, ModelKey, NetworkKind, Params, Role, Task,
};

const NAMES: Names = Names {
    norms: ["ln_1", "ln_2"],
    attention: ["attn.c_attn", "attn.c_proj"],
    mlp: ["mlp.c_fc", "mlp.c_proj"],
};

/// Tokens and positions start with this deviation, as in GPT-2.
const EMBEDDING: Role = Role::Embedding { deviation: 0.02 };

/// `model.kind = "gpt"`: vectors of tokens and positions, blocks of attention to what came before, a
/// linear layer at each of the positions that have a target.
pub const KIND: NetworkKind = NetworkKind {
    name: "gpt",
    keys: &[
        WIDTH,
        DEPTH,
        HEADS,
        MLP_RATIO,
        ModelKey::flag(
            "tied",
            false,
            "whether the last layer's matrix is that of the tokens' vectors",
        ),
        ModelKey::activation("gelu"),
        ModelKey::bias(),
    ],
    starts_linear: false,
    describe: |keys, _| {
        let (depth, width) = (keys.count("depth")?, keys.count("width")?);
        let (heads, tied) = (keys.count("heads")?, keys.flag("tied")?);
        let tied = if tied { ", tied" } else { "" };
        Ok(format!(
            "GPT, {depth} blocks of {width} in {heads} heads{tied}"
        ))
    },
    build: |keys, task, params| Ok(Box::new(Gpt::new(keys, task, params)?)),
};

struct Gpt {
    sequence: Sequence,
    task: Task,
    tokens: Param<Tensor<2>>,
    positions: Param<Tensor<2>>,
    blocks: Vec<Block>,
    norm: LayerNorm,
    /// None where the matrix is that of the tokens.
    head: Option<Linear>,
}

impl Gpt {
    fn new(keys: &Keys, task: &Task, params: &Params<'_>) -> Result<Self, BuildError> {
        let Input::Tokens { length, vocabulary } = task.input else {
            return Err(ConfigError::NoTokens { kind: "gpt" }.into());
        };
        let (width, tied) = (keys.count("width")?, keys.flag("tied")?);
        if tied && task.outputs != vocabulary {
            return Err(ConfigError::Together {
                key: "model.tied".to_owned(),
                reason: format!(
                    "needs as many outputs as there are tokens: there are {} and {vocabulary}",
                    task.outputs
                ),
            }
            .into());
        }
        let body = params.at("transformer");
        let tokens = body
            .at("wte")
            .tensor("weight", [vocabulary, width], EMBEDDING)?;
        let positions = body
            .at("wpe")
            .tensor("weight", [length, width], EMBEDDING)?;
        let blocks = body.at("h");
        let blocks =
            (0..keys.count("depth")?).map(|i| Block::new(keys, true, &NAMES, &blocks.at(i)));
        let blocks = blocks.collect::<Result<_, _>>()?;
        let norm = LayerNorm::new(width, &body.at("ln_f"))?;
        let head = if tied {
            body.at("wte").is_output("weight");
            // nanoGPT's state dict lists the shared matrix twice.
            body.at("wte").has_alias("weight", "lm_head.weight");
            None
        } else {
            Some(params.at("lm_head").linear(width, task.outputs, false)?)
        };
        Ok(Self {
            sequence: Sequence::of(task, "gpt")?,
            task: task.clone(),
            tokens,
            positions,
            blocks,
            norm,
            head,
        })
    }
}

impl Forward for Gpt {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let [samples, _] = x.dims();
        let Sequence { length, features } = self.sequence;
        let [_, width] = self.tokens.dims();
        let tokens = x
            .reshape([samples * length, features])
            .matmul(self.tokens.val());
        let tokens = tokens.reshape([samples, length, width]);
        let tokens = tokens + self.positions.val().reshape([1, length, width]);
        let blocks = self.blocks.iter();
        let tokens = blocks.fold(tokens, |tokens, block| block.forward(tokens));
        let tokens = self.norm.forward(last(tokens, self.task.positions));
        let rows = tokens.reshape([samples * self.task.positions, width]);
        let outputs = match &self.head {
            Some(head) => head.forward(rows),
            None => rows.matmul(self.tokens.val().transpose()),
        };
        outputs.reshape([samples, self.task.positions * self.task.outputs])
    }
}
