//! Vision transformers (Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021), with the
//! parameter names of timm's.

use burn::module::Param;
use burn::nn::Linear;
use burn::nn::conv::Conv2d;
use burn::tensor::Tensor;

use super::image::Image;
use super::norm::LayerNorm;
use super::transformer::{Block, DEPTH, HEADS, MLP_RATIO, Names, WIDTH};
use crate::{
    BuildError, ConfigError, Convolution, Forward, Keys, ModelKey, NetworkKind, Params, Role, Task,
};

const NAMES: Names = Names {
    norms: ["norm1", "norm2"],
    attention: ["attn.qkv", "attn.proj"],
    mlp: ["mlp.fc1", "mlp.fc2"],
};

/// The class token and the positions start with this deviation, as in timm.
const EMBEDDING: Role = Role::Embedding { deviation: 0.02 };

/// `model.kind = "vit"`: an image's patches as a sequence, blocks of attention, a linear layer on
/// the class token or on the mean of all tokens.
pub const KIND: NetworkKind = NetworkKind {
    name: "vit",
    keys: &[
        ModelKey::count(
            "patch",
            8,
            1..=1024,
            "side of a patch in pixels; a divisor of the image's",
        ),
        WIDTH,
        DEPTH,
        HEADS,
        MLP_RATIO,
        ModelKey::choice(
            "pooling",
            "token",
            &["token", "mean"],
            "what the last layer reads: a class token, or the mean of all tokens",
        ),
        ModelKey::activation("gelu"),
        ModelKey::bias(),
    ],
    starts_linear: false,
    describe: |keys, _| {
        let (depth, width) = (keys.count("depth")?, keys.count("width")?);
        let (heads, patch) = (keys.count("heads")?, keys.count("patch")?);
        Ok(format!(
            "ViT, {depth} blocks of {width} in {heads} heads, patches of {patch}"
        ))
    },
    build: |keys, task, params| Ok(Box::new(Vit::new(keys, task, params)?)),
};

struct Vit {
    image: Image,
    patches: Conv2d,
    class: Option<Param<Tensor<3>>>,
    positions: Param<Tensor<3>>,
    blocks: Vec<Block>,
    norm: LayerNorm,
    head: Linear,
}

impl Vit {
    fn new(keys: &Keys, task: &Task, params: &Params<'_>) -> Result<Self, BuildError> {
        let image = Image::of(task, "vit")?;
        let (patch, width) = (keys.count("patch")?, keys.count("width")?);
        let (height, columns) = (image.height, image.width);
        if !(height.is_multiple_of(patch) && columns.is_multiple_of(patch)) {
            return Err(ConfigError::Together {
                key: "model.patch".to_owned(),
                reason: format!("is {patch}, which does not divide a side of {height}×{columns}"),
            }
            .into());
        }
        let bias = keys.flag("bias")?;
        let with_class = keys.choice("pooling")? == "token";
        let class = with_class.then(|| params.tensor("cls_token", [1, 1, width], EMBEDDING));
        let class = class.transpose()?;
        let tokens = (height / patch) * (columns / patch) + usize::from(with_class);
        let positions = params.tensor("pos_embed", [1, tokens, width], EMBEDDING)?;
        let patches = params.at("patch_embed").at("proj").conv2d(Convolution {
            channels: [image.channels, width],
            kernel: patch,
            stride: patch,
            padding: 0,
            bias,
        })?;
        let blocks = params.at("blocks");
        let blocks =
            (0..keys.count("depth")?).map(|i| Block::new(keys, false, &NAMES, &blocks.at(i)));
        Ok(Self {
            image,
            patches,
            class,
            positions,
            blocks: blocks.collect::<Result<_, _>>()?,
            norm: LayerNorm::new(width, &params.at("norm"))?,
            head: params.at("head").linear(width, task.outputs, bias)?,
        })
    }
}

impl Forward for Vit {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let maps = self.patches.forward(self.image.view(x));
        let [samples, width, height, columns] = maps.dims();
        let mut tokens = maps
            .reshape([samples, width, height * columns])
            .swap_dims(1, 2);
        if let Some(class) = &self.class {
            let class = class.val().expand([samples, 1, width]);
            tokens = Tensor::cat(vec![class, tokens], 1);
        }
        let tokens = tokens + self.positions.val();
        let blocks = self.blocks.iter();
        let tokens = self
            .norm
            .forward(blocks.fold(tokens, |tokens, block| block.forward(tokens)));
        let read = match self.class {
            Some(_) => tokens.narrow(1, 0, 1),
            None => tokens.mean_dim(1),
        };
        self.head.forward(read.reshape([samples, width]))
    }
}
