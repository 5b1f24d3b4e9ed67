"""Writes what PyTorch computes in float64 for tiny networks of every kind: NAME.weights.safetensors
with a network's state dict, and NAME.safetensors with inputs and targets, and the loss, the gradient
by parameter and the Hessian's three largest eigenvalues there.

    pip install torch safetensors
    python3 crates/dynamics/tests/reference/make.py [NAME …]

A network is drawn by its name: it is the same whichever others are made with it.

The networks are written with PyTorch's own modules. The Hessian is formed whole, by differentiating
the gradient once for every parameter.
"""

import hashlib
import math
import pathlib
import sys
from functools import partial

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

HERE = pathlib.Path(__file__).parent


def norm2d(kind, groups, channels):
    if kind == "none":
        return nn.Identity()
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    return nn.GroupNorm(groups if kind == "group" else 1, channels)


class Padding(nn.Module):
    """Option A: every other pixel, and zeros for the new channels, half of them on each side."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.stride, new = stride, outputs - inputs
        self.pad = (0, 0, 0, 0, new // 2, new - new // 2)

    def forward(self, x):
        return F.pad(x[:, :, :: self.stride, :: self.stride], self.pad)


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride, norm, groups, act, padded):
        super().__init__()
        bias = norm == "none"
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=bias)
        self.bn1 = norm2d(norm, groups, outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=bias)
        self.bn2 = norm2d(norm, groups, outputs)
        self.act = act
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = Padding(inputs, outputs, stride) if padded else nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=bias), norm2d(norm, groups, outputs)
            )

    def forward(self, x):
        out = self.act(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return self.act(out + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    def __init__(self, channels, width, n, norm, groups, act, classes, padded=False):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, 1, 1, bias=norm == "none")
        self.bn1 = norm2d(norm, groups, width)
        self.act = act
        inputs = width
        for stage in range(3):
            outputs, blocks = width << stage, []
            for index in range(n):
                stride = 2 if stage > 0 and index == 0 else 1
                blocks.append(BasicBlock(inputs, outputs, stride, norm, groups, act, padded))
                inputs = outputs
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x):
        x = self.act(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(x.mean(dim=(2, 3)))


class Vgg(nn.Module):
    def __init__(self, channels, stages, convolutions, norm, pool, act, side, classes):
        super().__init__()
        layers = []
        for outputs in stages:
            for _ in range(convolutions):
                layers.append(nn.Conv2d(channels, outputs, 3, padding=1))
                if norm == "batch":
                    layers.append(nn.BatchNorm2d(outputs))
                layers.append(act())
                channels = outputs
            layers.append(pool(2))
            side //= 2
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(channels * side * side, classes)

    def forward(self, x):
        return self.classifier(torch.flatten(self.features(x), 1))


class Attention(nn.Module):
    def __init__(self, width, heads, causal, names):
        super().__init__()
        self.names, self.heads, self.causal = names, heads, causal
        self.add_module(names[0], nn.Linear(width, 3 * width))
        self.add_module(names[1], nn.Linear(width, width))

    def forward(self, x):
        n, t, d = x.shape
        q, k, v = getattr(self, self.names[0])(x).split(d, dim=2)
        q, k, v = (y.view(n, t, self.heads, d // self.heads).transpose(1, 2) for y in (q, k, v))
        scores = q @ k.transpose(-2, -1) / math.sqrt(d // self.heads)
        if self.causal:
            future = torch.triu(torch.ones(t, t, dtype=torch.bool), diagonal=1)
            scores = scores.masked_fill(future, float("-inf"))
        y = (F.softmax(scores, dim=-1) @ v).transpose(1, 2).reshape(n, t, d)
        return getattr(self, self.names[1])(y)


class Mlp(nn.Module):
    def __init__(self, width, ratio, names):
        super().__init__()
        self.names = names
        self.add_module(names[0], nn.Linear(width, ratio * width))
        self.add_module(names[1], nn.Linear(ratio * width, width))

    def forward(self, x):
        return getattr(self, self.names[1])(F.gelu(getattr(self, self.names[0])(x)))


class VitBlock(nn.Module):
    def __init__(self, width, heads, ratio):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = Attention(width, heads, False, ("qkv", "proj"))
        self.mlp = Mlp(width, ratio, ("fc1", "fc2"))

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Vit(nn.Module):
    def __init__(self, channels, side, patch, width, depth, heads, ratio, token, classes):
        super().__init__()
        tokens = (side // patch) ** 2 + token
        self.patch_embed = nn.Module()
        self.patch_embed.proj = nn.Conv2d(channels, width, patch, patch)
        self.cls_token = nn.Parameter(torch.randn(1, 1, width) * 0.3) if token else None
        self.pos_embed = nn.Parameter(torch.randn(1, tokens, width) * 0.3)
        self.blocks = nn.ModuleList(VitBlock(width, heads, ratio) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        x = self.patch_embed.proj(x).flatten(2).transpose(1, 2)
        if self.cls_token is not None:
            x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], dim=1)
        x = x + self.pos_embed
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        return self.head(x[:, 0] if self.cls_token is not None else x.mean(dim=1))


class GptBlock(nn.Module):
    def __init__(self, width, heads, ratio):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = Attention(width, heads, True, ("c_attn", "c_proj"))
        self.mlp = Mlp(width, ratio, ("c_fc", "c_proj"))

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class Gpt(nn.Module):
    def __init__(self, length, vocabulary, classes, positions, width, depth, heads, ratio, tied):
        super().__init__()
        self.positions = positions
        self.transformer = nn.ModuleDict(
            {
                "wte": nn.Embedding(vocabulary, width),
                "wpe": nn.Embedding(length, width),
                "h": nn.ModuleList(GptBlock(width, heads, ratio) for _ in range(depth)),
                "ln_f": nn.LayerNorm(width),
            }
        )
        self.lm_head = None if tied else nn.Linear(width, classes, bias=False)

    def forward(self, tokens):
        parts = self.transformer
        x = parts["wte"](tokens) + parts["wpe"](torch.arange(tokens.shape[1]))
        for block in parts["h"]:
            x = block(x)
        x = parts["ln_f"](x)[:, -self.positions :]
        if self.lm_head is None:
            return F.linear(x, parts["wte"].weight)
        return self.lm_head(x)


class Lstm(nn.Module):
    def __init__(self, vocabulary, classes, positions, width, depth):
        super().__init__()
        self.vocabulary, self.positions = vocabulary, positions
        self.lstm = nn.LSTM(vocabulary, width, depth, batch_first=True)
        self.fc = nn.Linear(width, classes)

    def forward(self, tokens):
        x = F.one_hot(tokens, self.vocabulary).double()
        return self.fc(self.lstm(x)[0][:, -self.positions :])


class Cnn(nn.Module):
    def __init__(self, channels, widths, side, classes):
        super().__init__()
        layers = []
        for width in widths:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.Tanh(), nn.AvgPool2d(2)]
            channels, side = width, side // 2
        self.net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * side * side, classes))

    def forward(self, x):
        return self.net(x)


def images(channels=2, side=8, n=5):
    return torch.randn(n, channels, side, side)


def tokens(length, vocabulary, n=6):
    return torch.randint(vocabulary, (n, length))


def losses(kind, out, y):
    if kind == "mse":
        return ((out - y) ** 2).flatten(1).sum(1).mean()
    if kind == "logistic":
        return F.softplus(-out * y).mean()
    smoothing = float(kind.partition(":")[2] or 0)
    return F.cross_entropy(out.reshape(-1, out.shape[-1]), y.reshape(-1), label_smoothing=smoothing)


def labels(classes, *shape):
    return torch.randint(classes, shape or (5,))


def mlp():
    net = nn.Sequential(nn.Linear(7, 6), nn.GELU(), nn.Linear(6, 5), nn.GELU(), nn.Linear(5, 3))
    return net, torch.randn(6, 7), torch.randn(6, 3), "mse"


def mlp_logistic():
    net = nn.Sequential(nn.Linear(7, 6), nn.Tanh(), nn.Linear(6, 1))
    return net, torch.randn(6, 7), torch.randint(2, (6, 1)) * 2.0 - 1, "logistic"


def resnet(norm):
    act = nn.Tanh() if norm == "none" else nn.ReLU()
    net = ResNet(2, 2, 1, norm, 2, act, 3)
    return net, images(), labels(3), "cross-entropy"


def resnet_padded():
    # An odd width and odd sides: neither the zeros nor the pixels come out even.
    net = ResNet(2, 3, 1, "none", 1, nn.Tanh(), 3, padded=True)
    return net, images(side=7), labels(3), "cross-entropy"


def resnet_padded_batch():
    net = ResNet(2, 2, 1, "batch", 1, nn.ReLU(), 3, padded=True)
    return net, images(), torch.randn(5, 3), "mse"


def vgg():
    net = Vgg(2, [3, 4], 2, "none", nn.MaxPool2d, nn.Tanh, 8, 3)
    return net, images(), labels(3), "cross-entropy"


def vgg_batch():
    net = Vgg(2, [3, 4], 1, "batch", nn.AvgPool2d, nn.GELU, 8, 3)
    return net, images(), torch.randn(5, 3), "mse"


# Each gives a network, inputs, targets and a loss, with random numbers drawn as it is called.
CASES = {
    "mlp": mlp,
    "mlp-logistic": mlp_logistic,
    "cnn": lambda: (Cnn(2, [3, 4], 8, 3), images(), labels(3), "cross-entropy:0.1"),
    **{f"resnet-{norm}": partial(resnet, norm) for norm in ["none", "batch", "group", "layer"]},
    "vgg": vgg,
    "vgg-batch": vgg_batch,
    "vit": lambda: (Vit(2, 8, 4, 6, 2, 2, 2, True, 3), images(), labels(3), "cross-entropy"),
    "vit-mean": lambda: (Vit(2, 8, 4, 6, 1, 3, 2, False, 3), images(), torch.randn(5, 3), "mse"),
    "gpt": lambda: (Gpt(7, 4, 4, 4, 6, 2, 2, 2, False), tokens(7, 4), labels(4, 6, 4), "cross-entropy"),
    "gpt-tied": lambda: (
        Gpt(5, 4, 4, 5, 6, 1, 1, 2, True), tokens(5, 4), labels(4, 6, 5), "cross-entropy:0.2"
    ),
    "lstm": lambda: (Lstm(4, 3, 1, 5, 1), tokens(6, 4), labels(3, 6, 1), "cross-entropy"),
    "lstm-deep": lambda: (Lstm(4, 4, 3, 4, 2), tokens(5, 4), labels(4, 6, 3), "cross-entropy"),
    "resnet-padded": resnet_padded,
    "resnet-padded-batch": resnet_padded_batch,
}


def seed(name):
    """The same for a name whatever other networks are made."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:7], "big")


