"""A ResNet, a ViT and a GPT in JAX, as losses of one flat vector of parameters.

Images are [n, height, width, channel] and kernels [height, width, in, out], the orders that XLA
likes; the parameters have the names of the files.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

EPSILON = 1e-5


class ModelNetwork:
    """Loss and layout of a problem, as `jax_network.Network` has them."""

    def __init__(self, problem):
        self.model, self.task = problem.model, problem.task
        self.factor = problem.factor
        self.outputs = {"resnet": self.resnet, "vit": self.vit, "gpt": self.gpt}[problem.kind]
        self.names = list(problem.weights)
        self.shapes = [ours(problem.weights[name]).shape for name in self.names]
        self.sizes = [int(np.prod(shape)) for shape in self.shapes]
        self.size = sum(self.sizes)

    def flatten(self, weights):
        """Tensors by name as one vector [P]."""
        return np.concatenate([ours(weights[name]).reshape(-1) for name in self.names])

    def layers(self, theta):
        """A vector [P] as tensors by name, the inverse of `flatten`."""
        parts = self.split(np.asarray(theta))
        return {name: files(np.asarray(part)) for name, part in parts.items()}

    def split(self, theta):
        ends = np.cumsum(self.sizes)
        parts = zip(self.names, self.shapes, ends - self.sizes, ends)
        return {name: theta[start:end].reshape(shape) for name, shape, start, end in parts}

    def inputs(self, x):
        """The design matrix [n, d], in the shape that `loss` takes."""
        given = self.task["input"]
        if "tokens" in given:
            tokens = given["tokens"]
            x = x.reshape(-1, tokens["length"], tokens["vocabulary"])
            return np.ascontiguousarray(x)
        channels, height, width = given["values"]
        planes = x.reshape(-1, channels, height, width)
        return np.ascontiguousarray(planes.transpose(0, 2, 3, 1))

    def loss(self, theta, x, y):
        """L = (κ/n) ‖F − Y‖²."""
        outputs = self.outputs(self.split(theta), x)
        return self.factor / x.shape[0] * jnp.sum((outputs.reshape(y.shape) - y) ** 2)

    def resnet(self, p, x):
        act = lambda x: jax.nn.gelu(x, approximate=False)
        norm = lambda name, x: group_norm(x, self.model["groups"], p, name)
        x = act(norm("bn1", convolve(x, p["conv1.weight"], 1, 1)))
        for stage in (1, 2, 3):
            block = 0
            while f"layer{stage}.{block}.conv1.weight" in p:
                name = f"layer{stage}.{block}"
                stride = 2 if stage > 1 and block == 0 else 1
                inner = act(norm(f"{name}.bn1", convolve(x, p[f"{name}.conv1.weight"], stride, 1)))
                inner = norm(f"{name}.bn2", convolve(inner, p[f"{name}.conv2.weight"], 1, 1))
                if f"{name}.downsample.0.weight" in p:
                    x = convolve(x, p[f"{name}.downsample.0.weight"], stride, 0)
                    x = norm(f"{name}.downsample.1", x)
                x = act(inner + x)
                block += 1
        return linear(x.mean((1, 2)), p, "fc")

    def vit(self, p, x):
        patch, width = self.model["patch"], self.model["width"]
        n, side = x.shape[0], x.shape[1] // patch
        tiles = x.reshape(n, side, patch, side, patch, -1).transpose(0, 1, 3, 2, 4, 5)
        tiles = tiles.reshape(n, side * side, -1)
        x = tiles @ p["patch_embed.proj.weight"].reshape(-1, width) + p["patch_embed.proj.bias"]
        if "cls_token" in p:
            x = jnp.concatenate([jnp.broadcast_to(p["cls_token"], (n, 1, width)), x], 1)
        x = x + p["pos_embed"]
        for block in range(self.model["depth"]):
            names = ("norm1", "norm2", "attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2")
            x = self.block(p, x, *(f"blocks.{block}.{name}" for name in names))
        x = layer_norm(x, p, "norm")
        return linear(x[:, 0] if "cls_token" in p else x.mean(1), p, "head")

    def gpt(self, p, x):
        x = x @ p["transformer.wte.weight"].T + p["transformer.wpe.weight"].T
        for block in range(self.model["depth"]):
            names = ("ln_1", "ln_2", "attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")
            names = (f"transformer.h.{block}.{name}" for name in names)
            x = self.block(p, x, *names, causal=True)
        x = layer_norm(x, p, "transformer.ln_f")[:, -self.task["positions"] :]
        head = p.get("lm_head.weight", p["transformer.wte.weight"])
        return x @ head

    def block(self, p, x, norm1, norm2, qkv, proj, fc1, fc2, causal=False):
        n, length, width = x.shape
        heads = self.model["heads"]
        parts = linear(layer_norm(x, p, norm1), p, qkv)
        parts = parts.reshape(n, length, 3, heads, width // heads).transpose(2, 0, 3, 1, 4)
        query, key, value = parts
        scores = query @ key.swapaxes(2, 3) / (width // heads) ** 0.5
        if causal:
            scores = jnp.where(jnp.tril(jnp.ones((length, length), bool)), scores, -jnp.inf)
        mixed = jax.nn.softmax(scores) @ value
        x = x + linear(mixed.transpose(0, 2, 1, 3).reshape(n, length, width), p, proj)
        inner = jax.nn.gelu(linear(layer_norm(x, p, norm2), p, fc1), approximate=False)
        return x + linear(inner, p, fc2)


def ours(weight):
    """Kernels [out, in, h, w] as [h, w, in, out], matrices [out, in] as [in, out]."""
    if weight.ndim == 4:
        return weight.transpose(2, 3, 1, 0)
    return weight.T if weight.ndim == 2 else weight


def files(weight):
    """The inverse of `ours`."""
    if weight.ndim == 4:
        return weight.transpose(3, 2, 0, 1)
    return weight.T if weight.ndim == 2 else weight


def convolve(x, kernel, stride, padding):
    return lax.conv_general_dilated(
        x,
        kernel,
        (stride, stride),
        [(padding, padding)] * 2,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def linear(x, p, name):
    return x @ p[f"{name}.weight"] + p[f"{name}.bias"]


def standardised(x, axes):
    centred = x - x.mean(axes, keepdims=True)
    return centred / jnp.sqrt((centred**2).mean(axes, keepdims=True) + EPSILON)


def layer_norm(x, p, name):
    return standardised(x, -1) * p[f"{name}.weight"] + p[f"{name}.bias"]


def group_norm(x, groups, p, name):
    n, height, width, channels = x.shape
    x = standardised(x.reshape(n, height, width, groups, -1), (1, 2, 4))
    return x.reshape(n, height, width, channels) * p[f"{name}.weight"] + p[f"{name}.bias"]