def measure(net, x, y, loss):
    parameters = list(net.parameters())
    value = losses(loss, net(x), y)
    gradients = torch.autograd.grad(value, parameters, create_graph=True)
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    rows = []
    for entry in flat:
        row = torch.autograd.grad(entry, parameters, retain_graph=True, allow_unused=True)
        parts = zip(row, parameters)
        rows.append(torch.cat([(torch.zeros_like(p) if r is None else r).reshape(-1) for r, p in parts]))
    hessian = torch.stack(rows)
    return value, gradients, torch.linalg.eigvalsh((hessian + hessian.T) / 2)


def main():
    torch.set_default_dtype(torch.float64)
    # Networks so small are slower by several threads, and sums are in the same order by one.
    torch.set_num_threads(1)
    names = sys.argv[1:] or list(CASES)
    if unknown := [name for name in names if name not in CASES]:
        sys.exit(f"no such network: {', '.join(unknown)}; there are {', '.join(CASES)}")
    for name in names:
        torch.manual_seed(seed(name))
        net, x, y, loss = CASES[name]()
        with torch.no_grad():
            for path, parameter in net.named_parameters():
                # Scales and shifts that are not 1 and 0, and no gradient that vanishes.
                parameter += 0.2 * torch.randn_like(parameter)
        weights = {path: value.clone() for path, value in net.state_dict().items()}
        value, gradients, spectrum = measure(net, x, y, loss)
        save_file(weights, HERE / f"{name}.weights.safetensors")
        file = {}
        for (path, _), gradient in zip(net.named_parameters(), gradients):
            file[f"gradient.{path}"] = gradient.detach()
        file |= {"inputs": x, "targets": y, "loss": value.detach(), "spectrum": spectrum[-3:].flip(0)}
        file = {key: value.contiguous() for key, value in file.items()}
        save_file(file, HERE / f"{name}.safetensors", {"loss": loss})
        count = sum(p.numel() for p in net.parameters())
        print(f"{name:14} {count:5} parameters, loss {value:.6f}, λ₁ {spectrum[-1]:.6f}", file=sys.stderr)


if __name__ == "__main__":
    main()
